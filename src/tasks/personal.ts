import type { Json, JsonObject } from '../statechart/types.js';

/** One field that a form marks `x-personal`, taken out of an answer. */
export interface PersonalValue {
  id: string;
  /** JSON Pointer into the answer. */
  path: string;
  value: Json;
}

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
    for (const keyword of ['allOf', 'anyOf', 'oneOf', 'then', 'else'] as const) {
      const parts = part[keyword];
      for (const alternative of Array.isArray(parts) ? parts : [parts]) result = split(alternative, result, path, refs);
    }
    const reference = part['$ref'];
    if (typeof reference === 'string' && !refs.includes(reference))
      result = split(resolve(schema, reference), result, path, [...refs, reference]);
    if (Array.isArray(result)) return result.map((item, index) => split(part['items'], item, `${path}/${index}`));
    if (!isObject(result) || '$personal' in result) return result;
    const properties = isObject(part['properties']) ? part['properties'] : {};
    const additional = part['additionalProperties'];
    return Object.fromEntries(
      Object.entries(result).map(([name, child]) => {
        const described = Object.hasOwn(properties, name) ? properties[name] : additional;
        return [name, split(described, child, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)];
      }),
    );
  };
  return { answer: split(schema, answer, ''), values };
}

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
