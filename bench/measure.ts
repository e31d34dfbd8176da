import type { ContestantName } from './contestant.js';
import type { BenchDatabase, Written } from './database.js';
import { type Drive, drive } from './drive.js';
import { EngineContestant } from './engine-contestant.js';
import { contestant } from './settings.js';

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
  /** Cases that `verify` made again from their journals; null for the loops, which keep no chain. */
  verified: number | null;
  written: Written;
}

/** Throws if a journey did not end, an outbox row was left, or `verify` finds anything. */
export async function measure(database: BenchDatabase, course: Course): Promise<Measurement> {
  await database.empty();
  const counters = await database.counters();
  const position = await database.position();
  const runner = contestant(course.contestant, database.url);
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
    await allFinished(database, course);
    verified = runner instanceof EngineContestant ? await verifiedCases(runner, course.journeys) : null;
  } finally {
    await runner.stop();
  }
  const written = await database.written(counters, position);
  return { ...course, ...driven, nodeCpuMs: (cpu.user + cpu.system) / 1000, rssBytes, verified, written };
}

async function allFinished(database: BenchDatabase, { contestant, journeys }: Course): Promise<void> {
  const { cases, done, outbox } = await database.finished();
  if (cases !== journeys || done !== journeys || outbox !== 0)
    throw new Error(
      `${contestant}: ${done} of ${journeys} journeys ended, ${cases} cases and ${outbox} outbox rows are there.`,
    );
}

async function verifiedCases(engine: EngineContestant, journeys: number): Promise<number> {
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
