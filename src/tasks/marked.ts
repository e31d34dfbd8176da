import type { Json, JsonObject } from '../statechart/types.js';

/**
 * Puts something else in the place of each value of an answer that the form's schema marks with a keyword of ours. `path` is
 * the JSON Pointer into the answer; what is told twice by the schema may be asked twice. An absent field stays absent.
 */
export function replaceMarked(
  schema: JsonObject,
  keyword: 'x-personal' | 'x-member',
  answer: Json,
  replace: (value: Json, path: string) => Json,
): Json {
  /** `refs`: references followed for this very value, so that a schema that refers to itself ends. */
  const walk = (part: Json | undefined, value: Json, path: string, refs: readonly string[] = []): Json => {
    if (!isObject(part)) return value;
    if (part[keyword] === true && value !== null) return replace(value, path);
    // A field may be described by the schema itself or by one of its alternatives.
    let result = value;
    for (const combined of ['allOf', 'anyOf', 'oneOf', 'then', 'else'] as const) {
      const parts = part[combined];
      for (const alternative of Array.isArray(parts) ? parts : [parts]) result = walk(alternative, result, path, refs);
    }
    const reference = part['$ref'];
    if (typeof reference === 'string' && !refs.includes(reference))
      result = walk(resolve(schema, reference), result, path, [...refs, reference]);
    if (Array.isArray(result)) return result.map((item, index) => walk(part['items'], item, `${path}/${index}`));
    if (!isObject(result) || '$personal' in result) return result;
    const properties = isObject(part['properties']) ? part['properties'] : {};
    const additional = part['additionalProperties'];
    return Object.fromEntries(
      Object.entries(result).map(([name, child]) => {
        const described = Object.hasOwn(properties, name) ? properties[name] : additional;
        return [name, walk(described, child, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)];
      }),
    );
  };
  return walk(schema, answer, '');
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
