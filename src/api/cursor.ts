import { AppError } from '../engine/errors.js';

/** Where the next page of a list begins: the sort key of the last row, opaque to the client. */
export function writeCursor(...key: (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws AppError `bad-query` (400) for anything that writeCursor did not make */
export function readCursor<Key extends (string | number)[]>(
  cursor: string,
  isKey: (key: unknown[]) => key is Key,
): Key {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(key) && isKey(key)) return key;
  } catch {
    // Not ours.
  }
  throw new AppError('bad-query', 400, 'The cursor is not one that a list gave. Leave it out to begin anew.', {}, [
    { path: '/cursor', message: 'not a cursor of this list', rule: 'not-a-cursor' },
  ]);
}

/** Rows of one more than `limit` as a page. */
export function pageOf<Row, Item>(
  rows: Row[],
  limit: number,
  cursorOf: (row: Row) => string,
  present: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(present), next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** A moment as cursors carry it, one that PostgreSQL knows too: Date takes much that is none. */
export function isMoment(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-/.test(value) || value.startsWith('0000')) return false;
  const at = new Date(value);
  return !Number.isNaN(at.getTime()) && at.toISOString() === value;
}

/** A whole number that fits an integer of PostgreSQL. */
export const isInt = (value: unknown): value is number => Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31;

export const isUuid = (value: unknown): boolean => typeof value === 'string' && UUID.test(value);
