import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { JourneyReport } from '../../demo/journey.js';
import { FileRecords, type Line } from '../../demo/partners/records.js';
import { CRASH_POINTS, type CrashPoint } from '../../src/platform/crash-points.js';
import { type Random, seededRandom } from '../../src/platform/random.js';
import { createRedis, type TestRedis } from '../redis.js';
import { violations } from './invariants.js';
import { type Life, livesOf } from './lives.js';
import { type Ended, linesIn, Place } from './processes.js';
import { truncateQueues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
/** A killed worker's hand-offs wait for its lease to end: each kill costs about ten seconds. */
const SIZE = full
  ? { families: 50, kills: { postgres: 24, redis: 24 }, losses: 8 }
  : { families: 4, kills: { postgres: 2, redis: 2 }, losses: 0 };
const LONG_MS = full ? 3_600_000 : 240_000;
const seed = process.env.QAMQOR_TEST_SEED ?? String(Date.now() % 1_000_000);
const title = `(${SIZE.families} families, seed ${seed}; QAMQOR_TEST_SEED repeats it)`;

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

/** How a journey goes when nobody is killed: what every other one is measured by. */
interface Whole {
  /** Outcome and reason by family. */
  ends: JourneyReport['ends'];
  lives: Record<string, Life>;
  /** Sub-cases included. */
  cases: number;
  /** What partners write down on the way. */
  lines: number;
  /** How often each point is passed, at the least: kills are spread over the whole journey by it. */
  passes: Record<CrashPoint, number>;
}

function wholeOf({ ends, verify }: JourneyReport, lives: Whole['lives'], ledger: Line[]): Whole {
  const lines = (kind: Line['kind']) => ledger.filter((line) => line.kind === kind).length;
  // Commands that come together travel in one transaction: of fifty families and what they lead to, up to four or so.
  const commits = Math.floor(verify.rows / 4);
  const passes = {
    'commit.before': commits,
    'commit.after': commits,
    'send.before': lines('delivered'),
    'send.after': lines('delivered'),
    'receive.after': lines('called'),
    // Simulated people give no keys.
    'keep.before': 0,
    'settle.before': lines('delivered'),
  };
  return { ends, lives, cases: verify.cases, lines: ledger.length, passes };
}

/**
 * Each point in turn, in an order and after counts that the seed gives. The second backend begins where the first one
 * of a small run ended: other points are passed over by each seed. What is passed seldom comes first in a small run,
 * or nothing of it might be left.
 */
function crashPlan(random: Random, queues: keyof typeof SIZE.kills, { passes }: Whole): string[] {
  const order = seededRandom(seed);
  const points = CRASH_POINTS.filter((point) => passes[point] > 0).sort(
    (one, other) => order.fork(one).next() - order.fork(other).next(),
  );
  const kills = SIZE.kills[queues];
  const first = queues === 'redis' ? SIZE.kills.postgres : 0;
  const plan = Array.from({ length: kills }, (_, n) => points[(first + n) % points.length] ?? 'commit.after');
  if (!full) plan.sort((one, other) => passes[one] - passes[other]);
  // On the way from one kill to the next much is done twice, and nothing less often.
  return plan.map((point) => `${point}:${random.between(1, Math.max(1, Math.floor(passes[point] / (kills + 3))))}`);
}

/** Killed at each point of the plan, looked at, and started again; then its queues are lost under its hands, and it comes to its end. */
async function killedJourney(
  plan: string[],
  random: Random,
  env: Record<string, string>,
  lose: () => Promise<void>,
): Promise<JourneyReport> {
  for (const point of plan) {
    const { signal } = await start({ ...env, QAMQOR_TEST_CRASH_AT: point }).ended;
    expect({ point, signal }).toEqual({ point, signal: 'SIGKILL' });
    const url = random.happens(0.25) ? await place.killServer() : await place.databaseUrl();
    if (url) expect(await violations(url, { ledger: join(place.dataDir, LEDGER) })).toEqual([]);
  }
  const last = start(env);
  await last.warned(/^Cases: /m);
  await lose();
  return reportOf(await last.ended);
}

async function expectWhole(report: JourneyReport, whole: Pick<Whole, 'ends' | 'cases' | 'lives'>): Promise<void> {
  expect(report).toMatchObject({
    families: SIZE.families,
    finished: SIZE.families,
    verify: { ok: true, cases: whole.cases, problems: [] },
  });
  expect(report.ends).toEqual(whole.ends);
  expect(report.incidents.filter(({ explained }) => !explained)).toEqual([]);
  expect(report.partners.flatMap((partner) => partner.violations)).toEqual([]);
  const url = await place.ensureDatabase();
  expect(await livesOf(url)).toEqual(whole.lives);
  expect(await violations(url, { ledger: join(place.dataDir, LEDGER), ended: true })).toEqual([]);
}

describe(`a journey ${title}`, () => {
  let whole: Whole;
  let redis: TestRedis;

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/build-once.js']);
    redis = await createRedis();
    place = await Place.create();
    const report = reportOf(await start({}).ended);
    const ledger = join(place.dataDir, LEDGER);
    whole = wholeOf(report, await livesOf(await place.ensureDatabase()), new FileRecords(ledger).read());
    expect(whole.cases).toBeGreaterThanOrEqual(SIZE.families);
    expect(Object.keys(whole.lives)).toHaveLength(SIZE.families);
    await expectWhole(report, whole);
    await place.remove();
  }, LONG_MS);
  afterAll(async () => {
    await place?.remove();
    await redis?.close();
  });
  afterEach(() => place?.remove(), 60_000);

  it.each([
    ['postgres' as const, () => ({}), truncate],
    ['redis' as const, () => ({ REDIS_URL: redis.url }), () => flush()],
  ])(
    'F1, F5, F6, F11: with its queues in %s, killed again and again between any two steps, and then without its queues, ends as if nothing had happened',
    async (queues, env, lose) => {
      place = await Place.create();
      const began = performance.now();
      const random = seededRandom(`${seed} ${queues}`);
      const plan = crashPlan(random, queues, whole);
      const report = await killedJourney(plan, random, env(), lose);
      process.stdout.write(
        `Killed ${place.killed.groups} times (${plan.join(', ')}), the database ${place.killed.servers} times; ${Math.round((performance.now() - began) / 1000)} s.\n`,
      );
      expect(plan).toHaveLength(SIZE.kills[queues]);
      expect(place.killed.groups).toBe(SIZE.kills[queues]);
      await expectWhole(report, whole);
    },
    LONG_MS,
  );

  // In every run a killed journey loses its queues once.
  (full ? it : it.skip).each<[what: string, env: () => Record<string, string>, lose: () => Promise<void>]>([
    ['F11: FLUSHALL of Redis', () => ({ REDIS_URL: redis.url }), () => flush()],
    ['F11: TRUNCATE of the queues in PostgreSQL', () => ({}), truncate],
  ])(
    '%s in mid-run loses nothing',
    async (_what, env, lose) => {
      place = await Place.create();
      const running = start(env());
      const every = Math.floor(whole.lines / (SIZE.losses + 1));
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

  async function flush(): Promise<void> {
    await redis.admin.flushall();
  }
});

async function truncate(): Promise<void> {
  const url = await place.databaseUrl();
  if (url === null) throw new Error('The database does not run.');
  await truncateQueues(url);
}
