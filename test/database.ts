import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type DatabaseRole, openPool, type PoolOptions } from '../src/platform/database.js';
import { migrate } from '../src/platform/migrate.js';
import { DATABASE, OWNER, PostgresCluster, SUPERUSER } from '../src/platform/postgres-cluster.js';

/** A database of its own with every migration in it, for one spec file. */
export interface TestDatabase {
  /** The owner's login, as `DATABASE_URL` would give it. */
  url: string;
  /** One pool per role, opened when first asked for and closed by `close`. */
  pool(role: DatabaseRole): pg.Pool;
  /** A pool that the spec ends itself. */
  openPool(role: DatabaseRole, options?: PoolOptions): pg.Pool;
  /** Drops the database. Fails, and names them, if connections were left open. */
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** `false`: an empty database, without our migrations. */
  migrated?: boolean;
}

const TEMPLATE = 'qamqor_template';

/** Tests throw their data away: here alone PostgreSQL need not wait for the disk. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '600',
  shared_buffers: '64MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  io_method: 'sync',
};

const LEAK_PATIENCE_MS = 20_000;

/** One that the spec itself brings and removes, with every migration in it. `close` only ends what was opened here. */
export async function databaseAt(url: string): Promise<TestDatabase> {
  await migrate(url);
  return { url, ...poolsOf(url) };
}

export async function createDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await findServer();
  const name = `spec_${randomBytes(6).toString('hex')}`;
  await withAdmin(server, async (admin) => {
    if (options.migrated !== false) await ensureTemplate(admin, server);
    const template = options.migrated === false ? 'template1' : TEMPLATE;
    await admin.query(`create database ${name} template ${template} owner ${OWNER}`);
  });
  return testDatabase(server, name);
}

/** The login that owns the server, which no process of ours should have. */
export async function superuserUrl({ url }: Pick<TestDatabase, 'url'>): Promise<string> {
  const { adminUrl } = await findServer();
  return Object.assign(new URL(adminUrl), { pathname: new URL(url).pathname }).toString();
}

interface Server {
  urlOf(database: string): string;
  adminUrl: string;
}

async function findServer(): Promise<Server> {
  const dataDir = process.env.QAMQOR_TEST_CLUSTER;
  if (!dataDir) throw new Error('test/global-setup.ts did not run: start the specs through jest.config.js.');
  const cluster = new PostgresCluster({ dataDir, settings: SETTINGS });
  const { port, ownerPassword, superuserPassword } = await cluster.locked(() => cluster.ensureRunning());
  return {
    urlOf: (database) => `postgres://${OWNER}:${ownerPassword}@127.0.0.1:${port}/${database}`,
    adminUrl: `postgres://${SUPERUSER}:${superuserPassword}@127.0.0.1:${port}/postgres`,
  };
}

async function withAdmin<T>(server: Server, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: server.adminUrl, application_name: 'test admin' });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The first spec of a run makes the template; those of other Jest workers wait for it. */
async function ensureTemplate(admin: pg.Client, server: Server): Promise<void> {
  await admin.query("select pg_advisory_lock(hashtext('template'))");
  const { rowCount } = await admin.query('select from pg_database where datname = $1 and datistemplate', [TEMPLATE]);
  if (rowCount === 0) {
    await admin.query(`drop database if exists ${TEMPLATE} with (force)`);
    await admin.query(`create database ${TEMPLATE} template ${DATABASE} owner ${OWNER}`);
    await migrate(server.urlOf(TEMPLATE));
    await admin.query(`alter database ${TEMPLATE} with is_template true`);
  }
  await admin.query("select pg_advisory_unlock(hashtext('template'))");
}

function testDatabase(server: Server, name: string): TestDatabase {
  const url = server.urlOf(name);
  const pools = poolsOf(url);
  return {
    url,
    ...pools,
    async close() {
      await pools.close();
      await withAdmin(server, async (admin) => {
        const leaks = await awaitNoConnections(admin, name);
        await admin.query(`drop database if exists ${name} with (force)`);
        if (leaks.length > 0) throw new Error(`Connections were left open:\n${leaks.join('\n')}`);
      });
    },
  };
}

function poolsOf(url: string): Omit<TestDatabase, 'url'> {
  const pools = new Map<DatabaseRole, pg.Pool>();
  return {
    pool(role) {
      const pool = pools.get(role) ?? openPool(url, role);
      pools.set(role, pool);
      return pool;
    },
    openPool: (role, options) => openPool(url, role, options),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}

/** A backend goes a moment after its client has said goodbye. */
async function awaitNoConnections(admin: pg.Client, name: string): Promise<string[]> {
  const began = Date.now();
  for (;;) {
    const { rows } = await admin.query<{ connection: string }>(
      `select format('%s (%s): %s', application_name, state, left(query, 100)) as connection
         from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || Date.now() - began > LEAK_PATIENCE_MS) return rows.map((row) => row.connection);
    await sleep(10);
  }
}
