import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { booleanArray, byteaArray, intArray, textArray, timestampArray, uuidArray } from './binary-arrays.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase({ migrated: false });
}, 60_000);
afterAll(async () => {
  await database?.close();
});

/** What PostgreSQL makes of the parameter, as text. */
async function read(type: string, array: Buffer): Promise<(string | null)[]> {
  const { rows } = await database
    .pool('owner')
    .query<{ item: string | null }>(
      `select item::text from unnest($1::${type}[]) with ordinality as n (item, i) order by i`,
      [array],
    );
  return rows.map(({ item }) => item);
}

describe('a binary array', () => {
  it('is read by PostgreSQL as it was given, texts of every script and nulls', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !value.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text)), async (items) => {
        expect(await read('text', textArray(items))).toEqual(items);
      }),
      { numRuns: 100 },
    );
  });

  it('carries UUIDs in any case', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.uuid())), async (items) => {
        const shouted = items.map((item) => item?.toUpperCase() ?? null);
        expect(await read('uuid', uuidArray(shouted))).toEqual(items);
      }),
      { numRuns: 50 },
    );
  });

  it('carries moments before and after 2000 to the millisecond', async () => {
    const moment = fc.date({ min: new Date('1900-01-01'), max: new Date('2200-01-01'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(moment)), async (dates) => {
        const items = dates.map((date) => date?.toISOString() ?? null);
        const stored = await read('timestamptz', timestampArray(items));
        expect(stored.map((item) => (item === null ? null : new Date(item).toISOString()))).toEqual(items);
      }),
      { numRuns: 50 },
    );
  });

  it('carries numbers, truth values and bytes', async () => {
    expect(await read('int', intArray([0, -1, 2_147_483_647, null]))).toEqual(['0', '-1', '2147483647', null]);
    expect(await read('boolean', booleanArray([true, null, false]))).toEqual(['true', null, 'false']);
    expect(await read('bytea', byteaArray([Buffer.from([0, 255, 10]), null, Buffer.alloc(0)]))).toEqual([
      '\\x00ff0a',
      null,
      '\\x',
    ]);
  });

  it.each(['', '0192f5a0-0000-7000-8000-0000000000c', '0192f5a0-0000-7000-8000-0000000000c1ff', 'nobody'])(
    'refuses "%s" as a UUID',
    (text) => {
      expect(() => uuidArray([text])).toThrow(TypeError);
    },
  );

  it('refuses what is not a moment', () => {
    expect(() => timestampArray(['tomorrow'])).toThrow(TypeError);
  });
});
