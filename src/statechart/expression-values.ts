import { FeelDate, FeelDateTime, FeelDuration, FeelTime } from 'feelin';
import { DateTime } from 'luxon';
import type { Json } from './types.js';

/** A FEEL value as JSON: dates, times and durations as ISO 8601; what JSON cannot carry gives null and a warning. */
export function toJson(value: unknown): { value: Json; warnings: string[] } {
  const warnings: string[] = [];
  return { value: convert(value, warnings), warnings };
}

function convert(value: unknown, warnings: string[]): Json {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'string')
    return value ?? null;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    warnings.push('The result is not a number that can be stored.');
    return null;
  }
  if (Array.isArray(value)) return value.map((item) => convert(item, warnings));
  if (value instanceof FeelDateTime) return isoDateTime(value);
  if (value instanceof FeelDate || value instanceof FeelTime || value instanceof FeelDuration) return value.toString();
  if (Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item, warnings)]));
  warnings.push('The result is a function or a range, which cannot be stored.');
  return null;
}

/** FEEL writes a named zone as `…@Asia/Almaty`, which is not ISO 8601: it becomes an offset. */
function isoDateTime(value: FeelDateTime): string {
  if (value.zone === null || !value.zone.includes('/')) return value.toString();
  return DateTime.fromISO(value.unwrap().toString(), { zone: value.zone }).toISO() ?? value.toString();
}
