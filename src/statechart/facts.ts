import { contextSchemaOf } from './context-schema.js';
import type { Json, JsonObject, Text, Workflow } from './types.js';

/** What a workflow tells people about a case: a property of its context to which `contextSchema` gives an `x-title`. */
export interface Fact {
  name: string;
  title: Text;
  /** `title`: from the property's `x-labels`; null where it has none, and the value speaks for itself. */
  values: { value: string | number | boolean; title: Text | null }[];
}

interface Told {
  name: string;
  title: Text;
  labels: JsonObject;
  /** Where its values are records: what they consist of. */
  parts: JsonObject;
}

const told = new WeakMap<Workflow, Told[]>();

/** In the order of the file; what is not known yet (null, an empty list) is left out. */
export function factsOf(workflow: Workflow, context: JsonObject): Fact[] {
  return toldBy(workflow).flatMap(({ name, title, labels, parts }) => {
    const values = [context[name]].flat().flatMap((value) => {
      if (isSaid(value)) return [{ value, title: textOr(null, labels[String(value)]) }];
      return isObject(value) ? recordOf(value, parts) : [];
    });
    return values.length === 0 ? [] : [{ name, title, values }];
  });
}

const LANGUAGES = ['kk', 'ru', 'en'] as const;

/** A record in one line, its parts in the order of the schema: `№ 2 – Sewing`. */
function recordOf(record: JsonObject, parts: JsonObject): Fact['values'] {
  const said = Object.entries(parts).flatMap(([name, schema]) => {
    const value = record[name];
    if (!isSaid(value)) return [];
    const { 'x-title': title, 'x-labels': labels } = object(schema);
    return [{ value, title: textOr(null, title), label: textOr(null, object(labels)[String(value)]) }];
  });
  if (said.length === 0) return [];
  const words = (language: (typeof LANGUAGES)[number]) =>
    said.map(({ value, title, label }) => [title?.[language], label?.[language] ?? value].filter(isSaid).join(' '));
  const [kk, ru, en] = LANGUAGES.map((language) => words(language).join(' – ')) as [string, string, string];
  return [{ value: said.map(({ value }) => value).join(' – '), title: { kk, ru, en } }];
}

function toldBy(workflow: Workflow): Told[] {
  let properties = told.get(workflow);
  if (properties === undefined) {
    const described = Object.entries(object(contextSchemaOf(workflow)?.['properties']));
    properties = described.flatMap(([name, schema]) => {
      const title = textOr(null, object(schema)['x-title']);
      const { 'x-labels': labels, items } = object(schema);
      const parts = object(object(items)['properties']);
      return title === null ? [] : [{ name, title, labels: object(labels), parts }];
    });
    told.set(workflow, properties);
  }
  return properties;
}

function isSaid(value: Json | undefined): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function textOr<Other>(other: Other, value: Json | undefined): Text | Other {
  return isObject(value) ? (value as Text) : other;
}

function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
