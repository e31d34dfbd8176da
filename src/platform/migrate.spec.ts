import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Migration } from '@mikro-orm/migrations';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { until } from '../../test/engine.js';
import { DatabaseClock } from './clock.js';
import { sqlState } from './database.js';
import { migrate } from './migrate.js';
import { MIGRATIONS } from './migrations/index.js';

class M9001Good extends Migration {
  override up(): void {
    this.addSql('create table good (id int)');
  }
}

class M9002Bad extends Migration {
  override up(): void {
    this.addSql('create table half (id int)');
    this.addSql('select 1 / 0');
  }
}

class M9003Cut extends Migration {
  override up(): void {
    this.addSql('create table half (id int)');
    this.addSql('select pg_terminate_backend(pg_backend_pid())');
  }
}

class M9004Widens extends Migration {
  override up(): void {
    this.addSql('alter table qamqor.cases add column wider int');
  }
}

class M9005Deadlocks extends Migration {
  override up(): void {
    this.addSql('alter table qamqor.cases add column wider int');
    this.addSql('alter table qamqor.timers add column wider int');
  }
}

/** How many wait for a table of their own. */
async function waitingFor(database: TestDatabase): Promise<number | null> {
  const { rowCount } = await database
    .pool('owner')
    .query(
      `select from pg_locks where not granted and mode = 'AccessExclusiveLock' and database = (select oid from pg_database where datname = current_database())`,
    );
  return rowCount;
}

async function tables(database: TestDatabase): Promise<string[]> {
  const { rows } = await database
    .pool('owner')
    .query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'qamqor' and tablename in ('good', 'half', 'clock_offset')",
    );
  return rows.map((row) => row.name).sort();
}

describe('migrations', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase({ migrated: false });
  });
  afterAll(() => database.close());

  it('F48: run once when several processes start at the same moment', async () => {
    const ran = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
    expect(ran.flat()).toEqual(MIGRATIONS.map(({ name }) => name));
    expect(await migrate(database.url)).toEqual([]);
  });

  it('F48: are all or nothing', async () => {
    await expect(migrate(database.url, [...MIGRATIONS, M9001Good, M9002Bad])).rejects.toThrow('division by zero');
    expect(await tables(database)).toEqual(['clock_offset']);
  });

  it('F48: whose connection breaks end with an error, and leave nothing', async () => {
    await expect(migrate(database.url, [...MIGRATIONS, M9001Good, M9003Cut])).rejects.toThrow(/terminat/);
    expect(await tables(database)).toEqual(['clock_offset']);
  });

  it('F46: of a newer version stop an older one', async () => {
    await migrate(database.url, [...MIGRATIONS, M9001Good]);
    await expect(migrate(database.url)).rejects.toThrow(/newer Qamqor \(M9001Good\)/);
  });

  it('F48: under load wait for a table only shortly, so that nobody has to wait long behind them, and go on when it is free', async () => {
    const other = await createDatabase();
    const app = other.pool('app');
    const reader = await other.pool('owner').connect();
    await reader.query('begin; lock table qamqor.cases in access share mode');
    const migrating = migrate(other.url, [...MIGRATIONS, M9004Widens], { lockMs: 200 });
    const waits = () => waitingFor(other);
    await until(async () => (await waits()) === 1);
    // Whoever stands behind it gets through while the reader still reads.
    await app.query('select from qamqor.cases limit 1');
    await until(async () => (await waits()) === 0);
    expect(await Promise.race([migrating, Promise.resolve('waits')])).toBe('waits');
    await reader.query('commit');
    reader.release();
    expect(await migrating).toEqual(['M9004Widens']);
    await other.close();
  });

  it('F48: that would wait for each other with whoever works for ever are run again, and go on', async () => {
    const other = await createDatabase();
    const worker = await other.pool('owner').connect();
    await worker.query('begin; lock table qamqor.timers in access share mode');
    const migrating = migrate(other.url, [...MIGRATIONS, M9005Deadlocks]);
    migrating.catch(() => undefined);
    await until(async () => (await waitingFor(other)) === 1);
    // The migration has waited for longer, and so is the one that PostgreSQL ends.
    await worker.query('select from qamqor.cases limit 1');
    await worker.query('commit');
    worker.release();
    expect(await migrating).toEqual(['M9005Deadlocks']);
    await other.close();
  });

  it('F48: that find a table locked for good end with what to do, and have changed nothing', async () => {
    const other = await createDatabase();
    const reader = await other.pool('owner').connect();
    await reader.query('begin; lock table qamqor.cases in access share mode');
    const refused = migrate(other.url, [...MIGRATIONS, M9001Good, M9004Widens], { lockMs: 50, tries: 2 });
    await expect(refused).rejects.toMatchObject({ name: 'StartError', code: 'database-in-use' });
    expect(await tables(other)).toEqual(['clock_offset']);
    await reader.query('rollback');
    reader.release();
    expect(await migrate(other.url, [...MIGRATIONS, M9001Good, M9004Widens])).toEqual(['M9001Good', 'M9004Widens']);
    await other.close();
  });

  it('have names in the order in which they run, each once', () => {
    const names = MIGRATIONS.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names.every((name) => /^M\d{4}[A-Z]\w+$/.test(name))).toBe(true);
  });
});

describe('the clock', () => {
  let database: TestDatabase;
  let clock: DatabaseClock;
  beforeAll(async () => {
    database = await createDatabase();
    clock = new DatabaseClock(database.pool('app'));
  });
  afterAll(() => database.close());

  it('goes with the wall clock, in whole milliseconds', async () => {
    const before = Date.now();
    const now = await clock.now();
    expect(now).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(now) - before)).toBeLessThan(5_000);
  });

  it('moves on within a transaction, and read in brackets is one moment for the whole statement', async () => {
    const { rows } = await database
      .pool('engine')
      .query<{ same: boolean }>(
        'select count(distinct moment) = 1 as same from (select (select qamqor_now()) as moment from generate_series(1, 1000)) moments',
      );
    expect(rows).toEqual([{ same: true }]);
    const client = await database.pool('engine').connect();
    await client.query('begin');
    const read = async () =>
      (await client.query<{ now: Date }>('select qamqor_now() as now')).rows[0]?.now.getTime() ?? 0;
    const first = await read();
    await client.query('select pg_sleep(0.005)');
    expect(await read()).toBeGreaterThan(first);
    await client.query('rollback');
    client.release();
  });

  it('is moved forward for everybody, and never back', async () => {
    const later = new Date(Date.now() + 40 * 86_400_000).toISOString();
    const reached = await clock.advanceTo(later);
    expect(Date.parse(reached)).toBeGreaterThanOrEqual(Date.parse(later));
    expect(Date.parse(reached) - Date.parse(later)).toBeLessThan(5_000);
    await clock.advanceTo(new Date().toISOString());
    const seen = await new DatabaseClock(database.pool('engine')).now();
    expect(Date.parse(seen)).toBeGreaterThanOrEqual(Date.parse(reached));
  });

  it('cannot be moved but by its function', async () => {
    const set = database.pool('app').query("update clock_offset set ahead = interval '9 days'");
    await expect(set).rejects.toMatchObject({ code: '42501' });
  });

  it('that a simulation has moved is not taken for production', async () => {
    const error = await clock.declareProduction().catch((each: unknown) => each);
    expect(sqlState(error)).toBe('QC002');
  });

  it('begins in the past where nothing has happened, and from there goes forward until it is the real one', async () => {
    const empty = await createDatabase();
    const past = new DatabaseClock(empty.pool('app'));
    expect(await past.isBehind()).toBe(false);
    const began = await past.beginAt(new Date(Date.now() - 90 * 86_400_000).toISOString());
    expect(Date.now() - Date.parse(began)).toBeGreaterThan(89 * 86_400_000);
    expect(await past.isBehind()).toBe(true);
    const twice = await past.beginAt('2020-01-01T00:00:00Z').catch((each: unknown) => each);
    expect(sqlState(twice)).toBe('QC003');
    await past.advanceTo(new Date(Date.now() - 86_400_000).toISOString());
    expect(Date.parse(await past.now())).toBeGreaterThan(Date.parse(began) + 88 * 86_400_000);
    expect(Math.abs(Date.parse(await past.catchUp()) - Date.now())).toBeLessThan(5_000);
    expect(await past.isBehind()).toBe(false);
    // Nothing of it stays behind: production would refuse that.
    await past.declareProduction();
    expect(sqlState(await past.beginAt('2020-01-01T00:00:00Z').catch((each: unknown) => each))).toBe('QC001');
    await empty.close();
  });

  it('that runs ahead is not set to the real one', async () => {
    const before = await clock.now();
    expect(Date.parse(await clock.catchUp())).toBeGreaterThanOrEqual(Date.parse(before));
  });

  it('of production cannot be moved', async () => {
    const production = await createDatabase();
    const other = new DatabaseClock(production.pool('app'));
    await other.declareProduction();
    await other.declareProduction();
    expect(sqlState(await other.advanceTo('2099-01-01T00:00:00Z').catch((each: unknown) => each))).toBe('QC001');
    expect(Math.abs(Date.parse(await other.now()) - Date.now())).toBeLessThan(5_000);
    await production.close();
  });
});
