import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import type { BatchTransaction } from '../engine/types.js';
import { withTransaction } from '../platform/database.js';
import { countingIds } from '../platform/ids.js';
import { takeNumbers } from './certificate-numbers.js';

const ORGANISATION = '00000000-0000-7000-8000-000000000001';
const OTHER = '00000000-0000-7000-8000-000000000002';
const ZONE = 'Asia/Almaty';
const NOW = '2026-11-22T10:00:00.000Z';

describe('the numbers of certificates', () => {
  let database: TestDatabase;
  const ids = countingIds(1000);
  beforeAll(async () => {
    database = await createDatabase();
    await sql('insert into qamqor.organisations (id, name) values ($1, $2)', [OTHER, 'Another']);
  });
  beforeEach(() => sql('truncate qamqor.certificates, qamqor.certificate_counters'));
  afterAll(() => database.close());

  const sql = async (text: string, values: unknown[] = []) => (await database.pool('owner').query(text, values)).rows;

  it('begin at one in each year and organisation, and go up by one', async () => {
    const [a = '', b = '', c = '', d = ''] = await prepared(4);
    const [e = ''] = await prepared(1, OTHER);
    expect(await issue([a, b])).toEqual(['2026-0001', '2026-0002']);
    expect(await issue([e, c])).toEqual(['2026-0001', '2026-0003']);
    expect(await issue([d], '2027-01-05T06:00:00.000Z')).toEqual(['2027-0001']);
  });

  it('follow the order in which the answers came', async () => {
    const [a = '', b = '', c = ''] = await prepared(3);
    expect(await issue([c, a, b])).toEqual(['2026-0001', '2026-0002', '2026-0003']);
    expect((await sql('select id from qamqor.certificates order by serial')).map(({ id }) => id)).toEqual([c, a, b]);
  });

  it('belong to the day and the year of the centre, not of Greenwich', async () => {
    const [a = ''] = await prepared(1);
    expect(await issue([a], '2026-12-31T20:30:00.000Z')).toEqual(['2027-0001']);
    expect(await sql('select issued_on::text from qamqor.certificates')).toEqual([{ issued_on: '2027-01-01' }]);
  });

  it('are kept by whoever has one, and none is used up by asking again', async () => {
    const [a = '', b = ''] = await prepared(2);
    const first = await issue([a]);
    expect(await issue([a], '2027-03-01T00:00:00.000Z')).toEqual(first);
    expect(await issue([b, a])).toEqual(['2026-0002', '2026-0001']);
  });

  it('are given back by a transaction that does not commit', async () => {
    const [a = '', b = ''] = await prepared(2);
    await expect(
      inBatch(async (tx) => {
        await takeNumbers(tx, [a], NOW, ZONE);
        throw new Error('the batch failed');
      }),
    ).rejects.toThrow('the batch failed');
    expect(await issue([b])).toEqual(['2026-0001']);
  });

  it('have no gaps and no doubles when many take them at once', async () => {
    const all = await prepared(120);
    const groups = Array.from({ length: 40 }, (_none, group) => all.slice(group * 3, group * 3 + 3));
    const issued = await Promise.all(
      groups.map((group, index) =>
        inBatch(async (tx) => {
          await takeNumbers(tx, group, NOW, ZONE);
          if (index % 5 === 0) throw new Error('unlucky');
        }).then(
          () => 3,
          () => 0,
        ),
      ),
    );
    const serials = (await sql('select serial from qamqor.certificates where serial is not null order by serial')).map(
      ({ serial }) => serial,
    );
    const count = issued.reduce((sum: number, part) => sum + part, 0);
    expect(count).toBe(96);
    expect(serials).toEqual(Array.from({ length: count }, (_none, index) => index + 1));
  });

  it('are the same for two that issue one certificate at once', async () => {
    const [a = '', b = ''] = await prepared(2);
    const both = await Promise.all(Array.from({ length: 8 }, () => issue([a])));
    expect(new Set(both.flat())).toEqual(new Set(['2026-0001']));
    expect(await issue([b])).toEqual(['2026-0002']);
  });

  it('go on past ten thousand', async () => {
    const [a = '', b = ''] = await prepared(2);
    await sql('insert into qamqor.certificate_counters values ($1, 2026, 9998)', [ORGANISATION]);
    expect(await issue([a, b])).toEqual(['2026-9999', '2026-10000']);
  });

  it('are refused to a certificate that was not prepared', async () => {
    await expect(issue([ids.next()])).rejects.toThrow('was not prepared');
  });

  it('are not given by whoever only keeps records, and not to cases outside the batch', async () => {
    const [a = ''] = await prepared(1);
    const asApp = (text: string) =>
      withTransaction(database.pool('app'), async (client) => {
        await client.query(`select set_config('qamqor.organisation', $1, true)`, [ORGANISATION]);
        await client.query(text);
      });
    await expect(
      asApp("update qamqor.certificates set year = 2026, serial = 1, issued_on = '2026-11-22'"),
    ).rejects.toThrow('permission denied');
    await expect(asApp('update qamqor.certificate_counters set last = 7')).rejects.toThrow('permission denied');
    await expect(asApp('delete from qamqor.certificates')).rejects.toThrow('permission denied');
    await expect(inBatch((tx) => takeNumbers(tx, [a], NOW, ZONE), [])).rejects.toThrow('was not prepared');
  });

  async function prepared(count: number, organisation = ORGANISATION): Promise<string[]> {
    const made = Array.from({ length: count }, () => ids.next());
    for (const id of made)
      await sql(
        `insert into qamqor.certificates (id, organisation_id, case_id, family_id, person_id, surname, course, course_title,
           language, workflow_key, workflow_version, check_code, prepared_at)
         values ($1, $2, $1, $1, $1, 'Әлиева', 'sewing', 'Тігін', 'kk', 'family-support', 1, 'code', now())`,
        [id, organisation],
      );
    return made;
  }

  async function issue(of: string[], now = NOW): Promise<string[]> {
    const issued = await inBatch((tx) => takeNumbers(tx, of, now, ZONE));
    return of.map((id) => issued.get(id)?.number ?? 'none');
  }

  /** As the engine does: its role, and only the cases of its batch in sight (here a case has its certificate's id). */
  function inBatch<Result>(work: (tx: BatchTransaction) => Promise<Result>, cases?: string[]): Promise<Result> {
    return withTransaction(database.pool('engine'), async (client: PoolClient) => {
      const inSight =
        cases ?? (await sql('select case_id from qamqor.certificates')).map((row) => row['case_id'] as string);
      await client.query(`select set_config('qamqor.cases', $1, true)`, [`{${inSight.join(',')}}`]);
      return work({
        query: async (name, text, values) => {
          const { rows, rowCount } = await client.query({ name, text, values });
          return { rows, rowCount: rowCount ?? 0 };
        },
      });
    });
  }
});
