import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { openOrm } from '../platform/orm.js';
import { type Applicant, FamiliesService } from './families.service.js';
import { Family } from './family.entity.js';
import { ImportService } from './import.service.js';
import { Person } from './person.entity.js';

const ORGANISATION = '00000000-0000-7000-8000-000000000001';
const BY = { organisation: ORGANISATION, actor: 'registrar' };
const APPLICANT: Applicant = {
  surname: 'ҚОЖАХМЕТОВА',
  given: 'әсел',
  patronymic: 'Бауыржанқызы',
  phone: '8 702 613 52 41',
  language: 'kk',
  categories: ['large'],
  interest: 'sewing',
};

describe('the records of families', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let families: FamiliesService;
  beforeAll(async () => {
    database = await createDatabase();
    orm = await openOrm(database.url, [Family, Person]);
    families = new FamiliesService(orm.em);
  });
  beforeEach(() => database.pool('owner').query('truncate families cascade'));
  afterAll(async () => {
    await orm.close();
    await database.close();
  });

  const found = async (query: string) =>
    (await families.searchFamilies(ORGANISATION, query)).map(({ number }) => number);

  describe('registering an applicant', () => {
    it('makes a family of one under a number of its own, as records are kept', async () => {
      const { familyId, personId } = await families.registerApplicant(APPLICANT, BY);
      const family = await families.findFamily(ORGANISATION, familyId);
      expect(family).toMatchObject({
        number: expect.stringMatching(/^F-\d{6}$/),
        phone: '+77026135241',
        language: 'kk',
        categories: ['large'],
        interest: 'sewing',
        registeredOn: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        revision: 1,
        createdBy: 'registrar',
      });
      expect(await families.personsOf(ORGANISATION, familyId)).toEqual([
        expect.objectContaining({
          id: personId,
          relation: 'applicant',
          surname: 'Қожахметова',
          given: 'Әсел',
          patronymic: 'Бауыржанқызы',
          iin: null,
          birthDate: null,
        }),
      ]);
      expect(await families.familyByNumber(ORGANISATION, (family?.number ?? '').toLowerCase())).toMatchObject({
        id: familyId,
      });
    });

    it('gives each family a number that is free, also beside numbers from a spreadsheet', async () => {
      const { familyId } = await families.registerApplicant(APPLICANT, BY);
      const { number = '' } = (await families.findFamily(ORGANISATION, familyId)) ?? {};
      const next = (step: number) => `F-${String(Number(number.slice(2)) + step).padStart(6, '0')}`;
      const lines = ['family_no,surname,given_name,iin,birth_date,relation,categories,note'];
      for (const step of [1, 2]) lines.push(`${next(step)},Омарова,Айгүл,,1988-07-0${step},applicant,large,жоқ`);
      await new ImportService(database.pool('app')).importFamilies(Readable.from([Buffer.from(lines.join('\n'))]), BY);
      const other = await families.registerApplicant(APPLICANT, BY);
      expect((await families.findFamily(ORGANISATION, other.familyId))?.number).toBe(next(3));
    });

    it('happens once for one key, also when it is tried many times at once', async () => {
      const tries = [1, 2, 3, 4, 5].map(() => families.registerApplicant(APPLICANT, { ...BY, key: 'command-1' }));
      const answers = await Promise.all(tries);
      expect(new Set(answers.map(({ familyId }) => familyId)).size).toBe(1);
      expect(new Set(answers.map(({ personId }) => personId)).size).toBe(1);
      expect(await found('қожахметова')).toHaveLength(1);
      await families.registerApplicant(APPLICANT, { ...BY, key: 'command-2' });
      expect(await found('қожахметова')).toHaveLength(2);
    });

    it('keeps a telephone number that cannot be dialled as it was said, and takes someone with one name', async () => {
      const applicant = { ...APPLICANT, surname: null, patronymic: null, phone: 'көршісі арқылы' };
      const { familyId } = await families.registerApplicant(applicant, BY);
      expect((await families.findFamily(ORGANISATION, familyId))?.phone).toBe('көршісі арқылы');
      expect((await families.personsOf(ORGANISATION, familyId))[0]).toMatchObject({ surname: null, given: 'Әсел' });
    });

    it('of nobody, without any name, is refused by the database', async () => {
      const nobody = families.registerApplicant({ ...APPLICANT, surname: ' ', given: null }, BY);
      await expect(nobody).rejects.toThrow(/persons_check/);
      expect(await found('F-')).toEqual([]);
    });
  });

  describe('searching', () => {
    beforeEach(async () => {
      const lines = [
        'family_no,surname,given_name,patronymic,iin,birth_date,relation,categories,phone',
        'Q-00001,Қожахметова,Әсел,Бауыржанқызы,880707400230,1988-07-07,applicant,large,87026135241',
        'Q-00001,Қожахметов,Нұрлан,,900101300007,1990-01-01,spouse,,',
        'Q-00002,Ысқақова,Іңкәр,,,1991-01-01,applicant,large,87471112233',
        'Q-00012,Шәріпова,Әсем,,,1992-01-01,applicant,large,87471112233',
      ];
      await new ImportService(database.pool('app')).importFamilies(Readable.from([Buffer.from(lines.join('\n'))]), BY);
    });

    it.each([
      ['қожахметова', ['Q-00001']],
      ['Кожахметова Асел', ['Q-00001']],
      ['asel kozhakhm', ['Q-00001']],
      ['Нұрлан', ['Q-00001']],
      ['әс', ['Q-00001', 'Q-00012']],
      ['ахметова', []],
      ['Асел Шарипова', []],
      ['Yskakova', ['Q-00002']],
      ['q-00001', ['Q-00001']],
      ['Q-0000', ['Q-00001', 'Q-00002']],
      ['8 747 111 22 33', ['Q-00002', 'Q-00012']],
      ['111-22-33', ['Q-00002', 'Q-00012']],
      ['6135', ['Q-00001']],
      ['8702', ['Q-00001']],
      ['+7 747', ['Q-00002', 'Q-00012']],
      ['613', []],
      ['613_2', []],
      ['q-12', ['Q-00012']],
      ['q2', ['Q-00002']],
      ['900101 300007', ['Q-00001']],
      ['900101300008', []],
      ['%', []],
      ['_', []],
      ["' or 1=1 --", []],
      ['\\', []],
      ['', []],
      ['zzzz', []],
      ['qqq', []],
      ['ққ', []],
      ['әсел ккк', []],
      ['ь', []],
      ['-', []],
      ['\u200b', []],
    ])('for %j finds %j', async (query, numbers) => {
      expect(await found(query)).toEqual(numbers);
    });

    it('takes no harm from a very long question', async () => {
      expect(await found('х '.repeat(100_000))).toEqual([]);
    });

    it('gives no more than asked for', async () => {
      expect(await families.searchFamilies(ORGANISATION, 'Q-', { limit: 2 })).toHaveLength(2);
    });
  });

  it('cannot be seen or written by a connection that did not say which it serves', async () => {
    const { familyId } = await families.registerApplicant(APPLICANT, BY);
    const app = database.pool('app');
    expect((await app.query('select from families')).rowCount).toBe(0);
    expect((await app.query("update families set note = 'x'")).rowCount).toBe(0);
    const columns = 'id, organisation_id, number, language, search_key, created_at, created_by, updated_at, updated_by';
    const values = "gen_random_uuid(), $1, 'X-1', 'kk', '', now(), '', now(), ''";
    await expect(app.query(`insert into families (${columns}) values (${values})`, [ORGANISATION])).rejects.toThrow(
      /row-level security/,
    );
    await expect(app.query('delete from families')).rejects.toMatchObject({ code: '42501' });
    expect(await families.findFamily(ORGANISATION, familyId)).not.toBeNull();
  });
});
