import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseCalendar } from './calendar.js';
import { dueAt, parseDelay } from './delay.js';
import type { Json } from './types.js';

const { calendar } = parseCalendar(readFileSync('workflows/calendar.kz.yaml', 'utf8'));
// Monday, ten in the morning in Turkistan.
const now = '2026-11-16T05:00:00.000Z';

function due(delay: Json, context: Json = {}): string | null {
  return dueAt(parseDelay(delay), { context, event: {}, now, by: null }, { now, calendar });
}

describe('a delay', () => {
  it.each<[Json, string]>([
    ['3 working days', '2026-11-19T13:00:00.000Z'],
    ['1 working day', '2026-11-17T13:00:00.000Z'],
    ['0 working days', '2026-11-16T13:00:00.000Z'],
    ['4 working hours', '2026-11-16T10:00:00.000Z'],
    ['10 days', '2026-11-26T05:00:00.000Z'],
    ['2 weeks', '2026-11-30T05:00:00.000Z'],
    ['20 minutes', '2026-11-16T05:20:00.000Z'],
    ['1 hour', '2026-11-16T06:00:00.000Z'],
    ['0 days', '2026-11-16T05:00:00.000Z'],
    [90_000, '2026-11-16T05:01:30.000Z'],
    ['90000', '2026-11-16T05:01:30.000Z'],
    ['P3DT4H', '2026-11-19T09:00:00.000Z'],
    ['P1M', '2026-12-16T05:00:00.000Z'],
    ['= "PT1H"', '2026-11-16T06:00:00.000Z'],
    ['= duration("P2D")', '2026-11-18T05:00:00.000Z'],
    ['= date(now) + duration("P1D")', '2026-11-17T19:00:00.000Z'],
    ['= 1000 * 60', '2026-11-16T05:01:00.000Z'],
    ['until = "2026-12-01T09:00:00+05:00"', '2026-12-01T04:00:00.000Z'],
  ])('%j is due at %s', (delay, moment) => {
    expect(due(delay)).toBe(moment);
  });

  it.each<[Json, Json]>([
    ['until = context.closes after 2 days', { closes: '9999-12-31' }],
    ['until = context.closes before 2 weeks', { closes: '0000-01-03' }],
    ['= context.closes', { closes: '9999-12-31T23:30:00-05:00' }],
  ])('that would end beyond the years that have four digits cannot be told (%j of %j)', (delay, context) => {
    expect(due(delay, context)).toBeNull();
  });

  it('until a day lasts to its midnight where the family lives', () => {
    expect(due('until = context.closes', { closes: '2026-12-01' })).toBe('2026-12-01T19:00:00.000Z');
  });

  it.each<[string, Json]>([
    ['in front', '2 working days before = context.closes'],
    ['behind', 'until = context.closes before 2 working days'],
    ['as a map', { until: '= context.closes', before: '2 working days' }],
  ])('may be moved by an offset written %s', (_, delay) => {
    // 1 December 2026 is a Tuesday.
    expect(due(delay, { closes: '2026-12-01' })).toBe('2026-11-27T13:00:00.000Z');
  });

  it('may be moved to later, by hours, and from a moment', () => {
    expect(due('3 working days after = context.at', { at: '2026-12-14T10:00:00+05:00' })).toBe(
      '2026-12-18T13:00:00.000Z',
    );
    expect(due('2 hours before = context.at', { at: '2026-12-14T10:00:00+05:00' })).toBe('2026-12-14T03:00:00.000Z');
    expect(due('P1D before = context.at', { at: '2026-12-14T10:00:00+05:00' })).toBe('2026-12-13T05:00:00.000Z');
    expect(due('4 working hours before = context.at', { at: '2026-12-14T10:00:00+05:00' })).toBe(
      '2026-12-11T10:00:00.000Z',
    );
  });

  it('lies in the past where its day has passed', () => {
    expect(due('until = "2026-01-15"')).toBe('2026-01-15T19:00:00.000Z');
  });

  it('is unknown, never "now", where its moment is null, misspelt or no moment', () => {
    expect(due('until = context.closes', { closes: null })).toBeNull();
    expect(due('until = context.closess', { closes: '2026-12-01' })).toBeNull();
    expect(due('until = context.closes', { closes: 'soon' })).toBeNull();
    expect(due('until = context.closes', { closes: '2026-02-30' })).toBeNull();
    expect(due('2 working days before = context.closes', { closes: null })).toBeNull();
    expect(due('= context.length', { length: -5 })).toBeNull();
    expect(due('= context.length', { length: '-P3D' })).toBeNull();
    expect(due('= context.length', { length: true })).toBeNull();
  });
});

describe('a delay is refused', () => {
  it.each<[Json, string]>([
    ['soon', 'does not say how long'],
    ['3 fortnights', 'does not say how long'],
    ['-3 days', 'does not say how long'],
    ['', 'does not say how long'],
    [null, 'does not say how long'],
    [[], 'does not say how long'],
    ['1.5 days', 'whole number'],
    [-1, 'whole number'],
    ['2 working weeks', 'only days and hours'],
    ['3651 working days', 'longer than 3650'],
    ['9999999 hours', 'longer than 3650'],
    ['P11Y', 'at most 3650'],
    ['P', 'ISO 8601'],
    ['-P3D', 'ISO 8601'],
    ['= now()', 'use the name'],
    ['until = ', 'no expression'],
    ['until = context.x before tomorrow', 'does not move the moment'],
    [{ until: '= context.x', before: '1 day', after: '1 day' }, 'A moment is'],
    [{ until: '= context.x', by: '1 day' }, 'A moment is'],
    [{ until: '= context.x', before: 3 }, 'take a span'],
    [{}, 'A moment is'],
  ])('%j: %s', (delay, reason) => {
    expect(() => parseDelay(delay)).toThrow(reason);
  });

  it('beyond 3,650, which itself is accepted', () => {
    expect(parseDelay('3650 working days')).toEqual({ kind: 'working', amount: 3650, unit: 'days' });
    expect(parseDelay('3650 days')).toEqual({ kind: 'span', amount: 3650, unit: 'days' });
  });
});
