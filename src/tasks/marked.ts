import type { Json, JsonObject } from '../statechart/types.js';

/** Keywords whose schemas describe the same value as the schema that they stand in. */
export const ALTERNATIVES = ['allOf', 'anyOf', 'oneOf', 'then', 'else'] as const;

/**
 * Puts something else in the place of each value of an answer that the form's schema marks with a keyword of ours. `path` is
 * the JSON Pointer into the answer; what is told twice by the schema may be asked twice. An absent field stays absent.
 */
export function replaceMarked(
  schema: JsonObject,
  keyword: 'x-personal' | 'x-member' | 'x-past',
  answer: Json,
  replace: (value: Json, path: string) => Json,
): Json {
  /** `refs`: references followed for this very value, so that a schema that refers to itself ends. */
  const walk = (part: Json | undefined, value: Json, path: string, refs: readonly string[] = []): Json => {
    if (!isObject(part)) return value;
    if (part[keyword] === true && value !== null) return replace(value, path);
    // A field may be described by the schema itself or by one of its alternatives.
    let result = value;
    for (const combined of ALTERNATIVES) {
      const parts = part[combined];
      for (const alternative of Array.isArray(parts) ? parts : [parts]) result = walk(alternative, result, path, refs);
    }
    const reference = part['$ref'];
    if (typeof reference === 'string' && !refs.includes(reference))
      result = walk(resolve(schema, reference), result, path, [...refs, reference]);
    if (Array.isArray(result)) return result.map((item, index) => walk(part['items'], item, `${path}/${index}`));
    if (!isObject(result) || '$personal' in result) return result;
    return Object.fromEntries(
      Object.entries(result).map(([name, child]) => [
        name,
        walk(fieldOf(part, name), child, `${path}/${escaped(name)}`),
      ]),
    );
  };
  return walk(schema, answer, '');
}

/** What a schema says of a field by this name. */
export function fieldOf(part: JsonObject, name: string): Json | undefined {
  const properties = isObject(part['properties']) ? part['properties'] : {};
  return Object.hasOwn(properties, name) ? properties[name] : part['additionalProperties'];
}

/** A name as a part of a JSON Pointer. */
export const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** What a `$ref` of this schema refers to. */
export function resolve(schema: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith('#/')) return reference === '#' ? schema : undefined;
  let found: Json | undefined = schema;
  for (const step of reference.slice(2).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
