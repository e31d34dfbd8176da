import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, until } from '../../test/engine.js';
import { DatabaseClock } from '../platform/clock.js';
import type { LeasedRow } from './types.js';

const workflow = {
  key: 'pause',
  title: { en: 'Pause' },
  context: { said: [] },
  initial: 'asking',
  states: {
    asking: {
      type: 'parallel',
      states: Object.fromEntries(
        ['one', 'two'].map((name) => [
          name,
          {
            initial: 'open',
            states: {
              open: {
                invoke: {
                  id: name,
                  src: 'service',
                  input: { name },
                  onDone: {
                    target: 'over',
                    actions: { type: 'set', params: { said: '= append(context.said, event.output)' } },
                  },
                },
              },
              over: { type: 'final' },
            },
          },
        ]),
      ),
      onDone: 'answered',
    },
    answered: { type: 'final' },
  },
};

/** What is asked is over on a day, whether the case stood still or not. */
const dated = {
  key: 'dated',
  title: { en: 'Dated' },
  context: { on: '= input.on' },
  delays: { day: { until: '= context.on' } },
  initial: 'asking',
  states: {
    asking: {
      invoke: { id: 'ask', src: 'service', input: { name: 'ask' }, onDone: 'answered' },
      after: { day: 'late' },
    },
    answered: { type: 'final' },
    late: { type: 'final' },
  },
};

let fixture: EngineFixture;
let clock: DatabaseClock;

beforeAll(async () => {
  fixture = await EngineFixture.create();
  clock = new DatabaseClock(fixture.runtime.readPool);
  await fixture.deploy(workflow);
  await fixture.deploy(dated);
}, 60_000);
afterAll(() => fixture?.close());

/** Suspended, with an answer of each service. */
async function paused(): Promise<string> {
  const { id } = await fixture.open('pause');
  await fixture.act(id, { type: 'suspend' });
  for (const name of ['two', 'one'])
    await fixture.answer(id, fixture.entry(id, name), name, { late: 'journal', keep: false });
  expect(await parked(id)).toHaveLength(2);
  return id;
}
const parked = (id: string) => fixture.sql('select seq from qamqor.parked where case_id = $1', [id]);
const kinds = async (id: string) =>
  (await fixture.sql<{ kind: string }>('select kind from qamqor.journal where case_id = $1 order by seq', [id])).map(
    ({ kind }) => kind,
  );

describe('answers that came while a case was suspended', () => {
  it('are given in their order when it goes on, and are gone then', async () => {
    const id = await paused();
    await fixture.act(id, { type: 'resume' });
    await fixture.settled();
    const record = await fixture.read(id);
    expect(record).toMatchObject({ state: 'answered', status: 'done', incidents: 0 });
    expect(record.chart.snapshot.context['said']).toEqual(['two', 'one']);
    expect(await parked(id)).toEqual([]);
    expect(await fixture.sql('select 1 from qamqor.outbox where case_id = $1', [id])).toEqual([]);
  });

  it('come before a date that passed meanwhile', async () => {
    const later = async (days: number) => new Date(Date.parse(await clock.now()) + days * 86_400_000).toISOString();
    const [answered, silent] = await Promise.all(
      [0, 1].map(async () => (await fixture.open('dated', { on: (await later(3)).slice(0, 10) })).id),
    );
    for (const id of [answered, silent]) await fixture.act(id ?? '', { type: 'suspend' });
    await fixture.answer(answered ?? '', fixture.entry(answered ?? '', 'ask'), {}, { late: 'journal', keep: false });
    await clock.advanceTo(await later(10));
    const give = fixture.runtime.engine.outboxHandlers.get('case.unpark');
    fixture.runtime.engine.outboxHandlers.set('case.unpark', () =>
      Promise.resolve({ kind: 'retry', reason: 'not yet', patient: true, afterMs: 1 }),
    );
    try {
      for (const id of [answered, silent]) await fixture.act(id ?? '', { type: 'resume' });
      await fixture.runtime.sweeper.sweep();
      expect((await fixture.read(silent ?? '')).state).toBe('late');
      expect((await fixture.read(answered ?? '')).state).toBe('asking');
    } finally {
      if (give) fixture.runtime.engine.outboxHandlers.set('case.unpark', give);
    }
    await until(async () => {
      await fixture.runtime.sweeper.sweep();
      return (await fixture.read(answered ?? '')).state === 'answered';
    });
  });

  it('hold up nothing once it is an incident that they cannot be given', async () => {
    const later = async (days: number) => new Date(Date.parse(await clock.now()) + days * 86_400_000).toISOString();
    const { id } = await fixture.open('dated', { on: (await later(3)).slice(0, 10) });
    await fixture.act(id, { type: 'suspend' });
    await fixture.answer(id, fixture.entry(id, 'ask'), {}, { late: 'journal', keep: false });
    const give = fixture.runtime.engine.outboxHandlers.get('case.unpark');
    fixture.runtime.engine.outboxHandlers.set('case.unpark', () =>
      Promise.resolve({ kind: 'give-up', reason: 'unreadable' }),
    );
    try {
      await fixture.act(id, { type: 'resume' });
      await until(async () => (await fixture.read(id)).incidents === 1);
      await clock.advanceTo(await later(10));
      await until(async () => {
        await fixture.runtime.sweeper.sweep();
        return (await fixture.read(id)).state === 'late';
      });
    } finally {
      if (give) fixture.runtime.engine.outboxHandlers.set('case.unpark', give);
    }
  });

  it('are kept until they were given by who holds the row, and taken once though they are given twice', async () => {
    const id = await paused();
    const give = fixture.runtime.engine.outboxHandlers.get('case.unpark');
    fixture.runtime.engine.outboxHandlers.set('case.unpark', () =>
      Promise.resolve({ kind: 'retry', reason: 'not yet', patient: true, afterMs: 3_600_000 }),
    );
    await fixture.act(id, { type: 'resume' });
    await fixture.settled();
    const [row] = await fixture.sql<{ id: string; seq: number; attempt: number }>(
      'select id, seq, attempt from qamqor.outbox where case_id = $1',
      [id],
    );
    const leased = {
      ...row,
      organisationId: (await fixture.read(id)).organisationId,
      caseId: id,
      topic: 'case.unpark',
      entryId: null,
      payload: {},
    } as LeasedRow;
    // A worker whose lease was over: it gives them, and may not say that they were given.
    await give?.({ ...leased, attempt: leased.attempt - 1 });
    expect(await parked(id)).toHaveLength(2);
    await give?.(leased);
    expect(await parked(id)).toEqual([]);
    if (give) fixture.runtime.engine.outboxHandlers.set('case.unpark', give);

    expect((await fixture.read(id)).chart.snapshot.context['said']).toEqual(['two', 'one']);
    expect(await kinds(id)).toEqual([
      'event',
      'act',
      'ignored',
      'ignored',
      'act',
      'answer',
      'answer',
      'ignored',
      'ignored',
    ]);
  });

  it('are gone with a case that was cancelled instead', async () => {
    const id = await paused();
    await fixture.act(id, { type: 'cancel' });
    expect(await parked(id)).toEqual([]);
  });
});
