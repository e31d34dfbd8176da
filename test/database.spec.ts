import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type TestDatabase } from './database.js';

describe('the test database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.close());

  it('has every migration in it', async () => {
    const { rows } = await database.pool('app').query('select count(*)::int as organisations from organisations');
    expect(rows).toEqual([{ organisations: 1 }]);
  });

  it('shows the application no row of an organisation before it has said for which it reads', async () => {
    const { rows } = await database.pool('owner').query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'organisation_id' and not a.attisdropped
        where n.nspname = 'qamqor' and c.relkind = 'r' and not c.relrowsecurity
          and has_table_privilege('qamqor_app', c.oid, 'select') order by name`,
    );
    // People sign in, and their roles are read, before we know where they belong.
    expect(rows.map(({ name }) => name)).toEqual(['account_roles', 'accounts']);
  });

  it('shows and takes versions of workflows within the organisation only, and none to the command path', async () => {
    const [app, owner] = [database.pool('app'), database.pool('owner')];
    const organisation = '00000000-0000-7000-8000-000000000001';
    const insert = (client: pg.Pool | pg.PoolClient, key: string) =>
      client.query(
        `insert into workflow_versions (organisation_id, key, version, hash, files, created_at, created_by)
         values ($1, $2, 1, 'x', '{}', now(), 'test')`,
        [organisation, key],
      );
    await insert(owner, 'known');
    expect((await app.query('select from workflow_versions')).rowCount).toBe(0);
    await expect(insert(app, 'foreign')).rejects.toMatchObject({ code: '42501' });
    const client = await app.connect();
    await client.query(`begin; set local qamqor.organisation = '${organisation}'`);
    await insert(client, 'own');
    expect((await client.query('select key from workflow_versions order by key')).rows).toEqual([
      { key: 'known' },
      { key: 'own' },
    ]);
    await client.query('rollback');
    client.release();
    await expect(database.pool('engine').query('select from workflow_versions')).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('is a copy of its own: what one spec writes no other sees', async () => {
    const other = await createDatabase();
    await database.pool('owner').query('create table only_here (id int)');
    await expect(other.pool('owner').query('select from only_here')).rejects.toMatchObject({ code: '42P01' });
    await other.close();
  });

  it('tells of connections that a spec has left open', async () => {
    const other = await createDatabase();
    const leak = new pg.Client({ connectionString: other.url, application_name: 'forgotten' });
    leak.on('error', () => undefined);
    await leak.connect();
    await expect(other.close()).rejects.toThrow(/left open:\nforgotten/);
  });
});
