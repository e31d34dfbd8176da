import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { evaluate } from 'feelin';
import { compileExpression, ExpressionError } from '../../src/statechart/expression.js';
import { toJson } from '../../src/statechart/expression-values.js';
import type { Actor, Json, JsonObject } from '../../src/statechart/types.js';

const FULL = process.env.QAMQOR_TEST === 'full';
const RUNS = Number(process.env.QAMQOR_PROPERTY_RUNS ?? (FULL ? 15_000 : 1500));
const SEED = Number(process.env.QAMQOR_PROPERTY_SEED ?? Date.now() % 1_000_000_000);

const key = fc.constantFrom('a', 'b', 'c', 'list', 'date');
const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom('', 'x', 'won', '2026-05-01', 'P3D', '7'),
  fc.boolean(),
  fc.constant(null),
  fc.double({ min: -2, max: 2, noNaN: true }),
);
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json; list: Json[]; map: JsonObject }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, scalar, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 3 }),
  map: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonObject>,
})).value;

const names = fc.record({
  context: fc.dictionary(key, json, { maxKeys: 5, noNullPrototype: true }) as fc.Arbitrary<JsonObject>,
  event: fc.record({ type: fc.constant('E'), data: json, output: json }) as fc.Arbitrary<JsonObject>,
  now: fc.constant('2026-11-22T20:30:00.000Z'),
  by: fc.constantFrom<Actor>(null, { id: 'u', roles: ['curator'] }),
});
// As data come from the database: plain JSON.
const scopes = fc.array(
  names.map((scope) => JSON.parse(JSON.stringify(scope)) as typeof scope),
  { minLength: 1, maxLength: 3 },
);

const path = fc
  .tuple(
    fc.constantFrom('context', 'event.output', 'event.data', 'event', 'by', 'now', 'item', 'misspelt'),
    fc.array(key, { maxLength: 2 }),
  )
  .map(([root, keys]) => [root, ...keys].join('.'));
const literal = fc.constantFrom(
  '0',
  '1',
  '2.5',
  '-1',
  '"x"',
  '"won"',
  '"2026-05-01"',
  'true',
  'false',
  'null',
  '[]',
  '[1, 2]',
  '["x", null]',
  '{ a: 1 }',
  '@"2026-05-01"',
  'duration("P3D")',
);

/** Expressions of every kind that a workflow may use, and many that make no sense. */
const text: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const value = tie('value');
  const two = fc.tuple(value, value);
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      path,
      literal,
      fc
        .tuple(value, fc.constantFrom('=', '!=', '<', '<=', '>', '>='), value)
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc.tuple(path, fc.constantFrom('=', '!=', '<', '>='), literal).map((parts) => parts.join(' ')),
      fc
        .tuple(value, fc.constantFrom('and', 'or'), value)
        .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
      fc
        .tuple(value, fc.constantFrom('+', '-', '*', '/', '**'), value)
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      value.map((inner) => `not(${inner})`),
      value.map((inner) => `-(${inner})`),
      value.map((inner) => `(${inner})`),
      fc.tuple(value, value, value).map(([condition, yes, no]) => `if ${condition} then ${yes} else ${no}`),
      fc.tuple(value, value, value).map(([inner, from, to]) => `(${inner} between ${from} and ${to})`),
      fc.tuple(value, literal, literal).map(([inner, one, other]) => `(${inner} in (${one}, ${other}))`),
      fc.tuple(value, path).map(([inner, list]) => `(${inner} in ${list})`),
      fc.tuple(value, literal, literal).map(([inner, from, to]) => `(${inner} in [${from}..${to}])`),
      fc.tuple(value, literal).map(([inner, than]) => `(${inner} in (>${than}))`),
      two.map(([list, element]) => `list contains(${list}, ${element})`),
      fc
        .tuple(
          fc.constantFrom(
            'count',
            'sum',
            'min',
            'string',
            'number',
            'date',
            'duration',
            'date and time',
            'flatten',
            'reverse',
            'string length',
            'upper case',
            'abs',
            'floor',
            'all',
            'any',
            'distinct values',
          ),
          value,
        )
        .map(([name, inner]) => `${name}(${inner})`),
      fc
        .tuple(
          fc.constantFrom('contains', 'starts with', 'append', 'index of', 'get value', 'modulo', 'is', 'concatenate'),
          value,
          value,
        )
        .map(([name, one, other]) => `${name}(${one}, ${other})`),
      two.map(([one, other]) => `[${one}, ${other}]`),
      two.map(([one, other]) => `{ a: ${one}, b: ${other} }`),
      fc.tuple(value, key).map(([inner, name]) => `(${inner}).${name}`),
      fc.tuple(path, value).map(([list, test]) => `${list}[${test}]`),
      fc.tuple(path, value).map(([list, body]) => `for p in ${list} return ${body}`),
      fc
        .tuple(fc.constantFrom('some', 'every'), path, key, literal)
        .map(([which, list, name, than]) => `${which} p in ${list} satisfies p.${name} = ${than}`),
      fc
        .tuple(value, fc.constantFrom('number', 'string', 'list', 'Any'))
        .map(([inner, type]) => `(${inner}) instance of ${type}`),
    ),
  };
}).value;

let compared = 0;
let warned = 0;

describe('a compiled expression', () => {
  it(
    `gives what feelin gives, value and warnings, for ${RUNS} random expressions`,
    () => {
      fc.assert(
        fc.property(text, scopes, (source, given) => {
          const compiled = attempt(source);
          if (compiled === null) return;
          for (const scope of given) {
            const before = JSON.stringify(scope);
            const ours = compiled.evaluate(scope);
            if (ours.warnings.some((warning) => warning.startsWith('The lists are too long'))) return;
            expect(ours).toEqual(feelin(compiled.text, scope));
            expect(JSON.stringify(scope)).toBe(before);
            compared++;
            if (ours.warnings.length > 0) warned++;
          }
        }),
        { numRuns: RUNS, seed: SEED },
      );
      console.info(`seed ${SEED}: ${compared} evaluations compared, ${warned} of them with warnings`);
      expect(compared).toBeGreaterThan(RUNS);
      expect(compared - warned).toBeGreaterThan(RUNS / 20);
    },
    FULL ? 3_600_000 : 120_000,
  );
});

function attempt(source: string) {
  // `date(now)` means more here than in feelin: the day in the organisation's zone.
  if (/date\(\(*now\)/.test(source)) return null;
  try {
    return compileExpression(source);
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}

/** feelin itself, parsing the text with the names at hand. */
function feelin(source: string, scope: Record<string, unknown>): { value: Json; warnings: string[] } {
  try {
    const { value, warnings } = evaluate(source, scope);
    const result = toJson(value);
    return { value: result.value, warnings: [...warnings.map(({ message }) => message), ...result.warnings] };
  } catch (error) {
    return { value: null, warnings: [error instanceof Error ? error.message : String(error)] };
  }
}
