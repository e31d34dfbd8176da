import { validatorOf } from '../engine/schemas.js';
import type { Json, JsonObject } from '../statechart/types.js';

export interface ResultError {
  /** JSON Pointer into the result. */
  path: string;
  message: string;
}

/** What a service gives back where `partners.yaml` does not say it otherwise. */
const USUAL: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    kind: { type: 'string', maxLength: 100 },
    number: { type: 'string', maxLength: 100 },
    date: { type: 'string', format: 'date' },
  },
};
/** What would let through more than it names, or could not be cut down to what it names. */
const NOT_PLAIN = [
  '$ref',
  '$dynamicRef',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'patternProperties',
  'prefixItems',
];

/** The result of one service: what a partner may say to the statechart, and how it must look. */
export class PartnerResult {
  private readonly validate: ReturnType<typeof validatorOf>;

  /** @throws when the schema is not closed or not a schema */
  constructor(private readonly schema: JsonObject = USUAL) {
    refuseOpen(schema, '');
    this.validate = validatorOf(schema);
  }

  /** Of a result, the fields that are of the wrong kind or missing. Those that the schema does not name are not looked at. */
  errorsIn(result: JsonObject): ResultError[] {
    if (this.validate(known(this.schema, result))) return [];
    return (this.validate.errors ?? []).map((error) => {
      const missing = error.params['missingProperty'];
      return {
        path: error.instancePath + (typeof missing === 'string' ? `/${missing}` : ''),
        message: error.message ?? error.keyword,
      };
    });
  }

  /** What the statechart may see of it: fields that the schema names and does not mark `x-personal`. */
  forChart(result: JsonObject): Json {
    return known(this.schema, result, true);
  }
}

function known(schema: JsonObject, value: Json, impersonal = false): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return isObject(items) ? value.map((item) => known(items, item, impersonal)) : value;
  }
  if (!isObject(value)) return value;
  const fields = isObject(schema['properties']) ? schema['properties'] : {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (!isObject(field) || (impersonal && field['x-personal'] === true)) return [];
      return [[name, known(field, inner, impersonal)]];
    }),
  );
}

function refuseOpen(schema: JsonObject, path: string): void {
  const place = path || 'the result';
  const notPlain = NOT_PLAIN.find((keyword) => Object.hasOwn(schema, keyword));
  if (notPlain !== undefined)
    throw new Error(`${place}: "${notPlain}" is not possible here: name every field where it stands.`);
  if (typeof schema['type'] !== 'string' && !Object.hasOwn(schema, 'enum') && !Object.hasOwn(schema, 'const'))
    throw new Error(`${place}: say which type it has.`);
  if (schema['type'] === 'array') {
    const { items } = schema;
    if (!isObject(items)) throw new Error(`${place}: say what its items are.`);
    refuseOpen(items, `${path}/items`);
  }
  if (schema['type'] !== 'object') return;
  if (schema['additionalProperties'] !== false) throw new Error(`${place}: must have "additionalProperties: false".`);
  const fields = isObject(schema['properties']) ? schema['properties'] : {};
  for (const [name, field] of Object.entries(fields)) {
    if (!isObject(field)) throw new Error(`${path}/${name}: must be a schema.`);
    refuseOpen(field, `${path}/${name}`);
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
