import type { Contestant, ContestantName, Usage } from './contestant.js';
import type { BenchDatabase, Written } from './database.js';
import { type Drive, drive } from './drive.js';
import { EngineContestant } from './engine-contestant.js';
import { HttpContestant } from './http-contestant.js';
import { contestant, isPeer } from './settings.js';

export interface Course {
  contestant: ContestantName;
  journeys: number;
  inFlight: number;
}

/** One run of one contestant on empty tables. */
export interface Measurement extends Course, Drive {
  /** CPU of the process that does the work while the clock ran; of who asks over HTTP it is not counted. */
  nodeCpuMs: number;
  /** Resident memory of the Node process when the clock stopped. */
  rssBytes: number;
  /** Cases that `verify` made again from their journals; null where there is no chain. */
  verified: number | null;
  /** Null for peers, which keep what they store in ways of their own. */
  written: Written | null;
}

/** Throws if a journey did not end, an outbox row was left, or `verify` finds anything. */
export async function measure(database: BenchDatabase, course: Course, redisUrl?: string): Promise<Measurement> {
  await database.empty();
  const counters = await database.counters();
  const position = await database.position();
  const runner = contestant(course.contestant, { url: database.url, redisUrl });
  const peer = isPeer(course.contestant);
  let driven: Drive;
  let nodeCpuMs: number;
  let rssBytes: number;
  let verified: number | null;
  try {
    await runner.start();
    const before = await usageOf(runner);
    driven = await drive(runner, course.journeys, course.inFlight);
    const after = await usageOf(runner);
    nodeCpuMs = after.cpuMs - before.cpuMs;
    rssBytes = after.rssBytes;
    if (!peer) await allFinished(database, course);
    verified = isOurs(runner) ? await verifiedCases(runner, course.journeys) : null;
  } finally {
    await runner.stop();
  }
  const written = peer ? null : await database.written(counters, position);
  return { ...course, ...driven, nodeCpuMs, rssBytes, verified, written };
}

async function usageOf(runner: Contestant): Promise<Usage> {
  if (runner.usage) return runner.usage();
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
}

async function allFinished(database: BenchDatabase, { contestant, journeys }: Course): Promise<void> {
  const { cases, done, outbox } = await database.finished();
  if (cases !== journeys || done !== journeys || outbox !== 0)
    throw new Error(
      `${contestant}: ${done} of ${journeys} journeys ended, ${cases} cases and ${outbox} outbox rows are there.`,
    );
}

function isOurs(runner: Contestant): runner is EngineContestant | HttpContestant {
  return runner instanceof EngineContestant || runner instanceof HttpContestant;
}

async function verifiedCases(engine: EngineContestant | HttpContestant, journeys: number): Promise<number> {
  const report = await engine.verify();
  if (!report.ok || report.cases !== journeys) {
    const problems = report.problems
      .slice(0, 5)
      .map(({ case: id, seq, rule, message }) => `${id} ${seq} ${rule}: ${message}`);
    throw new Error(
      `verify saw ${report.cases} of ${journeys} cases and found ${report.problems.length} problems.\n${problems.join('\n')}`,
    );
  }
  return report.cases;
}
