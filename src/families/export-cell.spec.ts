import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { exportCell, exportLine, importedCell } from './export-cell.js';

const FORMULAS = [
  '=HYPERLINK("http://x","бас")',
  '+77026135241',
  '-2+3',
  '@SUM(A1)',
  '\t=1+1',
  '\r=1+1',
  '\n=1+1',
  '  =1+1',
  '\u00a0=1+1',
  '＝1+1',
  '＋1',
  '－1',
  '＠x',
  '|cmd',
  "'=1+1",
];

describe('an exported cell', () => {
  it.each(FORMULAS)('never starts a formula: %j', (text) => {
    expect(exportCell(text)).toBe(`'${text}`);
  });

  it.each(['Айгүл', 'Жібек жолы к-сі, 12', '', '12', "Д'Арк", 'a=b'])('stays as it is when it is plain: %j', (text) => {
    expect(exportCell(text)).toBe(text);
  });

  it('keeps numbers as numbers, and nothing as nothing', () => {
    expect([exportCell(-5), exportCell(null), exportCell(undefined), exportCell(true)]).toEqual(['-5', '', '', 'true']);
  });

  it('comes back as it went, whatever stood in it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...FORMULAS),
      fc.array(fc.constantFrom("'", '=', '"', ',', ';', '\r', '\n', '\t', ' ', 'ә')).map((signs) => signs.join('')),
    );
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 2, maxLength: 5 }),
        fc.constantFrom(',', ';', '\t'),
        (cells, delimiter) => {
          const [line] = parse(exportLine(cells, delimiter), { delimiter, record_delimiter: '\r\n' }) as string[][];
          expect((line ?? []).map(importedCell)).toEqual(cells);
          for (const cell of line ?? []) expect(cell).not.toMatch(/^\s*[=+\-@|＝＋－＠]/);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
