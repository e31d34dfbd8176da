import { DateTime } from 'luxon';
import { parse as parseYaml } from 'yaml';
import type { Calendar, Text } from './types.js';
import { zoneNamed } from './zone.js';

/** One exception to the working week, as `calendar.*.yaml` keeps it. */
export interface CalendarDay {
  /** `2026-03-23` */
  date: string;
  /** `swap_work` is a day off that is worked in exchange for another; the other three are days off. */
  kind: 'holiday' | 'day_off' | 'swap_off' | 'swap_work';
  name: Text;
  source?: string;
}

export interface CalendarFile {
  calendar: Calendar;
  days: CalendarDay[];
}

/** Reads a calendar file. Throws an Error that names the place; `unlistedYears` says where data ends. */
export function parseCalendar(text: string): CalendarFile {
  const file = object(parseYaml(text), 'the file');
  const zone = typeof file.zone === 'string' ? file.zone : 'Asia/Almaty';
  if (!DateTime.now().setZone(zone).isValid) throw new Error(`calendar: "${zone}" is not an IANA time zone.`);
  const days = list(file.days ?? [], 'days').map(parseDay);
  const twice = days.find((day, index) => days.findIndex((other) => other.date === day.date) < index);
  if (twice) throw new Error(`calendar: ${twice.date} is listed twice.`);
  return {
    calendar: {
      zone,
      week: list(file.week ?? [1, 2, 3, 4, 5], 'week').map(parseWeekday),
      hours: parseHours(list(file.hours ?? [{ from: '09:00', to: '18:00' }], 'hours')),
      days: Object.fromEntries(days.map(({ date, kind }) => [date, kind === 'swap_work' ? 'work' : 'off'])),
    },
    days,
  };
}

/** Years of a span without a single listed day: holidays in them would be counted as working days. */
export function unlistedYears(calendar: Calendar, from: string, to: string): number[] {
  const listed = new Set(Object.keys(calendar.days).map((date) => Number(date.slice(0, 4))));
  const [first, last] = [from, to].map((moment) => DateTime.fromISO(moment, { zone: zoneNamed(calendar.zone) }).year);
  const years: number[] = [];
  for (let year = first ?? 0; year <= (last ?? -1); year++) if (!listed.has(year)) years.push(year);
  return years;
}

export function isWorkingDay(day: DateTime, calendar: Calendar): boolean {
  return isWorkingDate(new Date(Date.UTC(day.year, day.month - 1, day.day)), calendar);
}

/**
 * The end of working hours on the `count`-th working day after the moment; the day of the moment is not counted.
 * `count` 0 is the day itself, or the next working day if it is off or over. Backwards for a negative `direction`:
 * the `count`-th working day before, and 0 is the day itself or the last working day before it.
 * null if the calendar has no working day for a year on end.
 */
export function addWorkingDays(
  moment: DateTime,
  count: number,
  calendar: Calendar,
  direction: 1 | -1 = 1,
): DateTime | null {
  const day = moment.setZone(zoneNamed(calendar.zone)).startOf('day');
  if (count === 0) {
    if (!isWorkingDay(day, calendar)) return closing(nextWorkingDay(day, calendar, direction), calendar);
    const end = closing(day, calendar);
    return direction === 1 && end !== null && end < moment ? closing(nextWorkingDay(day, calendar, 1), calendar) : end;
  }
  return closing(nextWorkingDay(day, calendar, direction, count), calendar);
}

/** Counts only time inside working hours, forwards or backwards. */
export function addWorkingTime(
  moment: DateTime,
  ms: number,
  calendar: Calendar,
  direction: 1 | -1 = 1,
): DateTime | null {
  let left = ms;
  let day: DateTime | null = moment.setZone(zoneNamed(calendar.zone)).startOf('day');
  if (!isWorkingDay(day, calendar)) day = nextWorkingDay(day, calendar, direction);
  while (day !== null) {
    for (const [from, to] of shifts(day, calendar, direction)) {
      const start = direction === 1 ? Math.max(from, moment.toMillis()) : Math.min(to, moment.toMillis());
      const span = direction === 1 ? to - start : start - from;
      if (span < 0 || (span === 0 && left > 0)) continue;
      if (span >= left) return DateTime.fromMillis(start + direction * left, { zone: zoneNamed(calendar.zone) });
      left -= span;
    }
    day = nextWorkingDay(day, calendar, direction);
  }
  return null;
}

/** Milliseconds of working hours between two moments; 0 where the second is not later. */
export function workingTimeBetween(from: DateTime, to: DateTime, calendar: Calendar): number {
  const [start, end] = [from.toMillis(), to.toMillis()];
  let total = 0;
  let day: DateTime | null = from.setZone(zoneNamed(calendar.zone)).startOf('day');
  while (day !== null && day.toMillis() < end) {
    if (isWorkingDay(day, calendar))
      for (const [opens, closes] of shifts(day, calendar, 1))
        total += Math.max(0, Math.min(closes, end) - Math.max(opens, start));
    day = nextWorkingDay(day, calendar, 1);
  }
  return total;
}

const DAY_MS = 86_400_000;
/** No calendar closes longer; an empty week must not search for ever. */
const LONGEST_CLOSURE_DAYS = 366;

/** The `count`-th working day after or before. Counts plain dates: asking luxon for each day's offset costs a hundred times more. */
function nextWorkingDay(day: DateTime, calendar: Calendar, direction: 1 | -1, count = 1): DateTime | null {
  const first = Date.UTC(day.year, day.month - 1, day.day);
  let left = count;
  let closed = 0;
  for (let shift = direction; closed < LONGEST_CLOSURE_DAYS; shift += direction) {
    if (!isWorkingDate(new Date(first + shift * DAY_MS), calendar)) {
      closed += 1;
      continue;
    }
    closed = 0;
    left -= 1;
    if (left <= 0) return day.plus({ days: shift });
  }
  return null;
}

/** `date` is the day's midnight in UTC. */
function isWorkingDate(date: Date, calendar: Calendar): boolean {
  const exception = calendar.days[date.toISOString().slice(0, 10)];
  return exception === undefined ? calendar.week.includes(date.getUTCDay() || 7) : exception === 'work';
}

function closing(day: DateTime | null, calendar: Calendar): DateTime | null {
  const last = calendar.hours.at(-1);
  return day === null || last === undefined ? null : at(day, last.to);
}

function shifts(day: DateTime, calendar: Calendar, direction: 1 | -1): [number, number][] {
  const spans = calendar.hours.map(({ from, to }): [number, number] => [
    at(day, from).toMillis(),
    at(day, to).toMillis(),
  ]);
  return direction === 1 ? spans : spans.reverse();
}

function at(day: DateTime, time: string): DateTime {
  const [hour, minute] = time.split(':').map(Number);
  return hour === 24 ? day.plus({ days: 1 }) : day.set({ hour: hour ?? 0, minute: minute ?? 0 });
}

function parseDay(value: unknown, index: number): CalendarDay {
  const day = object(value, `days[${index}]`);
  const { date, kind, source } = day;
  if (typeof date !== 'string' || !DateTime.fromFormat(date, 'yyyy-MM-dd').isValid)
    throw new Error(`calendar: days[${index}].date must be a day like 2026-03-23, not ${JSON.stringify(date)}.`);
  if (kind !== 'holiday' && kind !== 'day_off' && kind !== 'swap_off' && kind !== 'swap_work')
    throw new Error(
      `calendar: ${date} has the kind ${JSON.stringify(kind)}; use holiday, day_off, swap_off or swap_work.`,
    );
  const name = object(day.name ?? {}, `${date}.name`);
  return { date, kind, name: texts(name), ...(typeof source === 'string' && { source }) };
}

function texts(name: Record<string, unknown>): Text {
  const text: Text = {};
  for (const language of ['kk', 'ru', 'en'] as const) {
    const words = name[language];
    if (typeof words === 'string') text[language] = words;
  }
  return text;
}

function parseWeekday(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 7) return value;
  throw new Error(`calendar: week holds ${JSON.stringify(value)}; days are 1 (Monday) to 7.`);
}

function parseHours(values: unknown[]): { from: string; to: string }[] {
  const hours = values.map((value, index) => {
    const { from, to } = object(value, `hours[${index}]`);
    if (!isTime(from) || !isTime(to) || from >= to)
      throw new Error(`calendar: hours[${index}] must be {from: "09:00", to: "18:00"}, in quotes.`);
    return { from, to };
  });
  const overlap = hours.some(({ from }, index) => index > 0 && from < (hours[index - 1]?.to ?? ''));
  if (hours.length === 0 || overlap) throw new Error('calendar: hours must be spans that follow each other.');
  return hours;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/.test(value);
}

function object(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`calendar: ${place} must be a map.`);
}

function list(value: unknown, place: string): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new Error(`calendar: ${place} must be a list.`);
}
