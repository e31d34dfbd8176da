import pg from 'pg';
import type { Config } from '../config.js';
import { DatabaseClock } from './clock.js';
import { connectionConfig, openPool } from './database.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { migrate } from './migrate.js';
import { openPostgresBackend, openRedisBackend, type QueueBackend } from './queue-backend.js';
import { StartError } from './start-error.js';
import { databaseTrouble, prepareDataDir, refuseOldPostgres } from './start-trouble.js';

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
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config.dataDir, log) : null;
  const url = config.databaseUrl ?? embedded?.url ?? '';
  const stop = async () => void (await embedded?.stop());
  try {
    if (!embedded) await look(url);
    const ran = await migrate(url);
    if (ran.length > 0) log(`The database was brought up to date: ${ran.join(', ')}.`);
    await takeRole(url, config.production);
    return { url, stop };
  } catch (error) {
    await stop();
    throw databaseTrouble(url, error);
  }
}

async function startEmbedded(dataDir: string, log: Log): Promise<EmbeddedPostgres> {
  await prepareDataDir(dataDir);
  return EmbeddedPostgres.start({ dataDir, log });
}

/** What keeps us from using this server, or null. Changes nothing there. */
export async function troubleWith(url: string): Promise<StartError | null> {
  try {
    await look(url);
    return null;
  } catch (error) {
    const trouble = databaseTrouble(url, error);
    return trouble instanceof StartError ? trouble : null;
  }
}

/** Before anything is changed: is it a PostgreSQL that we can work with? */
async function look(url: string): Promise<void> {
  const client = new pg.Client(connectionConfig(url, 'owner', { name: 'start' }));
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number }>(
      "select current_setting('server_version_num')::int as version",
    );
    refuseOldPostgres(url, rows[0]?.version ?? 0);
  } finally {
    // Also where no session came about: the server would wait a minute for the password, and keep others waiting.
    await client.end();
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

/** The login must be allowed to take the roles it works in; better known now than at the first command. */
async function takeRole(url: string, production: boolean): Promise<void> {
  const pool = openPool(url, 'app', { max: 1, name: 'clock' });
  try {
    if (production) await new DatabaseClock(pool).declareProduction();
    else await pool.query('select');
  } finally {
    await pool.end();
  }
}
