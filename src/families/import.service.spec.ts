import { createReadStream, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { openOrm } from '../platform/orm.js';
import { checkDigit } from './check-digit.js';
import { FamiliesService } from './families.service.js';
import { openFamiliesFile } from './families-file.js';
import { Family } from './family.entity.js';
import { runImport } from './import.command.js';
import { ImportService } from './import.service.js';
import { Person } from './person.entity.js';
import { LIMITS } from './spreadsheet.js';

const ORGANISATION = '00000000-0000-7000-8000-000000000001';
const OTHER_ORGANISATION = '00000000-0000-7000-8000-000000000002';
const BY = { organisation: ORGANISATION, actor: 'registrar' };
const demo = (name: string) => new URL(`../../demo/data/${name}`, import.meta.url);

const HEADER =
  'family_no,surname,given_name,patronymic,iin,birth_date,sex,relation,phone,language,address,kato,categories,interest,registered_on,note';
const MOTHER =
  'Q-1,Омарова,Айгүл,,880707400230,1988-07-07,f,applicant,87026135241,kk,Төле би 1,611000000,large,sewing,2026-03-05,';
const SON = 'Q-1,Омаров,Нұрлан,Арманұлы,,2014-05-06,m,child,,kk,,,,,,куәлік жоғалған';
const SONS_IIN = `14050659000${checkDigit('14050659000')}`;
const CORRECTED_IIN = `88070749000${checkDigit('88070749000')}`;
const fileOf = (...lines: string[]) => Readable.from([Buffer.from([HEADER, ...lines].join('\n'))]);

/** Ends between two families. */
function firstRowsOf(name: string, about: number): Buffer[] {
  const [header = '', ...lines] = readFileSync(demo(name), 'utf8').split('\n');
  const last = lines[about]?.slice(0, 7) ?? '';
  return [Buffer.from([header, ...lines.slice(0, about).filter((line) => !line.startsWith(last))].join('\n'))];
}

describe('importing families', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let importer: ImportService;
  let families: FamiliesService;

  beforeAll(async () => {
    database = await createDatabase();
    await database
      .pool('owner')
      .query('insert into organisations (id, name) values ($1, $2)', [OTHER_ORGANISATION, 'other']);
    orm = await openOrm(database.url, [Family, Person]);
    importer = new ImportService(database.pool('app'));
    families = new FamiliesService(orm.em);
  });
  beforeEach(async () => {
    await database.pool('owner').query('delete from persons; delete from families');
  });
  afterAll(async () => {
    await orm.close();
    await database.close();
  });

  const rows = async (table: 'families' | 'persons') =>
    (await database.pool('owner').query(`select * from ${table} order by created_at, id`)).rows as Record<
      string,
      unknown
    >[];
  const importLines = (...lines: string[]) => importer.importFamilies(fileOf(...lines), { ...BY, language: 'en' });
  const theFamily = async () => {
    const family = await families.familyByNumber(ORGANISATION, 'Q-1');
    if (!family) throw new Error('family Q-1 is not there');
    return { family, persons: await families.personsOf(ORGANISATION, family.id) };
  };

  it('takes every family of a good file once, however often it is imported', async () => {
    const once = await importer.importFamilies(createReadStream(demo('families.csv')), BY);
    expect(once).toEqual({ imported: 400, updated: 0, unchanged: 0, leftOut: 0, problems: [], warnings: [] });
    const before = [await rows('families'), await rows('persons')];
    expect(before.map((table) => table.length)).toEqual([400, 2047]);

    const again = await importer.importFamilies(createReadStream(demo('families.csv')), BY);
    expect(again).toEqual({ imported: 0, updated: 0, unchanged: 400, leftOut: 0, problems: [], warnings: [] });
    expect([await rows('families'), await rows('persons')]).toEqual(before);
  });

  it('takes 40 of the 60 families of a clerk, and says the rest in her language', async () => {
    const report = await importer.importFamilies(createReadStream(demo('families-messy.csv')), BY);
    expect(report).toMatchObject({ imported: 40, updated: 0, unchanged: 0 });
    expect(report.problems.map(({ row, column }) => `${row} ${column}`)).toEqual(
      '5 iin,33 birth_date,38 categories,48 null,59 surname,59 given_name,72 iin,98 birth_date,103 categories,111 null,122 surname,122 given_name,130 iin,153 birth_date,155 categories,169 null,176 surname,176 given_name,183 iin,202 birth_date,207 categories,217 null,231 surname,231 given_name,242 iin,270 birth_date,278 categories,284 null,291 surname,291 given_name'.split(
        ',',
      ),
    );
    expect(report.problems[0]?.message).toBe(
      'ЖСН-нің бақылау цифры дұрыс емес, бір цифры қате жазылған. Құжатпен салыстырыңыз.',
    );
    const again = await importer.importFamilies(createReadStream(demo('families-messy.csv')), {
      ...BY,
      language: 'ru',
    });
    expect(again).toMatchObject({ imported: 0, updated: 0, unchanged: 40 });
    expect(again.problems[0]?.message).toMatch(/^Неверная контрольная цифра ИИН/);
    expect(again.problems.map(({ row, column, reason }) => [row, column, reason])).toEqual(
      report.problems.map(({ row, column, reason }) => [row, column, reason]),
    );
  });

  it('keeps a note that looks like a formula as text', async () => {
    await importLines(`${MOTHER}"=HYPERLINK(""http://x"",""бас"")"`);
    expect((await theFamily()).family.note).toBe('=HYPERLINK("http://x","бас")');
  });

  it('writes what a row says, in the form in which records are kept', async () => {
    await importLines(MOTHER, SON);
    const { family, persons } = await theFamily();
    expect(family).toMatchObject({
      number: 'Q-1',
      categories: ['large'],
      interest: 'sewing',
      language: 'kk',
      phone: '+77026135241',
      address: 'Төле би 1',
      kato: '611000000',
      registeredOn: '2026-03-05',
      note: null,
      revision: 1,
      createdBy: 'registrar',
    });
    expect(
      persons.map(({ relation, given, iin, birthDate, sex, note }) => [relation, given, iin, birthDate, sex, note]),
    ).toEqual([
      ['applicant', 'Айгүл', '880707400230', '1988-07-07', 'f', null],
      ['child', 'Нұрлан', null, '2014-05-06', 'm', 'куәлік жоғалған'],
    ]);
  });

  it.each([
    ['a phone', MOTHER.replace('87026135241', '87471112233'), SON],
    ['categories', MOTHER.replace('large', 'large|low-income'), SON],
    ['a name', MOTHER.replace('Айгүл', 'Айжан'), SON],
    ['an identity number that was missing', MOTHER, SON.replace(',,2014-05-06', `,${SONS_IIN},2014-05-06`)],
    ['a corrected identity number', MOTHER.replace('880707400230', CORRECTED_IIN), SON],
    ['someone new', MOTHER, SON, SON.replace('Нұрлан', 'Ерлан')],
  ])('updates a family for %s, and only once', async (_, ...lines) => {
    await importLines(MOTHER, SON);
    const before = await theFamily();
    const report = await importLines(...lines);
    expect(report).toMatchObject({ imported: 0, updated: 1, unchanged: 0, problems: [] });
    expect(await importLines(...lines)).toMatchObject({ imported: 0, updated: 0, unchanged: 1 });
    const after = await theFamily();
    expect(after.family.id).toBe(before.family.id);
    expect(after.persons.map(({ id }) => id)).toEqual(expect.arrayContaining(before.persons.map(({ id }) => id)));
    expect(after.persons).toHaveLength(lines.length);
  });

  it('finds a person by a new name in the search, and not by the old', async () => {
    await importLines(MOTHER, SON);
    await importLines(MOTHER.replace('Омарова', 'Сәтова'), SON);
    expect(await families.searchFamilies(ORGANISATION, 'сатова айгул')).toHaveLength(1);
    expect(await families.searchFamilies(ORGANISATION, 'омарова')).toHaveLength(0);
  });

  it('erases nothing for an empty cell, and keeps who is not in the file, with a warning', async () => {
    await importLines(MOTHER, SON);
    const report = await importLines('Q-1,Омарова,Айгүл,,,1988-07-07,,applicant,,,,,,,,ЖСН кейін');
    expect(report).toMatchObject({ updated: 1, problems: [] });
    expect(report.warnings.map(({ row, reason }) => [row, reason])).toEqual([
      [2, 'no-category'],
      [2, 'person-not-in-file'],
    ]);
    const { family, persons } = await theFamily();
    expect(family).toMatchObject({ phone: '+77026135241', categories: ['large'], note: 'ЖСН кейін' });
    expect(persons.map(({ iin, sex }) => [iin, sex])).toEqual([
      ['880707400230', 'f'],
      [null, 'm'],
    ]);
  });

  it('exchanges the identity numbers of two people, who stay who they are', async () => {
    const daughter = 'Q-1,Омарова,Раяна,,900101300007,1990-01-01,,child,,,,,,,,';
    await importLines(MOTHER, daughter);
    const before = (await theFamily()).persons;
    const report = await importLines(
      MOTHER.replace('880707400230', '900101300007'),
      daughter.replace('900101300007', '880707400230'),
    );
    expect(report).toMatchObject({ updated: 1, problems: [] });
    expect((await theFamily()).persons.map(({ id, given, iin }) => [id, given, iin])).toEqual([
      [before[0]?.id, 'Айгүл', '900101300007'],
      [before[1]?.id, 'Раяна', '880707400230'],
    ]);
  });

  it('tells people of one name and birth date apart by their identity numbers', async () => {
    const twins = [SONS_IIN, `14050659001${checkDigit('14050659001')}`].map((iin) =>
      SON.replace(',,2014', `,${iin},2014`),
    );
    await importLines(MOTHER, ...twins);
    expect(await importLines(MOTHER, ...twins.reverse())).toMatchObject({ unchanged: 1, problems: [] });
    expect((await theFamily()).persons).toHaveLength(3);
  });

  it('makes another member the applicant when the file gives both their new relations', async () => {
    const husband = 'Q-1,Омаров,Арман,,900101300007,1990-01-01,m,spouse,,kk,,,,,,';
    await importLines(MOTHER, husband);
    const swapped = [MOTHER.replace('applicant', 'spouse'), husband.replace('spouse', 'applicant')];
    expect(await importLines(...swapped)).toMatchObject({ updated: 1, problems: [] });
    expect((await theFamily()).persons.map(({ given }) => given)).toEqual(['Арман', 'Айгүл']);
  });

  it('does not make a second applicant beside one who is not in the file', async () => {
    await importLines(MOTHER);
    const report = await importLines('Q-1,Омаров,Арман,,900101300007,1990-01-01,m,applicant,,kk,,,large,,,');
    expect(report).toMatchObject({ imported: 0, updated: 0, unchanged: 0 });
    expect(report.problems).toEqual([
      expect.objectContaining({ row: 2, column: 'relation', reason: 'other-applicant' }),
    ]);
    expect((await theFamily()).persons).toHaveLength(1);
  });

  it('of a family adds nobody beyond the fiftieth, in one file or by and by', async () => {
    const children = (from: number, to: number) =>
      Array.from(
        { length: to - from },
        (_, at) => `Q-1,Омаров,Нұрлан,,,${1950 + from + at}-05-06,m,child,,kk,,,,,,жоқ`,
      );
    const tooMany = { row: 2, column: 'family_no', reason: 'too-many-people' };
    expect(await importLines(MOTHER, ...children(0, 50))).toMatchObject({ imported: 0, problems: [tooMany] });
    expect(await importLines(MOTHER, ...children(0, 49))).toMatchObject({ imported: 1, problems: [] });
    expect(await importLines(MOTHER, ...children(49, 50))).toMatchObject({
      updated: 0,
      leftOut: 1,
      problems: [tooMany],
    });
    expect((await theFamily()).persons).toHaveLength(50);
    expect(await importLines(MOTHER, ...children(0, 49))).toMatchObject({ unchanged: 1, problems: [] });
  });

  it('leaves out a person who is kept in another family, and a family whose applicant is', async () => {
    await importLines(MOTHER);
    const father = 'Q-2,Омаров,Арман,,900101300007,1990-01-01,m,applicant,,kk,,,large,,,';
    const report = await importLines(
      father,
      MOTHER.replace('Q-1', 'Q-2').replace('applicant', 'spouse'),
      MOTHER.replace('Q-1', 'Q-3').replace('880707400230', '880707400230'),
    );
    expect(report).toMatchObject({ imported: 1, updated: 0, unchanged: 0, leftOut: 1 });
    expect(report.problems.map(({ row, column, reason }) => [row, column, reason])).toEqual([
      [3, 'iin', 'person-elsewhere'],
      [4, null, 'duplicate-person'],
      [4, 'relation', 'no-applicant'],
    ]);
    const alone = await importLines(MOTHER.replace('Q-1', 'Q-3'));
    expect(alone.problems).toEqual([
      expect.objectContaining({ row: 2, column: 'iin', message: expect.stringContaining('family Q-1') }),
    ]);
    expect(await rows('families')).toHaveLength(2);
  });

  it('shows and matches nothing across organisations', async () => {
    await importLines(MOTHER, SON);
    const elsewhere = { ...BY, organisation: OTHER_ORGANISATION };
    const { id } = (await theFamily()).family;
    expect(await families.familyByNumber(OTHER_ORGANISATION, 'Q-1')).toBeNull();
    expect(await families.findFamily(OTHER_ORGANISATION, id)).toBeNull();
    expect(await families.personsOf(OTHER_ORGANISATION, id)).toEqual([]);
    expect(await families.searchFamilies(OTHER_ORGANISATION, '880707400230')).toEqual([]);
    expect(await importer.importFamilies(fileOf(MOTHER, SON), elsewhere)).toMatchObject({ imported: 1, problems: [] });
    expect(await rows('persons')).toHaveLength(4);
    const bare = await database.pool('app').query('select count(*)::int as seen from persons');
    expect(bare.rows).toEqual([{ seen: 0 }]);
  });

  it('by two people at once takes each family once', async () => {
    const reports = await Promise.all(
      [1, 2, 3].map(() => importer.importFamilies(createReadStream(demo('families.csv')), BY)),
    );
    expect(reports.map(({ imported, unchanged }) => imported + unchanged)).toEqual([400, 400, 400]);
    expect(reports.reduce((sum, { imported }) => sum + imported, 0)).toBe(400);
    expect(await rows('persons')).toHaveLength(2047);
  });

  it('broken off in the middle of a family leaves no half of it, and is finished by importing again', async () => {
    await importer.importFamilies(Readable.from(firstRowsOf('families.csv', 700)), BY);
    const before = (await rows('families')).length;
    expect(before).toBeGreaterThan(100);

    // Nobody can be added while this lock is held: the import waits with its families written and their people not.
    const owner = await database.pool('owner').connect();
    await owner.query('begin; lock table persons in share mode');
    const broken = importer.importFamilies(createReadStream(demo('families.csv')), BY);
    const outcome = broken.then(
      () => 'finished',
      (error: Error) => error.message,
    );
    const admin = database.pool('owner');
    for (let waiting = 0; waiting === 0; ) {
      const { rowCount } = await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      waiting = rowCount ?? 0;
    }
    await owner.query('rollback');
    owner.release();
    expect(await outcome).toMatch(/terminat/);
    expect(await rows('families')).toHaveLength(before);

    expect(await importer.importFamilies(createReadStream(demo('families.csv')), BY)).toEqual({
      imported: 400 - before,
      updated: 0,
      unchanged: before,
      leftOut: 0,
      problems: [],
      warnings: [],
    });
    expect(await rows('persons')).toHaveLength(2047);
  });

  it('of more rows than the limit writes nothing', async () => {
    const small = new ImportService(database.pool('app'), undefined, { ...LIMITS, rows: 2 });
    const other = 'Q-2,Омаров,Арман,,900101300007,1990-01-01,m,applicant,,kk,,,large,,,';
    const report = await small.importFamilies(fileOf(MOTHER, SON, other), BY);
    expect(report).toMatchObject({ imported: 0, problems: [{ row: 4, column: null, reason: 'too-many-rows' }] });
    expect(await rows('families')).toEqual([]);
  });

  it('of a file that breaks off inside a quotation writes nothing', async () => {
    const report = await importLines(MOTHER, SON, 'Q-2,"Ом');
    expect(report).toMatchObject({ imported: 0, problems: [{ row: 4, column: null, reason: 'open-quote' }] });
    expect(await rows('families')).toEqual([]);
  });

  it('tells how far it is, in people', async () => {
    const heard: { rows: number; of: number }[] = [];
    await importer.importFamilies(createReadStream(demo('families.csv')), {
      ...BY,
      progress: (now) => heard.push(now),
    });
    expect(heard.at(-1)).toEqual({ rows: 2047, of: 2047 });
    expect(heard.length).toBeGreaterThan(1);
  });

  it('whatever stands in the cells, ends in a report, and the second time changes nothing', async () => {
    const lines = parse(readFileSync(demo('families.csv')), { to: 21 }) as string[][];
    const odd = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\u0000', '')),
      fc.constantFrom(
        '',
        ' ',
        '-',
        '=1+1',
        "'",
        '"',
        'Q-00001',
        '790727492463',
        '31.12.1990',
        'child',
        'applicant',
        'large',
        'Ә',
      ),
    );
    const change = fc.record({
      row: fc.integer({ min: 1, max: 20 }),
      column: fc.integer({ min: 0, max: 15 }),
      text: odd,
    });
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        const cells = lines.map((line) => [...line]);
        for (const { row, column, text } of changes) (cells[row] ?? [])[column] = text;
        const quoted = cells.map((line) => line.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n');
        await database.pool('owner').query('delete from persons; delete from families');
        const first = await importer.importFamilies(Readable.from([Buffer.from(quoted)]), BY);
        const second = await importer.importFamilies(Readable.from([Buffer.from(quoted)]), BY);
        expect(second).toMatchObject({ imported: 0, updated: 0, unchanged: first.imported });
        expect(second.problems).toEqual(first.problems);
        expect(await rows('families')).toHaveLength(first.imported);
        taken += first.imported;
      }),
      { numRuns: process.env.QAMQOR_TEST === 'full' ? 300 : 40 },
    );
    expect(taken).toBeGreaterThan(40);
  }, 60_000);

  it('of nothing but a header warns that there are no families', async () => {
    expect(await importLines()).toMatchObject({
      imported: 0,
      problems: [],
      warnings: [{ row: 1, reason: 'no-families' }],
    });
  });

  describe('from a terminal', () => {
    const run = async (file: string, json: boolean, language: 'kk' | 'en' = 'kk') => {
      const out: string[] = [];
      const err: string[] = [];
      const context = {
        importer,
        ...BY,
        out: (line: string) => void out.push(line),
        err: (line: string) => void err.push(line),
      };
      const source = await openFamiliesFile(file, language);
      return { code: await runImport(source, { json, language }, context), out, err };
    };

    it('ends with one line of JSON, and 0 where nothing is wrong', async () => {
      const { code, out, err } = await run(demo('families.csv').pathname, true);
      expect(code).toBe(0);
      expect(out.map((line) => JSON.parse(line) as object)).toEqual([
        { imported: 400, updated: 0, unchanged: 0, leftOut: 0, problems: [], warnings: [] },
      ]);
      expect(err.at(-1)).toBe('Оқылған адам: 2047 / 2047');
    });

    it('ends with 1 where there is a problem, and tells each by row and column', async () => {
      const { code, out, err } = await run(demo('families-messy.csv').pathname, false, 'en');
      expect(code).toBe(1);
      expect(out.slice(0, 3)).toEqual(['Families imported: 40', 'Families updated: 0', 'Families unchanged: 0']);
      expect(out).toContain('Problems: 30');
      expect(out).toContain("  Row 33, birth_date: Not a date: '2041-02-30'. Write 31.12.1990 or 1990-12-31.");
      const [, read, of] = /(\d+) \/ (\d+)$/.exec(err.at(-1) ?? '') ?? [];
      expect(read).toBe(of);
    });

    it.each([
      ['/nowhere/families.csv', 'file-not-found', 'There is no file "families.csv"'],
      [tmpdir(), 'file-is-folder', 'is a folder, not a file'],
    ])('refuses %s before anything is started', async (file, code, words) => {
      const opened = openFamiliesFile(file, 'en');
      await expect(opened).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
      await expect(openFamiliesFile(file, 'kk')).rejects.toThrow(/[қңғ]/);
    });
  });

  it('reads the demonstration files that stand in this repository', () => {
    expect(readFileSync(demo('README.md'), 'utf8')).not.toMatch(/\.\.\//);
  });
});
