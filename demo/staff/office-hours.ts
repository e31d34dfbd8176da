import { DateTime } from 'luxon';
import type { Calendar } from '../../src/statechart/types.js';

/** Simulated staff look into their queues twice a working day: what comes meanwhile waits, and is done together. */
const LOOKS_AT = [
  { hour: 11, minute: 0 },
  { hour: 16, minute: 0 },
];

/** The moment (ISO 8601, UTC) `halfDays` looks after another one; 0 gives the first look after it. */
export function lookAfter(moment: string, halfDays: number, calendar: Calendar): string {
  let look = nextLook(DateTime.fromISO(moment, { zone: calendar.zone }), calendar);
  for (let passed = 0; passed < halfDays; passed++) look = nextLook(look, calendar);
  return look.toUTC().toISO() ?? moment;
}

function nextLook(after: DateTime, calendar: Calendar): DateTime {
  for (let day = after.startOf('day'); ; day = day.plus({ days: 1 })) {
    if (!isWorked(day, calendar)) continue;
    const look = LOOKS_AT.map((time) => day.set(time)).find((candidate) => candidate > after);
    if (look) return look;
  }
}

function isWorked(day: DateTime, calendar: Calendar): boolean {
  const exception = calendar.days[day.toISODate() ?? ''];
  return exception === undefined ? calendar.week.includes(day.weekday) : exception === 'work';
}
