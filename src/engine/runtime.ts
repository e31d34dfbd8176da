import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { openPool } from '../platform/database.js';
import { KeyReads } from '../platform/key-reads.js';
import type { Warn } from '../platform/log.js';
import type { Tracing } from '../platform/tracing.js';
import type { Calendar } from '../statechart/types.js';
import { Engine, type EngineObserver } from './engine.js';
import type { Limit } from './lanes.js';
import { OutboxWorker } from './outbox.js';
import { registerParked } from './parked.js';
import { registerSubCases } from './sub-cases.js';
import { Sweeper } from './sweeper.js';
import { Versions } from './versions.js';

/** Outbox rows one wake-up names: enough to make the queue's cost small, few enough to spread over workers. */
const ROWS_PER_WAKEUP = 50;
/**
 * The sweeper's wake-ups of a topic take turns at so many keys, and none is added while the one before it on its key waits
 * or runs. A queue that nobody empties holds this many at most, however long that lasts; one that lost everything is told
 * of more rows at once than its workers carry out before the sweeper comes again.
 */
const SWEEPER_KEYS = 128;

/** One is read from while the other is written to. */
const READING_LANES = 2;

/**
 * A batch takes milliseconds. One that hangs lets go of its cases soon, so that others can go on with them; and whether a
 * lost COMMIT took effect is known when the transaction that was left is over.
 */
const COMMAND_PATH = {
  pipeline: true,
  // Whoever holds one case or task for long delays those who want it, not everybody that travels in one batch with them.
  lockTimeoutMs: 2_000,
  statementTimeoutMs: 5_000,
  idleInTransactionMs: 5_000,
  connectTimeoutMs: 5_000,
};

export interface RuntimeOptions {
  /** The login; each pool takes its own role. */
  url: string;
  /** UUIDv7. */
  id(): string;
  /** 0 ≤ x < 1. */
  random?(): number;
  calendar(organisationId: string): Calendar;
  /**
   * Sends a wake-up to whoever works; one with a `key` is not needed while another one of that key waits or runs. Without it
   * this process carries out its own outbox.
   */
  wake?(topic: string, ids: string[], key?: string): Promise<void>;
  warn: Warn;
  observer?: EngineObserver;
  /** Left out: nothing is traced. */
  tracing?: Tracing | undefined;
  /** Commands and bytes that may wait for their turn here; what is usual unless told. */
  limit?: Limit;
  /** Batches at once: while one is on its way to disk, the next is decided. */
  concurrency?: number;
}

/** The engine with its pools, its worker and its sweeper. Features register before `start`. */
export class Runtime {
  readonly readPool: Pool;
  readonly reads: KeyReads;
  readonly versions: Versions;
  readonly engine: Engine;
  readonly worker: OutboxWorker;
  readonly sweeper: Sweeper;
  private readonly enginePool: Pool;
  private readonly keyPool: Pool;
  private readonly relayPool: Pool;
  private readonly delivering = new Set<Promise<void>>();
  private turn = 0;

  constructor(private readonly options: RuntimeOptions) {
    const { url, warn, tracing } = options;
    const concurrency = options.concurrency ?? 2;
    const random = options.random ?? Math.random;
    this.readPool = openPool(url, 'app', { pipeline: true });
    this.keyPool = openPool(url, 'app', { pipeline: true, max: READING_LANES, name: 'reads', byKey: true });
    this.reads = new KeyReads(this.keyPool, READING_LANES);
    this.relayPool = openPool(url, 'relay');
    // Two connections more than batches, so that looking up (a lost COMMIT, a case that was passed over) waits for no batch.
    this.enginePool = openPool(url, 'engine', { ...COMMAND_PATH, max: concurrency + 2 });
    this.versions = new Versions(this.readPool, elapsed);
    this.engine = new Engine({
      pool: this.enginePool,
      reads: this.reads,
      versions: this.versions,
      calendar: options.calendar,
      salt: pooledBytes(16),
      id: options.id,
      elapsed,
      random,
      concurrency,
      limit: options.limit,
      observer: options.observer,
      tracing,
      wake: (rows) =>
        this.wake(rows).catch((error: unknown) => warn('A wake-up was not sent; the sweeper will.', error)),
    });
    this.worker = new OutboxWorker({
      pool: this.relayPool,
      engine: this.engine,
      handlers: this.engine.outboxHandlers,
      random,
      tracing,
      warn,
    });
    this.sweeper = new Sweeper({
      pool: this.relayPool,
      engine: this.engine,
      sweeps: this.engine.sweeps,
      wake: (rows) => this.wake(rows, (topic) => `${topic}-${this.turn++ % SWEEPER_KEYS}`),
      warn,
    });
    registerSubCases(this.engine);
    registerParked(this.engine, this.readPool, this.relayPool);
  }

  calendar(organisationId: string): Calendar {
    return this.options.calendar(organisationId);
  }

  /** By their roles, to be counted. */
  get pools(): Record<string, Pool> {
    return {
      reads: this.keyPool,
      'engine-read': this.readPool,
      'engine-relay': this.relayPool,
      engine: this.enginePool,
    };
  }

  /** Nothing under way in this process. */
  get quiet(): boolean {
    return this.engine.quiet && !this.worker.busy && this.delivering.size === 0;
  }

  /** Finishes what is under way for up to `graceMs`; what is not finished then is another worker's when its lease is over. */
  async stop(graceMs = 20_000): Promise<void> {
    await this.sweeper.stop();
    const patience = new AbortController();
    await Promise.race([Promise.allSettled(this.delivering), sleep(graceMs, undefined, { signal: patience.signal })]);
    patience.abort();
    await this.engine.stop();
    this.worker.stop();
    await Promise.all([this.reads.close(), this.readPool.end(), this.relayPool.end(), this.enginePool.end()]);
  }

  private async wake(rows: { id: string; topic: string }[], keyOf?: (topic: string) => string): Promise<void> {
    const sent: Promise<void>[] = [];
    for (const [topic, ofTopic] of Map.groupBy(rows, (row) => row.topic)) {
      const ids = ofTopic.map((row) => row.id);
      for (let from = 0; from < ids.length; from += ROWS_PER_WAKEUP)
        sent.push(this.send(topic, ids.slice(from, from + ROWS_PER_WAKEUP), keyOf?.(topic)));
    }
    await Promise.all(sent);
  }

  private async send(topic: string, ids: string[], key?: string): Promise<void> {
    if (this.options.wake) {
      await this.options.wake(topic, ids, key);
      return;
    }
    const delivery = this.worker.deliver(ids).catch((error: unknown) => {
      this.options.warn('Outbox rows were not carried out; the sweeper sends them again.', error);
    });
    this.delivering.add(delivery);
    void delivery.finally(() => this.delivering.delete(delivery));
  }
}

function elapsed(): number {
  return performance.now();
}

/** Asking the system for random bytes costs the same for a hundred salts as for one. */
function pooledBytes(size: number): () => Buffer {
  let pool = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used + size > pool.length) {
      pool = randomBytes(size * 256);
      used = 0;
    }
    used += size;
    return pool.subarray(used - size, used);
  };
}
