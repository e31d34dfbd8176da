import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { asAppError } from '../../src/api/problem.js';
import { migrate } from '../../src/platform/migrate.js';
import { API_KEY } from '../api.js';
import { createDatabase, databaseAt, type TestDatabase } from '../database.js';
import { EngineFixture } from '../engine.js';
import { hasRealPostgres, RealPostgres, realPostgres } from '../real-postgres.js';
import { freePort } from '../redis.js';
import { hasSmallDisk, SmallDisk, smallDisk } from '../small-disk.js';
import { violations } from './invariants.js';
import { Place } from './processes.js';

const full = process.env.QAMQOR_TEST === 'full';
const LONG_MS = 180_000;
const MB = 1_000_000;

const waiting = {
  key: 'waiting',
  title: { en: 'Waiting' },
  delays: { patience: '1 day' },
  context: { note: '= input.note' },
  initial: 'waiting',
  states: { waiting: { after: { patience: 'over' } }, over: { type: 'final' } },
};

(full && hasRealPostgres && hasSmallDisk ? describe : describe.skip)(`${realPostgres} on ${smallDisk}`, () => {
  let postgres: RealPostgres;
  let disk: SmallDisk | undefined;
  let database: TestDatabase | undefined;
  let fixture: EngineFixture | undefined;
  afterEach(async () => {
    await fixture?.close();
    await database?.close();
    await postgres?.kill();
    disk?.remove();
    await postgres?.close();
    [fixture, database, disk] = [undefined, undefined, undefined];
  }, 60_000);

  function mount(megabytes: number): SmallDisk {
    disk = new SmallDisk(postgres.makeFolder('small'), megabytes);
    return disk;
  }

  async function begin(): Promise<EngineFixture> {
    database = await databaseAt(postgres.url);
    fixture = EngineFixture.on(database);
    await fixture.deploy(waiting);
    return fixture;
  }

  /** Cases are opened until some are refused, as they must be: to be sent again. Gives those that were acknowledged, and how many were not. */
  async function untilFull(engine: EngineFixture, whenSome: () => void): Promise<[Set<string>, number]> {
    const acknowledged = new Set<string>();
    const refused: unknown[] = [];
    let isToldSome = false;
    const client = async () => {
      while (refused.length < 4) {
        await engine.open('waiting', { note: 'x'.repeat(5_000) }).then(
          ({ id }) => acknowledged.add(id),
          (error: unknown) => refused.push(error),
        );
        // Several may be acknowledged at once.
        if (acknowledged.size < 50 || isToldSome) continue;
        isToldSome = true;
        whenSome();
      }
    };
    await Promise.all(Array.from({ length: 4 }, client));
    // Some are told by the engine, some before it: over HTTP both are 503 with Retry-After.
    for (const error of refused)
      expect(asAppError(error)).toMatchObject({ status: 503, code: 'unavailable', retryAfter: 2 });
    return [acknowledged, refused.length];
  }

  async function stored(engine: EngineFixture): Promise<Set<string>> {
    const rows = await engine.sql<{ id: string }>('select id from qamqor.cases');
    return new Set(rows.map(({ id }) => id));
  }

  async function expectWhole(engine: EngineFixture, acknowledged: Set<string>): Promise<void> {
    expect(await stored(engine)).toEqual(acknowledged);
    expect(await violations(postgres.url)).toEqual([]);
  }

  it(
    'F24: that is full: 503 and when to come back, nothing acknowledged is lost, and all goes on when there is room',
    async () => {
      postgres = await RealPostgres.create(() => ({}));
      const mounted = mount(80);
      await postgres.sql(
        `create tablespace small location '${mounted.folder}'`,
        'alter database qamqor set tablespace small',
      );
      const engine = await begin();
      const [acknowledged] = await untilFull(engine, () => mounted.fill(MB));
      expect(acknowledged.size).toBeGreaterThan(50);
      await expectWhole(engine, acknowledged);
      mounted.empty();
      for (let n = 0; n < 20; n += 1) acknowledged.add((await engine.open('waiting', { note: 'again' })).id);
      await expectWhole(engine, acknowledged);

      await postgres.kill();
      await postgres.start('data');
      await expectWhole(engine, acknowledged);
      postgres.run('pg_amcheck', ['--install-missing', '--heapallindexed', 'qamqor']);
    },
    LONG_MS,
  );

  // Its first half is a database that is away for as long as a command is patient.
  (full ? it : it.skip)(
    'F24: that has no room for the log: PostgreSQL ends, and started again with room it has all that was acknowledged',
    async () => {
      postgres = await RealPostgres.create(() => ({}));
      await postgres.kill();
      const mounted = mount(120);
      execFileSync('cp', ['-a', join(postgres.folder('data'), 'pg_wal'), mounted.folder]);
      renameSync(join(postgres.folder('data'), 'pg_wal'), join(postgres.folder('data'), 'pg_wal.before'));
      symlinkSync(join(mounted.folder, 'pg_wal'), join(postgres.folder('data'), 'pg_wal'));
      await postgres.start('data');
      const engine = await begin();
      const [acknowledged, refused] = await untilFull(engine, () => mounted.fill());
      mounted.empty();
      await postgres.kill();
      await postgres.start('data');
      // Of the last ones nobody knew: they were told 503, and their COMMIT may have come to the disk.
      const there = await stored(engine);
      expect([...acknowledged].filter((id) => !there.has(id))).toEqual([]);
      expect(there.size).toBeLessThanOrEqual(acknowledged.size + refused);
      there.add((await engine.open('waiting', { note: 'again' })).id);
      await expectWhole(engine, there);
    },
    LONG_MS,
  );
});

(hasSmallDisk ? describe : describe.skip)(`a backup on ${smallDisk}`, () => {
  it(
    'F25: that finds no room says so and leaves no part of itself; the database goes on',
    async () => {
      execFileSync(process.execPath, ['scripts/build-once.js']);
      const place = await Place.create();
      const disk = new SmallDisk(mkdtempSync(join(tmpdir(), 'qamqor-backups-')), 2);
      try {
        await migrate(await place.ensureDatabase());
        const { code, stderr } = await place.start('dist/src/cli.js', ['backup', join(disk.folder, 'b.tar.gz')]).ended;
        expect({ code, stderr }).toEqual({
          code: 2,
          stderr: expect.stringContaining('There is no room for the backup'),
        });
        expect(readdirSync(disk.folder)).toEqual([]);
        // Whoever ends last stops the database; it is as it was.
        await migrate(await place.ensureDatabase());
      } finally {
        disk.remove();
        rmSync(disk.folder, { recursive: true });
        await place.remove();
      }
    },
    LONG_MS,
  );
});

(hasSmallDisk ? describe : describe.skip)(`a first start on ${smallDisk}`, () => {
  const FATAL = /^\{.*"level":"fatal".*\}$/gm;

  it.each([
    ['is full', 0],
    ['has no room for a database', 20 * MB],
    ['has no room for our tables', 52 * MB],
  ])(
    'F25: that %s: ends with 2 and one line that says so, and goes on when there is room',
    async (_what, room) => {
      execFileSync(process.execPath, ['scripts/build-once.js']);
      const home = mkdtempSync(join(tmpdir(), 'qamqor-small-'));
      const disk = new SmallDisk(join(home, 'disk'), 300);
      // Run by root, the server belongs to another user, who must get through.
      for (const folder of [home, disk.folder]) chmodSync(folder, 0o711);
      const data = join(disk.folder, 'data');
      mkdirSync(data, { mode: 0o711 });
      const place = Place.at(data);
      const start = async () =>
        place.start('dist/src/main.js', [], {
          NODE_ENV: 'production',
          QAMQOR_DEMO: 'off',
          QAMQOR_PRODUCTION: 'off',
          PORT: String(await freePort()),
        });
      try {
        disk.fill(room);
        const refused = await start();
        await Promise.race([refused.ended, refused.warned(/Qamqor is ready/).catch(() => undefined)]);
        expect(refused.isAlive).toBe(false);
        const { code, stdout, stderr } = await refused.ended;
        const told = `${stdout}${stderr}`.match(FATAL) ?? [];
        expect({ code, told }).toEqual({ code: 2, told: [expect.stringMatching(/disk is full/)] });
        expect(`${stdout}${stderr}`).not.toMatch(/initdb/);
        disk.empty();
        const server = await start();
        await server.warned(/Qamqor is ready/);
        expect((await server.kill('SIGTERM')).code).toBe(0);
      } finally {
        disk.empty();
        await place.remove().finally(() => disk.remove());
        rmSync(home, { recursive: true });
      }
    },
    LONG_MS,
  );
});

(existsSync('/dev/full') ? describe : describe.skip)('a log on a full disk (/dev/full)', () => {
  let server: ChildProcess | undefined;
  afterEach(() => void server?.kill('SIGKILL'));

  it(
    'F25: costs its lines and nothing else: the process stays up and answers',
    async () => {
      execFileSync(process.execPath, ['scripts/build-once.js']);
      const [database, port] = [await createDatabase(), await freePort()];
      const home = mkdtempSync(join(tmpdir(), 'qamqor-full-'));
      const log = openSync('/dev/full', 'w');
      server = spawn(process.execPath, ['dist/src/main.js'], {
        stdio: ['ignore', log, log],
        env: {
          PATH: process.env.PATH,
          NODE_ENV: 'production',
          PORT: String(port),
          DATABASE_URL: database.url,
          QAMQOR_DATA: home,
          QAMQOR_SECRET: 'a secret for tests only 0123456789abcdef',
          QAMQOR_API_KEY: API_KEY,
          QAMQOR_LOG: 'debug',
        },
      });
      const ask = (path: string, body?: string) =>
        fetch(`http://127.0.0.1:${port}${path}`, {
          ...(body === undefined ? {} : { method: 'POST', body }),
          headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        });
      while (server.exitCode === null && !(await ask('/health/ready').catch(() => null))?.ok) await pause(50);
      expect(server.exitCode).toBeNull();
      const applicant = { surname: 'Ахметова', given: 'Айгүл' };
      const input = { applicant, categories: ['large'], interest: 'sewing', phone: null, language: 'kk' };
      for (let n = 0; n < 20; n += 1)
        expect((await ask('/api/cases', JSON.stringify({ workflow: 'family-support', input }))).status).toBe(201);
      expect(server.exitCode).toBeNull();
      const ended = new Promise((resolve) => server?.once('exit', (code) => resolve(code)));
      server.kill('SIGTERM');
      expect(await ended).toBe(0);
      closeSync(log);
      await database.close();
      rmSync(home, { recursive: true, force: true });
    },
    LONG_MS,
  );
});
