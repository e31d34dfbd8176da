import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dueAt } from './delay.js';
import { dueOf } from './due.js';
import type { Calendar, DelayRule } from './types.js';

/** Zones whose clocks change, and by less than an hour too. */
const calendars: Calendar[] = ['Asia/Almaty', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'].map(
  (zone) => ({
    zone,
    week: [1, 2, 3, 4, 5],
    hours: [{ from: '09:00', to: '18:00' }],
    days: { '2026-03-09': 'off', '2026-03-21': 'work' },
  }),
);

const names = { context: {}, event: {}, now: '', by: null, zone: '' };

const rule: fc.Arbitrary<DelayRule> = fc.oneof(
  fc.record({
    kind: fc.constant('working' as const),
    amount: fc.nat({ max: 30 }),
    unit: fc.constantFrom('days' as const, 'hours' as const),
  }),
  fc.record({
    kind: fc.constant('span' as const),
    amount: fc.nat({ max: 200 }),
    unit: fc.constantFrom(
      'days' as const,
      'hours' as const,
      'minutes' as const,
      'seconds' as const,
      'milliseconds' as const,
      'weeks' as const,
    ),
  }),
);

describe('the short ways to a due time', () => {
  it('lead to the same moment as the long one', () => {
    fc.assert(
      fc.property(
        rule,
        fc.constantFrom(...calendars),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }),
        (delay, calendar, date) => {
          const scope = { now: date.toISOString(), calendar };
          expect(dueOf(delay, names, scope)).toBe(dueAt(delay, names, scope));
        },
      ),
      { numRuns: 3000 },
    );
  });
});
