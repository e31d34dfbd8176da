import { describe, expect, it } from '@jest/globals';
import { aWorkflow, MONDAY, OFFICE_HOURS } from '../../test/charts.js';
import { type ReplayRow, replay } from './replay.js';
import { start, step } from './step.js';
import type { ChartState, Effect, Input } from './types.js';

const WORKFLOW = aWorkflow(`
  id: m
  context: { grade: null }
  delays: { reminder: 2 working days }
  initial: review
  states:
    review:
      invoke: { id: t, src: task, input: { deadline: 1 working day }, onDone: { target: passed, actions: { type: set, params: { grade: '= event.output' } } } }
      after: { reminder: { actions: { type: notify, params: { at: '= now' } } } }
    passed: { after: { reminder: review } }
`);

/** A journal as the engine would write it. */
function journal(inputs: Input[]): { rows: ReplayRow[]; state: ChartState } {
  const scope = (seq: number) => ({ now: MONDAY, by: null, seq, calendar: OFFICE_HOURS });
  const started = start(WORKFLOW, {}, scope(1));
  if (started.outcome !== 'taken') throw new Error('not started');
  let state = started.state;
  const rows: ReplayRow[] = [
    { seq: 1, workflow: WORKFLOW, scope: scope(1), input: { kind: 'start', input: {} }, ...written(started.effects) },
  ];
  inputs.forEach((input, index) => {
    const seq = index + 2;
    const result = step(WORKFLOW, state, input, scope(seq));
    if (result.outcome === 'taken') state = result.state;
    rows.push({
      seq,
      workflow: WORKFLOW,
      scope: scope(seq),
      input,
      ...written(result.outcome === 'taken' ? result.effects : []),
    });
  });
  return { rows, state };
}

function written(effects: Effect[]): Required<Pick<ReplayRow, 'opened' | 'closed'>> {
  return {
    opened: effects.flatMap((effect) =>
      effect.kind === 'open' || effect.kind === 'timer' || effect.kind === 'deadline'
        ? [{ id: effect.entry.id, due: effect.entry.due ?? null }]
        : [],
    ),
    closed: effects.flatMap((effect) =>
      effect.kind === 'close' || effect.kind === 'cancel' || effect.kind === 'met' ? [{ id: effect.entry.id }] : [],
    ),
  };
}

const ROUND: Input[] = [
  { kind: 'timer', entry: 'after:review:reminder:1' },
  { kind: 'answer', entry: 't:1', output: 4 },
  { kind: 'answer', entry: 't:1', output: 5 },
  { kind: 'timer', entry: 'after:passed:reminder:3' },
];

describe('replay', () => {
  it('gives the state, its open entries and due times again', () => {
    const { rows, state } = journal(ROUND);
    expect(replay(rows)).toEqual({ state, problems: [] });
    expect(state.entries.map(({ id }) => id)).toEqual(['after:review:reminder:5', 't:5']);
  });

  it('takes due times from the journal, whatever the calendar says today', () => {
    const { rows, state } = journal(ROUND);
    const closed = { ...OFFICE_HOURS, week: [7] };
    expect(replay(rows.map((row) => ({ ...row, scope: { ...row.scope, calendar: closed } })))).toEqual({
      state,
      problems: [],
    });
  });

  it('skips rows that move nothing', () => {
    const { rows, state } = journal(ROUND);
    const suspended: ReplayRow = {
      seq: 6,
      workflow: WORKFLOW,
      scope: { now: MONDAY, by: null, seq: 6, calendar: OFFICE_HOURS },
      input: null,
    };
    expect(replay([...rows, suspended])).toEqual({ state, problems: [] });
  });

  it('begins a new segment at a row that carries a state', () => {
    const { rows, state } = journal(ROUND);
    const elsewhere: ChartState = { ...state, snapshot: { ...state.snapshot, context: { grade: 99 } } };
    const [first] = rows;
    expect(replay([{ ...(first as ReplayRow), input: null, result: elsewhere }])).toEqual({
      state: elsewhere,
      problems: [],
    });
  });

  it('finds a row that is missing, changed or doubled', () => {
    const { rows } = journal(ROUND);
    const without = replay(rows.filter(({ seq }) => seq !== 3));
    expect(without.problems).toMatchObject([
      { seq: 4, rule: 'opened' },
      { seq: 4, rule: 'closed' },
      { seq: 5, rule: 'opened' },
      { seq: 5, rule: 'closed' },
    ]);
    expect(replay(rows.slice(1)).problems[0]).toMatchObject({ seq: 2, rule: 'not-started' });
    expect(replay([...rows.slice(0, 1), ...rows]).problems).toMatchObject([{ seq: 1, rule: 'started-twice' }]);
  });

  it('finds entries that the chart does not give', () => {
    const { rows } = journal(ROUND);
    const forged = rows.map((row) => (row.seq === 3 ? { ...row, closed: [] } : row));
    expect(replay(forged).problems).toEqual(
      [
        {
          seq: 3,
          rule: 'closed',
          message: 'The journal says closed: nothing; the chart gives t:1, after:review:reminder:1.',
        },
      ].map((problem) => expect.objectContaining({ seq: problem.seq, rule: problem.rule })),
    );
  });
});
