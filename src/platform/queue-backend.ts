import {
  createPostgresBackend,
  createRedisBackend,
  type Processor,
  type Queue,
  type QueueOptions,
  runMigrations,
  type Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { openPool, ROLE_NAMES, withTransaction } from './database.js';
import { StartError } from './start-error.js';
import { redisTrouble } from './start-trouble.js';

/** BullMQ on Redis or on PostgreSQL; the rest of the code does not know which. */
export interface QueueBackend {
  kind: 'redis' | 'postgres';
  queue(name: string, options: Omit<QueueOptions, 'connection'>): Queue;
  worker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker;
  /** What an operator should know, for /health/ready. Throws if the backend does not answer. */
  warnings(): Promise<string[]>;
  close(): Promise<void>;
}

/** `onError`: connections that broke and are being made again. */
export type OnError = (error: Error) => void;

/** How long a command of ours may wait for Redis. What was not sent is sent again by the sweeper. */
const REDIS_PATIENCE_MS = 10_000;

/** @throws if it would throw jobs away when its memory is full */
export async function openRedisBackend(url: string, onError: OnError): Promise<QueueBackend> {
  // Who sends must hear at once that Redis is away; who works must wait for its return.
  const sending = new Redis(url, redisOptions({ enableOfflineQueue: false, commandTimeout: REDIS_PATIENCE_MS }));
  const working = new Redis(url, redisOptions({ maxRetriesPerRequest: null }));
  /** `connect` itself says only that the connection is closed; why was told before. */
  let complaint: unknown;
  let opened = false;
  for (const connection of [sending, working]) {
    connection.on('error', (error: Error) => {
      complaint ??= error;
      if (opened) onError(error);
    });
  }
  const close = async () => {
    for (const connection of [sending, working]) connection.disconnect();
  };
  try {
    await Promise.all([sending.connect(), working.connect()]);
    await refuseEviction(sending);
    opened = true;
  } catch (error) {
    await close();
    throw redisTrouble(url, error instanceof StartError ? error : (complaint ?? error));
  }

  const bull = withBackend(createRedisBackend);
  return {
    kind: 'redis',
    queue: (name, options) => new bull.Queue(name, { ...options, prefix: prefixOf(name), connection: sending }),
    worker: (name, processor, options) =>
      new bull.Worker(name, processor, { ...options, prefix: prefixOf(name), connection: working }),
    warnings: async () => {
      const aof = await info(sending, 'persistence', 'aof_enabled');
      return aof === '0'
        ? [
            'Redis keeps no append-only file: after its restart jobs are late until the sweeper sends them again. Set "appendonly yes".',
          ]
        : [];
    },
    close,
  };
}

/** The hash tag keeps the keys of one queue on one node of a cluster, and lets queues lie on different ones. */
function prefixOf(queue: string): string {
  return `{qamqor-${queue}}`;
}

function redisOptions(options: RedisOptions): RedisOptions {
  return {
    ...options,
    lazyConnect: true,
    connectTimeout: REDIS_PATIENCE_MS,
    retryStrategy: (times) => Math.min(times * 100, 2_000),
  };
}

async function refuseEviction(redis: Redis): Promise<void> {
  const policy = await info(redis, 'memory', 'maxmemory_policy');
  if (policy === 'noeviction') return;
  throw new StartError(
    'redis-evicts',
    `Redis may throw jobs away when its memory is full (maxmemory-policy is "${policy}"). ` +
      'Set "maxmemory-policy noeviction", or give Qamqor a Redis of its own.',
  );
}

async function info(redis: Redis, section: string, field: string): Promise<string> {
  const text = await redis.info(section);
  return new RegExp(`^${field}:(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
}

/** The schema that BullMQ makes and keeps for itself. */
const BULLMQ_SCHEMA = 'bullmq';

export interface PostgresBackendOptions {
  /** Connections at most. Each worker keeps one for itself, to hear of new jobs. */
  max?: number;
}

/** Queues in the database itself: one server less to run, at some cost per job. */
export async function openPostgresBackend(
  databaseUrl: string,
  onError: OnError,
  options: PostgresBackendOptions = {},
): Promise<QueueBackend> {
  await migrateQueues(databaseUrl);
  const pool = openPool(databaseUrl, 'relay', {
    schema: BULLMQ_SCHEMA,
    name: 'queues',
    max: options.max ?? 20,
    onIdleError: onError,
  });
  // Each queue and each worker listens to the errors of the one pool.
  pool.setMaxListeners(0);

  const bull = withBackend(createPostgresBackend);
  return {
    kind: 'postgres',
    // The classes are the same; only their type arguments tell the backends apart.
    queue: (name, rest) => new bull.Queue(name, { ...rest, connection: pool }) as unknown as Queue,
    worker: (name, processor, rest) =>
      new bull.Worker(name, processor, { ...rest, connection: pool }) as unknown as Worker,
    warnings: async () => {
      await pool.query('select');
      return [];
    },
    close: () => pool.end(),
  };
}

/** BullMQ makes a sequence for each queue when its first job comes, and works in temporary tables. */
const GRANTS = `
  grant usage, create on schema ${BULLMQ_SCHEMA} to ${ROLE_NAMES.relay};
  grant all on all tables in schema ${BULLMQ_SCHEMA} to ${ROLE_NAMES.relay};
  grant all on all sequences in schema ${BULLMQ_SCHEMA} to ${ROLE_NAMES.relay};
  grant all on all functions in schema ${BULLMQ_SCHEMA} to ${ROLE_NAMES.relay};
  do $$ begin
    execute format('grant temporary on database %I to ${ROLE_NAMES.relay}', current_database());
  end $$`;

async function migrateQueues(databaseUrl: string): Promise<void> {
  const owner = openPool(databaseUrl, 'owner', { name: 'queue migrations', max: 1, statementTimeoutMs: 0 });
  try {
    const client = await owner.connect();
    try {
      await runMigrations(client, BULLMQ_SCHEMA);
    } finally {
      client.release();
    }
    await withTransaction(owner, async (tx) => {
      // Two that start at once must not grant at once: PostgreSQL refuses to change one row of its catalogue twice.
      await tx.query("select pg_advisory_xact_lock(hashtext('qamqor queues'))");
      await tx.query(GRANTS);
    });
  } finally {
    await owner.end();
  }
}
