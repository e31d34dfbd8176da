import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { migrate } from '../src/platform/migrate.js';
import { MIGRATIONS } from '../src/platform/migrations/index.js';
import { verifySystem } from '../src/verify-system.js';
import { ApiFixture } from './api.js';
import { createDatabase, type TestDatabase } from './database.js';
import { settled } from './partner.js';

/**
 * What an earlier version left: every table of a journey that was killed half-way, three families at their end and six on
 * theirs, written by the code of that time (sample families, without credentials). To add another: run the version that was
 * released, and keep each table as `json_agg` gives it.
 */
const EARLIER = { file: 'test/fixtures/m0018.json.gz', migration: 'M0018ClockBehind' };
const CASES = 12;

interface Column {
  name: string;
  type: string;
  required: boolean;
}

async function columns(pool: Pool): Promise<Map<string, Column>> {
  const { rows } = await pool.query<Column>(
    `select format('%s.%s', table_name, column_name) as name, data_type as type, is_nullable = 'NO' and column_default is null and is_generated = 'NEVER' as required
       from information_schema.columns join information_schema.tables using (table_schema, table_name)
      where table_schema = 'qamqor' and table_type = 'BASE TABLE'`,
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** What processes may do and call, and what the database refuses them: as lines. */
async function promises(pool: Pool): Promise<{ given: string[]; refused: string[] }> {
  const linesOf = async (text: string) =>
    (await pool.query<{ line: string }>(text)).rows.map(({ line }) => line).sort();
  return {
    given: await linesOf(
      `select distinct format('%s may %s %s.%s', grantee, privilege_type, table_name, column_name) as line
         from information_schema.column_privileges where table_schema = 'qamqor' and grantee like 'qamqor\\_%'
       union all select distinct format('%s may delete from %s', grantee, table_name)
         from information_schema.table_privileges
        where table_schema = 'qamqor' and grantee like 'qamqor\\_%' and privilege_type = 'DELETE'
       union all select format('%s returns %s', oid::regprocedure, pg_get_function_result(oid))
         from pg_proc where pronamespace = 'qamqor'::regnamespace`,
    ),
    refused: await linesOf(
      `select format('%s: %s', conrelid::regclass, pg_get_constraintdef(oid)) as line
         from pg_constraint where connamespace = 'qamqor'::regnamespace and contype <> 'n'
       union all select format('%s: unless %s %s', tablename, coalesce(qual, 'true'), coalesce(with_check, qual, 'true'))
         from pg_policies where schemaname = 'qamqor'
       union all select indexdef from pg_indexes where schemaname = 'qamqor' and indexdef like 'CREATE UNIQUE%'`,
    ),
  };
}

/** In whatever order the references between tables allow. */
async function load(pool: Pool): Promise<void> {
  const tables = JSON.parse(gunzipSync(readFileSync(EARLIER.file)).toString()) as Record<string, object[]>;
  const client = await pool.connect();
  try {
    const triggers = async (state: 'enable' | 'disable') => {
      for (const table of Object.keys(tables)) await client.query(`alter table qamqor.${table} ${state} trigger user`);
    };
    await triggers('disable');
    // What migrations put there is in what was kept, too.
    for (const table of ['clock_offset', 'account_roles', 'accounts', 'organisations'])
      await client.query(`delete from qamqor.${table}`);
    const waiting = Object.keys(tables).filter((table) => (tables[table] ?? []).length > 0);
    for (let table = waiting.shift(), refused = 0; table !== undefined; table = waiting.shift()) {
      const insert = `insert into qamqor.${table} overriding system value select * from json_populate_recordset(null::qamqor.${table}, $1)`;
      try {
        await client.query(insert, [JSON.stringify(tables[table])]);
        refused = 0;
      } catch (error) {
        const isEarly = (error as { code?: string }).code === '23503' && refused <= waiting.length;
        if (!isEarly) throw error;
        refused += 1;
        waiting.push(table);
      }
    }
    await triggers('enable');
  } finally {
    client.release();
  }
}

describe(`a database of ${EARLIER.migration}, with cases on their way`, () => {
  let database: TestDatabase;
  let api: ApiFixture;
  let before: Map<string, Column>;
  let promised: Awaited<ReturnType<typeof promises>>;
  beforeAll(async () => {
    database = await createDatabase({ migrated: false });
    const known = MIGRATIONS.findIndex(({ name }) => name === EARLIER.migration) + 1;
    await migrate(database.url, MIGRATIONS.slice(0, known));
    await load(database.pool('owner'));
    before = await columns(database.pool('owner'));
    promised = await promises(database.pool('owner'));
    const ran = await migrate(database.url);
    expect(ran).toEqual(MIGRATIONS.slice(known).map(({ name }) => name));
    api = await ApiFixture.create({}, async () => database.url);
  });
  afterAll(async () => {
    await api?.close();
    await database?.close();
  });

  it('F46, F48: keeps what processes of that version write and read: nothing is gone, of another type, or newly required', async () => {
    const after = await columns(database.pool('owner'));
    for (const [name, { type, required }] of before)
      expect({ name, after: after.get(name) }).toMatchObject({ after: { type, ...(required ? {} : { required }) } });
    const tables = new Set([...before.keys()].map((name) => name.split('.')[0]));
    const added = [...after.values()].filter(({ name }) => !before.has(name) && tables.has(name.split('.')[0]));
    expect(added.filter(({ required }) => required)).toEqual([]);
  });

  it('F46, F48: still lets processes of that version do and call what they did, and refuses them nothing more', async () => {
    const after = await promises(database.pool('owner'));
    const tables = new Set([...before.keys()].map((name) => name.split('.')[0]));
    const isTheirs = (line: string) => tables.has(/^(\w+):| ON qamqor\.(\w+)/.exec(line)?.slice(1).find(Boolean) ?? '');
    expect(promised.given.filter((line) => !after.given.includes(line))).toEqual([]);
    expect(after.refused.filter((line) => isTheirs(line) && !promised.refused.includes(line))).toEqual([]);
  });

  it('F45: is as its journal says, case by case', async () => {
    expect(await verifySystem(api.system)).toMatchObject({ ok: true, cases: CASES, problems: [] });
  });

  it('F45: goes on: its open cases take events, and stay what their journal says', async () => {
    const { body } = await api.get('integration', '/api/cases?workflow=family-support&status=active&limit=50');
    expect(body.items).toHaveLength(6);
    for (const { id } of body.items)
      expect(
        await api.post('integration', `/api/cases/${id}/events`, { type: 'WITHDRAW', data: { reason: 'own-wish' } }),
      ).toMatchObject({ status: 200 });
    await settled(api.system);
    expect(await verifySystem(api.system)).toMatchObject({ ok: true, problems: [] });
    expect(api.errors).toEqual([]);
  });
});
