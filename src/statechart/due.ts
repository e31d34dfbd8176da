import { dueAt } from './delay.js';
import type { Names } from './template.js';
import type { Calendar, DelayRule } from './types.js';
import { zoneNamed } from './zone.js';

type Scope = { now: string; calendar: Calendar };
type Working = Extract<DelayRule, { kind: 'working' }>;
type Span = Extract<DelayRule, { kind: 'span' }>;

const DAY_MS = 86_400_000;
const MS = { milliseconds: 1, seconds: 1000, minutes: 60_000, hours: 3_600_000, days: DAY_MS, weeks: 7 * DAY_MS };
const MAX_KEPT = 10_000;

/** Working days end at the close of a day, so that every moment of a day has the same answer. */
const kept = new WeakMap<Calendar, Map<string, string | null>>();

/** `dueAt` with short ways for the rules that nearly every task has. */
export function dueOf(rule: DelayRule, names: Names, scope: Scope): string | null {
  if (rule.kind === 'span') return afterSpan(rule, scope) ?? dueAt(rule, names, scope);
  if (rule.kind === 'working' && rule.unit === 'days' && rule.amount > 0) return afterWorkingDays(rule, names, scope);
  return dueAt(rule, names, scope);
}

/** Undefined where a clock change lies between: a day has then not 24 hours. */
function afterSpan({ amount, unit }: Span, { now, calendar }: Scope): string | undefined {
  const start = Date.parse(now);
  const end = start + amount * MS[unit];
  if (!Number.isInteger(end)) return undefined;
  const zone = zoneNamed(calendar.zone);
  const sameClock = (unit !== 'days' && unit !== 'weeks') || (zone.isValid && zone.offset(start) === zone.offset(end));
  return sameClock ? new Date(end).toISOString() : undefined;
}

function afterWorkingDays(rule: Working, names: Names, scope: Scope): string | null {
  const start = Date.parse(scope.now);
  const day = Math.floor((start + zoneNamed(scope.calendar.zone).offset(start) * 60_000) / DAY_MS);
  const dues = duesOf(scope.calendar);
  const key = `${rule.amount} ${day}`;
  const known = dues.get(key);
  if (known !== undefined) return known;
  const due = dueAt(rule, names, scope);
  dues.set(key, due);
  return due;
}

/** A calendar is never changed, only replaced. */
function duesOf(calendar: Calendar): Map<string, string | null> {
  const known = kept.get(calendar);
  if (known !== undefined && known.size < MAX_KEPT) return known;
  const fresh = new Map<string, string | null>();
  kept.set(calendar, fresh);
  return fresh;
}
