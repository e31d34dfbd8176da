import type { Contestant, ContestantName } from './contestant.js';
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
  /** CPU seconds of the Node process while the clock ran. */
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
  let cpu: NodeJS.CpuUsage;
  let rssBytes: number;
  let verified: number | null;
  try {
    await runner.start();
    const cpuBefore = process.cpuUsage();
    driven = await drive(runner, course.journeys, course.inFlight);
    cpu = process.cpuUsage(cpuBefore);
    rssBytes = process.memoryUsage.rss();
    if (!peer) await allFinished(database, course);
    verified = isOurs(runner) ? await verifiedCases(runner, course.journeys) : null;
  } finally {
    await runner.stop();
  }
  const written = peer ? null : await database.written(counters, position);
  return { ...course, ...driven, nodeCpuMs: (cpu.user + cpu.system) / 1000, rssBytes, verified, written };
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
