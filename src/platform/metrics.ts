import { statfs } from 'node:fs/promises';
import type { Pool } from 'pg';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { within } from './within.js';

/** How often the delay of the event loop is looked at. Ten times as often, by default, costs half a percent of a core at rest. */
const EVENT_LOOP_LOOK_MS = 100;

export interface MetricsSources {
  /** Connections of the role `qamqor_relay`. */
  relayPool: Pool;
  /** By the name under which they are shown. */
  pools: Record<string, Pool>;
  /** `QAMQOR_DATA`, where the embedded database lies. */
  dataDir: string;
  /** Jobs of each queue by state; nothing where this process has no queues. */
  jobs?(): Promise<Record<string, Record<string, number>>>;
}

/** Seconds: from one hand-written transaction to what makes people wait. */
const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMANDS = [1, 2, 5, 10, 20, 50, 100, 200];

const WAITING = {
  qamqor_outbox_rows: 'Outbox rows that are not carried out yet, those behind an incident left out',
  qamqor_outbox_late_seconds: 'How long the outbox row that is due longest has been due',
  qamqor_timers_overdue: 'Timers and deadlines that are due and were not fired or passed yet',
  qamqor_timers_late_seconds: 'How long the timer that is due longest has been due',
  qamqor_incidents_open: 'Incidents that nobody has retried or resolved',
  qamqor_wal_unarchived_files:
    'Files of the log that wait for the archive, more than one of them not for long; 0 where there is none, or none was archived since its statistics began',
  qamqor_wal_archive_failing:
    '1 while PostgreSQL cannot put its log into the archive: with its disk everything since would be lost',
} as const;

/** What an operator watches, in Prometheus' text format. What is due and what waits is asked of the database at each scrape. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #commands = new Counter({
    name: 'qamqor_commands_total',
    help: 'Commands answered, by kind, lane and outcome (accepted, refused: the sender can mend it, failed: we must)',
    labelNames: ['kind', 'lane', 'outcome'],
    registers: [this.#registry],
  });
  readonly #latency = new Histogram({
    name: 'qamqor_command_seconds',
    help: 'From the arrival of a command to its answer, after COMMIT',
    labelNames: ['lane'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #batchSize = new Histogram({
    name: 'qamqor_batch_commands',
    help: 'Commands that travelled in one transaction',
    buckets: COMMANDS,
    registers: [this.#registry],
  });
  readonly #batchSeconds = new Histogram({
    name: 'qamqor_batch_seconds',
    help: 'How long one transaction of the command path took',
    buckets: SECONDS,
    registers: [this.#registry],
  });

  readonly #connections = new Gauge({
    name: 'qamqor_database_connections',
    help: 'Connections to PostgreSQL of this process, by pool and state (used, idle, wanted: somebody waits for one)',
    labelNames: ['pool', 'state'],
    registers: [this.#registry],
  });
  readonly #jobs = new Gauge({
    name: 'qamqor_jobs',
    help: 'Wake-ups in the queues, by queue and state; they may be lost, the outbox may not',
    labelNames: ['queue', 'state'],
    registers: [this.#registry],
  });
  readonly #free = new Gauge({
    name: 'qamqor_data_free_ratio',
    help: 'Free share of the disk on which QAMQOR_DATA lies, with it the embedded database; missing where there is no such folder',
    registers: [this.#registry],
  });
  readonly #complete = new Gauge({
    name: 'qamqor_figures_complete',
    help: '1 if database and queues could be asked at this scrape, 0 if some figures are of an earlier one',
    registers: [this.#registry],
  });
  readonly #waiting = Object.fromEntries(
    Object.entries(WAITING).map(([name, help]) => [name, new Gauge({ name, help, registers: [this.#registry] })]),
  );
  readonly #looks: (() => Promise<void> | void)[] = [];
  readonly #patienceMs: number;

  /** `patienceMs`: less than Prometheus has, or a database that hangs would look like processes that are gone. */
  constructor(patienceMs = 3_000) {
    this.#patienceMs = patienceMs;
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS });
    this.#free.remove();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  batch(commands: number, ms: number): void {
    this.#batchSize.observe(commands);
    this.#batchSeconds.observe(ms / 1000);
  }

  command({ kind, lane }: { kind: string; lane: string }, outcome: string, ms: number): void {
    this.#commands.inc({ kind, lane, outcome });
    this.#latency.observe({ lane }, ms / 1000);
  }

  /** What this process stands on, from now on. */
  watch({ relayPool, pools, dataDir, jobs }: MetricsSources): void {
    this.#looks.push(
      () => this.#lookAtWaiting(relayPool),
      () => this.#lookAtPools(pools),
      () => this.#lookAtDisk(dataDir),
    );
    if (jobs) this.#looks.push(async () => this.#lookAtJobs(await jobs()));
  }

  /** Where something does not answer in time, its figures are those of an earlier scrape. */
  async text(): Promise<string> {
    const looks = await Promise.all(this.#looks.map((look) => within(this.#patienceMs, looked(look))));
    this.#complete.set(looks.every(Boolean) ? 1 : 0);
    return this.#registry.metrics();
  }

  async #lookAtWaiting(pool: Pool): Promise<void> {
    const { rows } = await pool.query<Record<string, string | null>>(FIGURES);
    for (const [name, value] of Object.entries(rows[0] ?? {})) this.#waiting[name]?.set(Number(value));
  }

  #lookAtPools(pools: MetricsSources['pools']): void {
    for (const [pool, { totalCount, idleCount, waitingCount }] of Object.entries(pools)) {
      this.#connections.set({ pool, state: 'used' }, totalCount - idleCount);
      this.#connections.set({ pool, state: 'idle' }, idleCount);
      this.#connections.set({ pool, state: 'wanted' }, waitingCount);
    }
  }

  async #lookAtDisk(folder: string): Promise<void> {
    const disk = await statfs(folder).catch(() => null);
    // Resetting it would say that nothing is free.
    if (disk === null) this.#free.remove();
    else this.#free.set(disk.bavail / disk.blocks);
  }

  #lookAtJobs(queues: Record<string, Record<string, number>>): void {
    for (const [queue, states] of Object.entries(queues))
      for (const [state, count] of Object.entries(states)) this.#jobs.set({ queue, state }, count);
  }
}

async function looked(look: () => Promise<void> | void): Promise<boolean> {
  try {
    await look();
    return true;
  } catch {
    return false;
  }
}

const LATE = (due: string) => `extract(epoch from now - min(${due}))`;

/** The place of a file in the log, which is its name without the timeline: 256 files of 16 MB to each number of the first part. */
const FILE = (name: string) =>
  `(case when ${name} ~ '^[0-9A-F]{24}' then ('x' || substr(${name}, 9, 8))::bit(32)::bigint * 256 + ('x' || substr(${name}, 17, 8))::bit(32)::bigint end)`;

/** Each is found by an index over what waits: the cost does not grow with what is stored. */
const FIGURES = `with clock as (select qamqor.qamqor_now() as now)
  select
    (select count(*) from qamqor.outbox where not parked) as qamqor_outbox_rows,
    (select ${LATE('next_at')} from qamqor.outbox, clock where not parked and next_at <= now group by now) as qamqor_outbox_late_seconds,
    (select count(*) from qamqor.timers, clock where due_at <= now and not paused and passed_at is null) as qamqor_timers_overdue,
    (select ${LATE('due_at')} from qamqor.timers, clock where due_at <= now and not paused and passed_at is null group by now) as qamqor_timers_late_seconds,
    (select count(*) from qamqor.incidents where status = 'open') as qamqor_incidents_open,
    (select (last_failed_time > coalesce(last_archived_time, '-infinity') and current_setting('archive_mode') <> 'off')::int
      from pg_stat_archiver) as qamqor_wal_archive_failing,
    (select case when current_setting('archive_mode') = 'off' then 0
        else coalesce(greatest(0, ${FILE('pg_walfile_name(pg_current_wal_lsn())')} - ${FILE('last_archived_wal')} - 1), 0) end
      from pg_stat_archiver) as qamqor_wal_unarchived_files`;
