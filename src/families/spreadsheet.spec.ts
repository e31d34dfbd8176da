import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { familiesInFile, surveyFamilies } from './families-in-file.js';
import { PROBLEM_TEXTS, WARNING_TEXTS } from './remark-texts.js';
import { type ProblemReason, type Remark, wordProblem, wordWarning } from './remarks.js';
import { LIMITS, openSpreadsheet, type Row, SpreadsheetRefused } from './spreadsheet.js';

const HEADER = 'family_no,surname,given_name,iin,birth_date,relation,categories';

async function* inChunks(bytes: Buffer, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function rowsOf(file: string | Buffer, { chunk = 64, limits = LIMITS } = {}): Promise<Row[]> {
  const sheet = await openSpreadsheet(inChunks(Buffer.from(file), chunk), limits);
  const rows: Row[] = [];
  for await (const row of sheet.rows()) rows.push(row);
  return rows;
}

async function refusal(file: string | Buffer, limits = LIMITS): Promise<Remark<ProblemReason>[]> {
  try {
    await rowsOf(file, { limits });
  } catch (error) {
    if (error instanceof SpreadsheetRefused) return error.problems;
    throw error;
  }
  return [];
}

describe('a CSV file', () => {
  it.each([
    ['commas and \\n', ',', '\n', ''],
    ['semicolons and \\r\\n, with a BOM', ';', '\r\n', '\ufeff'],
    ['tabs and \\r', '\t', '\r', ''],
  ])('may have %s, and come in pieces of any size', async (_, delimiter, end, bom) => {
    const lines = [HEADER, 'Q-1,Әбенова,"Гүл ""Нұр""",,1990-01-01,applicant,', 'Q-2,,,,,,'];
    const file = Buffer.from(bom + lines.map((line) => line.replaceAll(',', delimiter) + end).join(''));
    for (const chunk of [1, 2, 3, 7, 1000]) {
      const rows = await rowsOf(file, { chunk });
      expect(rows.map(({ row }) => row)).toEqual([2, 3]);
      expect(rows[0]?.cells).toMatchObject({ family_no: 'Q-1', surname: 'Әбенова', given_name: 'Гүл "Нұр"', iin: '' });
    }
  });

  it('may mix line ends, lack the last one, and keep quotation marks inside a cell', async () => {
    const rows = await rowsOf(`${HEADER}\r\nQ-1,"Нұр" ЖК,a\nQ-2,ЖК "Нұр",b\rQ-3,x,y`);
    expect(rows.map(({ row, cells }) => [row, cells.family_no, cells.surname])).toEqual([
      [2, 'Q-1', '"Нұр" ЖК'],
      [3, 'Q-2', 'ЖК "Нұр"'],
      [4, 'Q-3', 'x'],
    ]);
  });

  it.each([
    'Отбасы №;Тегі;Аты;ЖСН;Туған күні;Туыстығы;Санаты',
    '№ семьи;Фамилия;Имя;ИИН;Дата рождения;Родство;Категории',
    'FAMILY NO;Surname ;Given-Name; iin;Birth  Date;relation;"categories"',
  ])('may have the header %s', async (header) => {
    const [row] = await rowsOf(`${header}\nQ-1;А;Б;;;;large`);
    expect(row?.cells).toMatchObject({ family_no: 'Q-1', surname: 'А', given_name: 'Б', categories: 'large' });
  });

  it('may have its columns in any order, lack optional ones and have others, which are named', async () => {
    const sheet = await openSpreadsheet(
      inChunks(Buffer.from(`түсі,${HEADER.split(',').reverse().join(',')}\nк,large`), 9),
    );
    expect(sheet.warnings).toEqual([{ row: 1, column: null, reason: 'unknown-column', facts: { value: 'түсі' } }]);
    for await (const row of sheet.rows()) expect(row.cells.categories).toBe('large');
  });

  it('without a needed column, or with one twice, is refused by the names of the columns', async () => {
    expect(await refusal('family_no,surname,surname\nQ-1,А,Б')).toEqual([
      ...['given_name', 'iin', 'birth_date', 'relation', 'categories'].map((column) =>
        expect.objectContaining({ row: 1, column, reason: 'missing-column' }),
      ),
      { row: 1, column: 'surname', reason: 'double-column', facts: { value: 'surname' } },
    ]);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'empty-file', 1],
    ['blanks', Buffer.from('\ufeff \r\n\r\n'), 'empty-file', 1],
    ['an Excel workbook', Buffer.from('PK\u0003\u0004\u0014\u0000'), 'workbook', 1],
    ['an old Excel workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), 'workbook', 1],
    ['UTF-16', Buffer.from(`\ufeff${HEADER}`, 'utf16le'), 'utf-16', 1],
    ['zero bytes', Buffer.from(`${HEADER}\nQ-1,\u0000`), 'not-text', 1],
    ['Windows-1251', Buffer.concat([Buffer.from(`${HEADER}\nQ-1,`), Buffer.from([0xc8, 0xe2, 0xe0])]), 'not-utf-8', 2],
    ['a letter cut in two', Buffer.from(`${HEADER}\nQ-1,Ә`).subarray(0, -1), 'not-utf-8', 2],
  ] as [string, Buffer, ProblemReason, number][])('of %s is refused', async (_, file, reason, row) => {
    expect(await refusal(file)).toEqual([{ row, column: null, reason }]);
  });

  it('with a quotation mark that never closes is refused at the row that opens it', async () => {
    expect(await refusal(`${HEADER}\nQ-1,А\nQ-2,"Б\nQ-3,В\n`)).toEqual([
      { row: 3, column: null, reason: 'open-quote' },
    ]);
    const long = `${HEADER}\nQ-1,А\nQ-2,"Б\n${'Q-3,В\n'.repeat(20_000)}`;
    expect(await refusal(long)).toEqual([{ row: 3, column: null, reason: 'row-too-long', facts: { limit: 64 } }]);
  });

  it('larger than its limit is refused without reading on', async () => {
    let given = 0;
    async function* endless() {
      for (;;) {
        given += 1000;
        yield Buffer.alloc(1000, 'a');
      }
    }
    const limits = { ...LIMITS, bytes: 3 * 1024 * 1024 };
    await expect(openSpreadsheet(endless(), limits)).rejects.toMatchObject({
      problems: [{ row: 1, column: null, reason: 'too-large', facts: { limit: 3 } }],
    });
    expect(given).toBeLessThan(3 * 1024 * 1024 + 2000);
  });

  it('with more filled rows than its limit is refused; empty ones do not count until a sheet could not have them', async () => {
    const limits = { ...LIMITS, rows: 3, lines: 10 };
    const file = (filled: number, empty: number) => `${HEADER}\n${',,,\n'.repeat(empty)}${'Q-1,А\n'.repeat(filled)}`;
    expect(await rowsOf(file(3, 4), { limits })).toHaveLength(3);
    expect(await refusal(file(4, 0), limits)).toEqual([
      { row: 5, column: null, reason: 'too-many-rows', facts: { limit: 3 } },
    ]);
    expect(await refusal(file(1, 20), limits)).toEqual([
      { row: 11, column: null, reason: 'too-many-rows', facts: { limit: 3 } },
    ]);
  });

  it('of any bytes whatever is read, or refused with a remark', async () => {
    const piece = fc.oneof(
      { weight: 3, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }).map((text) => Buffer.from(text)) },
      fc.constantFrom(...[HEADER, '\n', '\r\n', '"', ';', ',', '\t', '\ufeff', 'Q-1'].map((text) => Buffer.from(text))),
    );
    const file = fc
      .tuple(fc.boolean(), fc.array(piece, { maxLength: 30 }))
      .map(([headed, pieces]) => Buffer.concat([Buffer.from(headed ? `${HEADER}\n` : ''), ...pieces]));
    let readable = 0;
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: 1, max: 300 }), async (bytes, chunk) => {
        const remarks: Remark<ProblemReason>[] = [];
        try {
          const sheet = await openSpreadsheet(inChunks(bytes, chunk));
          const take = {
            problem: (...more: Remark<ProblemReason>[]) => void remarks.push(...more),
            warning: () => undefined,
          };
          for await (const _ of familiesInFile(sheet, await surveyFamilies(sheet), '2026-11-22', take));
          readable++;
        } catch (error) {
          expect(error).toBeInstanceOf(SpreadsheetRefused);
          remarks.push(...(error as SpreadsheetRefused).problems);
          expect(remarks).not.toEqual([]);
        }
        for (const remark of remarks) {
          expect(remark.row).toBeGreaterThanOrEqual(1);
          expect(wordProblem(remark, 'kk').message).toMatch(/\p{L}{3}/u);
        }
      }),
      { numRuns: 1000 },
    );
    expect(readable).toBeGreaterThan(50);
  });
});

describe('the words of a remark', () => {
  const languages = ['kk', 'ru', 'en'] as const;

  it('exist in each language, and leave no gap open', () => {
    const facts = { value: 'x', limit: 1, otherRow: 2, count: 3 };
    for (const language of languages) {
      const messages = [
        ...Object.keys(PROBLEM_TEXTS).map((reason) =>
          wordProblem({ row: 1, column: null, reason: reason as ProblemReason, facts }, language),
        ),
        ...Object.keys(WARNING_TEXTS).map((reason) =>
          wordWarning({ row: 1, column: null, reason: reason as keyof typeof WARNING_TEXTS, facts }, language),
        ),
      ];
      for (const { message } of messages) expect(message).not.toMatch(/[{}]|undefined/);
      expect(new Set(messages.map(({ message }) => message)).size).toBe(messages.length);
    }
  });

  it('show what was written, in one short piece', () => {
    const remark = {
      row: 2,
      column: 'categories',
      reason: 'unknown-category',
      facts: { value: 'v'.repeat(500) },
    } as const;
    expect(wordProblem(remark, 'en').message).toContain(`'${'v'.repeat(40)}…'`);
    expect(wordProblem(remark, 'kk')).toEqual({
      row: 2,
      column: 'categories',
      reason: 'unknown-category',
      message: expect.stringContaining('Белгісіз санат'),
    });
  });
});
