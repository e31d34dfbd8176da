import type { z } from 'zod';

/** Ids only: what a job is about lies in the database, where it may have changed since the job was sent. */
export type JobPayload = Record<string, string | number | string[]>;

/** Declared once, beside the code that sends it. A job may run twice, or never: the database knows what is to be done. */
export interface Job<Payload extends JobPayload = JobPayload> {
  queue: string;
  name: string;
  payload: z.ZodType<Payload>;
}

export function defineJob<Payload extends JobPayload>(
  queue: string,
  name: string,
  payload: z.ZodType<Payload>,
): Job<Payload> {
  return { queue, name, payload };
}

export interface JobContext {
  /** Aborted when the process is closing and can wait no longer. */
  signal: AbortSignal;
}

export type JobHandler<Payload extends JobPayload> = (payload: Payload, context: JobContext) => Promise<void>;

/** Who carries out which job in this process. */
export class JobRegistry {
  readonly #jobs = new Map<string, Job>();
  readonly #handlers = new Map<string, (payload: unknown, context: JobContext) => Promise<void>>();

  /** @throws if two jobs have one name */
  constructor(jobs: Job[]) {
    for (const job of jobs) {
      if (this.#jobs.has(keyOf(job))) throw new Error(`The job ${keyOf(job)} is declared twice.`);
      this.#jobs.set(keyOf(job), job);
    }
  }

  /** @throws if the job has a handler already, or was not declared */
  handle<Payload extends JobPayload>(job: Job<Payload>, handler: JobHandler<Payload>): this {
    const key = keyOf(job);
    if (!this.#jobs.has(key)) throw new Error(`The job ${key} is not in the list of declared jobs.`);
    if (this.#handlers.has(key)) throw new Error(`The job ${key} has two handlers; it must have one.`);
    // Read again on arrival: another version of Qamqor may have sent it.
    this.#handlers.set(key, (payload, context) => handler(job.payload.parse(payload), context));
    return this;
  }

  /** @throws if a job has no handler: it would wait for ever */
  verify(): void {
    const missing = [...this.#jobs.keys()].filter((key) => !this.#handlers.has(key));
    if (missing.length > 0) throw new Error(`These jobs have no handler: ${missing.join(', ')}.`);
  }

  queues(): string[] {
    return [...new Set([...this.#jobs.values()].map((job) => job.queue))];
  }

  /** @throws if this version knows no such job */
  async run(queue: string, name: string, payload: unknown, context: JobContext): Promise<void> {
    const handler = this.#handlers.get(keyOf({ queue, name }));
    if (!handler) throw new Error(`No handler for the job ${keyOf({ queue, name })}.`);
    await handler(payload, context);
  }
}

function keyOf({ queue, name }: Pick<Job, 'queue' | 'name'>): string {
  return `${queue}/${name}`;
}
