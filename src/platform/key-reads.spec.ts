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

  const echo = async (value: number) => (await reads.rows<{ n: number }>('select $1::int as n', [value]))[0]?.n;

  it('give each its own answer, however many come at once', async () => {
    const values = Array.from({ length: 500 }, (_, n) => n);
    expect(await Promise.all(values.map(echo))).toEqual(values);
  });

  it('see the organisation that each of them names, and none without', async () => {
    const seen = `select current_setting('qamqor.organisation', true) as organisation`;
    const asked = Array.from({ length: 60 }, (_, n) => [ONE, OTHER, undefined][n % 3]);
    const found = await Promise.all(asked.map((one) => reads.rows<{ organisation: string | null }>(seen, [], one)));
    expect(found.map(([row]) => row?.organisation || undefined)).toEqual(asked);
  });

  it('change nothing, and one that fails takes no other along', async () => {
    const answers = await Promise.allSettled([
      echo(1),
      reads.rows('select 1 / 0', [], ONE),
      reads.rows(`delete from qamqor.cases`, [], ONE),
      reads.rows(`select 'x'::uuid`, []),
      ...[2, 3, 4, 5].map(echo),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      ...['rejected', 'rejected', 'rejected'],
      ...['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
    ]);
  });

  it('connect anew when the server has ended their connections', async () => {
    await Promise.all([echo(1), echo(2)]);
    await database
      .pool('owner')
      .query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'qamqor reads' and datname = current_database()`,
      );
    // Those under way are told; whoever asks after that is answered.
    const again = async (value: number): Promise<number | undefined> => {
      for (;;) {
        const answer = await echo(value).catch(() => null);
        if (answer !== null) return answer;
      }
    };
    expect(await Promise.all([again(1), again(2), again(3)])).toEqual([1, 2, 3]);
  });
});
