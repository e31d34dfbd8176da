import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DateTime } from 'luxon';
import { addWorkingDays, addWorkingTime, isWorkingDay, parseCalendar, unlistedYears } from './calendar.js';

const { calendar, days } = parseCalendar(readFileSync('workflows/calendar.kz.yaml', 'utf8'));

const local = (text: string) => DateTime.fromISO(text, { zone: calendar.zone });
const daysAfter = (from: string, count: number, direction: 1 | -1 = 1) =>
  addWorkingDays(local(from), count, calendar, direction)?.toFormat('yyyy-MM-dd HH:mm');
const hoursAfter = (from: string, hours: number, direction: 1 | -1 = 1) =>
  addWorkingTime(local(from), hours * 3_600_000, calendar, direction)?.toFormat('yyyy-MM-dd HH:mm');

/** Weekdays that are not worked, as published (2027: as computed), and weekend days that are. */
const OFF = {
  2025: '01-01 01-02 01-03 01-07 03-10 03-21 03-24 03-25 05-01 05-07 05-09 06-06 07-07 09-01 10-27 12-16',
  2026: '01-01 01-02 01-07 03-09 03-23 03-24 03-25 05-01 05-07 05-11 05-27 07-06 10-26 12-16',
  2027: '01-01 01-04 01-07 03-08 03-15 03-22 03-23 03-24 05-03 05-07 05-10 07-06 10-25 12-16',
};
const WORKED_WEEKENDS = ['2025-01-05'];

describe('the calendar of Kazakhstan', () => {
  it.each(Object.entries(OFF))('in %s has exactly the published weekdays off', (year, expected) => {
    const off: string[] = [];
    const worked: string[] = [];
    for (let day = local(`${year}-01-01`); day.year === Number(year); day = day.plus({ days: 1 })) {
      if (day.weekday <= 5 && !isWorkingDay(day, calendar)) off.push(day.toFormat('MM-dd'));
      if (day.weekday > 5 && isWorkingDay(day, calendar)) worked.push(day.toFormat('yyyy-MM-dd'));
    }
    expect(off.join(' ')).toBe(expected);
    expect(worked).toEqual(WORKED_WEEKENDS.filter((day) => day.startsWith(year)));
  });

  it('keeps Nauryz 2027 off until the 24th, and does not move Kurban Ait', () => {
    expect(isWorkingDay(local('2027-03-24'), calendar)).toBe(false);
    expect(isWorkingDay(local('2027-03-25'), calendar)).toBe(true);
    expect(isWorkingDay(local('2027-05-17'), calendar)).toBe(true);
    expect(isWorkingDay(local('2026-08-31'), calendar)).toBe(true);
  });

  it('names every day in Kazakh and Russian, with its source', () => {
    for (const day of days) {
      expect(day.name.kk && day.name.ru && day.source).toBeTruthy();
    }
  });

  it('says which years have no data', () => {
    expect(unlistedYears(calendar, '2026-11-01T00:00:00Z', '2027-02-01T00:00:00Z')).toEqual([]);
    expect(unlistedYears(calendar, '2027-12-01T00:00:00Z', '2029-01-15T00:00:00Z')).toEqual([2028, 2029]);
  });
});

describe('working days', () => {
  it('do not count the day of receipt and end with working hours', () => {
    expect(daysAfter('2026-11-16T10:00', 1)).toBe('2026-11-17 18:00');
    expect(daysAfter('2026-11-16T23:59', 1)).toBe('2026-11-17 18:00');
    expect(daysAfter('2026-11-13T10:00', 1)).toBe('2026-11-16 18:00');
  });

  it('skip weekends, holidays and swapped days', () => {
    expect(daysAfter('2026-03-20T10:00', 1)).toBe('2026-03-26 18:00');
    expect(daysAfter('2025-01-02T10:00', 1)).toBe('2025-01-05 18:00');
    expect(daysAfter('2026-12-30T10:00', 3)).toBe('2027-01-06 18:00');
  });

  it('start on a day off as if it were the day before', () => {
    expect(daysAfter('2026-11-14T10:00', 1)).toBe('2026-11-16 18:00');
    expect(daysAfter('2026-11-15T10:00', 2)).toBe('2026-11-17 18:00');
  });

  it('of amount 0 mean today, or the next working day when today is off or over', () => {
    expect(daysAfter('2026-11-16T10:00', 0)).toBe('2026-11-16 18:00');
    expect(daysAfter('2026-11-16T18:30', 0)).toBe('2026-11-17 18:00');
    expect(daysAfter('2026-11-14T10:00', 0)).toBe('2026-11-16 18:00');
    expect(daysAfter('2026-11-15T10:00', 0, -1)).toBe('2026-11-13 18:00');
  });

  it('count backwards over weekends and years', () => {
    expect(daysAfter('2026-11-17T10:00', 2, -1)).toBe('2026-11-13 18:00');
    expect(daysAfter('2027-01-05T10:00', 1, -1)).toBe('2026-12-31 18:00');
  });

  it('are counted by the local day, not by the day in UTC', () => {
    // 21:00 in UTC is already the next day in Kazakhstan.
    expect(daysAfter('2026-11-16T21:00:00Z', 1)).toBe('2026-11-18 18:00');
  });

  it('come to 3,650 without delay, and to none in a calendar without working days', () => {
    expect(daysAfter('2026-01-01T10:00', 3650)).toMatch(/^2040-/);
    expect(addWorkingDays(local('2026-01-01'), 1, { ...calendar, week: [], days: {} })).toBeNull();
    expect(addWorkingTime(local('2026-01-01'), 1, { ...calendar, week: [], days: {} })).toBeNull();
  });
});

describe('working hours', () => {
  it('run only while the centre works', () => {
    expect(hoursAfter('2026-11-16T10:00', 2)).toBe('2026-11-16 12:00');
    expect(hoursAfter('2026-11-16T12:00', 2)).toBe('2026-11-16 15:00');
    expect(hoursAfter('2026-11-16T16:00', 4)).toBe('2026-11-17 11:00');
    expect(hoursAfter('2026-11-13T17:00', 2)).toBe('2026-11-16 10:00');
  });

  it('start at the next opening when the centre is closed', () => {
    expect(hoursAfter('2026-11-14T15:00', 1)).toBe('2026-11-16 10:00');
    expect(hoursAfter('2026-11-16T05:00', 8)).toBe('2026-11-16 18:00');
    expect(hoursAfter('2026-11-16T20:00', 0)).toBe('2026-11-17 09:00');
    expect(hoursAfter('2026-11-16T11:00', 0)).toBe('2026-11-16 11:00');
  });

  it('count backwards too', () => {
    expect(hoursAfter('2026-11-17T10:00', 3, -1)).toBe('2026-11-16 16:00');
    expect(hoursAfter('2026-11-16T14:30', 1, -1)).toBe('2026-11-16 12:30');
  });
});

describe('a calendar file is refused', () => {
  it.each([
    ['zone: Asia/Turkistan\ndays: []', 'time zone'],
    ['days: [{ date: 23.03.2026, kind: holiday }]', 'must be a day'],
    ["days: [{ date: '2026-02-30', kind: holiday }]", 'must be a day'],
    ["days: [{ date: '2026-03-23', kind: off }]", 'kind'],
    ["days: [{ date: '2026-03-23', kind: holiday }, { date: '2026-03-23', kind: day_off }]", 'twice'],
    ['week: [0]\ndays: []', 'Monday'],
    ["hours: [{ from: '18:00', to: '09:00' }]\ndays: []", 'hours'],
    ["hours: [{ from: '09:00', to: '13:00' }, { from: '12:00', to: '18:00' }]\ndays: []", 'follow each other'],
    ['[]', 'map'],
  ])('%s', (text, reason) => {
    expect(() => parseCalendar(text)).toThrow(reason);
  });
});
