import { isUtf8 } from 'node:buffer';
import { columnOf } from './columns.js';
import type { ProblemReason, Remark } from './remarks.js';

const NEWLINE = 0x0a;

/** Older and newer Excel workbooks, by their first bytes. */
const WORKBOOKS = [Buffer.from([0x50, 0x4b, 0x03, 0x04]), Buffer.from([0xd0, 0xcf, 0x11, 0xe0])];
const UTF_16 = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];

/** Why these bytes are no UTF-8 text, or `null` where they are. */
export function whatIsWrongWithBytes(chunks: Buffer[]): Remark<ProblemReason> | null {
  const start = head(chunks, 4);
  const startsLike = (signatures: Buffer[]) => signatures.some((sign) => start.subarray(0, sign.length).equals(sign));
  if (startsLike(WORKBOOKS)) return { row: 1, column: null, reason: 'workbook' };
  if (startsLike(UTF_16)) return { row: 1, column: null, reason: 'utf-16' };
  if (chunks.some((chunk) => chunk.includes(0))) return { row: 1, column: null, reason: 'not-text' };
  return isText(chunks) ? null : { row: firstBadLine(chunks), column: null, reason: 'not-utf-8' };
}

export function isBlank(chunks: Buffer[]): boolean {
  return chunks.every((chunk) => /^[\ufeff\s]*$/.test(chunk.toString('utf8')));
}

/** The separator under which the first line holds the most columns that we know. */
export function likelyDelimiter(chunks: Buffer[]): string {
  const [line = ''] = head(chunks, 64 * 1024)
    .toString('utf8')
    .split(/[\r\n]/, 1);
  const known = (delimiter: string) =>
    line.split(delimiter).filter((cell) => columnOf(cell.replaceAll('"', ''))).length;
  return [',', ';', '\t'].reduce((best, delimiter) => (known(delimiter) > known(best) ? delimiter : best));
}

function head(chunks: Buffer[], size: number): Buffer {
  const taken: Buffer[] = [];
  for (let length = 0, at = 0; length < size && at < chunks.length; at++) {
    const chunk = chunks[at] ?? Buffer.alloc(0);
    taken.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(taken).subarray(0, size);
}

function isText(chunks: Buffer[]): boolean {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for (const chunk of chunks) decoder.decode(chunk, { stream: true });
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}

/** Line ends never lie inside a letter of UTF-8, so each line can be looked at by itself. */
function firstBadLine(chunks: Buffer[]): number {
  const bytes = Buffer.concat(chunks);
  let line = 1;
  for (let from = 0; from < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline < 0 ? bytes.length : newline;
    if (!isUtf8(bytes.subarray(from, to))) return line;
    from = to + 1;
  }
  return line;
}
