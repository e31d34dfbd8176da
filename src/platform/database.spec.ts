import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import {
  CommitUnknown,
  commit,
  connectionConfig,
  type DatabaseRole,
  isConnectionLost,
  isRetryable,
  openPool,
  sqlState,
  withTransaction,
} from './database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.pool('owner').query(`create table counters (id int primary key, value int not null);
    insert into counters values (1, 0), (2, 0); grant all on counters to qamqor_app, qamqor_engine`);
});
afterAll(() => database.close());

const counter = async (id: number) => {
  const { rows } = await database
    .pool('app')
    .query<{ value: number }>('select value from counters where id = $1', [id]);
  return rows[0]?.value;
};

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('It should have failed.');
    },
    (error: unknown) => error,
  );
}

describe('a pool', () => {
  it.each<[DatabaseRole, string]>([
    ['owner', 'qamqor_owner'],
    ['app', 'qamqor_app'],
    ['engine', 'qamqor_engine'],
    ['relay', 'qamqor_relay'],
  ])('of the role %s works as %s, who is no superuser', async (role, name) => {
    const { rows } = await database
      .pool(role)
      .query(
        "select current_user as name, current_setting('is_superuser') as superuser, current_setting('TimeZone') as zone",
      );
    expect(rows).toEqual([{ name, superuser: 'off', zone: 'UTC' }]);
  });

  it('does not let its roles change the schema', async () => {
    await expect(database.pool('app').query('create table qamqor.mine (id int)')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(database.pool('engine').query('drop table counters')).rejects.toMatchObject({ code: '42501' });
  });

  it('ends statements that take too long, and transactions that are forgotten', async () => {
    const pool = database.openPool('app', { statementTimeoutMs: 50, idleInTransactionMs: 50 });
    expect(sqlState(await failureOf(pool.query('select pg_sleep(10)')))).toBe('57014');
    const client = await pool.connect();
    await client.query('begin');
    await new Promise((resolve) => client.once('end', resolve));
    expect(isConnectionLost(await failureOf(client.query('select 1')))).toBe(true);
    client.release(true);
    await pool.end();
  });

  it('outlives the loss of its idle connections', async () => {
    const errors: Error[] = [];
    const pool = database.openPool('app', { onIdleError: (error) => errors.push(error) });
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    const told = new Promise((resolve) => pool.once('error', resolve));
    await database.pool('owner').query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await told;
    expect(errors).toHaveLength(1);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it('keeps the options that the URL gives', () => {
    const { options, connectionString } = connectionConfig(
      'postgres://u@h:1/d?options=-c%20work_mem%3D8MB&sslmode=disable',
      'app',
    );
    expect(options).toMatch(/^-c work_mem=8MB -c search_path=qamqor .*-c role=qamqor_app$/);
    expect(connectionString).toBe('postgres://u@h:1/d?sslmode=disable');
  });
});

describe('withTransaction', () => {
  it('stores all or nothing', async () => {
    const pool = database.pool('app');
    const failed = withTransaction(pool, async (client) => {
      await client.query('update counters set value = 7 where id = 1');
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await counter(1)).toBe(0);
    await withTransaction(pool, (client) => client.query('update counters set value = 8 where id = 1'));
    expect(await counter(1)).toBe(8);
  });

  it('does not take the ROLLBACK of a failed transaction for its COMMIT', async () => {
    const swallowed = withTransaction(database.pool('app'), async (client) => {
      await client.query('update counters set value = 9 where id = 1');
      await client.query('select 1 / 0').catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow('rolled back');
    expect(await counter(1)).toBe(8);
  });

  it('says that it does not know when the connection is lost at COMMIT', async () => {
    const pool = database.openPool('app');
    const lost = withTransaction(pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const gone = new Promise((resolve) => client.once('error', resolve));
      await database.pool('owner').query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await gone;
    });
    const error = await failureOf(lost);
    expect(error).toBeInstanceOf(CommitUnknown);
    expect(isConnectionLost(error)).toBe(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it('names what may succeed at a second try: deadlocks, locks, lost connections', async () => {
    const pool = database.pool('app');
    const cross = (first: number, second: number, met: () => Promise<void>) =>
      withTransaction(pool, async (client) => {
        await client.query('update counters set value = value + 1 where id = $1', [first]);
        await met();
        await client.query('update counters set value = value + 1 where id = $1', [second]);
      });
    let here = 0;
    const { promise: both, resolve } = Promise.withResolvers<void>();
    const met = async () => {
      here += 1;
      if (here === 2) resolve();
      await both;
    };
    const results = await Promise.allSettled([cross(1, 2, met), cross(2, 1, met)]);
    const [failed] = results.filter((result) => result.status === 'rejected');
    expect(sqlState(failed?.reason)).toBe('40P01');
    expect(isRetryable(failed?.reason)).toBe(true);
    expect(isConnectionLost(failed?.reason)).toBe(false);
  });

  it('knows a server that is not there, and does not retry a mistake', async () => {
    const nobody = openPool('postgres://u@127.0.0.1:1/d', 'app');
    expect(isConnectionLost(await failureOf(nobody.query('select 1')))).toBe(true);
    await nobody.end();
    expect(isRetryable(await failureOf(database.pool('app').query('selec')))).toBe(false);
    expect(isRetryable(new Error('no'))).toBe(false);
    expect(isRetryable({ previous: { code: '40001' } })).toBe(true);
  });
});

describe('a pipelined connection', () => {
  it('answers each statement in its order, sent without waiting', async () => {
    const pool = database.openPool('engine', { pipeline: true, max: 1 });
    const client = await pool.connect();
    const answers = await Promise.all([
      client.query('begin'),
      client.query({ name: 'set', text: 'update counters set value = $1 where id = 2 returning value', values: [41] }),
      client.query({ name: 'set', text: 'update counters set value = $1 where id = 2 returning value', values: [42] }),
      client.query('commit'),
    ]);
    expect(answers.map(({ command }) => command)).toEqual(['BEGIN', 'UPDATE', 'UPDATE', 'COMMIT']);
    expect(answers[2]?.rows).toEqual([{ value: 42 }]);
    client.release();
    await pool.end();
  });

  it('fails the statement at fault with its own error, those after it with 25P02, and stores nothing', async () => {
    const pool = database.openPool('engine', { pipeline: true, max: 1 });
    const client = await pool.connect();
    const results = await Promise.allSettled([
      client.query('begin'),
      client.query('update counters set value = 0 where id = 2'),
      client.query({ name: 'bad', text: 'insert into counters values ($1, 0)', values: [1] }),
      client.query({ name: 'late', text: 'select value from counters where id = $1', values: [1] }),
      commit(client),
    ]);
    expect(
      results.map((result) => (result.status === 'rejected' ? (sqlState(result.reason) ?? 'ours') : 'ok')),
    ).toEqual(['ok', 'ok', '23505', '25P02', 'ours']);
    // The connection is good for the next transaction, its named statements too.
    const again = await Promise.all([
      client.query('begin'),
      client.query({ name: 'late', text: 'select value from counters where id = $1', values: [2] }),
      client.query({ name: 'bad', text: 'insert into counters values ($1, 0)', values: [3] }),
      commit(client),
    ]);
    expect(again[1]?.rows).toEqual([{ value: 42 }]);
    client.release();
    await pool.end();
  });

  it('fails everything that was sent when the connection is lost', async () => {
    const pool = database.openPool('engine', { pipeline: true, max: 1 });
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const sent = Promise.allSettled([client.query('begin'), client.query('select pg_sleep(30)'), commit(client)]);
    await database.pool('owner').query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    const [, slept, committed] = await sent;
    expect(slept?.status === 'rejected' && isConnectionLost(slept.reason)).toBe(true);
    expect(committed?.status === 'rejected' && committed.reason).toBeInstanceOf(CommitUnknown);
    client.release(true);
    await pool.end();
  });

  it('refuses text that PostgreSQL cannot hold, for that statement alone', async () => {
    const pool = database.openPool('engine', { pipeline: true, max: 1 });
    const [bad, good] = await Promise.allSettled([
      pool.query('select $1::text', ['a\0b']),
      pool.query('select 1 as one'),
    ]);
    expect(bad?.status).toBe('rejected');
    expect(good).toMatchObject({ status: 'fulfilled', value: { rows: [{ one: 1 }] } });
    await pool.end();
  });
});
