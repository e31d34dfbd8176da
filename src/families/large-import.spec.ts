import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { manyFamilies } from '../../test/many-families.js';
import { ImportService } from './import.service.js';

const BY = { organisation: '00000000-0000-7000-8000-000000000001', actor: 'registrar' };
const FULL = process.env.QAMQOR_TEST === 'full';
const PEOPLE = FULL ? 100_000 : 10_000;
const MB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** Memory that is really needed: the heap, and bytes outside it. */
const memory = () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

describe('a large file of families', () => {
  let database: TestDatabase;
  let importer: ImportService;
  beforeAll(async () => {
    database = await createDatabase();
    importer = new ImportService(database.pool('app'));
  });
  beforeEach(() => database.pool('owner').query('truncate families cascade'));
  afterAll(() => database.close());

  const count = async (table: 'families' | 'persons') =>
    (await database.pool('owner').query<{ count: number }>(`select count(*)::int from ${table}`)).rows[0]?.count;

  it(`of ${PEOPLE} people is imported in memory that does not grow with them`, async () => {
    await importer.importFamilies(manyFamilies(1_000), BY);
    const before = memory();
    let size = 0;
    async function* measured() {
      for await (const chunk of manyFamilies(PEOPLE)) {
        size += chunk.length;
        yield chunk;
      }
    }
    let most = 0;
    const heard: number[] = [];
    const report = await importer.importFamilies(measured(), {
      ...BY,
      progress: ({ rows }) => {
        if (heard.push(rows) % 5 === 0) most = Math.max(most, memory() - before);
      },
    });
    expect(report).toEqual({
      imported: PEOPLE / 5 - 200,
      updated: 0,
      unchanged: 200,
      leftOut: 0,
      problems: [],
      warnings: [],
    });
    expect([await count('families'), await count('persons')]).toEqual([PEOPLE / 5, PEOPLE]);
    expect(heard).toEqual([...heard].sort((one, other) => one - other));
    expect(heard.length).toBeGreaterThanOrEqual(PEOPLE / 1_100);
    // The file itself, what tells repeated people apart (a number each), and one batch.
    expect(most - size).toBeLessThan(10 * MB + PEOPLE * 200);
  }, 120_000);

  it('with one number filled down over 20,000 rows ends soon, takes nothing under that number and everything else', async () => {
    async function* filledDown() {
      for await (const chunk of manyFamilies(20_010))
        yield Buffer.from(
          chunk.toString().replace(/^L-(\d+)/gm, (number) => (/L-00(0000|4001)/.test(number) ? number : 'L-000001')),
        );
    }
    const report = await importer.importFamilies(filledDown(), { ...BY, language: 'en' });
    expect(report).toEqual({
      imported: 2,
      updated: 0,
      unchanged: 0,
      leftOut: 1,
      problems: [
        {
          row: 7,
          column: 'family_no',
          reason: 'too-many-people',
          message: expect.stringContaining('would have 20000 people, and 50 is the most'),
        },
      ],
      warnings: [],
    });
    const { rows } = await database.pool('owner').query('select number from families order by number');
    expect(rows).toEqual([{ number: 'L-000000' }, { number: 'L-004001' }]);
    expect(await count('persons')).toBe(10);
  }, 40_000);

  // The same rule is tried with a small limit in import.service.spec.ts.
  (FULL ? it : it.skip)(
    'of more than 500,000 people is refused, and nothing of it is written',
    async () => {
      async function* tooMany() {
        yield Buffer.from('family_no,surname,given_name,iin,birth_date,relation,categories\n');
        const row = 'Q-1,А,Б,,1990-01-01,child,\n';
        for (let rows = 0; rows < 500_000; rows += 1_000) yield Buffer.from(row.repeat(1_000));
        yield Buffer.from(row);
      }
      const report = await importer.importFamilies(tooMany(), { ...BY, language: 'en' });
      expect(report).toEqual({
        imported: 0,
        updated: 0,
        unchanged: 0,
        leftOut: 0,
        problems: [expect.objectContaining({ row: 500_002, column: null, reason: 'too-many-rows' })],
        warnings: [],
      });
      expect(await count('families')).toBe(0);
    },
    60_000,
  );
});
