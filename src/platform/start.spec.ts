import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { DatabaseClock } from './clock.js';
import { openOrm } from './orm.js';
import { loadSecret } from './secret.js';
import { Serving } from './serving.js';
import { startDatabase } from './start.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

describe('startDatabase', () => {
  it('brings an empty database to the version of the code', async () => {
    const empty = await createDatabase({ migrated: false });
    const told: string[] = [];
    const running = await startDatabase({ databaseUrl: empty.url, dataDir: '', production: true }, (line) =>
      told.push(line),
    );
    expect(told).toEqual([expect.stringContaining('M0001Platform')]);
    await running.stop();
    await expect(new DatabaseClock(empty.pool('app')).advanceTo('2099-01-01T00:00:00Z')).rejects.toThrow('production');
    await empty.close();
  });

  it('does not take a simulated database for production', async () => {
    const simulated = await createDatabase();
    await new DatabaseClock(simulated.pool('app')).advanceTo('2099-01-01T00:00:00Z');
    const start = startDatabase({ databaseUrl: simulated.url, dataDir: '', production: true }, () => undefined);
    await expect(start).rejects.toThrow('moved by a simulation');
    await simulated.close();
  });
});

describe('serving a database', () => {
  const begin = (mode: 'shared' | 'alone') => Serving.begin(database.url, mode, () => undefined);

  it('is for many at once, or for one simulation alone', async () => {
    const [first, second] = [await begin('shared'), await begin('shared')];
    await expect(begin('alone')).rejects.toThrow('Another process serves this database');
    await Promise.all([first.end(), second.end()]);

    const simulation = await begin('alone');
    await expect(begin('shared')).rejects.toThrow('A simulation is running');
    await expect(begin('alone')).rejects.toThrow('Another process');
    await simulation.end();
    await (await begin('shared')).end();
  });

  it('tells when it was lost', async () => {
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    const serving = await Serving.begin(database.url, 'shared', resolve);
    await database
      .pool('owner')
      .query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'qamqor serving shared'",
      );
    await lost;
    await serving.end();
  });
});

describe('the ORM', () => {
  const Organisation = defineEntity({
    name: 'Organisation',
    tableName: 'organisations',
    properties: { id: p.uuid().primary(), name: p.string(), createdAt: p.datetime() },
  });

  it('reads as the role app, in our schema, with a fork for each request', async () => {
    const orm = await openOrm(database.url, [Organisation]);
    const em = orm.em.fork();
    expect(await em.find(Organisation, {})).toMatchObject([{ name: 'Qamqor', createdAt: expect.any(Date) }]);
    expect(await em.getConnection().execute('select current_user as name')).toEqual([{ name: 'qamqor_app' }]);
    await expect(orm.em.find(Organisation, {})).rejects.toThrow(/global/);
    await orm.close();
  });

  it('gives Kysely for set-based work in the same transaction', async () => {
    const orm = await openOrm(database.url, [Organisation], { role: 'owner' });
    const work = orm.em.fork().transactional(async (em) => {
      await em
        .getKysely<{ organisations: { name: string } }>()
        .updateTable('organisations')
        .set({ name: 'Other' })
        .execute();
      expect(await em.find(Organisation, {})).toMatchObject([{ name: 'Other' }]);
      throw new Error('back');
    });
    await expect(work).rejects.toThrow('back');
    expect(await orm.em.fork().find(Organisation, {})).toMatchObject([{ name: 'Qamqor' }]);
    await orm.close();
  });
});

describe('the secret', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'qamqor-secret-'));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  it('is made once, kept, and read by its owner alone', async () => {
    const made = await Promise.all([1, 2, 3].map(() => loadSecret({ secret: undefined, dataDir })));
    expect(new Set(made).size).toBe(1);
    expect(made[0]).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(join(dataDir, 'secret'))).mode & 0o777).toBe(0o600);
  });

  it('is the one that was set', async () => {
    expect(await loadSecret({ secret: 'mine', dataDir })).toBe('mine');
  });

  it('that is broken is not used', async () => {
    await writeFile(join(dataDir, 'secret'), 'short');
    await expect(loadSecret({ secret: undefined, dataDir })).rejects.toThrow('holds no secret');
  });
});
