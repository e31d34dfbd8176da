import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../test/database.js';
import type { ContestantName } from './contestant.js';
import { BenchDatabase, TABLES } from './database.js';
import { type Measurement, measure } from './measure.js';
import { report } from './report.js';
import { backlog } from './trials/backlog.js';
import { growth } from './trials/growth.js';
import { timers } from './trials/timers.js';
import type { Trials } from './trials/trial.js';

const JOURNEYS = 20;
const CONTESTANTS: ContestantName[] = ['engine', 'batchedLoop', 'oneByOneLoop', 'http'];

let server: TestDatabase;
let database: BenchDatabase;
const measured = new Map<ContestantName, Measurement>();

beforeAll(async () => {
  server = await createDatabase();
  database = await BenchDatabase.prepare(server.url);
  for (const contestant of CONTESTANTS)
    measured.set(contestant, await measure(database, { contestant, journeys: JOURNEYS, inFlight: 5 }));
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
});

const of = (name: ContestantName) => {
  const { written, ...measurement } = measured.get(name) ?? {};
  if (!written) throw new Error(`${name} was not measured.`);
  return { ...measurement, written };
};

describe('the bench', () => {
  it('leads every journey of every contestant to its end, and leaves nothing in the outbox', () => {
    for (const name of CONTESTANTS) {
      const { cases, outbox } = of(name).written.tables;
      expect(cases).toMatchObject({ inserted: JOURNEYS, left: JOURNEYS });
      expect(outbox).toMatchObject({ inserted: JOURNEYS, deleted: JOURNEYS, left: 0 });
    }
  });

  it("makes every case of the engine's again from its journal, over HTTP too", () => {
    expect(of('engine').verified).toBe(JOURNEYS);
    expect(of('http').verified).toBe(JOURNEYS);
  });

  it.each(['batchedLoop', 'oneByOneLoop', 'http'] as const)(
    'lets the %s write as many rows as the engine, table by table',
    (name) => {
      for (const table of TABLES) {
        const { bytes: _engine, ...engine } = of('engine').written.tables[table]!;
        const { bytes: _loop, ...loop } = of(name).written.tables[table]!;
        expect({ table, ...loop }).toEqual({ table, ...engine });
      }
    },
  );

  it('lets the loops write rows as long as the engine does', () => {
    const engine = of('engine').written.dataBytes;
    for (const name of ['batchedLoop', 'oneByOneLoop'] as const)
      expect(Math.abs(of(name).written.dataBytes - engine) / engine).toBeLessThan(0.02);
  });

  it('contains a hand-off, two tasks and a cancelled timer in each journey', () => {
    const { tasks, handoffs, timers, journal } = of('engine').written.tables;
    expect(tasks).toMatchObject({ inserted: 2 * JOURNEYS, updated: 2 * JOURNEYS });
    expect(handoffs).toMatchObject({ inserted: JOURNEYS, updated: JOURNEYS });
    expect(timers?.deleted).toBeGreaterThanOrEqual(JOURNEYS);
    expect(timers?.left).toBe(0);
    expect(journal?.inserted).toBe(7 * JOURNEYS);
  });

  it('compares within each round and takes the median of the rounds', () => {
    const run = (contestant: ContestantName, inFlight: number, journeysPerSecond: number, p50: number) =>
      ({
        ...{ contestant, inFlight, journeysPerSecond, p50, journeys: 2, rssBytes: 250 * 1024 ** 2 },
        written: { bytes: contestant === 'engine' ? 30 : 20 },
      }) as Measurement;
    const runs = [
      ...[300, 900, 310].map((speed) => run('engine', 200, speed, 1)),
      ...[1000, 1000, 1000].map((speed) => run('batchedLoop', 200, speed, 1)),
      ...[100, 300, 5].map((speed) => run('oneByOneLoop', 200, speed, 1)),
      ...[4, 5, 60].map((p50) => run('engine', 1, 1, p50)),
      ...[2, 2, 2].map((p50) => run('oneByOneLoop', 1, 1, p50)),
      ...[150, 450, 155].map((speed) => run('http', 200, speed, 1)),
      ...[10, 30, 31].map((speed) => run('dbos', 200, speed, 1)),
      ...[60, 60, 62].map((speed) => run('restate', 200, speed, 1)),
      ...[40, 50, 60].map((p50) => run('dbos', 1, 1, p50)),
      ...[5, 5, 80].map((p50) => run('restate', 1, 1, p50)),
    ];
    const trials: Trials = {
      straight: [400, 500, 900].map((perSecond) => ({ workflows: 1, perSecond, processMb: 200 })),
      straightRestate: [200, 200, 300].map((perSecond) => ({ workflows: 1, perSecond, processMb: 500 })),
    };
    const madeWith = { machine: { cores: 2 }, settings: { dbos: { pool: 20 } }, versions: { bullmq: '6.7.2' } };
    const made = report(runs, trials, madeWith);
    // Whoever reads it elsewhere sees what it was made with, and what each number is held to.
    expect(made).toMatchObject({ ...madeWith, targets: { ratios: { oneByOneLoop: 2 }, limits: { memory: 300 } } });
    const { ratios, limits } = made;
    expect(limits).toMatchObject({ memory: 250, timersP99: null });
    expect(ratios).toEqual({
      batchedLoop: 0.31,
      oneByOneLoop: 3,
      aloneP50: 2.5,
      http: 0.5,
      durablePeer: 5,
      bullmq: null,
      alonePeerP50: 0.8,
      disk: 1.5,
      straight: 2.5,
      growth: null,
    });
  });
});

describe('a trial', () => {
  it('of timers sees each of them fire', async () => {
    const { timers: count, lateMs } = await timers(server.url, 60);
    expect(count).toBe(60);
    expect(lateMs.p50).toBeGreaterThanOrEqual(0);
  });

  it('of a backlog sees it drained from the oldest on, and people answered meanwhile', async () => {
    const { passedBy, people } = await backlog(server.url, 3_000);
    expect(passedBy).toBeLessThan(1_500);
    expect(people.commands).toBeGreaterThan(0);
  });

  it('of growth stores as many cases as it says', async () => {
    await database.empty();
    await growth(server.url, { few: 150, many: 400, journeys: 10, inFlight: 5 });
    const { cases, done } = await database.finished();
    // Eight times ten journeys are led beside those that lie there.
    expect([cases - done, done]).toEqual([400, 80]);
  });
});
