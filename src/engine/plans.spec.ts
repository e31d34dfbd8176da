import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import * as sql from './statements.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
}, 60_000);
afterAll(async () => {
  await database?.close();
});

const statements = Object.values(sql);

describe('the command path', () => {
  it.each(statements.map(({ name, text }) => [name, text]))(
    'reads no whole table for "%s", also while the tables are new',
    async (_name, text) => {
      const { rows } = await database
        .pool('engine')
        .query<{ 'QUERY PLAN': string }>(`explain (generic_plan, costs off) ${text}`);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).not.toMatch(/Seq Scan on (?!clock_offset)/);
    },
  );
});
