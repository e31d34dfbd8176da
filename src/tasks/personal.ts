import type { Json, JsonObject } from '../statechart/types.js';

/** One field that a form marks `x-personal`, taken out of an answer. */
export interface PersonalValue {
  id: string;
  /** JSON Pointer into the answer. */
  path: string;
  value: Json;
}

/** Keywords whose schemas describe the same value as the schema that they stand in. */
const ALTERNATIVES = ['allOf', 'anyOf', 'oneOf', 'then', 'else'] as const;

/**
 * Takes the fields that the form's schema marks `x-personal` out of an answer and leaves `{"$personal": "<id>"}` in their
 * place: statechart, journal and queues never hold them. An absent field stays absent.
 */
export function splitPersonal(
  schema: JsonObject,
  answer: Json,
  id: () => string,
): { answer: Json; values: PersonalValue[] } {
  const values: PersonalValue[] = [];
  /** `refs`: references followed for this very value, so that a schema that refers to itself ends. */
  const split = (part: Json | undefined, value: Json, path: string, refs: readonly string[] = []): Json => {
    if (!isObject(part)) return value;
    if (part['x-personal'] === true && value !== null) {
      const reference = id();
      values.push({ id: reference, path, value });
      return { $personal: reference };
    }
    // A field may be described by the schema itself or by one of its alternatives.
    let result = value;
    for (const keyword of ALTERNATIVES) {
      const parts = part[keyword];
      for (const alternative of Array.isArray(parts) ? parts : [parts]) result = split(alternative, result, path, refs);
    }
    const reference = part['$ref'];
    if (typeof reference === 'string' && !refs.includes(reference))
      result = split(resolve(schema, reference), result, path, [...refs, reference]);
    if (Array.isArray(result)) return result.map((item, index) => split(part['items'], item, `${path}/${index}`));
    if (!isObject(result) || '$personal' in result) return result;
    return Object.fromEntries(
      Object.entries(result).map(([name, child]) => [
        name,
        split(fieldOf(part, name), child, `${path}/${escaped(name)}`),
      ]),
    );
  };
  return { answer: split(schema, answer, ''), values };
}

/** A stored answer with its personal fields back in their places. The paths are JSON Pointers. */
export interface WholeAnswer {
  output: Json;
  /** Fields that are left out, because the reader may not see them. */
  hidden: string[];
  /** Fields that are left out, because nobody has them any more. */
  erased: string[];
}

/**
 * The opposite of `splitPersonal`: puts `values` (by their ids) back where an answer refers to them.
 * @param maySee whether the reader may see a personal field; `closed`: one that the form marks `x-closed`
 */
export function joinPersonal(
  schema: JsonObject,
  answer: Json,
  values: ReadonlyMap<string, Json>,
  maySee: (closed: boolean) => boolean,
): WholeAnswer {
  const hidden: string[] = [];
  const erased: string[] = [];
  const join = (parts: JsonObject[], value: Json, path: string): Json | undefined => {
    const reference = referenceIn(value);
    if (reference !== undefined) {
      const seen = maySee(parts.some((part) => part['x-closed'] === true));
      const kept = seen ? values.get(reference) : undefined;
      if (kept === undefined) (seen ? erased : hidden).push(path);
      return kept;
    }
    if (Array.isArray(value)) {
      const items = parts.flatMap((part) => describing(schema, part['items']));
      // Others keep their places.
      return value.map((item, index) => join(items, item, `${path}/${index}`) ?? null);
    }
    if (!isObject(value)) return value;
    const fields = Object.entries(value).flatMap(([name, child]) => {
      const described = parts.flatMap((part) => describing(schema, fieldOf(part, name)));
      const joined = join(described, child, `${path}/${escaped(name)}`);
      return joined === undefined ? [] : [[name, joined] as const];
    });
    return Object.fromEntries(fields);
  };
  return { output: join(describing(schema, schema), answer, '') ?? null, hidden, erased };
}

/** A part of a schema, and all that describes the same value: its alternatives, and what it refers to. */
function describing(schema: JsonObject, part: Json | undefined, refs: readonly string[] = []): JsonObject[] {
  if (!isObject(part)) return [];
  const others = ALTERNATIVES.flatMap((keyword) => part[keyword] ?? []).flatMap((other) =>
    describing(schema, other, refs),
  );
  const reference = part['$ref'];
  if (typeof reference !== 'string' || refs.includes(reference)) return [part, ...others];
  return [part, ...others, ...describing(schema, resolve(schema, reference), [...refs, reference])];
}

function fieldOf(part: JsonObject, name: string): Json | undefined {
  const properties = isObject(part['properties']) ? part['properties'] : {};
  return Object.hasOwn(properties, name) ? properties[name] : part['additionalProperties'];
}

function referenceIn(value: Json): string | undefined {
  if (!isObject(value)) return undefined;
  const { $personal, ...more } = value;
  return typeof $personal === 'string' && Object.keys(more).length === 0 ? $personal : undefined;
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

function resolve(schema: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith('#/')) return reference === '#' ? schema : undefined;
  let found: Json | undefined = schema;
  for (const step of reference.slice(2).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
