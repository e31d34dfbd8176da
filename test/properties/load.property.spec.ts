import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LoadError, loadWorkflow } from '../../src/statechart/load.js';
import { play } from '../../src/statechart/play.js';
import type { Json, JsonObject } from '../../src/statechart/types.js';
import { EVENTS, type Pick, randomChart } from './charts.js';

const FULL = process.env.QAMQOR_TEST === 'full';
const RUNS = Number(process.env.QAMQOR_PROPERTY_RUNS ?? (FULL ? 5_000 : 500));
const SEED = Number(process.env.QAMQOR_PROPERTY_SEED ?? Date.now() % 1_000_000_000);

/** What an author's slip, or an attacker, might put anywhere. */
const ODD: Json[] = [
  null,
  true,
  0,
  -1,
  '',
  '=',
  '= 1 +',
  '= context.nobody',
  'toString',
  'a.b',
  '#',
  '.',
  '*',
  'xstate.init',
  [],
  {},
  [[]],
  { type: 'raise' },
  { target: 5 },
  { constructor: 1 },
];
const KEYS = [
  'type',
  'states',
  'initial',
  'on',
  'after',
  'always',
  'invoke',
  'entry',
  'exit',
  'onDone',
  'target',
  'history',
  'id',
  'meta',
  'output',
  'context',
  'events',
  'delays',
  'tags',
  'each',
  'guard',
  'actions',
  'params',
  'src',
  'input',
];

describe('a chart with slips in it', () => {
  it(
    `is refused with findings or played, and nothing else, for ${RUNS} random slips (seed ${SEED})`,
    () => {
      let loaded = 0;
      fc.assert(
        fc.property(fc.gen(), (g) => {
          const pick: Pick = (n) => (n <= 1 ? 0 : g(below, n));
          let chart: Json = randomChart(pick);
          for (let slips = 1 + pick(3); slips > 0; slips--) chart = slip(chart, pick);
          try {
            const workflow = loadWorkflow({ 'workflow.json': JSON.stringify(chart) }, { forPlay: pick(2) === 1 });
            const events = [...EVENTS, 'done(i0):1', 'error(i1)', 'wait(PT1M)'].join(',');
            expect(play(workflow, events).steps).toHaveLength(EVENTS.length + 4);
            loaded += 1;
          } catch (error) {
            if (!(error instanceof LoadError)) throw error;
            for (const finding of error.findings)
              expect(finding).toMatchObject({
                severity: 'error',
                rule: expect.any(String),
                message: expect.any(String),
                hint: expect.any(String),
              });
            expect(error.findings.length).toBeGreaterThan(0);
          }
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
      // Both happen often, or the slips would test little.
      expect(loaded).toBeGreaterThan(RUNS / 10);
      expect(loaded).toBeLessThan(RUNS * 0.9);
    },
    FULL ? 3_600_000 : 300_000,
  );
});

function below(n: number) {
  return fc.nat({ max: n - 1 });
}

/** Replaces, adds or removes one value somewhere. */
function slip(value: Json, pick: Pick): Json {
  if (typeof value !== 'object' || value === null) return odd(pick);
  if (Array.isArray(value)) {
    if (value.length === 0 || pick(6) === 5) return odd(pick);
    const at = pick(value.length);
    return value.map((item, index) => (index === at ? slip(item, pick) : item));
  }
  const keys = Object.keys(value);
  const way = pick(8);
  if (keys.length === 0 || way === 7) return { ...value, [KEYS[pick(KEYS.length)] as string]: odd(pick) };
  const key = keys[pick(keys.length)] as string;
  if (way === 6) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)) as JsonObject;
  if (way === 5) return { ...value, [key]: odd(pick) };
  return { ...value, [key]: slip(value[key] as Json, pick) };
}

function odd(pick: Pick): Json {
  return ODD[pick(ODD.length)] as Json;
}
