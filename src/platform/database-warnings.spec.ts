import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, superuserUrl, type TestDatabase } from '../../test/database.js';
import { openPool } from './database.js';
import { type DatabaseFacts, databaseWarnings, warningsFrom } from './database-warnings.js';

const sound: DatabaseFacts = { notKept: [], login: 'qamqor', isSuperuser: false, passesPolicies: false, aheadMs: 0 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

describe('A66: before families rely on a database, whoever runs it', () => {
  it('is told of nothing where nothing is wrong', () => {
    expect(warningsFrom(sound)).toEqual([]);
    expect(warningsFrom({ ...sound, aheadMs: -4_900 })).toEqual([]);
  });

  it.each<[string, Partial<DatabaseFacts>, RegExp]>([
    ['a login that passes row-level security by', { passesPolicies: true }, /"qamqor" .*row-level security/],
    ['a clock ahead', { aheadMs: 7_000 }, /7 s ahead of .*NTP/],
    ['a clock behind', { aheadMs: -3_600_000 }, /3600 s behind .*NTP/],
  ])('is told of %s', (_what, more, words) => {
    expect(warningsFrom({ ...sound, ...more })).toEqual([expect.stringMatching(words)]);
  });

  it('is told which settings lose what was answered (a server for tests has them off), and of no clock that is right', async () => {
    expect(await databaseWarnings(database.pool('app'))).toEqual([
      expect.stringMatching(/fsync, full_page_writes, synchronous_commit is off/),
    ]);
  });

  it('is told of a superuser, who must not be what a process logs in as', async () => {
    const pool = openPool(await superuserUrl(database), 'app', { max: 1 });
    expect(await databaseWarnings(pool)).toContainEqual(expect.stringMatching(/is a superuser.*CREATEROLE/));
    await pool.end();
  });
});
