import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { checkDigit } from './check-digit.js';
import { COLUMNS } from './columns.js';
import { type FamilyInFile, familiesInFile, surveyFamilies } from './families-in-file.js';
import type { ProblemReason, Remark, WarningReason } from './remarks.js';
import { openSpreadsheet } from './spreadsheet.js';

const demo = new URL('../../demo/data/', import.meta.url);
const TODAY = '2026-11-22';

async function read(text: string | Buffer) {
  const problems: Remark<ProblemReason>[] = [];
  const warnings: Remark<WarningReason>[] = [];
  const families: FamilyInFile[] = [];
  const sheet = await openSpreadsheet(chunked(Buffer.from(text)));
  const remarks = {
    problem: (...more: Remark<ProblemReason>[]) => void problems.push(...more),
    warning: (...more: Remark<WarningReason>[]) => void warnings.push(...more),
  };
  for await (const family of familiesInFile(sheet, await surveyFamilies(sheet), TODAY, remarks)) families.push(family);
  return { problems, warnings, families };
}

async function* chunked(bytes: Buffer, size = 1000) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

type Cells = Partial<Record<(typeof COLUMNS)[number], string>>;

const MOTHER: Cells = {
  family_no: 'Q-1',
  surname: 'Омарова',
  given_name: 'Айгүл',
  iin: '880707400230',
  birth_date: '1988-07-07',
  sex: 'f',
  relation: 'applicant',
  language: 'kk',
  categories: 'large',
};
const SON: Cells = {
  family_no: 'Q-1',
  surname: 'Омаров',
  given_name: 'Нұрлан',
  birth_date: '2014-05-06',
  sex: 'm',
  relation: 'child',
  note: 'туу туралы куәлік жоғалған',
};

const sheetOf = (...rows: Cells[]) =>
  [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column] ?? ''))]
    .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','))
    .join('\n');

describe('a spreadsheet of families', () => {
  it('without a mistake gives every family and no problem', async () => {
    const { families, problems, warnings } = await read(readFileSync(new URL('families.csv', demo)));
    expect(problems).toEqual([]);
    expect(warnings).toEqual([]);
    expect(families).toHaveLength(400);
    expect(families.flatMap(({ persons }) => persons)).toHaveLength(2047);
    expect(families[0]).toMatchObject({
      number: 'Q-00001',
      row: 2,
      applicant: {
        surname: 'Исабекова',
        given: 'Ғайша',
        patronymic: 'Бауыржанқызы',
        iin: '790727492463',
        birthDate: '1979-07-27',
        sex: 'f',
        phone: '+77026135241',
        language: 'ru',
        categories: ['special-needs-child'],
        interest: 'cooking',
        registeredOn: '2026-11-06',
        kato: '611000000',
        note: null,
      },
    });
  });

  describe('as a clerk keeps it', () => {
    const messy = () => read(readFileSync(new URL('families-messy.csv', demo)));

    it('has exactly the problems that are known, by row, column and reason', async () => {
      const { problems } = await messy();
      expect(problems.map(({ row, column, reason }) => [row, column, reason])).toEqual(expectedProblems());
    });

    it('gives every family that has no wrong row', async () => {
      const { families, problems } = await messy();
      const wrong = new Set(problems.filter(({ reason }) => reason !== 'duplicate-person').map(({ row }) => row));
      expect(wrong.size).toBe(20);
      expect(families).toHaveLength(60 - 20);
    });

    it('is understood where it is only written differently', async () => {
      const { families } = await messy();
      const family = (number: string) => families.find((one) => one.number === number);
      expect(family('Q-90002')?.applicant.phone).toBe('+77757149106');
      expect(family('Q-90003')?.applicant.birthDate).toBe('1995-03-11');
      expect(family('Q-90005')?.applicant.categories).toEqual(['low-income', 'special-needs-child']);
      expect(family('Q-90009')?.applicant.surname).toBe('Қожахметова');
      expect(family('Q-90004')?.applicant).toMatchObject({ iin: null, note: 'құжат жоғалған' });
      expect(family('Q-90010')?.applicant.note).toBe('=HYPERLINK("http://x","бас")');
    });

    it('gives a family whose applicant is repeated, once', async () => {
      const { families } = await messy();
      const family = families.find(({ number }) => number === 'Q-90008');
      expect(family?.persons.map(({ row }) => row)).toEqual([41, 42, 43, 44, 45, 46, 47]);
    });
  });

  it('may have the rows of a family apart', async () => {
    const other = { ...MOTHER, family_no: 'Q-2', iin: '900101300007', birth_date: '1990-01-01', sex: 'm' };
    const { families, problems } = await read(sheetOf(MOTHER, other, SON));
    expect(problems).toEqual([]);
    expect(families.map(({ number, persons }) => [number, persons.map(({ row }) => row)])).toEqual([
      ['Q-2', [3]],
      ['Q-1', [2, 4]],
    ]);
  });

  it('counts rows as a spreadsheet does: empty ones too, and a cell of two lines is one row', async () => {
    const lines = sheetOf({ ...MOTHER, note: 'бір\nекі' }, { family_no: 'Q-2' });
    const [header, first, second, last] = lines.split('\n');
    const { families, problems } = await read([header, first, second, '', ',,,', last].join('\r\n'));
    expect(families[0]?.applicant.note).toBe('бір\nекі');
    expect(new Set(problems.map(({ row }) => row))).toEqual(new Set([5]));
  });

  const wrong = (change: Cells) => read(sheetOf({ ...MOTHER, ...change }));

  it.each([
    ['iin', '90010130000', 'not-12-digits'],
    ['iin', '9,00101E+11', 'shortened-number'],
    ['iin', '900101700002', 'unknown-century'],
    ['iin', '150229600004', 'impossible-birth-date'],
    ['birth_date', '1988', 'not-a-date'],
    ['registered_on', '31.02.2026', 'not-a-date'],
    ['relation', 'көрші', 'unknown-relation'],
    ['relation', '', 'missing'],
    ['sex', 'x', 'unknown-sex'],
    ['language', 'de', 'unknown-language'],
    ['categories', 'large|vip', 'unknown-category'],
    ['phone', 'жоқ', 'not-a-phone'],
    ['kato', '61100', 'not-kato'],
    ['family_no', ' ', 'missing'],
    ['given_name', 'Ай\ufffdл', 'damaged-letters'],
    ['given_name', '12', 'no-letters'],
    ['surname', 'Ә'.repeat(101), 'too-long'],
    ['note', 'х'.repeat(2001), 'too-long'],
  ] as [keyof Cells, string, ProblemReason][])('leaves out a family for %s = %j: %s', async (column, value, reason) => {
    const { families, problems } = await wrong({ [column]: value });
    expect(families).toEqual([]);
    expect(problems).toEqual([expect.objectContaining({ row: 2, column, reason })]);
  });

  it.each([
    ['birth_date', '1988-07-08', 'birth-date-differs', { birthDate: '1988-07-08' }],
    ['birth_date', '', 'birth-date-from-iin', { birthDate: '1988-07-07' }],
    ['sex', 'm', 'sex-differs', { sex: 'm' }],
    ['surname', '', 'one-name', { surname: null, given: 'Айгүл' }],
    ['given_name', 'Aйгүл', 'mixed-letters', { given: 'Aйгүл' }],
    ['given_name', 'Айгүл2', 'unusual-characters', { given: 'Айгүл2' }],
    ['iin', '', 'iin-missing', { iin: null }],
    ['phone', '8 770 123 45 67', 'phone-unusual', { phone: '+77701234567' }],
    ['categories', '', 'no-category', { categories: [] }],
    ['registered_on', '23.11.2026', 'in-future', { registeredOn: '2026-11-23' }],
  ] as [keyof Cells, string, WarningReason, object][])(
    'takes a family with %s = %j, and warns: %s',
    async (column, value, reason, taken) => {
      const { families, problems, warnings } = await wrong({ [column]: value });
      expect(problems).toEqual([]);
      expect(warnings).toEqual([expect.objectContaining({ row: 2, column, reason })]);
      expect(families[0]?.applicant).toMatchObject(taken);
    },
  );

  it.each([
    [{ categories: 'Көп балалы / аз қамтылған' }, { categories: ['large', 'low-income'] }],
    [{ categories: 'многодетная; LARGE, неполная семья' }, { categories: ['large', 'single-parent'] }],
    [
      { relation: 'Заявитель', sex: 'Ж', language: 'қазақша' },
      { relation: 'applicant', sex: 'f', language: 'kk' },
    ],
    [{ iin: "'880707 400230" }, { iin: '880707400230' }],
    [{ sex: '' }, { sex: 'f' }],
    [{ patronymic: '-' }, { patronymic: null }],
    [{ patronymic: 'ЖОҚ' }, { patronymic: null }],
    [{ phone: "'+7 702 613 52 41" }, { phone: '+77026135241' }],
    [{ family_no: ' q-1 ' }, { iin: '880707400230' }],
    [{ interest: 'Sewing' }, { interest: 'sewing' }],
  ] as [Cells, object][])('understands %j', async (change, taken) => {
    const { families, problems, warnings } = await wrong(change);
    expect([problems, warnings]).toEqual([[], []]);
    expect(families[0]).toMatchObject({ number: 'Q-1', applicant: taken });
  });

  it('of a family without an applicant, or with two, takes nothing', async () => {
    const father = { ...MOTHER, given_name: 'Арман', iin: '900101300007', birth_date: '1990-01-01', sex: 'm' };
    const none = await read(sheetOf(SON));
    expect([none.families, none.problems]).toEqual([
      [],
      [expect.objectContaining({ row: 2, column: 'relation', reason: 'no-applicant' })],
    ]);
    const two = await read(sheetOf(MOTHER, SON, father));
    expect([two.families, two.problems]).toEqual([
      [],
      [{ row: 4, column: 'relation', reason: 'second-applicant', facts: { otherRow: 2 } }],
    ]);
  });

  it('with one person in two families takes them in the first, and says which row came before', async () => {
    const elsewhere = { ...MOTHER, family_no: 'Q-2', iin: '900101300007', birth_date: '1990-01-01', sex: 'm' };
    const { families, problems } = await read(
      sheetOf(MOTHER, elsewhere, { ...MOTHER, family_no: 'Q-2', relation: 'spouse' }),
    );
    expect(problems).toEqual([{ row: 4, column: null, reason: 'duplicate-person', facts: { otherRow: 2 } }]);
    expect(families.map(({ persons }) => persons.length)).toEqual([1, 1]);
  });

  it('knows a repeated person without an identity number by name and birth date', async () => {
    const { families, problems } = await read(sheetOf(MOTHER, SON, { ...SON, given_name: 'НҰРЛАН' }));
    expect(problems).toEqual([{ row: 4, column: null, reason: 'duplicate-name', facts: { otherRow: 3 } }]);
    expect(families[0]?.persons).toHaveLength(2);
  });

  it('tells twins of one name apart by their identity numbers', async () => {
    const iins = ['05060760000', '05060760001'].map((number) => number + checkDigit(number));
    const twins = iins.map((iin) => ({ ...SON, sex: 'f', birth_date: '2005-06-07', iin }));
    const { families, problems } = await read(sheetOf(MOTHER, ...twins));
    expect(problems).toEqual([]);
    expect(families[0]?.persons.map(({ iin }) => iin)).toEqual(['880707400230', ...iins]);
  });

  it('has one problem for each cell, and all cells of a row are looked at', async () => {
    const { problems } = await wrong({ iin: '1', birth_date: 'x', phone: 'x', categories: 'x|y' });
    expect(problems.map(({ column }) => column)).toEqual(['iin', 'birth_date', 'phone', 'categories']);
  });

  it('with more cells than columns in a row has a problem with that row', async () => {
    const { problems } = await read(`${sheetOf(MOTHER)},артық`);
    expect(problems).toEqual([{ row: 2, column: null, reason: 'too-many-cells' }]);
  });
});

/** `families-messy.expected.csv` as rows and columns: two columns named together are two problems, none named is the row. */
function expectedProblems(): [number, string | null, ProblemReason][] {
  const rows = parse(readFileSync(new URL('families-messy.expected.csv', demo)), { from: 2 }) as [string, string][];
  const reasons: [RegExp, ProblemReason][] = [
    [/bad check digit/, 'bad-check-digit'],
    [/not a date/, 'not-a-date'],
    [/unknown category/, 'unknown-category'],
    [/same iin/, 'duplicate-person'],
    [/missing/, 'missing'],
  ];
  return rows.flatMap(([row, problem]) => {
    const [where = '', what = ''] = problem.split(': ');
    const columns = where === 'duplicate person' ? [null] : where.split(', ');
    const reason = reasons.find(([pattern]) => pattern.test(what))?.[1] ?? 'missing';
    return columns.map((column) => [Number(row), column, reason] as [number, string | null, ProblemReason]);
  });
}
