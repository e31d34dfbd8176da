import { Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { type Column, type Header, readHeader } from './columns.js';
import { isBlank, likelyDelimiter, whatIsWrongWithBytes } from './file-bytes.js';
import type { ProblemReason, Remark, WarningReason } from './remarks.js';

export const LIMITS = {
  /** 50 MB, kept as bytes while it is read twice: nothing personal is put on a disk. */
  bytes: 50 * 1024 * 1024,
  /** People in one file. */
  rows: 500_000,
  /** Filled or not: a sheet has 1,048,576 at most. */
  lines: 1_100_000,
  /** One row, in bytes. */
  row: 64 * 1024,
};

/** The file as a whole cannot be taken: nothing of it was. */
export class SpreadsheetRefused extends Error {
  constructor(readonly problems: Remark<ProblemReason>[]) {
    super(problems.map(({ row, reason }) => `row ${row}: ${reason}`).join(', '));
    this.name = 'SpreadsheetRefused';
  }
}

export interface Row {
  /** As a spreadsheet counts, the header being row 1. */
  row: number;
  cells: Partial<Record<Column, string>>;
  /** It has filled cells beyond the last column. */
  overflows: boolean;
}

/** A CSV file that has a readable header. Its rows can be gone through as often as needed. */
export interface Spreadsheet {
  header: Header;
  warnings: Remark<WarningReason>[];
  rows(): AsyncGenerator<Row>;
}

/**
 * Takes in a CSV file: UTF-8 with or without BOM; comma, semicolon or tab; any line ends.
 * Throws SpreadsheetRefused for what is no such file, or too large, or lacks a column.
 */
export async function openSpreadsheet(
  source: AsyncIterable<Uint8Array | string>,
  limits = LIMITS,
): Promise<Spreadsheet> {
  const chunks = await take(source, limits.bytes);
  const wrong = whatIsWrongWithBytes(chunks);
  if (wrong) refuse(wrong);
  if (isBlank(chunks)) refuse({ row: 1, column: null, reason: 'empty-file' });

  const delimiter = likelyDelimiter(chunks);
  const lines = () => records(chunks, delimiter, limits);
  const header = readHeader(await firstOf(lines()));
  refuse(
    ...header.missing.map((column) => ({
      row: 1,
      column,
      reason: 'missing-column' as const,
      facts: { value: column },
    })),
    ...header.double.map((column) => ({ row: 1, column, reason: 'double-column' as const, facts: { value: column } })),
  );
  return {
    header,
    warnings: header.unknown.map((value) => ({ row: 1, column: null, reason: 'unknown-column', facts: { value } })),
    rows: () => filledRows(lines(), header, limits),
  };
}

async function take(source: AsyncIterable<Uint8Array | string>, limit: number): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > limit)
      refuse({ row: 1, column: null, reason: 'too-large', facts: { limit: Math.round(limit / 1024 / 1024) } });
    chunks.push(bytes);
  }
  return chunks;
}

async function firstOf(lines: AsyncGenerator<{ cells: string[] }>): Promise<string[]> {
  for await (const { cells } of lines) return cells;
  return [];
}

async function* filledRows(
  lines: AsyncGenerator<{ row: number; cells: string[] }>,
  { places }: Header,
  limits: typeof LIMITS,
): AsyncGenerator<Row> {
  let filled = 0;
  for await (const { row, cells } of lines) {
    if (row > limits.lines) refuse({ row, column: null, reason: 'too-many-rows', facts: { limit: limits.rows } });
    if (row === 1 || cells.every((cell) => cell.trim() === '')) continue;
    if (++filled > limits.rows) refuse({ row, column: null, reason: 'too-many-rows', facts: { limit: limits.rows } });
    const named: Row['cells'] = {};
    places.forEach((column, at) => {
      if (column) named[column] = cells[at] ?? '';
    });
    yield { row, cells: named, overflows: cells.slice(places.length).some((cell) => cell.trim() !== '') };
  }
}

async function* records(chunks: Buffer[], delimiter: string, limits: typeof LIMITS) {
  const parser = Readable.from(chunks, { objectMode: true }).pipe(
    parse({
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      // A quotation mark inside a cell is a sign like any other; only one that opens a cell and never closes is refused.
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: limits.row,
    }),
  );
  let row = 0;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) yield { row: ++row, cells };
  } catch (error) {
    refuse(broken(error as CsvError & { records?: number }, limits));
  }
}

function broken(error: CsvError & { records?: number }, limits: typeof LIMITS): Remark<ProblemReason> {
  // Counted by the parser: it throws away what it had read and not yet given out.
  const row = (error.records ?? 0) + 1;
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return { row, column: null, reason: 'open-quote' };
  if (error.code === 'CSV_MAX_RECORD_SIZE') {
    return { row, column: null, reason: 'row-too-long', facts: { limit: Math.round(limits.row / 1024) } };
  }
  throw error;
}

function refuse(...problems: Remark<ProblemReason>[]): void {
  if (problems.length > 0) throw new SpreadsheetRefused(problems);
}
