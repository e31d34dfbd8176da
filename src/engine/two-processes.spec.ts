import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { EngineFixture, ORGANISATION, until } from '../../test/engine.js';
import { DatabaseClock } from '../platform/clock.js';
import { withTransaction } from '../platform/database.js';
import { systemIds } from '../platform/ids.js';
import { ENGINE_SENDER } from './sender.js';
import type { Command, Delivery, OutboxRow } from './types.js';

const workflow = {
  key: 'race',
  title: { en: 'Race' },
  context: { count: 0 },
  events: { ADD: { roles: [] } },
  delays: { patience: '1 day' },
  initial: 'waiting',
  on: { ADD: { actions: { type: 'set', params: { count: '= context.count + 1' } } } },
  states: {
    waiting: { after: { patience: 'asking' } },
    asking: {
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'atameken', service: 'advice' },
        onDone: 'done',
        onError: 'refused',
      },
    },
    done: { type: 'final' },
    refused: {},
  },
};

let database: TestDatabase;
/** Two processes, as far as the database can tell: nothing is shared but that. */
let both: [EngineFixture, EngineFixture];
let clock: DatabaseClock;
let asked: { by: number; row: OutboxRow }[];
let says: (by: number, row: OutboxRow) => Delivery | Promise<Delivery>;

beforeAll(async () => {
  database = await createDatabase();
}, 60_000);
afterAll(() => database?.close());

beforeEach(async () => {
  asked = [];
  says = () => ({ kind: 'done' });
  both = [EngineFixture.on(database, database.url, ['task']), EngineFixture.on(database, database.url, ['task'])];
  for (const [by, { runtime, noting }] of both
    .map((fixture) => ({
      runtime: fixture.runtime,
      noting: fixture.noting.bind(fixture),
    }))
    .entries()) {
    runtime.engine.registerSource({ ...noting('handOff'), topics: { open: 'handOff.open' } });
    runtime.engine.registerOutbox('handOff.open', async (row) => {
      asked.push({ by, row });
      return await says(by, row);
    });
  }
  clock = new DatabaseClock(both[0].runtime.readPool);
  await both[0].deploy(workflow);
});
afterEach(async () => {
  await Promise.all(both.map((fixture) => fixture.close()));
});

const journalOf = (caseId: string) =>
  both[0].sql<{ kind: string; type: string }>('select kind, type from qamqor.journal where case_id = $1 order by seq', [
    caseId,
  ]);
const outboxOf = (caseId: string) =>
  both[0].sql<{ id: string; attempt: number }>('select id, attempt from qamqor.outbox where case_id = $1', [caseId]);
const later = async (seconds: number) => {
  await clock.advanceTo(new Date(Date.parse(await clock.now()) + seconds * 1000).toISOString());
};
const answerOf = (row: OutboxRow, answer: { output: string } | { error: string }): Delivery => ({
  kind: 'answer',
  command: {
    ...('output' in answer
      ? { kind: 'answer' as const, output: answer.output }
      : { kind: 'failure' as const, error: answer.error }),
    entryId: row.entryId ?? '',
    organisationId: row.organisationId,
    caseId: row.caseId,
    id: row.id,
    keep: false,
    lane: 'machines',
    sender: ENGINE_SENDER,
    late: 'journal',
  },
});

describe('F38: one command sent fifty times to two processes', () => {
  const everywhere = <T>(send: (fixture: EngineFixture) => Promise<T>) =>
    Promise.all(Array.from({ length: 50 }, (_, n) => send(both[n % 2 === 0 ? 0 : 1])));

  it('changes its case once, and everybody gets the same answer', async () => {
    const { id } = await both[0].open('race');
    const present: Command['present'] = ({ case: { revision } }) => ({ revision });
    const answers = await everywhere((fixture) => fixture.send(id, 'ADD', undefined, { id: `same-${id}`, present }));
    expect(new Set(answers.map(({ seq, answer }) => JSON.stringify({ seq, answer })))).toEqual(
      new Set(['{"seq":2,"answer":{"revision":2}}']),
    );
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await journalOf(id)).toHaveLength(2);
  });

  it('opens one case, though each try brings an id of its own', async () => {
    const key = systemIds.next();
    const opened = await everywhere((fixture) => fixture.open('race', {}, { id: key, subject: `family-${key}` }));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(await both[0].sql('select 1 from qamqor.cases where subject = $1', [`family-${key}`])).toHaveLength(1);
  });

  it('opens one case for one subject, also under different keys; the others are told which', async () => {
    const subject = `family-${systemIds.next()}`;
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => both[n % 2 === 0 ? 0 : 1].open('race', {}, { subject })),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of tries)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'open-case-exists', status: 409 });
  });

  it('gets its first answer also where the case it opened is seen to be open at that very moment', async () => {
    const key = systemIds.next();
    const open = (fixture: EngineFixture) => fixture.open('race', {}, { id: key, subject: `family-${key}` });
    const first = await open(both[0]);
    // As if the first process were just committing: it holds what the other one looks at, and its key is not to be seen.
    const rename = 'update qamqor.commands set id = $2 where id = $1';
    await both[0].sql(rename, [key, 'hidden']);
    const again = await withTransaction(database.pool('owner'), async (client) => {
      await client.query('lock table qamqor.cases in access exclusive mode');
      const opened = open(both[1]);
      await until(
        async () =>
          (
            await both[0].sql(
              'select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())',
            )
          ).length > 0,
      );
      await client.query(rename, ['hidden', key]);
      return { opened };
    });
    expect((await again.opened).id).toBe(first.id);
  });

  it('is refused everywhere if its key comes with another body', async () => {
    const { id } = await both[0].open('race');
    const key = `body-${id}`;
    await both[0].send(id, 'ADD', undefined, { id: key });
    for (const fixture of both)
      await expect(fixture.send(id, 'ADD', { other: true }, { id: key })).rejects.toMatchObject({ code: 'key-reused' });
  });
});

describe('commands of two processes on one case', () => {
  it('are all carried out, one after another, each in the order in which its process sent them', async () => {
    const { id } = await both[0].open('race');
    const sent = both.map((fixture) => Promise.all(Array.from({ length: 40 }, () => fixture.send(id, 'ADD'))));
    const seqs = (await Promise.all(sent)).map((answers) => answers.map(({ seq }) => seq));
    for (const ofProcess of seqs) expect(ofProcess).toEqual(ofProcess.toSorted((one, other) => one - other));
    expect(seqs.flat().toSorted((one, other) => one - other)).toEqual(Array.from({ length: 80 }, (_, n) => n + 2));
    expect((await both[1].read(id)).chart.snapshot.context['count']).toBe(80);
  });
});

describe('a command of a machine whose case is locked elsewhere', () => {
  it('gets its turn while people never stop sending', async () => {
    const [{ runtime }] = both;
    const { id } = await both[0].open('race');
    const others = await Promise.all([1, 2, 3, 4].map(() => both[0].open('race')));
    let answered = false;
    const crowd = others.map(async (other) => {
      while (!answered) await both[0].send(other.id, 'ADD');
    });
    const lock = await database.pool('owner').connect();
    try {
      await lock.query('begin');
      await lock.query('select from qamqor.cases where id = $1 for update', [id]);
      const command = { id: systemIds.next(), keep: true, lane: 'machines' as const, sender: ENGINE_SENDER };
      const sent = runtime.engine.submit({
        ...command,
        organisationId: ORGANISATION,
        caseId: id,
        kind: 'event',
        type: 'ADD',
      });
      await expect(sent).rejects.toMatchObject({ code: 'case-busy', status: 503 });
    } finally {
      answered = true;
      await lock.query('rollback');
      lock.release();
      await Promise.all(crowd);
    }
  });
});

describe('F40: a timer that several sweepers find at once', () => {
  it('fires once', async () => {
    says = (_by, row) => ({ kind: 'retry', reason: row.topic, afterMs: 3_600_000 });
    const cases = await Promise.all(Array.from({ length: 30 }, (_, n) => both[n % 2 === 0 ? 0 : 1].open('race')));
    await later(86_400);
    await Promise.all(both.flatMap(({ runtime: { sweeper } }) => [sweeper.sweep(), sweeper.sweep()]));
    for (const { id } of cases) {
      expect((await journalOf(id)).filter(({ kind }) => kind === 'timer')).toEqual([
        { kind: 'timer', type: 'patience' },
      ]);
      expect((await both[0].read(id)).state).toBe('asking');
      expect(await outboxOf(id)).toHaveLength(1);
    }
  });
});

describe('an outbox row', () => {
  /** A case whose hand-off is in the outbox, not yet carried out by anybody. */
  async function waiting(): Promise<{ caseId: string; rowId: string }> {
    says = () => ({ kind: 'retry', reason: 'not now', afterMs: 1 });
    const { id: caseId } = await both[0].open('race');
    await later(86_400);
    await both[0].runtime.sweeper.sweep();
    await until(() => both.every(({ runtime }) => runtime.quiet));
    asked = [];
    const [row] = await outboxOf(caseId);
    return { caseId, rowId: row?.id ?? '' };
  }

  it('F40: is carried out by one of the processes that are told of it', async () => {
    const { rowId } = await waiting();
    says = (_by, row) => answerOf(row, { output: 'yes' });
    await Promise.all(both.flatMap(({ runtime: { worker } }) => [worker.deliver([rowId]), worker.deliver([rowId])]));
    expect(asked).toHaveLength(1);
  });

  it.each<[string, (row: OutboxRow) => Delivery]>([
    ['an answer', (row) => answerOf(row, { output: 'late' })],
    ['a failure', (row) => answerOf(row, { error: 'late' })],
    ['giving up', () => ({ kind: 'give-up', reason: 'late' })],
    ['another try', () => ({ kind: 'retry', reason: 'late' })],
    ['being done', () => ({ kind: 'done' })],
  ])('F9, F41: whose worker was paused beyond its lease is not settled by it: %s', async (_what, late) => {
    const { caseId, rowId } = await waiting();
    const paused = Promise.withResolvers<Delivery>();
    const working = Promise.withResolvers<Delivery>();
    says = (by) => (by === 0 ? paused.promise : working.promise);
    const first = both[0].runtime.worker.deliver([rowId]);
    await until(() => asked.length === 1);
    // Paused with its process: it renews nothing.
    both[0].runtime.worker.stop();
    await later(60);
    const second = both[1].runtime.worker.deliver([rowId]);
    await until(() => asked.length === 2);
    // What is kept is not to change under the comparison.
    both[1].runtime.worker.stop();
    const before = await journalOf(caseId);
    const held = await both[0].sql('select attempt, leased_until from qamqor.outbox where id = $1', [rowId]);

    paused.resolve(late(asked[0]?.row as OutboxRow));
    await first;
    expect(await journalOf(caseId)).toEqual(before);
    expect(await both[0].sql('select attempt, leased_until from qamqor.outbox where id = $1', [rowId])).toEqual(held);
    expect(await both[0].sql('select 1 from qamqor.incidents where case_id = $1', [caseId])).toEqual([]);

    working.resolve(answerOf(asked[1]?.row as OutboxRow, { output: 'in time' }));
    await second;
    expect(await outboxOf(caseId)).toEqual([]);
    expect((await both[1].read(caseId)).state).toBe('done');
    expect(both.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('that was given up and sent again is not settled by who held it before that', async () => {
    const { caseId, rowId } = await waiting();
    const paused = Promise.withResolvers<Delivery>();
    says = () => paused.promise;
    const first = both[0].runtime.worker.deliver([rowId]);
    await until(() => asked.length === 1);
    both[0].runtime.worker.stop();
    await later(60);
    says = () => ({ kind: 'give-up', reason: 'no such partner' });
    await both[1].runtime.worker.deliver([rowId]);
    const [incident] = await both[1].sql<{ id: string }>(
      `select id from qamqor.incidents where case_id = $1 and status = 'open'`,
      [caseId],
    );
    await both[1].act(caseId, { type: 'retry', incidentId: incident?.id ?? '' });

    // As often as it took to come to the number of the paused one, when it was counted from the start.
    says = () => ({ kind: 'retry', reason: 'not now', afterMs: 1 });
    await both[1].runtime.worker.deliver([rowId]);
    const working = Promise.withResolvers<Delivery>();
    says = () => working.promise;
    const second = both[1].runtime.worker.deliver([rowId]);
    await until(() => asked.length === 4);
    paused.resolve(answerOf(asked[0]?.row as OutboxRow, { output: 'late' }));
    await first;
    expect((await both[1].read(caseId)).state).toBe('asking');
    expect(await outboxOf(caseId)).toHaveLength(1);

    working.resolve(answerOf(asked[3]?.row as OutboxRow, { output: 'in time' }));
    await second;
    expect((await both[1].read(caseId)).state).toBe('done');
    const attempts = asked.map(({ row }) => row.attempt);
    expect(attempts).toEqual(attempts.toSorted((one, other) => one - other));
    expect(new Set(attempts).size).toBe(4);
  });
});
