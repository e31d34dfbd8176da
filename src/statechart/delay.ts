import { DateTime, Duration } from 'luxon';
import { addWorkingDays, addWorkingTime } from './calendar.js';
import { type CompiledExpression, compileExpression, type ExpressionNames, expressionText } from './expression.js';
import type { Calendar, DelayRule, Json } from './types.js';
import { zoneNamed } from './zone.js';

/** Ten years of days: longer waits are a mistake in the unit. */
const MAX_DAYS = 3650;
/** From here on ISO 8601 needs more than four digits: moments could not be compared as text any more. */
const LAST_YEAR = 9999;

/**
 * Reads when something is due: `3 working days`, `4 working hours`, `10 days`, `20 minutes`, `P3D`, milliseconds,
 * `= <duration or moment>`, `until = <date>`, `2 working days before = <date>`, `{until: "= <date>", before: 2 days}`.
 * Throws an Error that says what is expected.
 */
export function parseDelay(value: Json): DelayRule {
  if (typeof value === 'number') return span(value, 'milliseconds', String(value));
  if (typeof value === 'string') return parseText(value.trim());
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return parseUntil(value);
  throw new Error(`${JSON.stringify(value)} does not say how long.`);
}

/**
 * The moment at which something that starts at `scope.now` is due, ISO 8601 in UTC with milliseconds; null if that
 * cannot be told, or lies outside the years 0 to 9999. It lies in the past where the date has passed. A day without a time lasts until its midnight in the
 * calendar's zone.
 */
export function dueAt(
  rule: DelayRule,
  names: ExpressionNames,
  scope: { now: string; calendar: Calendar },
): string | null {
  if (rule.kind === 'until' || rule.kind === 'expression') return computeDue(rule, names, scope);
  const known = duesAt(scope);
  let due = known.get(rule);
  if (due === undefined) {
    due = computeDue(rule, names, scope);
    known.set(rule, due);
  }
  return due;
}

/** Dues of the latest moment, by rule: cases that move on in one transaction share its moment. */
const dues = new WeakMap<Calendar, { now: string; byRule: Map<DelayRule, string | null> }>();

function duesAt({ now, calendar }: { now: string; calendar: Calendar }): Map<DelayRule, string | null> {
  const known = dues.get(calendar);
  if (known?.now === now) return known.byRule;
  const byRule = new Map<DelayRule, string | null>();
  dues.set(calendar, { now, byRule });
  return byRule;
}

function computeDue(
  rule: DelayRule,
  names: ExpressionNames,
  scope: { now: string; calendar: Calendar },
): string | null {
  const { calendar } = scope;
  const evaluate = (expression: string): Json => {
    const { value, warnings } = compiled(rule, expression).evaluate({ ...names, zone: calendar.zone });
    return warnings.length > 0 ? null : (value ?? null);
  };
  const start = DateTime.fromISO(scope.now, { zone: zoneNamed(calendar.zone) });
  const due = resolve(rule, { moment: start, dayOnly: false }, { calendar, evaluate })?.toUTC();
  if (!due?.isValid || due.year < 0 || due.year > LAST_YEAR) return null;
  return due.toISO({ suppressMilliseconds: false });
}

interface Start {
  moment: DateTime;
  /** The moment is the midnight that ends a day which was given without a time. */
  dayOnly: boolean;
}

interface Rules {
  calendar: Calendar;
  evaluate(expression: string): Json;
}

function resolve(rule: DelayRule, start: Start, rules: Rules, direction: 1 | -1 = 1): DateTime | null {
  switch (rule.kind) {
    case 'span':
      return start.moment.plus({ [rule.unit]: direction * rule.amount });
    case 'working':
      return addWorking(rule, start, rules.calendar, direction);
    case 'iso': {
      const duration = Duration.fromISO(rule.duration);
      return start.moment.plus(direction === 1 ? duration : duration.negate());
    }
    case 'until': {
      const until = momentOf(rules.evaluate(rule.expression), rules.calendar);
      if (until === null || rule.offset === undefined) return until?.moment ?? null;
      return resolve(rule.offset.rule, until, rules, rule.offset.direction === 'before' ? -1 : 1);
    }
    case 'expression':
      return resolveValue(rules.evaluate(rule.expression), start, rules.calendar);
  }
}

function addWorking(
  { amount, unit }: { amount: number; unit: 'days' | 'hours' },
  { moment, dayOnly }: Start,
  calendar: Calendar,
  direction: 1 | -1,
): DateTime | null {
  if (unit === 'hours') return addWorkingTime(moment, amount * 3_600_000, calendar, direction);
  return addWorkingDays(dayOnly ? moment.minus({ days: 1 }) : moment, amount, calendar, direction);
}

/** An expression gives a duration, a moment, a day, or milliseconds. */
function resolveValue(value: Json, start: Start, calendar: Calendar): DateTime | null {
  if (typeof value === 'number') return value >= 0 ? start.moment.plus({ milliseconds: value }) : null;
  if (typeof value === 'string' && value.startsWith('P')) {
    const duration = Duration.fromISO(value);
    return isSensible(duration) ? start.moment.plus(duration) : null;
  }
  return momentOf(value, calendar)?.moment ?? null;
}

function momentOf(value: Json, calendar: Calendar): Start | null {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}(?:T|$)/.test(value)) return null;
  const moment = DateTime.fromISO(value, { zone: zoneNamed(calendar.zone) });
  if (!moment.isValid) return null;
  const dayOnly = !value.includes('T');
  return { moment: dayOnly ? moment.plus({ days: 1 }) : moment, dayOnly };
}

const UNITS = ['weeks', 'days', 'hours', 'minutes', 'seconds', 'milliseconds'] as const;
type Unit = (typeof UNITS)[number];
const SPAN = /^(\d+(?:\.\d+)?)\s+(working\s+)?([a-z]+)$/;
const OFFSET_LAST = /^until\s*(=.*?)(?:\s+(before|after)\s+(\d+(?:\.\d+)?\s+(?:working\s+)?[a-z]+|P\S+))?$/s;
const OFFSET_FIRST = /^(\d+(?:\.\d+)?\s+(?:working\s+)?[a-z]+|P\S+)\s+(before|after)\s+(=.*)$/s;

function parseText(text: string): DelayRule {
  if (text.startsWith('=')) return { kind: 'expression', expression: checked(text) };
  if (/^\d+$/.test(text)) return span(Number(text), 'milliseconds', text);
  const last = OFFSET_LAST.exec(text);
  if (last) return until(last[1], last[2], last[3]);
  const first = OFFSET_FIRST.exec(text);
  if (first) return until(first[3], first[2], first[1]);
  return parseSpan(text);
}

function parseSpan(text: string): DelayRule {
  if (text.startsWith('P') || text.startsWith('-P')) return iso(text);
  const [, amount, working, word] = SPAN.exec(text) ?? [];
  const unit = UNITS.find((candidate) => candidate === word || candidate.slice(0, -1) === word);
  if (amount === undefined || unit === undefined)
    throw new Error(`"${text}" does not say how long; write for example "3 working days", "10 days" or "PT4H".`);
  if (working === undefined) return span(Number(amount), unit, text);
  if (unit !== 'days' && unit !== 'hours') throw new Error(`"${text}": only days and hours can be working ones.`);
  return { kind: 'working', amount: limited(Number(amount), unit, text), unit };
}

function parseUntil(value: { [key: string]: Json }): DelayRule {
  const unknown = Object.keys(value).find((key) => key !== 'until' && key !== 'before' && key !== 'after');
  const offset = value.before ?? value.after;
  if (
    unknown !== undefined ||
    typeof value.until !== 'string' ||
    (value.before !== undefined && value.after !== undefined)
  )
    throw new Error('A moment is {until: "= <date>"}, with `before` or `after` if it is moved.');
  if (offset === undefined) return until(value.until, undefined, undefined);
  if (typeof offset !== 'string') throw new Error('`before` and `after` take a span, for example "2 working days".');
  return until(value.until, value.before === undefined ? 'after' : 'before', offset.trim());
}

function until(expression = '', direction: string | undefined, offset: string | undefined): DelayRule {
  const unread = /\s(?:before|after)\s+[^(]*$/.exec(expression)?.[0];
  if (unread !== undefined)
    throw new Error(`"${unread.trim()}" does not move the moment; write for example "before 2 working days".`);
  const rule = { kind: 'until' as const, expression: checked(expression) };
  if (offset === undefined) return rule;
  return { ...rule, offset: { direction: direction === 'before' ? 'before' : 'after', rule: parseSpan(offset) } };
}

function span(amount: number, unit: Unit, text: string): DelayRule {
  return { kind: 'span', amount: limited(amount, unit, text), unit };
}

function iso(text: string): DelayRule {
  if (!/\d/.test(text) || !isSensible(Duration.fromISO(text)))
    throw new Error(`"${text}" is not an ISO 8601 duration of at most ${MAX_DAYS} days, such as P3D or PT4H.`);
  return { kind: 'iso', duration: text };
}

function isSensible(duration: Duration): boolean {
  const days = duration.as('days');
  return duration.isValid && days >= 0 && days <= MAX_DAYS;
}

function limited(amount: number, unit: Unit, text: string): number {
  if (!Number.isInteger(amount) || amount < 0)
    throw new Error(`"${text}": the amount must be a whole number, not negative.`);
  if (Duration.fromObject({ [unit]: amount }).as('days') > MAX_DAYS)
    throw new Error(`"${text}" is longer than ${MAX_DAYS} days.`);
  return amount;
}

function checked(expression: string): string {
  const text = expressionText(expression);
  compileExpression(text);
  return text;
}

const expressions = new WeakMap<DelayRule, CompiledExpression>();

function compiled(rule: DelayRule, expression: string): CompiledExpression {
  const known = expressions.get(rule) ?? compileExpression(expression);
  expressions.set(rule, known);
  return known;
}
