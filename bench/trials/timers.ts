import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../percentile.js';
import { benchRuntime } from '../runtime.js';
import { deployRinging, openRinging, whenRung } from './ringing.js';

const WITHIN_MS = 2_000;
/** Opening a case takes less than this. */
const OPENING_MS = 2;

export interface TimersFigures {
  timers: number;
  withinMs: number;
  /** From the moment at which a timer is due to the COMMIT of the step that it takes. */
  lateMs: { p50: number; p99: number; most: number };
}

/** Timers that fall due one after the other within two seconds, while nothing else happens. */
export async function timers(url: string, count: number): Promise<TimersFigures> {
  const runtime = benchRuntime(url);
  try {
    await deployRinging(runtime);
    const first = Date.now() + 3_000 + count * OPENING_MS;
    const moments = Array.from({ length: count }, (_, index) => first + Math.floor((index * WITHIN_MS) / count));
    const due = await openRinging(runtime, moments);
    if (Date.now() > first) throw new Error('The cases were not open in time.');
    const late: number[] = [];
    whenRung(runtime, (caseId) => late.push(Date.now() - (due.get(caseId) ?? 0)));
    runtime.sweeper.start();
    await sleep(first - Date.now());
    while (late.length < count) await sleep(20);
    late.sort((one, other) => one - other);
    return {
      timers: count,
      withinMs: WITHIN_MS,
      lateMs: { p50: percentile(late, 0.5), p99: percentile(late, 0.99), most: late.at(-1) ?? 0 },
    };
  } finally {
    await runtime.stop();
  }
}
