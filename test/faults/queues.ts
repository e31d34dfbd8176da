import pg from 'pg';
import { createRedis } from '../redis.js';

/** Where wake-ups queue while a test runs: in the database of the cases, or in a Redis of its own. */
export interface Queues {
  /** Settings of the processes that use them. */
  settings: Record<string, string>;
  /** Whatever is queued is gone, as by FLUSHALL. `url`: of the database. */
  lose(url: string): Promise<void>;
  close(): Promise<void>;
}

/** For `describe.each`: every kind of queue that an operator may choose. */
export const QUEUES: [name: string, create: () => Promise<Queues>][] = [
  ['PostgreSQL', async () => ({ settings: {}, lose: truncateQueues, close: async () => undefined })],
  [
    'Redis',
    async () => {
      const redis = await createRedis();
      const lose = async () => void (await redis.admin.flushall());
      return { settings: { REDIS_URL: redis.url }, lose, close: () => redis.close() };
    },
  ],
];

/** Every job, lock and schedule that BullMQ knows; its own version stays. */
export async function truncateQueues(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set lock_timeout = '2s'`);
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'`,
    );
    for (;;) {
      const lost = await client.query(`truncate ${rows.map(({ name }) => name).join(', ')}`).then(
        () => true,
        (error: { code?: string }) => {
          // Its workers hold locks in an order of their own.
          if (error.code !== '40P01' && error.code !== '55P03') throw error;
          return false;
        },
      );
      if (lost) return;
    }
  } finally {
    await client.end();
  }
}
