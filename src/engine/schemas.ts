import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Json, JsonObject } from '../statechart/types.js';
import type { Violation } from './errors.js';

const compiled = new WeakMap<JsonObject, ValidateFunction>();
let ajv: Ajv2020 | undefined;

/** Compiled once per schema object. @throws when it is no JSON Schema */
export function validatorOf(schema: JsonObject): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  // One for all: it compiles the schema of schemas first, which takes longer than any of ours.
  ajv ??= newInstance();
  try {
    const validate = ajv.compile(schema);
    compiled.set(schema, validate);
    return validate;
  } finally {
    // It would be kept for ever, and an `$id` of another version would meet it.
    ajv.removeSchema(schema);
  }
}

/** Between these lie the days that people write down, unless a schema says `formatMinimum` or `formatMaximum` itself. */
const FIRST_DAY = '2000-01-01';
const LAST_DAY = '2100-12-31';
/** What stands below them are values, not schemas. */
const VALUES = ['enum', 'const', 'default', 'examples'];
const ofAnswers = new WeakMap<JsonObject, JsonObject>();

/** For what people send: a mistyped year is refused, so that no timer waits for it. */
export function answerValidatorOf(schema: JsonObject): ValidateFunction {
  const bounded = ofAnswers.get(schema) ?? (withDaysBounded(schema) as JsonObject);
  ofAnswers.set(schema, bounded);
  return validatorOf(bounded);
}

function withDaysBounded(part: Json): Json {
  if (Array.isArray(part)) return part.map(withDaysBounded);
  if (typeof part !== 'object' || part === null) return part;
  const inner = Object.entries(part).map(([key, value]) => [
    key,
    VALUES.includes(key) ? value : withDaysBounded(value),
  ]);
  const bounds = part['format'] === 'date' ? { formatMinimum: FIRST_DAY, formatMaximum: LAST_DAY } : {};
  return { ...bounds, ...Object.fromEntries(inner) };
}

function newInstance(): Ajv2020 {
  // Keywords beginning with x- are ours (titles, personal fields); anything else unknown is a mistake in the form.
  const instance = new Ajv2020({ allErrors: true, strict: false, validateFormats: true, verbose: true });
  addFormats.default(instance, { keywords: true });
  return instance;
}

/** More would help nobody. */
const SHOWN = 100;

/** What the last call of the validator found, each where the person who filled it in would look. */
export function violationsOf(validate: ValidateFunction): Violation[] {
  // What follows from an `if` is told by itself.
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if');
  return errors.slice(0, SHOWN).map((error) => ({
    path: pathOf(error),
    message: error.message ?? error.keyword,
    rule: error.keyword,
    facts: { ...(error.params as JsonObject), labels: labelsOf(error, validate.schema) },
  }));
}

function pathOf({ instancePath, params }: ErrorObject): string {
  const field: unknown = params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  if (typeof field !== 'string') return instancePath;
  return `${instancePath}/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What the form calls its values, or the field that is missing. A condition (`then`) need not say again what its field says. */
function labelsOf({ params, parentSchema = {}, instancePath }: ErrorObject, form: unknown): Json {
  const missing: unknown = params['missingProperty'];
  const path = instancePath.split('/').slice(1);
  if (typeof missing !== 'string')
    return labelled(parentSchema, 'x-labels') ?? labelled(fieldAt(form, path), 'x-labels') ?? {};
  const field = fieldAt(parentSchema, [missing]);
  return { [missing]: labelled(field, 'x-title') ?? labelled(fieldAt(form, [...path, missing]), 'x-title') ?? {} };
}

function labelled(field: unknown, name: 'x-labels' | 'x-title'): Json | undefined {
  return (field as Record<string, Json> | undefined)?.[name];
}

/** The field as the form itself describes it; places in a list are numbers. */
function fieldAt(form: unknown, path: string[]): unknown {
  return path.reduce<unknown>((schema, name) => {
    const { properties, items } = (schema ?? {}) as { properties?: Record<string, unknown>; items?: unknown };
    return /^\d+$/.test(name) ? items : properties?.[name];
  }, form);
}
