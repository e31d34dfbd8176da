import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { openPool } from './database.js';
import { KeyReads } from './key-reads.js';

const LANES = 2;
const ONE = '00000000-0000-7000-8000-000000000001';
const OTHER = '00000000-0000-7000-8000-000000000002';

describe('reads that share a few connections', () => {
  let database: TestDatabase;
  let reads: KeyReads;
  beforeAll(async () => {
    database = await createDatabase();
    reads = new KeyReads(openPool(database.url, 'app', { pipeline: true, max: LANES, name: 'reads' }), LANES);
  });
  afterAll(async () => {
    await reads.close();
    await database.close();
  });

  const echo = { name: 'echo', text: "select k as key, k::int + 1 as n from unnest($1::text[]) k where k <> 'none'" };
  const plusOne = async (value: number) => (await reads.row<{ n: number }>(echo, String(value)))?.n;

  it('give each its own answer, however many ask at once', async () => {
    const values = Array.from({ length: 500 }, (_, n) => n);
    expect(await Promise.all(values.map(plusOne))).toEqual(values.map((n) => n + 1));
  });

  it('travel as one statement where they are asked for in one turn', async () => {
    const alone = { name: 'alone', text: 'select k as key, cardinality($1::text[]) as n from unnest($1::text[]) k' };
    const asked = ['a', 'b', 'a', 'c'].map((key) => reads.row<{ n: number }>(alone, key));
    expect((await Promise.all(asked)).map((row) => row?.n)).toEqual([3, 3, 3, 3]);
  });

  it('give null for what is not there and for what no text can hold', async () => {
    const [none, nul, other] = await Promise.all([reads.row(echo, 'none'), reads.row(echo, '1\0'), plusOne(1)]);
    expect([none, nul, other]).toEqual([null, null, 2]);
  });

  it('see the organisation that each of them names, and none without', async () => {
    const seen = {
      name: 'seen',
      text: `select k as key, current_setting('qamqor.organisation', true) as organisation from unnest($1::text[]) k`,
    };
    const asked = Array.from({ length: 60 }, (_, n) => [ONE, OTHER, undefined][n % 3]);
    const found = await Promise.all(
      asked.map((one, n) => reads.row<{ organisation: string | null }>(seen, String(n), one)),
    );
    expect(found.map((row) => row?.organisation || undefined)).toEqual(asked);
  });

  it('change nothing, and a statement that fails takes no other along', async () => {
    const answers = await Promise.allSettled([
      plusOne(1),
      reads.row({ name: 'fails', text: `select 1 / 0, $1::text[]` }, 'x', ONE),
      reads.row({ name: 'writes', text: `delete from qamqor.cases where number = any ($1)` }, 'x', ONE),
      reads.row(echo, 'no number', ONE),
      ...[2, 3, 4, 5].map(plusOne),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      ...['rejected', 'rejected', 'rejected'],
      ...['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
    ]);
  });

  it('connect anew when the server has ended their connections', async () => {
    await Promise.all([plusOne(1), plusOne(2)]);
    await database
      .pool('owner')
      .query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'qamqor reads' and datname = current_database()`,
      );
    // Those under way are told; whoever asks after that is answered.
    const again = async (value: number): Promise<number | undefined> => {
      for (;;) {
        const answer = await plusOne(value).catch(() => null);
        if (answer !== null) return answer;
      }
    };
    expect(await Promise.all([again(1), again(2), again(3)])).toEqual([2, 3, 4]);
  });
});
