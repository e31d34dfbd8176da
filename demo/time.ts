import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import { PATIENCE_S } from '../src/handoffs/handoff-events.js';
import type { DatabaseClock } from '../src/platform/clock.js';

/** How long to wait before looking again whether something is still under way. */
const LOOK_AGAIN_MS = 5;
/** Real time without an end to what is under way: then something hangs, and moving the clock would only hide it. */
const PATIENCE_MS = 120_000;

export interface TimeOptions {
  clock: DatabaseClock;
  /** Connections of the role `qamqor_relay`, which sees outbox, timers and hand-offs. */
  pool: Pool;
  /** Something of this process is under way: a batch, a job, a request to or from a partner. */
  isBusy(): boolean;
  /** What the simulation is about: it ends when no case of theirs is open. */
  subjects: string[];
  /** Carries out what is due by the clock: timers, ladders, expired hand-offs, lost wake-ups. */
  sweep(): Promise<unknown>;
}

interface Pending {
  now: Date;
  open: number;
  sending: number;
  due: number;
  next: Date | null;
}

/**
 * Simulated time: it stands still while anything is under way, and then jumps to the next moment at which something is
 * due. One clock for everybody: the database's.
 */
export class Time {
  constructor(private readonly options: TimeOptions) {}

  /** Waits until outbox, jobs, hand-offs and batches are empty; gives the time it is, when the engine has to do again, and how many cases are open. */
  async settle(): Promise<{ now: string; next: string | null; open: number }> {
    const began = performance.now();
    for (;;) {
      // Asking the database costs more than looking at ourselves.
      const pending = this.options.isBusy() ? null : await this.pending();
      if (pending && !this.options.isBusy() && pending.sending === 0 && pending.due === 0) {
        return { now: pending.now.toISOString(), next: pending.next?.toISOString() ?? null, open: pending.open };
      }
      if (performance.now() - began > PATIENCE_MS) throw new Error(hangs(pending ?? (await this.pending())));
      if (pending && pending.due > 0) await this.options.sweep();
      else await pause(LOOK_AGAIN_MS);
    }
  }

  advanceTo(moment: string): Promise<string> {
    return this.options.clock.advanceTo(moment);
  }

  private async pending(): Promise<Pending> {
    const { rows } = await this.options.pool.query<Pending>({
      name: 'simulation-pending',
      text: PENDING,
      values: [this.options.subjects],
    });
    const [row] = rows;
    if (!row) throw new Error('The database did not say what is pending.');
    return row;
  }
}

function hangs({ sending, due }: Pending): string {
  return `Something has been under way for ${PATIENCE_MS / 1000} s: ${sending} outbox rows, ${due} due timers, ladders or hand-offs. The run can be started again; it goes on from here.`;
}

const PENDING = `with clock as materialized (select qamqor.qamqor_now() as now),
  moment as (
    select due_at from qamqor.timers where not paused and passed_at is null
    union all
    select gives_up_at from qamqor.handoffs h
    where closed_at is null and expiry_told_at is null and gives_up_at is not null
      and exists (select from qamqor.cases c where c.id = h.case_id and c.status = 'active')
    union all
    select acknowledge_by from qamqor.handoffs h
    where status = 'sent' and acknowledge_by is not null
      and exists (select from qamqor.cases c where c.id = h.case_id and c.status = 'active')
    union all
    select look_at from qamqor.dues d
    where look_at < 'infinity' and exists (select from qamqor.cases c where c.id = d.case_id and c.status = 'active')
    union all
    -- Written down by a process that died before it could apply it.
    select tried_at + make_interval(secs => ${PATIENCE_S}) from qamqor.handoff_events where status = 'received'
    union all
    select next_at from qamqor.outbox, clock where not parked and (leased_until is null or leased_until <= clock.now)
  )
  select clock.now,
    (select count(*)::int from qamqor.cases where status in ('active', 'suspended') and parent_case_id is null and subject = any ($1)) as open,
    (select count(*)::int from qamqor.outbox where not parked and (attempt = 0 or leased_until > clock.now)) as sending,
    (select count(*)::int from moment where due_at <= clock.now) as due,
    (select min(due_at) from moment where due_at > clock.now) as next
  from clock`;
