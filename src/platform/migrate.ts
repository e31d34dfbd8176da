import { setTimeout as sleep } from 'node:timers/promises';
import type { Constructor } from '@mikro-orm/core';
import { type Migration, Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { connectionConfig, SCHEMA, sqlState } from './database.js';
import { MIGRATIONS } from './migrations/index.js';
import { openDialect } from './orm-dialect.js';
import { StartError } from './start-error.js';

/** Any number, the same in every version: one process migrates a database at a time. */
const MIGRATION_LOCK = 4_817_263_905;

/** Everybody who wants a table waits behind a migration that waits for it: so long, then they go first. */
const LOCK_MS = 3_000;
const TRIES = 20;
/** lock_not_available, deadlock_detected: whoever works has a table that the next migration of the transaction wants. */
const IN_USE = new Set(['55P03', '40P01']);

/**
 * Brings the database to the version of this code, in one transaction, as the owner. Several processes may call it at
 * once: one migrates, the others wait and find nothing to do. Processes of the version before may work meanwhile.
 * @returns names of the migrations that ran
 */
export async function migrate(
  url: string,
  migrations: Constructor<Migration>[] = MIGRATIONS,
  { lockMs = LOCK_MS, tries = TRIES }: { lockMs?: number; tries?: number } = {},
): Promise<string[]> {
  const lock = new pg.Client(connectionConfig(url, 'owner', { name: 'migration lock', statementTimeoutMs: 0 }));
  lock.on('error', () => undefined);
  await lock.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    for (let left = tries; ; left -= 1) {
      try {
        return await runMigrations(url, migrations, lockMs);
      } catch (error) {
        if (!IN_USE.has(sqlState(error) ?? '')) throw error;
        if (left <= 1) throw tablesInUse(error);
        await sleep(lockMs);
      }
    }
  } finally {
    await lock.end();
  }
}

async function runMigrations(
  url: string,
  migrations: Constructor<Migration>[],
  lockTimeoutMs: number,
): Promise<string[]> {
  const orm = await MikroORM.init({
    entities: [],
    discovery: { warnWhenNoEntities: false },
    dbName: databaseName(url),
    schema: SCHEMA,
    driverOptions: openDialect(url, 'owner', {
      name: 'migrations',
      statementTimeoutMs: 0,
      idleInTransactionMs: 0,
      lockTimeoutMs,
      max: 2,
    }).dialect,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, tableName: 'migrations', snapshot: false, silent: true },
  });
  try {
    const done = await orm.migrator.getExecuted();
    refuseNewer(
      done.map((row) => row.name),
      migrations.map((migration) => migration.name),
    );
    const ran = await orm.migrator.up();
    return ran.map((migration) => migration.name);
  } finally {
    await orm.close();
  }
}

function refuseNewer(done: string[], known: string[]): void {
  const unknown = done.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new StartError(
    'database-newer',
    `The database was brought forward by a newer Qamqor (${unknown.join(', ')}). Start that version or a later one; ` +
      'to go back, restore the backup made before the update.',
  );
}

function tablesInUse(cause: unknown): StartError {
  return new StartError(
    'database-in-use',
    'The database could not be brought up to date: somebody keeps a table locked. Nothing was changed. End long transactions ' +
      '(pg_stat_activity shows them), or stop the other processes, and start again.',
    { cause },
  );
}

export function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
