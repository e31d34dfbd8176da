import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { Child } from '../../test/child.js';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { createRedis, type TestRedis } from '../../test/redis.js';
import { defineJob, type JobContext, JobRegistry } from './jobs.js';
import { openPostgresBackend, openRedisBackend, type QueueBackend } from './queue-backend.js';
import { type QueueProblem, Queues } from './queues.js';
import { WakeUp } from './wake-up.js';

// Whole servers and processes come and go here, on machines that may be busy.
jest.setTimeout(120_000);

const note = defineJob('spec', 'note', z.object({ id: z.string().max(40) }));
const FAST = { lockMs: 1_000, stalledCheckMs: 500 };

interface World {
  url: string;
  open(): Promise<QueueBackend>;
  /** Loses everything the queues have stored. */
  wipe(): Promise<void>;
  /** Breaks the connections of everybody. */
  cut(): Promise<void>;
  end(): Promise<void>;
}

async function redisWorld(): Promise<World> {
  const { url, admin, close } = await createRedis();
  return {
    url,
    open: () => openRedisBackend(url, () => undefined),
    wipe: async () => void (await admin.flushall()),
    cut: async () => void (await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    end: close,
  };
}

async function postgresWorld(): Promise<World> {
  const database: TestDatabase = await createDatabase();
  const owner = database.pool('owner');
  return {
    url: database.url,
    open: () => openPostgresBackend(database.url, () => undefined),
    wipe: async () => {
      const { rows } = await owner.query<{ tables: string }>(
        `select string_agg(format('bullmq.%I', tablename), ', ') as tables
           from pg_tables where schemaname = 'bullmq' and tablename not like '%migration%'`,
      );
      // A worker that is looking at the tables may be in its way: then PostgreSQL lets one of the two try again.
      await retried(async () => void (await owner.query(`truncate ${rows[0]?.tables}`)));
    },
    cut: async () =>
      void (await owner.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and application_name not like 'qamqor owner%'`,
      )),
    end: () => database.close(),
  };
}

/** Remembers what was done, and lets a spec wait for it. */
class Notes {
  readonly done: string[] = [];
  readonly #wake = new WakeUp();

  write(id: string): void {
    this.done.push(id);
    this.#wake.ring();
  }

  ring(): void {
    this.#wake.ring();
  }

  async until(isReached: (done: string[]) => boolean): Promise<string[]> {
    while (!isReached(this.done)) await this.#wake.wait(1_000);
    return this.done;
  }
}

describe.each([
  { name: 'Redis', make: redisWorld },
  { name: 'PostgreSQL', make: postgresWorld },
])('queues on $name', ({ make }) => {
  let world: World;
  let notes: Notes;
  let problems: QueueProblem[];
  let opened: Queues[];

  beforeAll(async () => {
    world = await make();
  });
  afterAll(() => world.end());
  beforeEach(() => {
    notes = new Notes();
    problems = [];
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((queues) => queues.close(100)));
    // A job whose end was lost with its connection comes again, to whoever works next.
    await world.wipe();
  });

  const onProblem = (problem: QueueProblem) => {
    problems.push(problem);
    notes.ring();
  };

  async function openQueues(times: Partial<typeof FAST> = FAST): Promise<Queues> {
    const queues = new Queues(await world.open(), { ...times, onProblem });
    opened.push(queues);
    return queues;
  }

  async function work(
    handler = async (payload: { id: string }, _context: JobContext) => notes.write(payload.id),
    times?: Partial<typeof FAST>,
  ) {
    const queues = await openQueues(times);
    await queues.work(new JobRegistry([note]).handle(note, handler));
    return queues;
  }

  it('carries out each job once, in bulk too', async () => {
    // With the usual times: a busy machine must not look like a dead worker.
    const queues = await work(undefined, {});
    await queues.enqueue(note, { id: 'alone' });
    await queues.enqueueBulk(
      note,
      Array.from({ length: 30 }, (_, n) => ({ payload: { id: `n${n}` } })),
    );
    const done = await notes.until(({ length }) => length >= 31);
    expect(new Set(done).size).toBe(31);
    expect(problems).toEqual([]);
  });

  it('adds no second job with the key of one that waits, and a new one when that is over', async () => {
    const sender = await openQueues();
    await sender.enqueueBulk(
      note,
      [1, 2, 3].map((n) => ({ payload: { id: `try-${n}` }, key: 'same' })),
    );
    await work();
    expect(await notes.until(({ length }) => length > 0)).toEqual(['try-1']);
    // A key is free again once its job has been taken off, which is after the handler returned.
    while (notes.done.length < 2) {
      await sender.enqueue(note, { id: 'again' }, 'same');
      await sender.queue('spec').getJobCounts();
    }
    expect(notes.done[1]).toBe('again');
  });

  it('sends nothing that its schema refuses', async () => {
    const queues = await openQueues();
    await expect(queues.enqueue(note, { id: 'x'.repeat(41) })).rejects.toThrow(z.ZodError);
  });

  it('goes on after a job that throws, and tells of it', async () => {
    const queues = await work(async ({ id }) => {
      if (id === 'bad') throw new Error('no');
      notes.write(id);
    }, {});
    await queues.enqueue(note, { id: 'bad' });
    await queues.enqueue(note, { id: 'good' });
    await notes.until((done) => done.includes('good'));
    await notes.until(() => problems.length > 0);
    expect(problems).toMatchObject([{ queue: 'spec', job: 'note', error: { message: 'no' } }]);
    expect(await queues.queue('spec').getJobCounts('failed', 'completed')).toEqual({ failed: 0, completed: 0 });
  });

  it('gives the job of a worker that was killed to another one, also at the third death', async () => {
    const sender = await openQueues();
    await sender.enqueue(note, { id: 'hard' });
    for (let death = 1; death <= 3; death += 1) {
      const child = new Child('src/platform/queues.child.ts', { args: [world.url] });
      await child.lineLike(/^took hard$/);
      await child.kill('SIGKILL');
    }
    await work();
    expect(await notes.until(({ length }) => length > 0)).toEqual(['hard']);
  });

  it('lives on when everything stored is lost, also in the middle of a job', async () => {
    let release: () => void = () => undefined;
    const queues = await work(async ({ id }) => {
      notes.write(`${id} begun`);
      if (id === 'long') await new Promise<void>((resolve) => (release = resolve));
      notes.write(id);
    });
    await world.wipe();
    await queues.enqueue(note, { id: 'first' });
    await notes.until((done) => done.includes('first'));

    await queues.enqueue(note, { id: 'long' });
    await notes.until((done) => done.includes('long begun'));
    await world.wipe();
    release();
    await notes.until((done) => done.includes('long'));
    await queues.enqueue(note, { id: 'last' });
    await notes.until((done) => done.includes('last'));
  });

  it('lives on when all its connections are cut', async () => {
    const queues = await work();
    await queues.enqueue(note, { id: 'before' });
    await notes.until((done) => done.includes('before'));
    await world.cut();
    await retried(() => queues.enqueue(note, { id: 'after' }));
    await notes.until((done) => done.includes('after'));
  });

  it('waits for running jobs when it closes, and tells them to stop when it can wait no longer', async () => {
    const queues = await work(async ({ id }, { signal }) => {
      notes.write(`${id} begun`);
      await once(signal, 'abort');
      notes.write('told');
    });
    await queues.enqueue(note, { id: 'slow' });
    await notes.until((done) => done.includes('slow begun'));
    opened = [];
    await queues.close(50);
    expect(notes.done).toEqual(['slow begun', 'told']);
  });

  it('does not start when a job has no handler', async () => {
    const queues = await openQueues();
    await expect(queues.work(new JobRegistry([note]))).rejects.toThrow('These jobs have no handler: spec/note.');
  });
});

describe('a registry of jobs', () => {
  it('refuses two handlers for one job, two jobs of one name, and a job that was not declared', () => {
    const handler = async () => undefined;
    expect(() => new JobRegistry([note]).handle(note, handler).handle(note, handler)).toThrow('has two handlers');
    expect(() => new JobRegistry([note, note])).toThrow('declared twice');
    expect(() => new JobRegistry([]).handle(note, handler)).toThrow('not in the list');
  });
});

describe('Redis for queues', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await createRedis();
  });
  afterAll(() => redis.close());

  it('is refused when it may throw jobs away', async () => {
    await redis.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(openRedisBackend(redis.url, () => undefined)).rejects.toThrow(
      /maxmemory-policy is "allkeys-lru".*noeviction/s,
    );
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('is reported when it forgets jobs at a restart', async () => {
    const backend = await openRedisBackend(redis.url, () => undefined);
    expect(await backend.warnings()).toEqual([expect.stringContaining('append-only')]);
    await backend.close();
  });

  it('that is not there fails the start, and says so', async () => {
    await expect(openRedisBackend('redis://127.0.0.1:1', () => undefined)).rejects.toThrow();
  });
});

async function retried(send: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (attempt > 1_000) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
