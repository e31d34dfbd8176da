import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { activeNodes, matchesDescriptor } from '../../src/statechart/accepts.js';
import { chartOf } from '../../src/statechart/chart.js';
import { check } from '../../src/statechart/check.js';
import { ANY_EVENT, type Cause, type Edge, type Exploration, explore } from '../../src/statechart/explore.js';
import { loadWorkflow } from '../../src/statechart/load.js';
import { start, step } from '../../src/statechart/step.js';
import type { Calendar, ChartState, Entry, Input, StepResult, Workflow } from '../../src/statechart/types.js';
import { EVENTS, type Pick, randomChart, UNNAMED } from './charts.js';

const FULL = process.env.QAMQOR_TEST === 'full';
const RUNS = Number(process.env.QAMQOR_PROPERTY_RUNS ?? (FULL ? 600 : 60));
const SEED = Number(process.env.QAMQOR_PROPERTY_SEED ?? Date.now() % 1_000_000_000);
const STEPS = 15;
/** Charts with more configurations are left out: their walks say no more. */
const LIMITS = { configurations: 100, ways: 48 };
const CALENDAR: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: {},
};

let walked = 0;
let steps = 0;

describe('what a case can do', () => {
  it(
    `is among what the explorer finds, for ${RUNS} random charts`,
    () => {
      fc.assert(
        fc.property(fc.gen(), (g) => {
          const pick: Pick = (n) => (n <= 1 ? 0 : g(below, n));
          walk(pick);
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: process.env.QAMQOR_PROPERTY_SHRINK === undefined },
      );
      console.info(`seed ${SEED}: ${walked} charts walked, ${steps} steps`);
      expect(walked).toBeGreaterThan(RUNS / 20);
      expect(steps).toBeGreaterThan(RUNS / 2);
    },
    FULL ? 3_600_000 : 120_000,
  );
});

function below(n: number) {
  return fc.nat({ max: n - 1 });
}

function walk(pick: Pick): void {
  const workflow = loadWorkflow({ 'workflow.json': JSON.stringify(randomChart(pick)) });
  const exploration = explore(chartOf(workflow).definition, LIMITS);
  for (const { rule, message, hint } of check(workflow, {}, LIMITS)) expect(rule && message && hint).toBeTruthy();
  if (exploration.tooLarge) return;
  const scope = (seq: number) => ({ now: '2026-11-16T05:00:00.000Z', by: null, seq, calendar: CALENDAR });
  const first = start(workflow, {}, scope(1));
  if (first.outcome !== 'taken') return;
  walked++;
  let state = first.state;
  let possible = follow(workflow, exploration.starts, state);
  for (let seq = 2; seq < STEPS && state.snapshot.status === 'active'; seq++) {
    const input = choose(pick, state);
    const result = step(workflow, state, input, scope(seq));
    if (result.outcome === 'fault') return;
    if (result.outcome !== 'taken') continue;
    const edges = possible.flatMap((rest) => rest.edges.filter(({ cause }) => isCause(cause, input, state)));
    possible = follow(workflow, edges, result.state, () => describeStep(input, state, result, exploration));
    state = result.state;
    steps++;
  }
}

function choose(pick: Pick, state: ChartState): Input {
  const entries = state.entries.filter((entry) => entry.kind !== 'deadline');
  const entry = pick(2) === 1 ? entries[pick(entries.length)] : undefined;
  if (entry?.kind === 'timer') return { kind: 'timer', entry: entry.id };
  if (entry?.kind === 'invocation')
    return pick(3) === 2
      ? { kind: 'failure', entry: entry.id, error: 1 }
      : { kind: 'answer', entry: entry.id, output: pick(4) };
  const types = [...EVENTS, ...UNNAMED];
  return { kind: 'event', type: types[pick(types.length)] as string, data: { v: pick(4) } };
}

/** The configurations that what was done can have led to: at least one of them must be where the case is. */
function follow(workflow: Workflow, edges: Edge[], state: ChartState, explain = () => 'start') {
  const { definition } = chartOf(workflow);
  const done = state.snapshot.status === 'done';
  const active = new Set(activeNodes(definition, state.snapshot.value));
  const found = edges
    .map(({ to }) => to)
    .filter(({ configuration }) => configuration.done === done && (done || same(configuration.active, active)));
  if (found.length === 0)
    throw new Error(
      `${explain()}: the explorer knows only ${edges.map(({ to }) => names(to.configuration.active)).join(' / ')}`,
    );
  return [...new Set(found)];
}

function isCause(cause: Cause, input: Input, state: ChartState): boolean {
  if (input.kind === 'event')
    return cause.kind === 'event' && matchesDescriptor(input.type, cause.type.replace(ANY_EVENT, '*'));
  if (input.kind === 'list') return false;
  const entry = state.entries.find(({ id }) => id === input.entry) as Entry;
  if (cause.kind === 'timer')
    return entry.kind === 'timer' && cause.name === entry.name && cause.node.path === entry.node;
  if (cause.kind !== 'done' && cause.kind !== 'error') return false;
  return (
    entry.kind === 'invocation' &&
    cause.invoke.id === entry.invoke &&
    cause.node.path === entry.node &&
    (cause.kind === 'error') === (input.kind === 'failure')
  );
}

function same<Item>(one: ReadonlySet<Item>, other: ReadonlySet<Item>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item));
}

function names(nodes: ReadonlySet<{ path: string }>): string {
  return [...nodes].map(({ path }) => path || '(root)').join(' ');
}

function describeStep(input: Input, before: ChartState, after: StepResult, exploration: Exploration): string {
  const to = after.outcome === 'taken' ? JSON.stringify(after.state.snapshot.value) : after.outcome;
  return `${JSON.stringify(input)} led from ${JSON.stringify(before.snapshot.value)} to ${to} (${exploration.rests.length} configurations)`;
}
