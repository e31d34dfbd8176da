import { setTimeout as sleep } from 'node:timers/promises';
import type { Job as BullJob, JobsOptions, Processor, Queue, Worker } from 'bullmq';
import type { Job, JobPayload, JobRegistry } from './jobs.js';
import type { QueueBackend } from './queue-backend.js';

export interface QueueSettings {
  /** Jobs at once, per queue. */
  concurrency?: number;
  /** After this a worker that gives no sign of life has lost its job to another one. */
  lockMs?: number;
  /** How often lost jobs are looked for. */
  stalledCheckMs?: number;
  /** A job threw, or the backend did. The database still knows what is to be done. */
  onProblem?: (problem: QueueProblem) => void;
}

export interface QueueProblem {
  queue: string;
  /** Set when a handler threw. */
  job?: string;
  error: Error;
}

/** BullMQ's own defaults find a dead worker's job after a minute, and give it up at the second death. */
const DEFAULTS = { concurrency: 8, lockMs: 10_000, stalledCheckMs: 5_000 };

/** Nothing is kept: the record of what happened is in the database, and a kept id would swallow the next try. */
const JOB_OPTIONS: JobsOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

const BULK = 500;

/** Sends jobs and, if asked to, carries them out. */
export class Queues {
  readonly #backend: QueueBackend;
  readonly #settings: QueueSettings & typeof DEFAULTS;
  readonly #queues = new Map<string, Queue>();
  readonly #workers: Worker[] = [];

  constructor(backend: QueueBackend, settings: QueueSettings = {}) {
    this.#backend = backend;
    this.#settings = { ...DEFAULTS, ...settings };
  }

  get backend(): QueueBackend {
    return this.#backend;
  }

  /** `key`: while a job of this key waits or runs, another one is not added. */
  async enqueue<Payload extends JobPayload>(job: Job<Payload>, payload: Payload, key?: string): Promise<void> {
    await this.enqueueBulk(job, [{ payload, key }]);
  }

  async enqueueBulk<Payload extends JobPayload>(
    job: Job<Payload>,
    items: { payload: Payload; key?: string | undefined }[],
  ): Promise<void> {
    const queue = this.queue(job.queue);
    const jobs = items.map(({ payload, key }) => ({
      name: job.name,
      data: job.payload.parse(payload),
      opts: key === undefined ? JOB_OPTIONS : { ...JOB_OPTIONS, jobId: key },
    }));
    for (let from = 0; from < jobs.length; from += BULK) await queue.addBulk(jobs.slice(from, from + BULK));
  }

  /** Starts a worker for each queue. @throws if a job has no handler */
  async work(registry: JobRegistry): Promise<void> {
    registry.verify();
    for (const queue of registry.queues()) this.worker(queue, (job, _token, signal) => carryOut(registry, job, signal));
    await this.run();
  }

  /** A worker that takes no jobs until `run`. */
  worker(queue: string, processor: Processor): Worker {
    const worker = this.#makeWorker(queue, processor);
    this.#workers.push(worker);
    return worker;
  }

  /** Lets every worker take jobs. */
  async run(): Promise<void> {
    for (const worker of this.#workers) {
      if (!worker.isRunning()) worker.run().catch((error: Error) => this.#tell({ queue: worker.name, error }));
    }
    await Promise.all(this.#workers.map((worker) => worker.waitUntilReady()));
  }

  /** BullMQ's queue, for its dashboard and its counts. */
  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = this.#backend.queue(name, { defaultJobOptions: JOB_OPTIONS });
    queue.on('error', (error) => this.#tell({ queue: name, error }));
    this.#queues.set(name, queue);
    return queue;
  }

  /** Takes no new jobs, waits `graceMs` for those that run, then tells them to stop and leaves them to others. */
  async close(graceMs = 10_000): Promise<void> {
    await Promise.all(this.#workers.map((worker) => closeWorker(worker, graceMs)));
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#backend.close();
  }

  #makeWorker(queue: string, processor: Processor): Worker {
    const { concurrency, lockMs, stalledCheckMs } = this.#settings;
    const worker = this.#backend.worker(queue, processor, {
      autorun: false,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledCheckMs,
      // How often a job may lose its worker is for the sweeper to judge, which knows what the job is for.
      maxStalledCount: 1_000_000,
      // After the connection was lost. BullMQ's own 15 s would outlast most restarts.
      runRetryDelay: 1_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    worker.on('error', (error) => this.#tell({ queue, error }));
    worker.on('failed', (job, error) => this.#tell({ queue, error, ...(job ? { job: job.name } : {}) }));
    return worker;
  }

  #tell(problem: QueueProblem): void {
    this.#settings.onProblem?.(problem);
  }
}

/** How long a job may take to notice that it should stop. */
const ABORT_PATIENCE_MS = 1_000;

/** What every processor does with a job: gives it to whoever registered for it. */
export async function carryOut(registry: JobRegistry, job: BullJob, signal?: AbortSignal): Promise<void> {
  await registry.run(job.queueName, job.name, job.data, { signal: signal ?? new AbortController().signal });
}

async function closeWorker(worker: Worker, graceMs: number): Promise<void> {
  // Nest closes what it made first. To pause a worker after that would connect it again, and for ever.
  const { closing } = worker;
  if (closing !== undefined) {
    await closing;
    return;
  }
  const idle = worker.pause().then(() => true);
  if (!(await Promise.race([idle, patience(graceMs)]))) {
    worker.cancelAllJobs('closing');
    await Promise.race([idle, patience(ABORT_PATIENCE_MS)]);
  }
  await worker.close(true);
}

async function patience(ms: number): Promise<boolean> {
  return sleep(ms, false, { ref: false });
}
