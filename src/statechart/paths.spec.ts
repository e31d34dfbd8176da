import { describe, expect, it } from '@jest/globals';
import { readWorkflow } from '../workflows/folder.js';
import { activeNodes } from './accepts.js';
import { chartOf } from './chart.js';
import { loadWorkflow } from './load.js';
import { type PathStep, paths } from './paths.js';
import { start, step } from './step.js';
import { transitionsOf } from './targets.js';
import type { Calendar, ChartState, Input, Workflow } from './types.js';

const CALENDAR: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: {},
};
const scope = (seq: number) => ({ now: '2026-11-16T05:00:00.000Z', by: null, seq, calendar: CALENDAR });

const withoutGuards = loadWorkflow({
  'workflow.yaml': `
id: w
delays: { soon: 1 day }
initial: a
states:
  a:
    invoke: { id: ask, src: task, onDone: b, onError: c }
    on: { SKIP: c }
  b:
    type: parallel
    onDone: c
    on: { PAUSE: pause }
    states:
      back: { type: history, history: deep }
      one: { initial: x, states: { x: { after: { soon: y } }, y: { type: final } } }
      two: { initial: x, states: { x: { on: { GO: { target: y, actions: { type: raise, params: { event: TOLD } } } } }, y: { type: final } } }
  pause: { on: { GO: b.back, SKIP: end } }
  c: { always: d }
  d: { on: { SKIP: end, GO: a } }
  end: { type: final }
`,
});

function input({ happens }: PathStep, { entries }: ChartState): Input {
  if (happens.kind === 'event') return happens;
  if (happens.kind === 'start') throw new Error('A way starts once.');
  const entry = entries.find((open) =>
    happens.kind === 'timer'
      ? open.kind === 'timer' && open.name === happens.name && open.node === happens.node
      : open.kind === 'invocation' && open.invoke === happens.invoke,
  );
  if (entry === undefined) throw new Error(`${JSON.stringify(happens)} is not open`);
  if (happens.kind === 'timer') return { kind: 'timer', entry: entry.id };
  return happens.kind === 'done'
    ? { kind: 'answer', entry: entry.id, output: null }
    : { kind: 'failure', entry: entry.id, error: null };
}

function leaves(workflow: Workflow, state: ChartState): string[] {
  const active = activeNodes(chartOf(workflow).definition, state.snapshot.value);
  return active.filter((node) => !node.children.some((child) => active.includes(child))).map(({ path }) => path);
}

describe('the ways through a workflow', () => {
  it('can be walked, and rest where they say', () => {
    for (const way of paths(withoutGuards)) {
      let state: ChartState | undefined;
      way.forEach((next, index) => {
        const result =
          state === undefined
            ? start(withoutGuards, {}, scope(1))
            : step(withoutGuards, state, input(next, state), scope(index + 1));
        if (result.outcome !== 'taken') throw new Error(`${JSON.stringify(next)}: ${result.outcome}`);
        state = result.state;
        expect(leaves(withoutGuards, state)).toEqual(next.states);
        expect(state.snapshot.status).toBe(next.done ? 'done' : 'active');
      });
    }
  });

  it('take every transition', () => {
    const { nodes } = chartOf(withoutGuards).definition;
    const ways = paths(withoutGuards);
    const said = new Set(ways.flat().map(({ happens }) => JSON.stringify(happens)));
    for (const type of ['SKIP', 'PAUSE', 'GO']) expect(said).toContain(JSON.stringify({ kind: 'event', type }));
    expect(said).toContain(JSON.stringify({ kind: 'timer', name: 'soon', node: 'b.one.x' }));
    expect(said).toContain(JSON.stringify({ kind: 'error', invoke: 'ask', node: 'a' }));
    const left = new Set(nodes.flatMap(transitionsOf).map(({ target }) => target?.join()));
    expect(left.size).toBeGreaterThan(5);
    expect(ways.flat().some(({ done }) => done)).toBe(true);
  });

  it('of the shipped pipeline reach every state in which a case can rest', () => {
    const workflow = loadWorkflow(readWorkflow('workflows/family-support'));
    const ways = paths(workflow);
    const rested = new Set(ways.flat().flatMap(({ states }) => states));
    for (const node of chartOf(workflow).definition.nodes) {
      const passing =
        node.always.some(({ guard }) => guard === undefined) || node.type === 'history' || node.children.length > 0;
      if (!passing && node.type !== 'final') expect(rested).toContain(node.path);
    }
    expect(ways.every(([first]) => first?.happens.kind === 'start')).toBe(true);
  });

  it('cannot be listed for a chart that is too large', () => {
    expect(() => paths(withoutGuards, { configurations: 2, ways: 10 })).toThrow('too many');
  });
});
