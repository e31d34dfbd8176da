import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { OutboxWorker } from '../../src/engine/outbox.js';
import type { Delivery, LeasedRow } from '../../src/engine/types.js';
import { verify } from '../../src/engine/verify.js';
import { DatabaseClock } from '../../src/platform/clock.js';
import { OrphansService } from '../../src/supervision/orphans.service.js';
import { EngineFixture, ORGANISATION, until } from '../engine.js';

const send = {
  key: 'send',
  title: { en: 'Send' },
  context: { count: 0 },
  events: { ADD: { roles: [] } },
  delays: { patience: '1 day' },
  initial: 'sending',
  on: { ADD: { actions: { type: 'set', params: { count: '= context.count + 1' } } } },
  states: {
    sending: {
      invoke: { id: 'ask', src: 'handOff', input: { partner: 'atameken', service: 'advice' }, onDone: 'waiting' },
      after: { patience: 'waiting' },
    },
    waiting: { invoke: { id: 'talk', src: 'task', input: { form: 'x', role: 'curator' }, onDone: 'over' } },
    over: { type: 'final' },
  },
};
const FAILURES = 30;
const NEIGHBOURS = 8;

let fixture: EngineFixture;
let clock: DatabaseClock;
/** What the handler does with the row of a case. */
let handle: (row: LeasedRow) => Delivery | Promise<Delivery>;
const done = new Set<string>();

beforeAll(async () => {
  fixture = await EngineFixture.create(['task']);
  const { engine } = fixture.runtime;
  engine.registerSource({ ...fixture.noting('handOff'), topics: { open: 'handOff.open' } });
  engine.registerOutbox('handOff.open', async (row) => handle(row));
  clock = new DatabaseClock(fixture.runtime.readPool);
  await fixture.deploy(send);
}, 60_000);
afterAll(() => fixture?.close());
afterEach(async () => {
  done.clear();
  await fixture.sql('delete from qamqor.outbox');
});

const later = async (seconds: number) => {
  await clock.advanceTo(new Date(Date.parse(await clock.now()) + seconds * 1000).toISOString());
};
const finish = ({ caseId }: LeasedRow): Delivery => {
  done.add(caseId);
  return { kind: 'done' };
};
const outbox = () => fixture.sql<{ id: string; case_id: string }>('select id, case_id from qamqor.outbox');
const incidentsOf = (caseId: string) =>
  fixture.sql<{ message: string }>(`select message from qamqor.incidents where case_id = $1 and status = 'open'`, [
    caseId,
  ]);

/** Cases whose outbox rows all wait, the poisoned one among them. */
async function crowd(): Promise<{ poisoned: string; others: string[] }> {
  handle = () => ({ kind: 'retry', reason: 'not yet', afterMs: 0, patient: true });
  const ids = (await Promise.all(Array.from({ length: NEIGHBOURS + 1 }, () => fixture.open('send')))).map(
    ({ id }) => id,
  );
  await until(() => fixture.runtime.quiet);
  const middle = NEIGHBOURS >> 1;
  return { poisoned: ids[middle] ?? '', others: ids.filter((_, index) => index !== middle) };
}

/** What is stored of a case becomes something else, until the example is over. */
async function spoiled(caseId: string, chart: string, look: () => Promise<void>): Promise<void> {
  const [whole] = await fixture.sql<{ chart: string }>('select chart from qamqor.cases where id = $1', [caseId]);
  await fixture.sql(`update qamqor.cases set chart = ${chart} where id = $1`, [caseId]);
  try {
    await look();
  } finally {
    await fixture.sql('update qamqor.cases set chart = $2 where id = $1', [caseId, whole?.chart]);
  }
}

/** One wake-up names them all. */
async function deliverAll(worker: Pick<OutboxWorker, 'deliver'> = fixture.runtime.worker): Promise<void> {
  await worker.deliver((await outbox()).map(({ id }) => id));
}

async function expectNeighboursGoOn(others: string[]): Promise<void> {
  const answers = await Promise.all(others.map((id) => fixture.send(id, 'ADD')));
  expect(answers.map(({ outcome }) => outcome)).toEqual(others.map(() => 'taken'));
}

describe('F42: an outbox row that cannot be read', () => {
  it.each(['{"entry":', '', 'null', '[]'])(
    '("%s") becomes an incident of its case; the others of its wake-up go out',
    async (payload) => {
      const { poisoned, others } = await crowd();
      await fixture.sql('update qamqor.outbox set payload = $2 where case_id = $1', [poisoned, payload]);
      handle = finish;
      await deliverAll();
      expect([...done].sort()).toEqual([...others].sort());
      expect(await incidentsOf(poisoned)).toEqual([{ message: expect.stringContaining('cannot be read') }]);
      expect(await fixture.sql('select case_id, parked from qamqor.outbox')).toEqual([
        { case_id: poisoned, parked: true },
      ]);
      await expectNeighboursGoOn([...others, poisoned]);
    },
  );
});

describe('F42: a case whose stored state cannot be read', () => {
  const spoil: [string, string][] = [
    ['is half of a JSON', `left(chart, 40)`],
    ['is empty', `''`],
    ['is null', `'null'`],
    ['stands in a state that there is not', `replace(chart, '"value":"sending"', '"value":"nowhere"')`],
    ['has no snapshot', `'{}'`],
  ];

  it.each(spoil)(
    '(it %s) holds up nobody: commands, hand-offs and timers of the others go on',
    async (_what, chart) => {
      const { poisoned, others } = await crowd();
      await spoiled(poisoned, chart, async () => {
        // In one batch with its neighbours.
        const [lost, ...kept] = await Promise.allSettled([poisoned, ...others].map((id) => fixture.send(id, 'ADD')));
        expect(kept.map(({ status }) => status)).toEqual(others.map(() => 'fulfilled'));
        expect(lost?.status).toBe('rejected');
        handle = (row) => (row.caseId === poisoned ? { kind: 'give-up', reason: 'no' } : finish(row));
        await deliverAll();
        expect([...done].sort()).toEqual([...others].sort());

        await later(2 * 86_400);
        await fixture.runtime.sweeper.sweep();
        for (const id of others) expect(await fixture.read(id)).toMatchObject({ state: 'waiting' });
        // Its timer does not stand before those of the others for ever.
        const stands = 'select from qamqor.timers where passed_at is null and due_at < qamqor_now()';
        expect(await fixture.sql(stands)).toEqual([]);
      });
    },
  );

  it.each(spoil)('(it %s) is named by verify, and no other one is', async (_what, chart) => {
    const { poisoned } = await crowd();
    const named = async () => {
      const { problems } = await verify(fixture.runtime, ORGANISATION, {});
      return new Set(problems.map((problem) => problem.case));
    };
    const before = await named();
    await spoiled(poisoned, chart, async () => expect(await named()).toEqual(before.add(poisoned)));
  });

  it.each(spoil)('(it %s) keeps nobody from finding the orphans among the others', async (_what, chart) => {
    const { poisoned, others } = await crowd();
    const [orphan = ''] = others;
    await fixture.sql('delete from qamqor.timers where case_id = $1', [orphan]);
    await fixture.sql('delete from qamqor.outbox where case_id = $1', [orphan]);
    const orphans = new OrphansService({
      engine: fixture.runtime.engine,
      versions: fixture.runtime.versions,
      pool: fixture.database.pool('relay'),
      elapsed: () => performance.now(),
      warn: (message, error) => fixture.warnings.push(`${message} ${String(error)}`),
    });
    await spoiled(poisoned, chart, () => orphans.look());
    expect(await incidentsOf(orphan)).toHaveLength(1);
  });
});

describe('F43: a handler', () => {
  const bare: unknown = Object.create(null);
  const faults: [string, () => Promise<Delivery>][] = [
    [
      'that throws before it gives a promise',
      () => {
        throw new Error('at once');
      },
    ],
    ['that rejects', () => Promise.reject(new Error('later'))],
    ['that rejects with nothing', () => Promise.reject(undefined)],
    ['that rejects with null', () => Promise.reject(null)],
    ['that rejects with a text', () => Promise.reject('no error at all')],
    ['that rejects with what cannot be made a text', () => Promise.reject(bare)],
    ['that answers nothing', () => Promise.resolve(undefined as unknown as Delivery)],
    ['that answers something else', () => Promise.resolve({ kind: 'maybe' } as unknown as Delivery)],
    ['that never answers', () => new Promise<never>(() => undefined)],
  ];

  it.each(faults)('%s fails for its own row alone, and is an incident in the end', async (_what, fault) => {
    const { poisoned, others } = await crowd();
    const worker = new OutboxWorker({
      pool: fixture.database.pool('relay'),
      engine: fixture.runtime.engine,
      handlers: new Map([
        ['handOff.open', (row) => (row.caseId === poisoned ? fault() : Promise.resolve(finish(row)))],
      ]),
      random: () => 0,
      attemptMs: 50,
      warn: () => undefined,
    });
    await deliverAll(worker);
    expect([...done].sort()).toEqual([...others].sort());
    for (let attempt = 1; attempt < FAILURES && (await incidentsOf(poisoned)).length === 0; attempt += 1) {
      await fixture.sql('update qamqor.outbox set next_at = qamqor_now()');
      await deliverAll(worker);
    }
    worker.stop();
    expect(await incidentsOf(poisoned)).toEqual([{ message: expect.stringMatching(/\S/) }]);
    expect(await fixture.sql('select case_id, parked from qamqor.outbox')).toEqual([
      { case_id: poisoned, parked: true },
    ]);
    await expectNeighboursGoOn([...others, poisoned]);
  });
});

describe('F51: a workflow that goes round in a circle', () => {
  it('stays where it was, with an incident; its neighbours in the batch go on', async () => {
    await fixture.deploy({
      key: 'circle',
      title: { en: 'Circle' },
      context: {},
      events: { GO: { roles: [] } },
      initial: 'rest',
      states: { rest: { on: { GO: 'a' } }, a: { always: 'b' }, b: { always: 'a' } },
    });
    handle = finish;
    const circle = await fixture.open('circle');
    const others = await Promise.all(Array.from({ length: NEIGHBOURS }, () => fixture.open('send')));
    const [lost, ...kept] = await Promise.allSettled([
      fixture.send(circle.id, 'GO'),
      ...others.map(({ id }) => fixture.send(id, 'ADD')),
    ]);
    expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'case-incident' } });
    expect(kept.map(({ status }) => status)).toEqual(others.map(() => 'fulfilled'));
    expect(await fixture.read(circle.id)).toMatchObject({ state: 'rest', revision: 1, incidents: 1 });
    expect(await incidentsOf(circle.id)).toEqual([{ message: expect.stringContaining('did not come to rest') }]);
  });
});
