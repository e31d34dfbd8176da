import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isConnectionLost } from './database.js';
import {
  type ClusterAccess,
  type ClusterOptions,
  DATABASE,
  OWNER,
  PostgresCluster,
  SUPERUSER,
} from './postgres-cluster.js';

/** Every process that uses the cluster holds this lock as shared, on one connection of its own, for as long as it lives. */
const USE_LOCK = 7_305_118;
/** One server may die under us, two in a row have another trouble. */
const ENTER_ATTEMPTS = 3;
const REVIVE_AFTER_MS = [100, 500, 1_000, 2_000, 5_000, 10_000];

/**
 * A real PostgreSQL in `dataDir`, for those who gave no DATABASE_URL. Several processes may use one folder: the first
 * starts the server, the others adopt it, the last one out stops it. A process that was killed is out, because its
 * connection is; a server that was killed is started again on the same port while somebody uses it.
 */
export class EmbeddedPostgres {
  /** Started by this process, or about to be. */
  static readonly #open = new Set<EmbeddedPostgres>();
  readonly #cluster: PostgresCluster;
  readonly #log: (line: string) => void;
  #presence: Presence | null = null;
  #stopping = false;
  #stopped: Promise<'stopped' | 'left'> | undefined;

  private constructor(options: ClusterOptions) {
    this.#cluster = new PostgresCluster(options);
    this.#log = options.log ?? (() => undefined);
  }

  static async start(options: ClusterOptions): Promise<EmbeddedPostgres> {
    const postgres = new EmbeddedPostgres(options);
    EmbeddedPostgres.#open.add(postgres);
    try {
      await postgres.#enter();
      return postgres;
    } catch (error) {
      EmbeddedPostgres.#open.delete(postgres);
      throw error;
    }
  }

  /** For a process that is told to end, whatever it is about: nothing that it started stays behind. */
  static async stopAll(): Promise<void> {
    await Promise.all([...EmbeddedPostgres.#open].map((postgres) => postgres.#stopped ?? postgres.stop()));
  }

  /** The owner's login, to be used as DATABASE_URL. */
  get url(): string {
    if (this.#presence === null) throw new Error('The embedded PostgreSQL was stopped.');
    return urlOf(this.#presence.access, DATABASE);
  }

  /** The superuser's login: for copying the server's own files. */
  get adminUrl(): string {
    if (this.#presence === null) throw new Error('The embedded PostgreSQL was stopped.');
    const { superuserPassword, port } = this.#presence.access;
    return `postgres://${SUPERUSER}:${superuserPassword}@127.0.0.1:${port}/postgres`;
  }

  /** Close your own connections first. Gives `left` where other processes still use the server. */
  async stop(): Promise<'stopped' | 'left'> {
    this.#stopping = true;
    this.#stopped = this.#leave().finally(() => EmbeddedPostgres.#open.delete(this));
    return this.#stopped;
  }

  #leave(): Promise<'stopped' | 'left'> {
    return this.#cluster.locked(async () => {
      const presence = this.#presence;
      this.#presence = null;
      const isLast = presence !== null && (await presence.leave());
      if (isLast) await this.#cluster.stop();
      return isLast ? 'stopped' : 'left';
    });
  }

  /** Under the lock of the folder, so that nobody stops the server between its start and our sign of life. */
  async #enter(): Promise<void> {
    await this.#cluster.locked(async () => {
      for (let attempt = 1; !this.#stopping; attempt += 1) {
        const access = await this.#cluster.ensureRunning();
        try {
          this.#presence = await Presence.enter(access, () => void this.#revive());
          return;
        } catch (error) {
          if (attempt === ENTER_ATTEMPTS || !isConnectionLost(error)) throw error;
        }
      }
    });
  }

  async #revive(): Promise<void> {
    this.#log('The embedded PostgreSQL has gone away; starting it again.');
    for (let attempt = 0; !this.#stopping; attempt += 1) {
      try {
        await this.#enter();
        this.#log('The embedded PostgreSQL is back.');
        return;
      } catch (error) {
        this.#log(`It could not be started: ${error instanceof Error ? error.message : String(error)}`);
        await sleep(REVIVE_AFTER_MS[attempt] ?? REVIVE_AFTER_MS.at(-1));
      }
    }
  }
}

/** The sign of life of one process at the server. */
class Presence {
  #left = false;

  private constructor(
    readonly access: ClusterAccess,
    readonly client: pg.Client,
  ) {}

  static async enter(access: ClusterAccess, onLost: () => void): Promise<Presence> {
    const client = new pg.Client({
      connectionString: urlOf(access, 'postgres'),
      application_name: `qamqor process ${process.pid}`,
      keepAlive: true,
    });
    const presence = new Presence(access, client);
    client.on('error', () => undefined);
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [USE_LOCK]);
    client.once('end', () => {
      if (!presence.#left) onLost();
    });
    return presence;
  }

  /** True for the last one: nobody else holds the lock as shared, so it could be had alone. */
  async leave(): Promise<boolean> {
    this.#left = true;
    try {
      await this.client.query('select pg_advisory_unlock_shared($1)', [USE_LOCK]);
      const { rows } = await this.client.query<{ last: boolean }>('select pg_try_advisory_lock($1) as last', [
        USE_LOCK,
      ]);
      return rows[0]?.last === true;
    } catch {
      // The server is down: there is nothing to stop.
      return false;
    } finally {
      await this.client.end();
    }
  }
}

function urlOf({ ownerPassword, port }: ClusterAccess, database: string): string {
  return `postgres://${OWNER}:${ownerPassword}@127.0.0.1:${port}/${database}`;
}
