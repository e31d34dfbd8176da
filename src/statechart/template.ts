import { isExpression } from './definition.js';
import { type CompiledExpression, compileExpression } from './expression.js';
import type { Actor, Fault, Json, JsonObject } from './types.js';

const MAX_COMPILED = 10_000;
/** Characters of one value: as much as a request may carry. Without it a list joined to itself would fill the database in twenty steps. */
const MAX_VALUE = 262_144;
const compiled = new Map<string, CompiledExpression>();

/** Compiled once per text: charts say the same things often, and compiling takes a millisecond. Throws ExpressionError. */
export function compileOnce(text: string): CompiledExpression {
  let expression = compiled.get(text);
  if (expression === undefined) {
    expression = compileExpression(text);
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(text, expression);
  }
  return expression;
}

/** What expressions see. `item`, `index`, `input`, `results` and `items` only where they are given. */
export interface Names {
  context: JsonObject;
  /** `{type, data, output}`, null where the event carries none. */
  event: JsonObject;
  now: string;
  by: Actor;
  /** IANA name: whose day it is. */
  zone: string;
  [extra: string]: Json | Actor;
}

/** A step that cannot be made. Thrown through XState, which may wrap it: `Moment` keeps the fault itself. */
export class StepFault extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

/** A value as a definition writes it, with its expressions compiled. */
export interface Template {
  /** Nothing in it is evaluated. */
  constant: boolean;
  resolve(names: Names): Json;
}

/** Expressions may stand anywhere inside. `place` is the state's path, for faults. `tolerant`: what is missing is null. */
export function compileTemplate(value: Json, place: string, tolerant = false): Template {
  if (isExpression(value)) {
    const expression = compileOnce(value);
    if (tolerant) return { constant: false, resolve: (names) => expression.evaluate(names).value ?? null };
    return { constant: false, resolve: (names) => evaluate(expression, names, value, place) };
  }
  if (Array.isArray(value)) return compileArray(value, (part) => compileTemplate(part, place, tolerant));
  if (typeof value === 'object' && value !== null)
    return compileObject(value, (part) => compileTemplate(part, place, tolerant));
  return { constant: true, resolve: () => value };
}

/** Evaluates; a warning is a fault, because a misspelt name would otherwise quietly be null. */
export function evaluate(expression: CompiledExpression, names: Names, text: string, place: string): Json {
  const { value, warnings } = expression.evaluate(names);
  if (warnings.length > 0)
    throw new StepFault({ rule: 'expression', state: place, message: `${text}: ${warnings.join('; ')}` });
  if (value === undefined) return null;
  const size = sizeOf(value);
  if (size > MAX_VALUE)
    throw new StepFault({
      rule: 'too-large',
      state: place,
      message: `${text} gives a value of more than ${MAX_VALUE} characters. Keep what a case decides by, not whole documents.`,
    });
  if (Number.isNaN(size))
    throw new StepFault({ rule: 'not-json', state: place, message: `${text} gives a value that JSON cannot carry.` });
  return value;
}

function compileArray(values: Json[], compile: (value: Json) => Template): Template {
  const parts = values.map(compile);
  if (parts.every((part) => part.constant)) return constant(values);
  return { constant: false, resolve: (names) => parts.map((part) => part.resolve(names)) };
}

function compileObject(value: JsonObject, compile: (value: Json) => Template): Template {
  const parts = Object.entries(value).map(([key, part]) => [key, compile(part)] as const);
  if (parts.every(([, part]) => part.constant)) return constant(value);
  return {
    constant: false,
    resolve: (names) => Object.fromEntries(parts.map(([key, part]) => [key, part.resolve(names)])),
  };
}

/** Every case of the chart gets this very object. */
function constant(value: Json[] | JsonObject): Template {
  Object.freeze(value);
  return { constant: true, resolve: () => value };
}

/** Characters of a value as JSON, roughly; counted no further than beyond the limit. NaN: JSON cannot carry it. */
function sizeOf(value: Json): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number') return Number.isFinite(value) ? 8 : Number.NaN;
  if (typeof value !== 'object' || value === null) return 4;
  let size = 2;
  for (const part of Object.values(value)) {
    size += 1 + sizeOf(part);
    if (!(size <= MAX_VALUE)) return size;
  }
  if (!Array.isArray(value)) for (const key of Object.keys(value)) size += key.length + 3;
  return size;
}
