import type { Redis } from 'ioredis';
import pg from 'pg';
import { createRedis } from '../redis.js';

/** Where wake-ups queue while a test runs: in the database of the cases, or in a Redis of its own. */
export interface Queues {
  /** Settings of the processes that use them. */
  settings: Record<string, string>;
  /** Whatever is queued is gone, as by FLUSHALL. `url`: of the database. */
  lose(url: string): Promise<void>;
  /** Everything that is queued, as text. */
  content(url: string): Promise<string>;
  close(): Promise<void>;
}

/** For `describe.each`: every kind of queue that an operator may choose. */
export const QUEUES: [name: string, create: () => Promise<Queues>][] = [
  [
    'PostgreSQL',
    async () => ({ settings: {}, lose: truncateQueues, content: textOfTables, close: async () => undefined }),
  ],
  [
    'Redis',
    async () => {
      const redis = await createRedis();
      const lose = async () => void (await redis.admin.flushall());
      const content = () => textOfKeys(redis.admin);
      return { settings: { REDIS_URL: redis.url }, lose, content, close: () => redis.close() };
    },
  ],
];

async function textOfKeys(redis: Redis): Promise<string> {
  const read = async (key: string): Promise<unknown> => {
    switch (await redis.type(key)) {
      case 'hash':
        return redis.hgetall(key);
      case 'list':
        return redis.lrange(key, 0, -1);
      case 'zset':
        return redis.zrange(key, '0', '-1');
      case 'set':
        return redis.smembers(key);
      case 'stream':
        return redis.xrange(key, '-', '+');
      default:
        return redis.get(key);
    }
  };
  const keys = await redis.keys('*');
  return JSON.stringify(await Promise.all(keys.map(async (key) => [key, await read(key)])));
}

async function textOfTables(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const tables = await tablesOf(client);
    const texts: string[] = [];
    for (const table of tables) {
      const { rows } = await client.query<{ text: string }>(`select t::text as text from ${table} t`);
      texts.push(...rows.map(({ text }) => text));
    }
    return texts.join('\n');
  });
}

/** Every job, lock and schedule that BullMQ knows; its own version stays. */
export async function truncateQueues(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`set lock_timeout = '2s'`);
    const tables = await tablesOf(client);
    for (;;) {
      const lost = await client.query(`truncate ${tables.join(', ')}`).then(
        () => true,
        (error: { code?: string }) => {
          // Its workers hold locks in an order of their own.
          if (error.code !== '40P01' && error.code !== '55P03') throw error;
          return false;
        },
      );
      if (lost) return;
    }
  });
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'`,
  );
  return rows.map(({ name }) => name);
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
