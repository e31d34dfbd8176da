import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ENGINE_SENDER } from '../../src/engine/sender.js';
import { ApiFixture } from '../api.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { EngineFixture, until } from '../engine.js';
import { TWO_STEPS } from '../two-steps.js';
import { violations } from './invariants.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full ? { cases: 200, marks: 20, heldCases: 2_000 } : { cases: 20, marks: 6, heldCases: 100 };
const LONG_MS = full ? 600_000 : 120_000;

const told503 = { status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } };

describe('an application', () => {
  let api: ApiFixture;
  let admin: pg.Client;
  beforeAll(async () => {
    api = await ApiFixture.create({ databaseConnections: 2 });
    await api.deploy(TWO_STEPS.workflow, TWO_STEPS.files);
    admin = new pg.Client({ connectionString: api.database.url });
    await admin.connect();
  }, LONG_MS);
  afterAll(async () => {
    await admin?.end();
    await api?.close();
  }, 60_000);

  const open = () => api.post('integration', '/api/cases', { workflow: 'two-steps', input: {} });
  const cases = () => api.get('integration', '/api/cases');

  it(
    'F20: that the server gives no connection tells 503 and when to come back, and goes on when there is one',
    async () => {
      const limit = (connections: number) =>
        admin.query(
          `do $$ begin execute format('alter database %I connection limit ${connections}', current_database()); end $$`,
        );
      await limit(0);
      try {
        await admin.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        );
        // What was ended is noticed by the first request on it; from then on every connection is refused.
        await cases();
        const answers = await Promise.all([cases(), open(), cases()]);
        for (const answer of answers) expect(answer).toMatchObject({ ...told503, body: { code: 'unavailable' } });
      } finally {
        await limit(-1);
      }
      expect((await cases()).status).toBe(200);
      expect((await open()).status).toBe(201);
    },
    LONG_MS,
  );

  it(
    'F20: whose own connections are all taken tells 503 and when to come back, and nobody stands still for ever',
    async () => {
      await admin.query('begin; lock table qamqor.cases in access exclusive mode');
      const asked = Array.from({ length: 12 }, cases);
      try {
        expect(await Promise.race(asked)).toMatchObject({ ...told503, body: { code: 'unavailable' } });
      } finally {
        await admin.query('rollback');
      }
      for (const { status } of await Promise.all(asked)) expect([200, 503]).toContain(status);
      expect((await cases()).status).toBe(200);
    },
    LONG_MS,
  );

  it(
    'F22: lets only that case wait that somebody else has locked, and says so after seconds',
    async () => {
      const [held, free] = [(await open()).body.id, (await open()).body.id];
      const stop = (id: string) => api.post('registrar', `/api/cases/${id}/events`, { type: 'STOP' });
      await admin.query('begin');
      await admin.query('select 1 from qamqor.cases where id = $1 for update', [held]);
      try {
        const blocked = stop(held);
        expect((await stop(free)).status).toBe(200);
        expect((await open()).status).toBe(201);
        expect(await blocked).toMatchObject({ ...told503, body: { code: 'case-busy' } });
      } finally {
        await admin.query('rollback');
      }
      expect((await stop(held)).status).toBe(200);
    },
    LONG_MS,
  );

  it('F21: has no session that may hold a transaction open, or one statement, without an end', async () => {
    const { pool, relayPool, runtime } = api.system;
    for (const [name, { options }] of Object.entries({ app: pool, relay: relayPool, ...runtime.pools })) {
      const client = new pg.Client(options);
      await client.connect();
      const { rows } = await client.query(
        `select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle`,
      );
      await client.end();
      expect({ name, ...rows[0] }).toEqual({
        name,
        statement: expect.not.stringMatching(/^0$/),
        idle: expect.not.stringMatching(/^0$/),
      });
    }
  });
});

const adding = {
  key: 'adding',
  title: { en: 'Adding' },
  context: { marks: [] },
  events: {
    ADD: { roles: [], schema: { type: 'object', properties: { mark: { type: 'string' } }, required: ['mark'] } },
  },
  delays: { patience: '1 day' },
  initial: 'asking',
  on: { ADD: { actions: { type: 'set', params: { marks: '= concatenate(context.marks, [event.data.mark])' } } } },
  states: {
    asking: { invoke: { id: 'ask', src: 'handOff', input: { partner: 'p', service: 's' }, onDone: 'asked' } },
    asked: { after: { patience: 'over' } },
    over: { type: 'final' },
  },
};

describe('the engine', () => {
  let database: TestDatabase;
  let fixture: EngineFixture;
  beforeAll(async () => {
    database = await createDatabase();
    fixture = EngineFixture.on(database, database.url, ['task']);
    const { engine, sweeper } = fixture.runtime;
    engine.registerSource({ ...fixture.noting('handOff'), topics: { open: 'handOff.open' } });
    engine.registerOutbox('handOff.open', ({ id, organisationId, caseId, entryId }) => {
      const answer = { organisationId, caseId, id, entryId: entryId ?? '', keep: false, output: null } as const;
      const command = { ...answer, kind: 'answer', lane: 'machines', sender: ENGINE_SENDER, late: 'journal' } as const;
      return Promise.resolve({ kind: 'answer', command });
    });
    await fixture.deploy(adding);
    sweeper.start();
  }, LONG_MS);
  afterAll(async () => {
    await fixture?.close();
    await database?.close();
  }, 60_000);

  /** How many cases are still to be opened. */
  let left = 0;
  // A test that fails leaves the next one neither its storm nor its load.
  afterEach(async () => {
    left = 0;
    await calm();
  });

  /** Cases that are opened, asked for, and given marks, two hundred at once; gives their ids. */
  async function lead(count: number): Promise<string[]> {
    const ids: string[] = [];
    left = count;
    const one = async () => {
      for (; left > 0; ) {
        left -= 1;
        const { id } = await fixture.open('adding');
        for (let n = 0; n < SIZE.marks; n += 1) await fixture.send(id, 'ADD', { mark: String(n) });
        ids.push(id);
      }
    };
    await Promise.all(Array.from({ length: 200 }, one));
    return ids;
  }

  async function expectOnce(ids: string[]): Promise<void> {
    const wanted = Array.from({ length: SIZE.marks }, (_, n) => String(n));
    await until(async () => {
      const records = await Promise.all(ids.map((id) => fixture.read(id)));
      return records.every(({ state }) => state === 'asked');
    });
    for (const id of ids) expect((await fixture.read(id)).chart.snapshot.context['marks']).toEqual(wanted);
    const rows = await fixture.sql<{ count: number }>(
      `select count(*)::int as count from qamqor.journal where case_id = any ($1::uuid[]) and kind <> 'ignored' group by case_id`,
      [ids],
    );
    expect(rows).toEqual(ids.map(() => ({ count: SIZE.marks + 2 })));
    expect(await violations(database.url)).toEqual([]);
  }

  /** Every statement that writes to the journal fails by this rule of its number, which no rollback takes back. */
  async function storm(rule: string): Promise<void> {
    await fixture.sql(`
      create sequence if not exists qamqor.storm;
      create or replace function qamqor.storm() returns trigger language plpgsql security definer as $$
        declare n bigint := nextval('qamqor.storm');
        begin
          if ${rule} then
            if n % 2 = 0 then raise exception 'storm' using errcode = 'serialization_failure'; end if;
            raise exception 'storm' using errcode = 'deadlock_detected';
          end if;
          return null;
        end $$;
      create or replace trigger storm before insert on qamqor.journal for each statement execute function qamqor.storm()`);
  }
  const calm = () => fixture.sql('drop trigger if exists storm on qamqor.journal');
  const tries = async () => {
    const [row] = await fixture.sql<{ tries: string }>('select last_value as tries from qamqor.storm');
    return Number(row?.tries);
  };

  it(
    'F23: runs again what serialisation failures and deadlocks have rolled back, and does it once',
    async () => {
      await storm('n % 3 <> 0');
      const ids = await lead(SIZE.cases);
      await expectOnce(ids);
      expect(await tries()).toBeGreaterThan(SIZE.marks * 2);
      await calm();
    },
    LONG_MS,
  );

  it(
    'F23: gives up after seconds where it does not end: 503, and nothing was done',
    async () => {
      const { id } = await fixture.open('adding');
      await until(async () => (await fixture.read(id)).state === 'asked');
      await storm('true');
      const before = await tries();
      await expect(fixture.send(id, 'ADD', { mark: 'never' })).rejects.toMatchObject({ status: 503, retryAfter: 2 });
      // One try takes 50 ms and more, and it is tried for ten seconds.
      expect((await tries()) - before).toBeLessThanOrEqual(250);
      await calm();
      await fixture.send(id, 'ADD', { mark: 'now' });
      expect((await fixture.read(id)).chart.snapshot.context['marks']).toEqual(['now']);
    },
    LONG_MS,
  );

  it(
    'F21: goes on while somebody else holds a transaction open; what is left lying costs room only',
    async () => {
      const holder = new pg.Client({ connectionString: database.url });
      await holder.connect();
      try {
        await holder.query('begin isolation level repeatable read');
        await holder.query('select count(*) from qamqor.outbox');
        const began = performance.now();
        const ids = await lead(SIZE.heldCases);
        await expectOnce(ids);
        const perCase = ((performance.now() - began) / SIZE.heldCases).toFixed(1);
        process.stdout.write(`F21: ${perCase} ms a case while nothing could be cleared away.\n`);
      } finally {
        await holder.end();
      }
    },
    LONG_MS,
  );

  it('F21: loses a session that holds a transaction open and does nothing, and no more than that', async () => {
    const pool = database.openPool('engine', { idleInTransactionMs: 200, max: 1 });
    const client = await pool.connect();
    const ended = new Promise<Error>((resolve) => client.once('error', resolve));
    await client.query('begin');
    expect(await ended).toMatchObject({ code: '25P03' });
    client.release(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});
