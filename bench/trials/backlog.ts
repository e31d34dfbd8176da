import { setTimeout as sleep } from 'node:timers/promises';
import { systemIds } from '../../src/platform/ids.js';
import { percentile } from '../percentile.js';
import { benchRuntime } from '../runtime.js';
import { deployRinging, openCase, openRinging, whenRung } from './ringing.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** People who open one case after the other meanwhile. */
const PEOPLE = 5;

export interface BacklogFigures {
  timers: number;
  seconds: number;
  timersPerSecond: number;
  /** How many that were due later any timer let pass. */
  passedBy: number;
  /** What people waited for their answers meanwhile. */
  people: { commands: number; p50: number; p95: number };
}

/** Timers that fell due while nobody was there: drained oldest first, and people are served meanwhile. */
export async function backlog(url: string, count: number): Promise<BacklogFigures> {
  const runtime = benchRuntime(url);
  try {
    await deployRinging(runtime);
    const oldest = Date.now() - DAY_MS;
    const due = await openRinging(
      runtime,
      shuffled(count, (rank) => oldest + Math.floor((rank * HOUR_MS) / count)),
    );
    const order: number[] = [];
    whenRung(runtime, (caseId) => order.push(due.get(caseId) ?? 0));
    const began = performance.now();
    runtime.sweeper.start();
    const waited: number[] = [];
    const serve = async () => {
      while (order.length < count) {
        const asked = performance.now();
        const far = new Date(Date.now() + DAY_MS).toISOString();
        await openCase(runtime, systemIds.next(), 'bench-ringing', { ringAt: far });
        waited.push(performance.now() - asked);
        await sleep(10);
      }
    };
    await Promise.all(Array.from({ length: PEOPLE }, serve));
    const seconds = (performance.now() - began) / 1000;
    waited.sort((one, other) => one - other);
    return {
      timers: count,
      seconds,
      timersPerSecond: count / seconds,
      passedBy: mostPassedBy(order),
      people: { commands: waited.length, p50: percentile(waited, 0.5), p95: percentile(waited, 0.95) },
    };
  } finally {
    await runtime.stop();
  }
}

/** Ranks 0 … count − 1 in an order that is always the same, and has nothing to do with them. */
function shuffled(count: number, moment: (rank: number) => number): number[] {
  const step = 48_271;
  return Array.from({ length: count }, (_, index) => moment((index * step) % count));
}

function mostPassedBy(order: number[]): number {
  const rank = new Map([...order].sort((one, other) => one - other).map((moment, index) => [moment, index]));
  return Math.max(...order.map((moment, index) => index - (rank.get(moment) ?? index)));
}
