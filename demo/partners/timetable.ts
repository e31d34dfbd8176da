import type { Clock } from '../../src/platform/clock.js';

/** When things fall due. Works of one `key` follow each other in the order of their moments. */
export interface Timetable {
  /** `moment` is ISO 8601. */
  at(moment: string, key: string, work: () => Promise<void>): void;
}

interface Due {
  moment: string;
  key: string;
  work: () => Promise<void>;
}

const AT_ONCE = 16;

/** Nothing happens until somebody says what time it is: for runs that move the clock themselves. */
export class SimulatedTimetable implements Timetable {
  private waiting: Due[] = [];

  at(moment: string, key: string, work: () => Promise<void>): void {
    this.waiting.push({ moment: new Date(moment).toISOString(), key, work });
  }

  /** The earliest moment at which something falls due. */
  nextDue(): string | null {
    return this.waiting.reduce<string | null>(
      (earliest, { moment }) => (earliest === null || moment < earliest ? moment : earliest),
      null,
    );
  }

  /** Does all that is due, and gives how much that was. Works of different keys go side by side. */
  async runDue(now: string): Promise<number> {
    const moment = new Date(now).toISOString();
    const due = this.waiting
      .filter((one) => one.moment <= moment)
      .sort((one, other) => compare(one.moment, other.moment));
    this.waiting = this.waiting.filter((one) => one.moment > moment);
    const turns = [...Map.groupBy(due, ({ key }) => key).values()];
    const next = async (): Promise<void> => {
      for (let turn = turns.shift(); turn; turn = turns.shift()) for (const { work } of turn) await work();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    return due.length;
  }
}

/** `setTimeout` fires at once when it is asked to wait longer than this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Waits in real time, by the clock that everybody uses. Does not keep the process alive. */
export class RealTimetable implements Timetable {
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly turns = new Map<string, Promise<void>>();
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly warn: (error: unknown) => void,
  ) {}

  at(moment: string, key: string, work: () => Promise<void>): void {
    this.clock.now().then((now) => this.wait(Date.parse(moment) - Date.parse(now), key, work), this.warn);
  }

  /** Drops what is waiting; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.turns.values());
  }

  private wait(ms: number, key: string, work: () => Promise<void>): void {
    if (this.stopped) return;
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        if (ms > LONGEST_TIMER_MS) this.wait(ms - LONGEST_TIMER_MS, key, work);
        else this.takeTurn(key, work);
      },
      Math.min(Math.max(ms, 0), LONGEST_TIMER_MS),
    );
    timer.unref();
    this.timers.add(timer);
  }

  private takeTurn(key: string, work: () => Promise<void>): void {
    const turn = (this.turns.get(key) ?? Promise.resolve()).then(work).catch(this.warn);
    this.turns.set(key, turn);
    void turn.then(() => this.turns.get(key) === turn && this.turns.delete(key));
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
