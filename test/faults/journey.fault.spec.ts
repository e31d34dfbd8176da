import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { JourneyReport } from '../../demo/journey.js';
import { CRASH_POINTS, type CrashPoint } from '../../src/platform/crash-points.js';
import { type Random, seededRandom } from '../../src/platform/random.js';
import { createRedis, type TestRedis } from '../redis.js';
import { violations } from './invariants.js';
import { type Ended, linesIn, Place } from './processes.js';

const full = process.env.QAMQOR_TEST === 'full';
/** A killed worker's hand-offs wait for its lease to end: each kill costs about ten seconds. */
const SIZE = full
  ? { families: 50, kills: { postgres: 24, redis: 24 }, losses: 8 }
  : { families: 3, kills: { postgres: 2, redis: 2 }, losses: 0 };
const DEATHS = 10;
const LONG_MS = full ? 3_600_000 : 240_000;
const seed = process.env.QAMQOR_TEST_SEED ?? String(Date.now() % 1_000_000);
const title = `(${SIZE.families} families, seed ${seed}; QAMQOR_TEST_SEED repeats it)`;

/** How often a family passes each point on its way, roughly: kills are spread over the whole journey by it. */
const PASSES: Record<CrashPoint, number> = {
  'commit.before': 15,
  'commit.after': 15,
  'send.before': 3,
  'send.after': 3,
  'receive.after': 4,
  'settle.before': 5,
};

let place: Place;
const LEDGER = 'journey-partners.jsonl';
const args = (families: number) => [
  'journey',
  ...['--families', 'demo/data/families.csv'],
  ...['--count', String(families), '--seed', seed, '--json'],
];
const start = (env: Record<string, string>, families = SIZE.families) =>
  place.start('dist/src/cli.js', args(families), env);

function reportOf({ code, signal, stdout, stderr }: Ended): JourneyReport {
  if (code !== 0) throw new Error(`The journey ended with ${code ?? signal}:\n${stderr.slice(-3_000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as JourneyReport;
}

/**
 * Each point in turn, in an order and after counts that the seed gives. The second backend begins where the first one
 * of a small run ended: other points are passed over by each seed.
 */
function crashPlan(random: Random, queues: keyof typeof SIZE.kills): string[] {
  const order = seededRandom(seed);
  const points = [...CRASH_POINTS].sort((one, other) => order.fork(one).next() - order.fork(other).next());
  const kills = SIZE.kills[queues];
  const first = queues === 'redis' ? SIZE.kills.postgres : 0;
  return Array.from({ length: kills }, (_, n) => {
    const point = points[(first + n) % points.length] ?? 'commit.after';
    const often = Math.max(2, Math.round((PASSES[point] * SIZE.families) / kills));
    return `${point}:${random.between(1, often)}`;
  });
}

/** Killed at each point of the plan, looked at, and started again, until it comes to its end. */
async function killedJourney(
  queues: keyof typeof SIZE.kills,
  env: Record<string, string>,
): Promise<{ report: JourneyReport; at: string[] }> {
  const random = seededRandom(`${seed} ${queues}`);
  const at: string[] = [];
  for (const point of crashPlan(random, queues)) {
    const ended = await start({ ...env, QAMQOR_TEST_CRASH_AT: point }).ended;
    if (ended.signal === null) {
      // It came to its end before the point was passed so often; the rest of the plan has nothing to kill.
      return { report: reportOf(ended), at };
    }
    expect(ended.signal).toBe('SIGKILL');
    at.push(point);
    const url = random.happens(0.25) ? await place.killServer() : await place.databaseUrl();
    if (url) expect(await violations(url, { ledger: join(place.dataDir, LEDGER) })).toEqual([]);
  }
  return { report: reportOf(await start(env).ended), at };
}

async function expectWhole(
  report: JourneyReport,
  { ends, cases }: Pick<JourneyReport, 'ends'> & { cases: number },
): Promise<void> {
  expect(report).toMatchObject({
    families: SIZE.families,
    finished: SIZE.families,
    verify: { ok: true, cases, problems: [] },
  });
  expect(report.ends).toEqual(ends);
  expect(report.incidents.filter(({ explained }) => !explained)).toEqual([]);
  expect(report.partners.flatMap((partner) => partner.violations)).toEqual([]);
  const url = await place.ensureDatabase();
  expect(await violations(url, { ledger: join(place.dataDir, LEDGER), ended: true })).toEqual([]);
}

describe(`a journey ${title}`, () => {
  /** How each family ends when nobody is killed, and how many cases that takes, sub-cases included. */
  let whole: Pick<JourneyReport, 'ends'> & { cases: number };
  /** What partners write down on the way of such a run. */
  let lines: number;
  let redis: TestRedis;

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/build-once.js']);
    redis = await createRedis();
    place = await Place.create();
    const report = reportOf(await start({}).ended);
    whole = { ends: report.ends, cases: report.verify.cases };
    expect(whole.cases).toBeGreaterThanOrEqual(SIZE.families);
    await expectWhole(report, whole);
    lines = linesIn(join(place.dataDir, LEDGER));
    await place.remove();
  }, LONG_MS);
  afterAll(async () => {
    await place?.remove();
    await redis?.close();
  });
  afterEach(() => place?.remove(), 60_000);

  it.each([
    ['postgres' as const, () => ({})],
    ['redis' as const, () => ({ REDIS_URL: redis.url })],
  ])(
    'F1, F5, F6: with its queues in %s, killed again and again between any two steps, ends as if nothing had happened',
    async (queues, env) => {
      place = await Place.create();
      const began = performance.now();
      const { report, at } = await killedJourney(queues, env());
      process.stdout.write(
        `Killed ${place.killed.groups} times (${at.join(', ')}), the database ${place.killed.servers} times; ${Math.round((performance.now() - began) / 1000)} s.\n`,
      );
      // A family may end before a point was passed so often.
      expect(at.length).toBeGreaterThanOrEqual(SIZE.kills[queues] - 1);
      await expectWhole(report, whole);
    },
    LONG_MS,
  );

  // Two minutes of waiting for leases: too long for every run.
  (full ? it : it.skip)(
    `F2: whose worker dies ${DEATHS} times of the same hand-off goes on as if nothing had happened`,
    async () => {
      place = await Place.create();
      const env = { REDIS_URL: redis.url };
      for (let death = 0; death < DEATHS; death += 1)
        expect(await start({ ...env, QAMQOR_TEST_CRASH_AT: 'send.after:1' }).ended).toMatchObject({
          signal: 'SIGKILL',
        });
      const report = reportOf(await start(env).ended);
      await expectWhole(report, whole);
      expect(report.partners.reduce((sum, { repeats }) => sum + repeats, 0)).toBeGreaterThanOrEqual(DEATHS);
    },
    LONG_MS,
  );

  // In every run F13 brings back a Redis that has lost all jobs.
  (full ? it : it.skip).each<[what: string, env: () => Record<string, string>, lose: () => Promise<void>]>([
    ['F11: FLUSHALL of Redis', () => ({ REDIS_URL: redis.url }), async () => void (await redis.admin.flushall())],
    ['F11: TRUNCATE of the queues in PostgreSQL', () => ({}), truncateQueues],
  ])(
    '%s in mid-run loses nothing',
    async (_what, env, lose) => {
      place = await Place.create();
      const running = start(env());
      const every = Math.floor(lines / (SIZE.losses + 1));
      let losses = 0;
      while (running.isAlive && losses < SIZE.losses) {
        if (linesIn(join(place.dataDir, LEDGER)) >= every * (losses + 1)) {
          await lose();
          losses += 1;
        }
        await Promise.race([pause(5), running.ended]);
      }
      const report = reportOf(await running.ended);
      expect(losses).toBe(SIZE.losses);
      await expectWhole(report, whole);
    },
    LONG_MS,
  );
});

/** Every job, lock and schedule that BullMQ knows; its own version stays. */
async function truncateQueues(): Promise<void> {
  const url = await place.databaseUrl();
  if (url === null) throw new Error('The database does not run.');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set lock_timeout = '2s'`);
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'`,
    );
    for (;;) {
      const lost = await client.query(`truncate ${rows.map(({ name }) => name).join(', ')}`).then(
        () => true,
        (error: { code?: string }) => {
          // Its workers hold locks in an order of their own.
          if (error.code !== '40P01' && error.code !== '55P03') throw error;
          return false;
        },
      );
      if (lost) return;
    }
  } finally {
    await client.end();
  }
}
