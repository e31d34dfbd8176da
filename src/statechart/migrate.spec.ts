import { describe, expect, it } from '@jest/globals';
import { aWorkflow, ChartCase, MONDAY, OFFICE_HOURS } from '../../test/charts.js';
import { type Migrated, migrate } from './migrate.js';
import { step } from './step.js';
import type { Json, JsonObject, Scope } from './types.js';

const scope = (seq: number): Scope => ({ now: MONDAY, by: null, seq, calendar: OFFICE_HOURS });

const chart = (work: string, more = '') => `
  id: m
  delays: { soon: 3 days, late: 9 days }
  context: { n: 0${more} }
  initial: first
  states:
    first: { on: { GO: work } }
    work: ${work}
    other: { entry: { type: milestone, params: { key: other } } }
    end: { type: final }
`;

const WORK = `{
  meta: { deadline: soon, escalation: ladder },
  exit: { type: milestone, params: { key: left } },
  invoke: [
    { id: kept, src: task, input: { role: curator, deadline: 2 days }, onDone: end },
    { id: gone, src: task, input: { role: curator } },
    { id: asks, src: task, input: { role: curator } }
  ],
  after: { soon: end, late: end }
}`.replaceAll('\n', ' ');

function working(yaml = chart(WORK)): ChartCase {
  const played = new ChartCase(yaml);
  played.send('GO');
  return played;
}

function to(played: ChartCase, yaml: string, more: { target?: Json; context?: JsonObject } = {}): Migrated {
  return migrate(played.workflow, aWorkflow(yaml), played.state, more, scope(9));
}

const taken = (migrated: Migrated) => {
  if (migrated.outcome !== 'taken') throw new Error(JSON.stringify(migrated));
  return migrated;
};
const effectsOf = (migrated: Migrated) =>
  taken(migrated).effects.map((effect) =>
    effect.kind === 'action' ? `${effect.type}` : `${effect.kind} ${effect.entry.id}`,
  );

describe('a case that migrates', () => {
  it('to the same workflow stays as it is', () => {
    const played = working();
    const same = taken(to(played, chart(WORK)));
    expect(same).toEqual({ outcome: 'taken', state: played.state, effects: [] });
  });

  it('keeps what is written as before, under its id and due; opens what is new, closes what is gone, asks anew what changed', () => {
    const changed = WORK.replace('id: gone, src: task', 'id: fresh, src: task')
      .replace('{ id: asks, src: task, input: { role: curator } }', '{ id: asks, src: task, input: { role: lawyer } }')
      .replace('late: end', 'night: end');
    const played = working();
    const before = played.state.entries;
    const moved = to(played, chart(changed).replace('late: 9 days', 'night: 8 days'));
    expect(effectsOf(moved)).toEqual([
      'cancel after:work:late:2',
      'timer after:work:night:9',
      'close gone:2',
      'open fresh:9',
      'close asks:2',
      'open asks:9',
    ]);
    const { entries } = taken(moved).state;
    for (const id of ['kept:2', 'after:work:soon:2', 'deadline:work:2'])
      expect(entries.find((entry) => entry.id === id)).toEqual(before.find((entry) => entry.id === id));
    // And it goes on by the new version.
    const done = step(
      aWorkflow(chart(changed).replace('late: 9 days', 'night: 8 days')),
      taken(moved).state,
      { kind: 'answer', entry: 'kept:2', output: null },
      scope(10),
    );
    expect(done).toMatchObject({
      outcome: 'taken',
      state: { snapshot: { value: 'end', status: 'done' }, entries: [] },
    });
  });

  it('opens again what has another term, and never what was answered', () => {
    const quiet = WORK.replace(
      '{ id: gone, src: task, input: { role: curator } }',
      '{ id: gone, src: task, input: {}, onDone: { actions: { type: set, params: { n: 1 } } } }',
    );
    const played = working(chart(quiet));
    played.answer('gone');
    const moved = to(
      played,
      chart(
        quiet
          .replace('2 days', '4 days')
          .replace('deadline: soon', 'deadline: late')
          .replace('input: {},', 'input: { role: x },'),
      ),
    );
    expect(effectsOf(moved)).toEqual([
      'met deadline:work:2',
      'deadline deadline:work:9',
      'close kept:2',
      'open kept:9',
    ]);
  });

  it('asks a task anew when its form has changed', () => {
    const work = '{ invoke: { id: t, src: task, input: { form: f } } }';
    const form = (title: string) => ({ 'forms/f.yaml': `{ title: { en: ${title} }, schema: { type: object } }` });
    const old = aWorkflow(chart(work), form('One'));
    const played = new ChartCase(old);
    played.send('GO');
    const again = (title: string) => migrate(old, aWorkflow(chart(work), form(title)), played.state, {}, scope(9));
    expect(effectsOf(again('One'))).toEqual([]);
    expect(effectsOf(again('Two'))).toEqual(['close t:2', 'open t:9']);
  });

  it('keeps a list whole, with the answers that it has', () => {
    const work =
      "{ invoke: { id: t, src: task, each: '= [1, 2]', key: '= item', input: { n: '= item' }, onDone: end } }";
    const played = working(chart(work));
    played.take({ kind: 'answer', entry: 't:2:1', output: 'yes' });
    const same = taken(to(played, chart(work, ', more: 1')));
    expect(same.effects).toEqual([]);
    expect(same.state.lists).toEqual(played.state.lists);
    const other = to(played, chart(work.replace('[1, 2]', '[2, 3]')));
    expect(effectsOf(other)).toEqual(['close t:2:2', 'open t:9:2', 'open t:9:3']);
    expect(effectsOf(to(played, chart(work.replace('[1, 2]', '[]'))))).toEqual(['close t:2:2']);
    expect(taken(to(played, chart(work.replace('[1, 2]', '[]')))).state.snapshot.value).toBe('end');
  });

  it('has what the new version adds to the context; what only an opening can tell must be given', () => {
    const played = working();
    expect(taken(to(played, chart(WORK, ', extra: [1]'))).state.snapshot.context).toEqual({ n: 0, extra: [1] });
    const asking = chart(WORK, ", extra: '= input.extra'");
    expect(to(played, asking)).toMatchObject({
      outcome: 'misfit',
      misfits: [{ rule: 'context-needed', states: ['extra'] }],
    });
    expect(taken(to(played, asking, { context: { extra: 7, n: 2 } })).state.snapshot.context).toEqual({
      n: 2,
      extra: 7,
    });
  });

  it('does not fit where its states are not there, or are something else', () => {
    const played = working();
    expect(to(played, chart(WORK).replace('work: {', 'job: {').replace('GO: work', 'GO: job'))).toMatchObject({
      outcome: 'misfit',
      misfits: [{ rule: 'state-missing', states: ['work'] }],
    });
    expect(to(played, chart('{ initial: in, states: { in: {} } }'))).toMatchObject({
      outcome: 'misfit',
      misfits: [{ rule: 'state-changed', states: ['work'] }],
    });
    const parallel = (regions: string) => chart(`{ type: parallel, states: { ${regions} } }`);
    expect(to(working(parallel('a: {}')), parallel('a: {}, b: {}'))).toMatchObject({
      outcome: 'misfit',
      misfits: [{ rule: 'region-new', states: ['work.b'] }],
    });
  });

  it('leaves by the old version and enters by the new where it is told to go', () => {
    const played = working();
    const moved = to(played, chart('{}').replace('work: {}', 'job: {}').replace('GO: work', 'GO: job'), {
      target: 'other',
    });
    expect(effectsOf(moved)).toEqual([
      'milestone',
      'cancel after:work:soon:2',
      'cancel after:work:late:2',
      'close kept:2',
      'close gone:2',
      'close asks:2',
      'met deadline:work:2',
      'milestone',
    ]);
    expect(taken(moved).state).toMatchObject({ snapshot: { value: 'other' }, entries: [] });
    expect(to(played, chart(WORK), { target: 'nowhere' })).toMatchObject({ misfits: [{ rule: 'target-unknown' }] });
  });

  it('goes on at once where the new version does not rest', () => {
    const moved = to(working(chart('{}')), chart('{ always: other }'));
    expect(taken(moved).state.snapshot.value).toBe('other');
  });

  it('remembers what it left, where that is still there', () => {
    const history = (inner: string) => `
      id: m
      initial: work
      states:
        work: { initial: a, on: { OUT: out }, states: { a: { on: { GO: b } }, ${inner}, past: { type: history } } }
        out: { on: { BACK: work.past } }
    `;
    const played = new ChartCase(history('b: {}'));
    played.send('GO');
    played.send('OUT');
    const back = (yaml: string) => {
      const state = taken(to(played, yaml)).state;
      const next = step(aWorkflow(yaml), state, { kind: 'event', type: 'BACK' }, scope(10));
      return next.outcome === 'taken' ? next.state.snapshot.value : next;
    };
    expect(back(history('z: {}, b: {}'))).toEqual({ work: 'b' });
    expect(back(history('c: {}').replace('GO: b', 'GO: c'))).toEqual({ work: 'a' });
  });
});
