import type { Config } from '../config.js';
import { DatabaseClock } from './clock.js';
import { openPool } from './database.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { migrate } from './migrate.js';
import { openPostgresBackend, openRedisBackend, type QueueBackend } from './queue-backend.js';

type Log = (line: string) => void;

export interface RunningDatabase {
  /** The owner's login. */
  url: string;
  /** Close your own connections first. */
  stop(): Promise<void>;
}

/** The database that the settings name, or the embedded one, brought to the version of this code. */
export async function startDatabase(
  config: Pick<Config, 'databaseUrl' | 'dataDir' | 'production'>,
  log: Log,
): Promise<RunningDatabase> {
  const embedded =
    config.databaseUrl === undefined ? await EmbeddedPostgres.start({ dataDir: config.dataDir, log }) : null;
  const url = config.databaseUrl ?? embedded?.url ?? '';
  const stop = async () => void (await embedded?.stop());
  try {
    const ran = await migrate(url);
    if (ran.length > 0) log(`The database was brought up to date: ${ran.join(', ')}.`);
    if (config.production) await declareProduction(url);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Redis if the settings name one, the database itself otherwise. */
export async function openQueueBackend(
  config: Pick<Config, 'redisUrl'>,
  databaseUrl: string,
  log: Log,
): Promise<QueueBackend> {
  const onError = (error: Error) => log(`The queues lost a connection: ${error.message}`);
  return config.redisUrl === undefined
    ? openPostgresBackend(databaseUrl, onError)
    : openRedisBackend(config.redisUrl, onError);
}

async function declareProduction(url: string): Promise<void> {
  const pool = openPool(url, 'app', { max: 1, name: 'clock' });
  try {
    await new DatabaseClock(pool).declareProduction();
  } finally {
    await pool.end();
  }
}
