import { DateTime } from 'luxon';
import { AppError, type Violation } from '../engine/errors.js';
import type { Json, JsonObject } from '../statechart/types.js';
import { replaceMarked } from './marked.js';

/** Days of what has happened (`2026-03-15`), by path: the fields that a form marks `x-past`. */
export function pastDaysIn(schema: JsonObject, answer: Json): Map<string, string> {
  const said = new Map<string, string>();
  replaceMarked(schema, 'x-past', answer, (value, path) => {
    if (typeof value === 'string') said.set(path, value);
    return value;
  });
  return said;
}

/** The day that it is there. @param now ISO 8601 @param zone IANA name */
export function dayAt(now: string, zone: string): string {
  return DateTime.fromISO(now, { zone }).toISODate() ?? '';
}

/** What has happened cannot have happened tomorrow. @param today at the centre @throws AppError `schema` */
export function refuseDaysToCome(said: Map<string, string>, today: string): void {
  const errors = [...said].filter(([, day]) => day > today).map(([path, day]) => notCome(path, day, today));
  if (errors.length > 0) throw new AppError('schema', 422, 'This day has not come yet; errors says where.', {}, errors);
}

function notCome(path: string, day: string, today: string): Violation {
  return { path, message: `${day} has not come yet`, rule: 'day-not-come', facts: { today } };
}
