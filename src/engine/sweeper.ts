import type { Pool } from 'pg';
import type { Warn } from '../platform/log.js';
import { DueTimers } from './due-timers.js';
import { LEASE_S, PATIENCE_S } from './outbox.js';
import type { EngineApi } from './types.js';

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
 * Finds what is due and what was lost, by the database's clock: timers, and every second outbox rows whose wake-up did not
 * arrive or whose worker died, and what features ask for. Costs what is due, not what waits; any number of processes may
 * sweep at once.
 */
export class Sweeper {
  private readonly timers: DueTimers;
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;
  private round: Promise<void> = Promise.resolve();
  /** By the database's clock; when it was last looked at. At the start it may have gone back just before. */
  private seen = Number.POSITIVE_INFINITY;

  constructor(private readonly deps: SweeperDependencies) {
    this.timers = new DueTimers(deps);
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.timers.start();
    this.plan(0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.all([this.timers.stop(), this.round]);
  }

  /** One whole sweep; returns how many timers were due and how many outbox rows were sent again. */
  async sweep(): Promise<{ timers: number; outbox: number }> {
    const timers = await this.timers.fire();
    const outbox = await this.tidy();
    return { timers, outbox };
  }

  private async tidy(): Promise<number> {
    const outbox = await this.sendAgain();
    for (const [name, sweep] of this.deps.sweeps) {
      await sweep().catch((error: unknown) => this.deps.warn(`Sweep "${name}" failed.`, error));
    }
    return outbox;
  }

  private plan(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.round = this.tidy().then(
        (outbox) => this.plan(outbox === AT_ONCE ? 0 : PERIOD_MS),
        (error: unknown) => {
          this.deps.warn('A sweep failed; the next one follows.', error);
          this.plan(PERIOD_MS);
        },
      );
    }, afterMs);
  }

  /** Where the database's clock went back, leases and what is due at once would wait until it has come there again. */
  private async minding(now: number): Promise<void> {
    try {
      if (now < this.seen) await this.deps.pool.query({ name: 'clock-went-back', text: NO_LATER });
      this.seen = now;
    } catch (error) {
      this.deps.warn('Leases that end too late were not brought forward; the next sweep tries again.', error);
    }
  }

  private async sendAgain(): Promise<number> {
    const { rows: found } = await this.deps.pool.query<{ now: Date; id: string | null; topic: string }>({
      name: 'due-outbox',
      text: `with due as (update qamqor.outbox o set next_at = qamqor.qamqor_now() + make_interval(secs => ${PATIENCE_S})
        from (select id from qamqor.outbox where next_at <= qamqor.qamqor_now() and not parked and (leased_until is null or leased_until < qamqor.qamqor_now())
          order by next_at limit ${AT_ONCE} for update skip locked) due
        where o.id = due.id returning o.id, o.topic)
        select clock.now, due.id, due.topic from (select qamqor.qamqor_now() as now) clock left join due on true`,
    });
    const rows = found.flatMap(({ id, topic }) => (id === null ? [] : [{ id, topic }]));
    // Whatever the queue does, the sweeps go on; these rows come again.
    if (rows.length > 0)
      await this.deps
        .wake(rows)
        .catch((error: unknown) => this.deps.warn('Wake-ups were not sent; the next sweep sends them again.', error));
    await this.minding(found[0]?.now.getTime() ?? 0);
    return rows.length;
  }
}

/** Nobody holds a row for longer than a lease, and what was never tried is due within a moment. */
const NO_LATER = `with later as (select qamqor.qamqor_now() + make_interval(secs => ${LEASE_S}) as at),
  waiting as (
    select o.id from qamqor.outbox o, later
    where not o.parked and (o.leased_until > later.at or (o.tries = 0 and o.failures = 0 and o.next_at > later.at)) for update of o skip locked)
  update qamqor.outbox o set next_at = later.at, leased_until = case when o.leased_until is null then null else later.at end
  from waiting, later where o.id = waiting.id`;
