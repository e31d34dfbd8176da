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
}

const told = new WeakMap<Workflow, Told[]>();

/** In the order of the file; what is not known yet (null, an empty list) is left out. */
export function factsOf(workflow: Workflow, context: JsonObject): Fact[] {
  return toldBy(workflow).flatMap(({ name, title, labels }) => {
    const values = [context[name]].flat().filter(isSaid);
    if (values.length === 0) return [];
    return [{ name, title, values: values.map((value) => ({ value, title: textOr(null, labels[String(value)]) })) }];
  });
}

function toldBy(workflow: Workflow): Told[] {
  let properties = told.get(workflow);
  if (properties === undefined) {
    const described = Object.entries(object(contextSchemaOf(workflow)?.['properties']));
    properties = described.flatMap(([name, schema]) => {
      const title = textOr(null, object(schema)['x-title']);
      return title === null ? [] : [{ name, title, labels: object(object(schema)['x-labels']) }];
    });
    told.set(workflow, properties);
  }
  return properties;
}

function isSaid(value: Json | undefined): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function textOr<Other>(other: Other, value: Json | undefined): Text | Other {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Text) : other;
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
