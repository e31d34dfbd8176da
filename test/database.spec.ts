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
