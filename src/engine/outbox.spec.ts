import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineFixture, until } from '../../test/engine.js';
import { DatabaseClock } from '../platform/clock.js';
import { backoffMs, OutboxWorker } from './outbox.js';
import { ENGINE_SENDER } from './sender.js';
import type { Delivery, LeasedRow, OutboxRow } from './types.js';

const workflow = {
  key: 'send',
  title: { en: 'Send' },
  events: { STOP: { roles: [] } },
  initial: 'sending',
  on: { STOP: '.stopped' },
  states: {
    sending: {
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'atameken', service: 'advice' },
        onDone: 'sent',
        onError: 'refused',
      },
    },
    sent: { entry: { type: 'notify', params: { template: 'sent' } }, type: 'final' },
    refused: { type: 'final' },
    stopped: { type: 'final' },
  },
};

let fixture: EngineFixture;
let clock: DatabaseClock;
/** What the handler of each topic was asked to carry out, and what it says. */
let asked: LeasedRow[];
let says: (row: LeasedRow) => Delivery | Promise<Delivery>;

beforeEach(async () => {
  fixture = await EngineFixture.create(['task']);
  asked = [];
  says = () => ({ kind: 'done' });
  const { engine } = fixture.runtime;
  engine.registerSource({ ...fixture.noting('handOff'), topics: { open: 'handOff.open', close: 'handOff.close' } });
  for (const topic of ['handOff.open', 'handOff.close', 'notify']) {
    engine.registerOutbox(topic, async (row) => {
      asked.push(row);
      return await says(row);
    });
  }
  clock = new DatabaseClock(fixture.runtime.readPool);
  await fixture.deploy(workflow);
}, 60_000);
afterEach(async () => {
  await fixture?.close();
});

const waitForOutbox = (count: number) =>
  until(async () => (await fixture.sql<{ n: number }>('select count(*)::int as n from qamqor.outbox'))[0]?.n === count);
const answerOf = (row: OutboxRow): Delivery => ({
  kind: 'answer',
  command: {
    kind: 'answer',
    entryId: row.entryId ?? '',
    output: { ok: true },
    organisationId: row.organisationId,
    caseId: row.caseId,
    id: row.id,
    keep: false,
    lane: 'machines',
    sender: ENGINE_SENDER,
    late: 'journal',
  },
});
/** Another worker, over rows that this process has handed back. */
async function workerOf(handler: () => Promise<Delivery>, more: { wakeUpMs?: number } = {}) {
  says = () => ({ kind: 'retry', reason: 'not yet', afterMs: 0, patient: true });
  for (let n = 0; n < 3; n += 1) await fixture.open('send');
  await until(() => asked.length >= 3 && fixture.runtime.quiet);
  const worker = new OutboxWorker({
    pool: fixture.database.pool('relay'),
    engine: fixture.runtime.engine,
    handlers: new Map([['handOff.open', handler]]),
    random: () => 0,
    warn: () => undefined,
    ...more,
  });
  const rows = await fixture.sql<{ id: string }>('select id from qamqor.outbox');
  return { worker, rows: rows.map(({ id }) => id) };
}
const counts = async () => (await fixture.sql('select attempt, failures from qamqor.outbox'))[0];
const later = async (seconds: number) => {
  await clock.advanceTo(new Date(Date.parse(await clock.now()) + seconds * 1000).toISOString());
  await fixture.runtime.sweeper.sweep();
};

describe('an outbox row', () => {
  it('is carried out right after its commit, and gone when its answer is stored', async () => {
    says = (row) => (row.topic === 'handOff.open' ? answerOf(row) : { kind: 'done' });
    const { id } = await fixture.open('send');
    await waitForOutbox(0);
    expect((await fixture.read(id)).state).toBe('sent');
    expect(asked.map((row) => [row.topic, row.attempt])).toEqual([
      ['handOff.open', 1],
      ['notify', 1],
    ]);
    expect(asked[1]?.payload).toEqual({ template: 'sent' });
  });

  it('F43: whose attempt hangs is let go of, counts a failure and can be tried again', async () => {
    says = () => ({ kind: 'retry', reason: 'not yet', afterMs: 0, patient: true });
    await fixture.open('send');
    await until(() => asked.length > 0 && fixture.runtime.quiet);
    const [row] = await fixture.sql<{ id: string }>('select id from qamqor.outbox');
    const hanging = new OutboxWorker({
      pool: fixture.database.pool('relay'),
      engine: fixture.runtime.engine,
      handlers: new Map([['handOff.open', () => new Promise<never>(() => undefined)]]),
      random: () => 0,
      attemptMs: 50,
      warn: () => undefined,
    });
    await hanging.deliver([row?.id ?? '']);
    hanging.stop();
    expect(await fixture.sql('select failures, leased_until, last_error from qamqor.outbox')).toEqual([
      { failures: 1, leased_until: null, last_error: 'It did not end within 0.05 s.' },
    ]);
  });

  it('F43: that hangs is waited for by its wake-up only for a while, and stays in hand', async () => {
    const hanging = await workerOf(() => new Promise<never>(() => undefined), { wakeUpMs: 50 });
    await hanging.worker.deliver(hanging.rows);
    expect(hanging.worker.busy).toBe(true);
    hanging.worker.stop();
  });

  it('F43: that has killed its process before is tried while no other such row is, whichever wake-up brought it', async () => {
    let [inHand, most] = [0, 0];
    const careful = await workerOf(async (): Promise<Delivery> => {
      inHand += 1;
      most = Math.max(most, inHand);
      await new Promise((resolve) => setImmediate(resolve));
      inHand -= 1;
      return { kind: 'done' };
    });
    await fixture.sql(
      `update qamqor.outbox set failures = 6, leased_until = qamqor.qamqor_now() - interval '1 second'`,
    );
    await Promise.all(careful.rows.map((id) => careful.worker.deliver([id])));
    careful.worker.stop();
    expect(most).toBe(1);
    await waitForOutbox(0);
  });

  it('is tried again under the same id after a failure', async () => {
    says = (row) => (row.attempt < 3 ? { kind: 'retry', reason: 'partner is away' } : { kind: 'done' });
    await fixture.open('send');
    await until(
      async () =>
        (await fixture.sql<{ last_error: string }>('select last_error from qamqor.outbox'))[0]?.last_error ===
        'partner is away',
    );
    await later(60);
    await until(() => asked.length === 2);
    await until(
      async () =>
        (await fixture.sql<{ n: number }>('select count(*)::int as n from qamqor.outbox where leased_until is null'))[0]
          ?.n === 1,
    );
    await later(60);
    await waitForOutbox(0);
    expect(new Set(asked.map((row) => row.id)).size).toBe(1);
    expect(asked.map((row) => row.attempt)).toEqual([1, 2, 3]);
  });

  it('that waited patiently for long has all its failures still before it', async () => {
    says = () => ({ kind: 'retry', reason: 'no room yet', afterMs: 0, patient: true });
    const { id } = await fixture.open('send');
    await until(() => asked.length === 1 && fixture.runtime.quiet);
    const again = () => fixture.runtime.worker.deliver([asked[0]?.id ?? '']);
    while (asked.length < 40) await again();
    expect(await counts()).toEqual({ attempt: 40, failures: 0 });

    says = () => ({ kind: 'retry', reason: 'away', afterMs: 0 });
    for (let failures = 1; failures < 30; failures += 1) {
      await again();
      expect(await counts()).toEqual({ attempt: 40 + failures, failures });
    }
    expect((await fixture.read(id)).incidents).toBe(0);
    says = () => Promise.reject(new Error('away for good'));
    await again();
    expect((await fixture.read(id)).incidents).toBe(1);
    expect(await fixture.sql('select message from qamqor.incidents')).toEqual([
      { message: 'Given up after 30 failures: away for good' },
    ]);
  });

  it('that waits patiently does not back off longer at its first failure', async () => {
    says = () => ({ kind: 'retry', reason: 'no room yet', afterMs: 0, patient: true });
    await fixture.open('send');
    await until(() => asked.length === 1 && fixture.runtime.quiet);
    while (asked.length < 20) await fixture.runtime.worker.deliver([asked[0]?.id ?? '']);
    says = () => ({ kind: 'retry', reason: 'away' });
    await fixture.runtime.worker.deliver([asked[0]?.id ?? '']);
    expect(
      await fixture.sql(`select from qamqor.outbox where next_at < qamqor.qamqor_now() + interval '1 second'`),
    ).toHaveLength(1);
  });

  it('whose worker died is carried out by another one when the lease is over', async () => {
    let wakeUp: (delivery: Delivery) => void = () => undefined;
    says = () => new Promise((resolve) => (wakeUp = resolve));
    await fixture.open('send');
    await until(() => asked.length === 1);
    // The worker's renewals stop with it.
    fixture.runtime.worker.stop();
    says = () => ({ kind: 'done' });
    await later(1);
    expect(asked).toHaveLength(1);
    await later(20);
    await waitForOutbox(0);
    expect(asked).toHaveLength(2);
    wakeUp({ kind: 'done' });
  });

  it('is settled only by the attempt that holds it', async () => {
    let wakeUp: (delivery: Delivery) => void = () => undefined;
    says = (row) =>
      row.attempt === 1
        ? new Promise((resolve) => (wakeUp = resolve))
        : { kind: 'retry', reason: 'later', afterMs: 3_600_000 };
    await fixture.open('send');
    await until(() => asked.length === 1);
    fixture.runtime.worker.stop();
    await later(20);
    await until(() => asked.length === 2);
    await until(
      async () => (await fixture.sql('select 1 from qamqor.outbox where last_error = $1', ['later'])).length === 1,
    );
    wakeUp({ kind: 'done' });
    await until(() => !fixture.runtime.worker.busy);
    expect(await fixture.sql('select attempt from qamqor.outbox')).toEqual([{ attempt: 2 }]);
  });

  it('that cannot be carried out becomes an incident, and goes out again when it is retried', async () => {
    says = () => ({ kind: 'give-up', reason: 'The partner does not exist.' });
    const { id } = await fixture.open('send');
    await until(async () => (await fixture.read(id)).incidents === 1);
    const [incident] = await fixture.sql<{ id: string; message: string }>('select id, message from qamqor.incidents');
    expect(incident?.message).toBe('The partner does not exist.');
    await later(3600);
    expect(asked).toHaveLength(1);

    says = answerOf;
    await fixture.act(id, { type: 'retry', incidentId: incident?.id ?? '' });
    await later(0);
    await until(async () => (await fixture.read(id)).state === 'sent');
    expect((await fixture.read(id)).incidents).toBe(0);
    // At the second time it is begun anew, under a number that nobody had.
    const [first, second] = asked;
    expect(second).toMatchObject({ tries: 1, failures: 0 });
    expect(second?.attempt).toBeGreaterThan(first?.attempt ?? 0);
  });

  it('whose incident is resolved is not carried out any more, and leaves nothing behind', async () => {
    says = () => ({ kind: 'give-up', reason: 'The partner does not exist.' });
    const { id } = await fixture.open('send');
    await until(async () => (await fixture.read(id)).incidents === 1);
    const [incident] = await fixture.sql<{ id: string }>('select id from qamqor.incidents');
    await fixture.act(id, { type: 'resolve', incidentId: incident?.id ?? '' });
    expect(await fixture.sql('select 1 from qamqor.outbox')).toEqual([]);
    await later(3600);
    expect(asked).toHaveLength(1);
  });

  it('F42: whose answer cannot be stored becomes an incident instead of being carried out for ever', async () => {
    says = (row) => {
      const answer = answerOf(row);
      return answer.kind === 'answer'
        ? { ...answer, command: { ...answer.command, output: '\u0000' } as typeof answer.command }
        : answer;
    };
    const { id } = await fixture.open('send');
    await until(async () => (await fixture.read(id)).incidents === 1);
    await later(3600);
    expect(asked).toHaveLength(1);
  });

  it('that backs off is not carried out by a wake-up that comes again', async () => {
    says = () => ({ kind: 'retry', reason: 'slow', afterMs: 60_000 });
    await fixture.open('send');
    await until(
      async () => (await fixture.sql('select 1 from qamqor.outbox where last_error is not null')).length === 1,
    );
    await fixture.runtime.worker.deliver(asked.map((row) => row.id));
    expect(asked).toHaveLength(1);
  });

  it('that nothing here carries out waits for a newer process, which takes it as if nothing had been', async () => {
    const { outboxHandlers } = fixture.runtime.engine;
    const newer = outboxHandlers.get('handOff.open');
    outboxHandlers.delete('handOff.open');
    const { id } = await fixture.open('send');
    await until(async () => {
      const [row] = await fixture.sql<{ last_error: string | null }>('select last_error from qamqor.outbox');
      return row?.last_error === 'Nothing here carries out "handOff.open".';
    });
    expect(await fixture.read(id)).toMatchObject({ incidents: 0 });
    if (newer) outboxHandlers.set('handOff.open', newer);
    await later(60);
    await waitForOutbox(0);
    expect(asked).toHaveLength(1);
  });

  it('that nothing anywhere carries out is an incident in the end, not a silence', async () => {
    fixture.runtime.engine.outboxHandlers.delete('handOff.open');
    const { id } = await fixture.open('send');
    await until(async () => {
      await later(600);
      return (await fixture.read(id)).incidents === 1;
    });
  });

  it('of a state that was left tells whoever was asked', async () => {
    says = (row) =>
      row.topic === 'handOff.open' ? { kind: 'retry', reason: 'slow', afterMs: 60_000 } : { kind: 'done' };
    const { id } = await fixture.open('send');
    await until(() => asked.length === 1);
    await fixture.send(id, 'STOP');
    await until(() => asked.some((row) => row.topic === 'handOff.close'));
    expect(asked.at(-1)).toMatchObject({ entryId: fixture.entry(id, 'ask'), payload: { reason: 'left' } });
  });
});

describe('F28: the back-off', () => {
  it('doubles from one second to two hours, and spreads', () => {
    expect(backoffMs(1, 0)).toBe(500);
    expect(backoffMs(1, 1)).toBe(1_000);
    expect(backoffMs(4, 1)).toBe(8_000);
    expect(backoffMs(60, 1)).toBe(7_200_000);
  });
});
