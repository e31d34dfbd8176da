import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Warn } from '../platform/log.js';
import { asText, isPassing } from './errors.js';
import { TIMER_FAILED } from './incident-rules.js';
import { ANSWERS_COME } from './parked.js';
import { ENGINE_SENDER } from './sender.js';
import type { EngineApi } from './types.js';

/** How long it looks ahead, and so how often it looks where nothing falls due. */
const AHEAD_MS = 1_000;
/** What falls due within this time fires together. */
const TOGETHER_MS = 15;
/** More are not read from the database before those were given to their cases. */
const UNDER_WAY = 600;

export interface DueTimersDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  engine: Pick<EngineApi, 'submit'>;
  warn: Warn;
}

interface DueTimer {
  id: string;
  case_id: string;
  organisation_id: string;
  kind: 'timer' | 'deadline';
  /** Milliseconds until it is due, where it is not. */
  in_ms: number | null;
}

/**
 * Fires what is due by the database's clock, oldest first. It knows when the next one falls due and looks again then: what
 * waits costs nothing, and one that another process sets meanwhile is at most a second late. Any number of processes may
 * do this at once: the entry of a timer is open only once.
 */
export class DueTimers {
  private readonly underWay = new Map<string, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;
  private readonly ending = new AbortController();
  private round: Promise<void> = Promise.resolve();

  constructor(private readonly deps: DueTimersDependencies) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.plan(0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.ending.abort();
    clearTimeout(this.timer);
    await this.round;
    await Promise.all(this.underWay.values());
  }

  /** Everything that is due now; returns how many that were. */
  async fire(): Promise<number> {
    let count = 0;
    for (;;) {
      const { found, next } = await this.look();
      count += found;
      await Promise.all(this.underWay.values());
      if (next > 0) return count;
    }
  }

  private plan(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.round = this.look().then(
        async ({ next }) => {
          while (this.underWay.size > UNDER_WAY / 2) await Promise.race(this.underWay.values());
          this.plan(next);
        },
        (error: unknown) => {
          this.deps.warn('Timers were not looked for; the next look follows.', error);
          this.plan(AHEAD_MS);
        },
      );
    }, afterMs);
  }

  /** Begins to fire what is due. `next`: milliseconds until it is worth looking again; 0 where more is due than was taken. */
  private async look(): Promise<{ found: number; next: number }> {
    const room = UNDER_WAY - this.underWay.size;
    const rows = await this.due(room);
    const due = rows.filter((row) => row.in_ms === null);
    await this.passDeadlines(due.filter((row) => row.kind === 'deadline').map((row) => row.id));
    for (const row of due.filter(({ kind }) => kind === 'timer')) {
      const firing = this.give(row).finally(() => this.underWay.delete(row.id));
      this.underWay.set(row.id, firing);
    }
    const upcoming = rows.find((row) => row.in_ms !== null)?.in_ms ?? AHEAD_MS;
    return { found: due.length, next: due.length >= room ? 0 : Math.max(TOGETHER_MS, upcoming) };
  }

  /** What is due, oldest first, and the first that falls due soon. */
  private async due(limit: number): Promise<DueTimer[]> {
    const columns = 'id, case_id, organisation_id, kind';
    const waiting = `qamqor.timers where not paused and passed_at is null and not ${ANSWERS_COME('timers.case_id')}`;
    const { rows } = await this.deps.pool.query<DueTimer>({
      name: 'due-timers',
      text: `(select ${columns}, null::float8 as in_ms from ${waiting} and due_at <= qamqor.qamqor_now() and id <> all ($2::uuid[]) order by due_at limit $1)
        union all
        (select ${columns}, extract(epoch from due_at - qamqor.qamqor_now())::float8 * 1000 from ${waiting} and due_at > qamqor.qamqor_now()
          and due_at <= qamqor.qamqor_now() + make_interval(secs => ${AHEAD_MS / 1000}) order by due_at limit 1)`,
      values: [limit, [...this.underWay.keys()]],
    });
    return rows;
  }

  private async passDeadlines(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.deps.pool.query({
      name: 'pass-deadlines',
      text: 'update qamqor.timers set passed_at = qamqor.qamqor_now() where id = any ($1::uuid[])',
      values: [ids],
    });
  }

  private async give(timer: DueTimer): Promise<void> {
    const { id, case_id: caseId, organisation_id: organisationId } = timer;
    const base = { organisationId, caseId, entryId: id, keep: false, lane: 'machines', sender: ENGINE_SENDER } as const;
    try {
      await this.deps.engine.submit({ ...base, kind: 'timer', id: `timer:${id}`, late: 'journal' });
    } catch (cause) {
      this.deps.warn(`Timer ${id} could not be given to its case.`, cause, { case: caseId });
      if (isPassing(cause)) return this.pause();
      // It would stand before all others for ever: it becomes an incident instead.
      const told = { kind: 'incident', id: `timer-failed:${id}`, rule: TIMER_FAILED, message: asText(cause) } as const;
      try {
        await this.deps.engine.submit({ ...base, ...told });
      } catch (error) {
        this.deps.warn(`Timer ${id} could not be reported.`, error, { case: caseId });
        if (isPassing(error)) return this.pause();
      }
      await this.passDeadlines([id]).catch((error: unknown) => this.deps.warn(`Timer ${id} still stands.`, error));
    }
  }

  /** What did not go just now is not tried again at once. */
  private async pause(): Promise<void> {
    await sleep(AHEAD_MS, undefined, { signal: this.ending.signal, ref: false }).catch(() => undefined);
  }
}
