import type { Json, JsonObject } from './types.js';

/** What a value may look like: alternatives of JSON Schema, and the document their `$ref`s point into. */
export interface Shape {
  schemas: JsonObject[];
  root: JsonObject;
}

/** No schema: any name may exist in it. */
export const ANYTHING: Shape = { schemas: [{}], root: {} };

export type Followed =
  | { kind: 'found'; shape: Shape }
  | { kind: 'unknown'; name: string; known: string[] }
  | { kind: 'personal' };

export function schemaShape(schema: JsonObject | undefined): Shape {
  return schema === undefined ? ANYTHING : { schemas: [schema], root: schema };
}

export function objectOf(properties: Record<string, Shape>): Shape {
  const own = new Map(Object.entries(properties));
  const schema: JsonObject = {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...own].map(([name]) => [name, {}])),
  };
  nested.set(schema, own);
  return { schemas: [schema], root: schema };
}

export function listOf(element: Shape): Shape {
  const schema: JsonObject = { type: 'array' };
  nested.set(schema, new Map([['[]', element]]));
  return { schemas: [schema], root: schema };
}

/** Schemas put together here, whose parts have documents of their own. */
const nested = new WeakMap<JsonObject, Map<string, Shape>>();

/** Follows a property path; `[]` is an element. A property of a list is looked up in its elements, as FEEL does. */
export function follow(shape: Shape, [step, ...rest]: string[]): Followed {
  const alternatives = spread(shape);
  if (alternatives.some(({ schemas: [schema] }) => schema?.['x-personal'] === true)) return { kind: 'personal' };
  if (step === undefined) return { kind: 'found', shape };
  const next: Shape[] = [];
  const known: string[] = [];
  for (const alternative of alternatives) next.push(...stepInto(alternative, step, known));
  if (next.length === 0) return { kind: 'unknown', name: step, known };
  const followed = next.map((inner) => follow(inner, rest));
  return (
    followed.find(({ kind }) => kind === 'personal') ??
    followed.find(({ kind }) => kind === 'found') ??
    followed[0] ?? { kind: 'unknown', name: step, known }
  );
}

function stepInto({ schemas: [schema = {}], root }: Shape, step: string, known: string[]): Shape[] {
  const own = nested.get(schema)?.get(step);
  if (own !== undefined) return [own];
  const isList = hasType(schema, 'array');
  const element = nested.get(schema)?.get('[]') ?? inner(schema.items, root);
  if (step === '[]')
    return isList ? [element] : hasType(schema, undefined) ? [ANYTHING] : [{ schemas: [schema], root }];
  if (isList) {
    const found: string[] = [];
    const inside = spread(element).flatMap((alternative) => stepInto(alternative, step, found));
    known.push(...found);
    if (inside.length > 0) return inside;
  }
  const properties = object(schema.properties);
  if (Object.hasOwn(properties, step)) return [inner(properties[step], root)];
  known.push(...Object.keys(properties));
  return isOpen(schema) ? [inner(schema.additionalProperties, root)] : [];
}

/** May have properties that are not named. */
function isOpen(schema: JsonObject): boolean {
  if (!hasType(schema, 'object') && !hasType(schema, undefined)) return false;
  const { additionalProperties, patternProperties, properties } = schema;
  if (additionalProperties === false) return false;
  return additionalProperties !== undefined || patternProperties !== undefined || properties === undefined;
}

function hasType({ type, properties, items }: JsonObject, wanted: string | undefined): boolean {
  if (wanted === undefined) return type === undefined && properties === undefined && items === undefined;
  if (type === undefined)
    return (wanted === 'object' && properties !== undefined) || (wanted === 'array' && items !== undefined);
  return Array.isArray(type) ? type.includes(wanted) : type === wanted;
}

function inner(schema: Json | undefined, root: JsonObject): Shape {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema)
    ? { schemas: [schema], root }
    : ANYTHING;
}

/** One shape per alternative: `$ref` looked up, `allOf` and its like laid side by side. */
function spread({ schemas, root }: Shape, depth = 0): Shape[] {
  if (depth > MAX_DEPTH) return [ANYTHING];
  return schemas.flatMap((schema) => {
    if (nested.has(schema)) return [{ schemas: [schema], root }];
    // A closed map has the names that it says, whatever is asked of them under a condition.
    const isClosed = schema.additionalProperties === false;
    const parts = COMBINERS.flatMap((name) => list(schema[name]))
      .flatMap((part) => spread(inner(part, root), depth + 1))
      .filter(({ schemas: [part] }) => !isClosed || part?.properties !== undefined);
    const target = typeof schema.$ref === 'string' ? resolve(schema.$ref, root) : undefined;
    const referred =
      schema.$ref === undefined ? [] : spread(target === undefined ? ANYTHING : { schemas: [target], root }, depth + 1);
    const bare = Object.keys(schema).every((key) => key === '$ref' || COMBINERS.some((name) => name === key));
    return bare && parts.length + referred.length > 0
      ? [...parts, ...referred]
      : [{ schemas: [schema], root }, ...parts, ...referred];
  });
}

const COMBINERS = ['allOf', 'anyOf', 'oneOf', 'then', 'else'];
const MAX_DEPTH = 20;

function resolve(reference: string, root: JsonObject): JsonObject | undefined {
  if (!reference.startsWith('#')) return undefined;
  let found: Json = root;
  for (const key of reference
    .slice(1)
    .split('/')
    .filter((part) => part !== '')) {
    const part: Json | undefined = object(found)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
    if (part === undefined) return undefined;
    found = part;
  }
  return object(found);
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
