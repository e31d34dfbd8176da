import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, superuserUrl, type TestDatabase } from './database.js';
import { faketime, hasFaketime, otherTime } from './faketime.js';
import { Running } from './faults/processes.js';
import { hasRealRedis, RealRedis, realRedis } from './real-redis.js';

const LONG_MS = 180_000;
const LOGIN = `bad_start_${process.pid}`;
const API_KEY = 'bad-start-key-0123456789';

let good: TestDatabase;
let newer: TestDatabase;
let empty: TestDatabase;
let taken: Server;
let settings: Record<string, string>;
beforeAll(async () => {
  execFileSync(process.execPath, ['scripts/build-once.js']);
  [good, newer, empty] = await Promise.all([createDatabase(), createDatabase(), createDatabase({ migrated: false })]);
  await newer.pool('owner').query(`insert into qamqor.migrations (name) values ('M9999Future')`);
  await empty
    .pool('owner')
    .query(`create role ${LOGIN} login password 'geheim'; grant connect on database ${nameOf(empty)} to ${LOGIN}`);
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  settings = {
    NODE_ENV: 'production',
    PORT: '0',
    DATABASE_URL: good.url,
    QAMQOR_SECRET: 'a secret for tests only 0123456789abcdef',
    QAMQOR_API_KEY: API_KEY,
  };
}, LONG_MS);
afterAll(async () => {
  await empty.pool('owner').query(`revoke all on database ${nameOf(empty)} from ${LOGIN}; drop role ${LOGIN}`);
  await Promise.all([good, newer, empty].map((database) => database.close()));
  await new Promise((resolve) => taken.close(resolve));
}, LONG_MS);

const nameOf = ({ url }: TestDatabase) => new URL(url).pathname.slice(1);
const changed = ({ url }: TestDatabase, change: Partial<URL>) => Object.assign(new URL(url), change).toString();
const start = (more: Record<string, string>) => new Running('dist/src/main.js', [], { ...settings, ...more });
const linesOf = (stderr: string) =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: string; msg: string });

describe('a process that cannot work as it was asked to', () => {
  it.each<[string, () => Record<string, string>, ...RegExp[]]>([
    [
      'a DATABASE_URL that is none and a secret that is too short',
      () => ({ DATABASE_URL: 'localhost/qamqor', QAMQOR_SECRET: 'changeme' }),
      /DATABASE_URL: must be a URL like/,
      /QAMQOR_SECRET: must have 32 characters/,
    ],
    [
      'a server that is not there',
      () => ({ DATABASE_URL: 'postgres://q:geheim@127.0.0.1:1/q' }),
      /nothing answers at 127\.0\.0\.1:1\./,
    ],
    ['a database of a newer version', () => ({ DATABASE_URL: newer.url }), /newer Qamqor \(M9999Future\)/],
    [
      'no right to create tables',
      () => ({ DATABASE_URL: changed(empty, { username: LOGIN, password: 'geheim' }) }),
      /must own the database .*ALTER DATABASE/,
    ],
    [
      'a Redis that is not there',
      () => ({ REDIS_URL: 'redis://:geheim@127.0.0.1:1' }),
      /Redis cannot be reached.*127\.0\.0\.1:1/,
    ],
    ['no secret', () => ({ QAMQOR_SECRET: '' }), /QAMQOR_SECRET: is needed with DATABASE_URL/],
    [
      'a partner without https',
      () => ({
        QAMQOR_PARTNER_ATAMEKEN_URL: 'http://10.0.0.1',
        QAMQOR_PARTNER_ATAMEKEN_SECRET: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
      }),
      /QAMQOR_PARTNER_ATAMEKEN_URL: A partner URL must begin with https/,
    ],
    [
      'a secret in a file that is not there',
      () => ({ QAMQOR_SECRET: '', QAMQOR_SECRET_FILE: '/nowhere' }),
      /QAMQOR_SECRET_FILE: .*\/nowhere/,
    ],
    [
      'a port that is taken',
      () => ({ PORT: String((taken.address() as { port: number }).port) }),
      /Port \d+ is taken by another program/,
    ],
    [
      'a partner that partners.yaml does not have',
      () => ({
        QAMQOR_PARTNER_NOBODY_URL: 'https://nobody.example.kz',
        QAMQOR_PARTNER_NOBODY_SECRET: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
      }),
      /partners\.yaml has no "nobody"/,
    ],
  ])(
    'A66: %s: ends with 2 and says so in one line, without a stack or a password',
    async (_what, more, ...words) => {
      const { code, stdout, stderr } = await start(more()).ended;
      expect(linesOf(stderr).map(({ level }) => level)).toEqual(['fatal']);
      for (const one of words) expect(linesOf(stderr)[0]?.msg).toMatch(one);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toMatch(/geheim|\n? {4}at /);
    },
    LONG_MS,
  );

  it.each<[string, () => Promise<Record<string, string>>, ...RegExp[]]>([
    ['a database that may lose what was answered', async () => ({})],
    [
      "a superuser's login",
      async () => ({ DATABASE_URL: await superuserUrl(good) }),
      /^The login "\w+" .* is a superuser: .*CREATEROLE/,
    ],
  ])(
    'A66: %s: is told of in a line of its own, and the process starts',
    async (_what, more, ...words) => expectTold(await more(), ...words),
    LONG_MS,
  );

  (hasFaketime ? it : it.skip).each([
    ['ahead of', '-1h'],
    ['behind', '+1h'],
  ])(
    `A66: a database whose clock is %s that of the machine, by ${faketime}: is told of in a line of its own, and the process starts`,
    (where, offset) =>
      expectTold(otherTime(offset), new RegExp(`^The database's clock is 3\\d\\d\\d s ${where} .*NTP`)),
    LONG_MS,
  );

  /** Nothing else, besides that the server of tests has `fsync` off. */
  async function expectTold(more: Record<string, string>, ...words: RegExp[]): Promise<void> {
    const server = start({ PORT: '0', ...more });
    try {
      await ready(server);
      const { code, stderr } = await server.kill('SIGTERM');
      const told = linesOf(stderr).filter(({ level }) => level === 'warn');
      expect(told.map(({ msg }) => msg)).toEqual([/fsync/, ...words].map((one) => expect.stringMatching(one)));
      expect(code).toBe(0);
    } finally {
      await server.kill();
    }
  }

  it('leaves a database as it was that it may not use', async () => {
    const { rows } = await empty
      .pool('owner')
      .query(`select 1 from pg_namespace where nspname in ('qamqor', 'bullmq')`);
    expect(rows).toEqual([]);
  });
});

(hasRealRedis ? describe : describe.skip)(`a ${realRedis} that goes away later`, () => {
  it(
    'is told by /health/ready, costs nobody an answer, and all goes on when it is back',
    async () => {
      const redis = await RealRedis.create();
      const server = start({ REDIS_URL: redis.url, PORT: '0' });
      try {
        const url = await ready(server);
        const ask = async (method: string, path: string, body?: object) => {
          const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
          const response = await fetch(`${url}${path}`, { method, headers, body: body ? JSON.stringify(body) : null });
          return { status: response.status, body: (await response.json()) as Record<string, unknown> };
        };
        for (const [id, workflow] of Object.entries(ERRAND)) {
          const files = { 'workflow.yaml': JSON.stringify({ id, ...workflow }), 'input.yaml': '{ type: object }' };
          expect((await ask('POST', '/api/workflows', { files })).status).toBe(201);
        }
        await redis.stop('SIGKILL');
        const opened = await ask('POST', '/api/cases', { workflow: 'errand', input: {} });
        expect(opened).toMatchObject({ status: 201, body: { status: 'active' } });
        expect(await ask('GET', '/health/ready')).toMatchObject({
          status: 503,
          body: { status: 'away', checks: { database: { status: 'ok' }, queues: { status: 'away' } } },
        });
        expect((await fetch(`${url}/health/live`)).status).toBe(200);
        await redis.start();
        while ((await ask('GET', `/api/cases/${opened.body['id']}`)).body['status'] !== 'done') await pause(100);
        expect(await ask('GET', '/health/ready')).toMatchObject({ status: 200 });
        expect((await server.kill('SIGTERM')).code).toBe(0);
      } finally {
        await server.kill();
        await redis.close();
      }
    },
    LONG_MS,
  );
});

(hasRealRedis ? describe : describe.skip)(`a ${realRedis} that is not set as queues need it`, () => {
  it(
    'F15: and may throw jobs away: the process ends and says in one line what to set',
    async () => {
      const redis = await RealRedis.create(['--maxmemory-policy', 'allkeys-lru']);
      try {
        const { code, stderr } = await start({ REDIS_URL: redis.url }).ended;
        expect(linesOf(stderr)).toEqual([
          expect.objectContaining({ level: 'fatal', msg: expect.stringMatching(/allkeys-lru.*noeviction/) }),
        ]);
        expect(code).toBe(2);
      } finally {
        await redis.close();
      }
    },
    LONG_MS,
  );

  it(
    'F15: and keeps no AOF: the process says so when it starts, and /health/ready as long as it is so',
    async () => {
      const redis = await RealRedis.create(['--appendonly', 'no']);
      const server = start({ REDIS_URL: redis.url, PORT: '0' });
      try {
        const url = await ready(server);
        const headers = { authorization: `Bearer ${API_KEY}` };
        const health = await (await fetch(`${url}/health/ready`, { headers })).json();
        expect(health).toMatchObject({
          checks: { queues: { status: 'warning', message: expect.stringContaining('appendonly') } },
        });
        // A65: a stranger learns that something is not as it should be, and not what.
        expect((await (await fetch(`${url}/health/ready`)).json()).checks.queues).toEqual({ status: 'warning' });
        const { stderr } = await server.kill('SIGTERM');
        expect(linesOf(stderr).filter(({ level, msg }) => level === 'warn' && msg.includes('appendonly'))).toHaveLength(
          1,
        );
      } finally {
        await server.kill();
        await redis.close();
      }
    },
    LONG_MS,
  );
});

/** Where nobody reads along, the address is one of the log's lines. */
async function ready(server: Running): Promise<string> {
  const [, url = ''] = await server.warned(/Qamqor is ready: (http:\/\/[^"\s]+)/);
  return url;
}

const title = { kk: 'Тапсырма', ru: 'Поручение', en: 'Errand' };
const state = { meta: { title } };
/** A case inside a case: its answer goes by the outbox, and so by the queues. */
const ERRAND = {
  'errand-leg': { title, context: {}, events: {}, initial: 'there', states: { there: { ...state, type: 'final' } } },
  errand: {
    title,
    context: {},
    events: {},
    initial: 'going',
    states: {
      going: {
        ...state,
        invoke: {
          id: 'leg',
          src: 'case',
          input: { workflow: 'errand-leg', deadline: '1 day', escalation: 'task' },
          onDone: 'done',
          onError: 'done',
        },
      },
      done: { ...state, type: 'final' },
    },
  },
};
