import type { Pool } from 'pg';
import type { Warn } from '../platform/log.js';
import { asText, ENGINE_SENDER, isPassing, PATIENCE_S } from './outbox.js';
import type { EngineApi } from './types.js';
import { TIMER_FAILED } from './writes.js';

/** How often to look when nothing is known to be due sooner. */
const PERIOD_MS = 1_000;
const AT_ONCE = 500;

export interface SweeperDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  engine: Pick<EngineApi, 'submit'>;
  sweeps: ReadonlyMap<string, () => Promise<void>>;
  /** Sends a wake-up for these outbox rows, which may be named by another one that still waits in the queue. */
  wake(rows: { id: string; topic: string }[]): Promise<void>;
  warn: Warn;
}

/**
 * Finds what is due and what was lost, by the database's clock: timers, outbox rows whose wake-up did not arrive or whose
 * worker died, and what features ask for. Costs what is due, not what waits; any number of processes may sweep at once.
 */
export class Sweeper {
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;
  private round: Promise<void> = Promise.resolve();

  constructor(private readonly deps: SweeperDependencies) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.plan(0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.round;
  }

  /** One whole sweep; returns how many timers fired and how many outbox rows were sent again. */
  async sweep(): Promise<{ timers: number; outbox: number }> {
    const timers = await this.fireTimers();
    const outbox = await this.sendAgain();
    for (const [name, sweep] of this.deps.sweeps) {
      await sweep().catch((error: unknown) => this.deps.warn(`Sweep "${name}" failed.`, error));
    }
    return { timers, outbox };
  }

  private plan(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.round = this.sweep().then(
        ({ timers, outbox }) => this.plan(timers === AT_ONCE || outbox === AT_ONCE ? 0 : PERIOD_MS),
        (error: unknown) => {
          this.deps.warn('A sweep failed; the next one follows.', error);
          this.plan(PERIOD_MS);
        },
      );
    }, afterMs);
  }

  /** Oldest first. Two sweepers may find the same timer: its entry is open only once. */
  private async fireTimers(): Promise<number> {
    const { rows } = await this.deps.pool.query<{ id: string; case_id: string; organisation_id: string; kind: string }>(
      {
        name: 'due-timers',
        text: `select id, case_id, organisation_id, kind from qamqor.timers
        where due_at <= qamqor.qamqor_now() and not paused and passed_at is null order by due_at limit ${AT_ONCE}`,
      },
    );
    const deadlines = rows.filter((row) => row.kind === 'deadline').map((row) => row.id);
    if (deadlines.length)
      await this.deps.pool.query({
        name: 'pass-deadlines',
        text: 'update qamqor.timers set passed_at = qamqor.qamqor_now() where id = any ($1::uuid[])',
        values: [deadlines],
      });
    const fired = rows
      .filter((row) => row.kind === 'timer')
      .map((row) =>
        this.deps.engine
          .submit({
            kind: 'timer',
            entryId: row.id,
            organisationId: row.organisation_id,
            caseId: row.case_id,
            id: `timer:${row.id}`,
            keep: false,
            lane: 'machines',
            sender: ENGINE_SENDER,
            late: 'journal',
          })
          .catch((error: unknown) => this.notFired(row, error)),
      );
    await Promise.all(fired);
    return rows.length;
  }

  /** A timer that its case cannot be given would stand before all others for ever: it becomes an incident instead. */
  private async notFired(row: { id: string; case_id: string; organisation_id: string }, cause: unknown): Promise<void> {
    this.deps.warn(`Timer ${row.id} could not be given to its case.`, cause, { case: row.case_id });
    if (isPassing(cause)) return;
    const { id, case_id: caseId, organisation_id: organisationId } = row;
    await this.deps.engine
      .submit({
        kind: 'incident',
        rule: TIMER_FAILED,
        message: asText(cause),
        entryId: id,
        organisationId,
        caseId,
        id: `timer-failed:${id}`,
        keep: false,
        lane: 'machines',
        sender: ENGINE_SENDER,
      })
      .catch((error: unknown) => this.deps.warn(`Timer ${id} could not be reported.`, error, { case: caseId }));
    await this.deps.pool.query('update qamqor.timers set passed_at = qamqor.qamqor_now() where id = $1', [id]);
  }

  private async sendAgain(): Promise<number> {
    const { rows } = await this.deps.pool.query<{ id: string; topic: string }>({
      name: 'due-outbox',
      text: `update qamqor.outbox o set next_at = qamqor.qamqor_now() + make_interval(secs => ${PATIENCE_S})
        from (select id from qamqor.outbox where next_at <= qamqor.qamqor_now() and not parked and (leased_until is null or leased_until < qamqor.qamqor_now())
          order by next_at limit ${AT_ONCE} for update skip locked) due
        where o.id = due.id returning o.id, o.topic`,
    });
    if (rows.length) await this.deps.wake(rows);
    return rows.length;
  }
}
