import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { openPool } from '../src/platform/database.js';
import { EmbeddedPostgres } from '../src/platform/embedded-postgres.js';
import { migrate } from '../src/platform/migrate.js';

/** Every table that a journey writes. */
export const TABLES = ['cases', 'journal', 'payloads', 'commands', 'tasks', 'handoffs', 'timers', 'outbox'] as const;

/** Rows of one table since the run began: written, and there at the end. */
export interface TableRows {
  inserted: number;
  updated: number;
  deleted: number;
  left: number;
  /** Table, indexes and what is stored beside it, on disk. */
  bytes: number;
}

export interface Written {
  tables: Record<string, TableRows>;
  /** All tables together. */
  rows: number;
  bytes: number;
  /** What the rows themselves hold, without the room that pages, indexes and dead rows take. */
  dataBytes: number;
  /** Write-ahead log: what had to reach the disk before COMMIT was answered. */
  walBytes: number;
}

/** The tables that all contestants write, emptied before each of them begins. */
export class BenchDatabase {
  private constructor(
    readonly url: string,
    private readonly owner: pg.Pool,
  ) {}

  /** Brings the schema; the database must be there. */
  static async prepare(url: string): Promise<BenchDatabase> {
    await migrate(url);
    return BenchDatabase.open(url);
  }

  static open(url: string): BenchDatabase {
    return new BenchDatabase(url, openPool(url, 'owner', { max: 2, name: 'bench', statementTimeoutMs: 0 }));
  }

  /** Same start for everyone: no rows, no dead rows. */
  async empty(): Promise<void> {
    await this.owner.query(
      `truncate ${TABLES.map((table) => `qamqor.${table}`).join(', ')}, qamqor.task_drafts, qamqor.handoff_events cascade`,
    );
  }

  async position(): Promise<string> {
    const { rows } = await this.owner.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn');
    return rows[0]?.lsn ?? '0/0';
  }

  /** What a connection has written is added up when it ends: close the contestant's first. */
  async counters(): Promise<Map<string, Pick<TableRows, 'inserted' | 'updated' | 'deleted'>>> {
    await this.awaitNobody();
    const { rows } = await this.owner.query<{ table: string; inserted: string; updated: string; deleted: string }>(
      `select relname as table, n_tup_ins as inserted, n_tup_upd as updated, n_tup_del as deleted
       from pg_stat_user_tables where schemaname = 'qamqor' and relname = any ($1)`,
      [TABLES],
    );
    return new Map(
      rows.map((row) => [
        row.table,
        { inserted: Number(row.inserted), updated: Number(row.updated), deleted: Number(row.deleted) },
      ]),
    );
  }

  async written(before: Awaited<ReturnType<BenchDatabase['counters']>>, walFrom: string): Promise<Written> {
    const after = await this.counters();
    const tables: Record<string, TableRows> = {};
    for (const table of TABLES) {
      const { rows } = await this.owner.query<{ left: string; bytes: string }>(
        `select (select count(*) from qamqor.${table}) as left, pg_total_relation_size('qamqor.${table}') as bytes`,
      );
      const since = (what: 'inserted' | 'updated' | 'deleted') =>
        (after.get(table)?.[what] ?? 0) - (before.get(table)?.[what] ?? 0);
      tables[table] = {
        inserted: since('inserted'),
        updated: since('updated'),
        deleted: since('deleted'),
        left: Number(rows[0]?.left),
        bytes: Number(rows[0]?.bytes),
      };
    }
    const { rows } = await this.owner.query<{ bytes: string }>(
      'select pg_current_wal_insert_lsn() - $1::pg_lsn as bytes',
      [walFrom],
    );
    const all = Object.values(tables);
    return {
      tables,
      rows: all.reduce((sum, table) => sum + table.inserted + table.updated + table.deleted, 0),
      bytes: all.reduce((sum, table) => sum + table.bytes, 0),
      dataBytes: await this.dataBytes(),
      walBytes: Number(rows[0]?.bytes),
    };
  }

  /** A backend goes a moment after its client has said goodbye. */
  private async awaitNobody(): Promise<void> {
    for (;;) {
      const { rows } = await this.owner.query(
        `select 1 from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
           and application_name like 'qamqor %' and application_name <> 'qamqor bench' limit 1`,
      );
      if (rows.length === 0) return;
      await sleep(5);
    }
  }

  private async dataBytes(): Promise<number> {
    const { rows } = await this.owner.query<{ bytes: string }>(
      `select ${TABLES.map((table) => `(select coalesce(sum(pg_column_size(t.*)), 0) from qamqor.${table} t)`).join(' + ')} as bytes`,
    );
    return Number(rows[0]?.bytes);
  }

  /** How far the cases came: every one of them must be done. */
  async finished(): Promise<{ cases: number; done: number; outbox: number }> {
    const { rows } = await this.owner.query<{ cases: number; done: number; outbox: number }>(
      `select count(*)::int as cases, count(*) filter (where status = 'done')::int as done,
         (select count(*)::int from qamqor.outbox) as outbox from qamqor.cases`,
    );
    return rows[0] ?? { cases: 0, done: 0, outbox: 0 };
  }

  async settings(): Promise<Record<string, string>> {
    const { rows } = await this.owner.query<{ name: string; setting: string }>(
      `select name, current_setting(name) as setting from pg_settings where name = any ($1) order by name`,
      [
        [
          'server_version',
          'fsync',
          'synchronous_commit',
          'full_page_writes',
          'shared_buffers',
          'max_wal_size',
          'wal_level',
          'commit_delay',
          'jit',
        ],
      ],
    );
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  }

  async close(): Promise<void> {
    await this.owner.end();
  }
}

/** A PostgreSQL of its own in a temporary folder, with the settings of production; gone afterwards. */
export async function withServer<T>(work: (url: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'qamqor-bench-'));
  // Run by root, the server belongs to another user, who must get through.
  await chmod(folder, 0o711);
  try {
    const server = await EmbeddedPostgres.start({ dataDir: folder });
    try {
      return await work(server.url);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
