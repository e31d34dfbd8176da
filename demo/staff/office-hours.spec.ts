import { describe, expect, it } from '@jest/globals';
import { lookAfter } from './office-hours.js';

const calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: { '2026-03-09': 'off' as const },
};

describe('office hours of simulated staff', () => {
  it('looks at eleven and at four, local time', () => {
    expect(lookAfter('2026-03-02T04:00:00.000Z', 0, calendar)).toBe('2026-03-02T06:00:00.000Z');
    expect(lookAfter('2026-03-02T04:00:00.000Z', 1, calendar)).toBe('2026-03-02T11:00:00.000Z');
  });

  it('never looks at the moment itself, so that an answer comes after its question', () => {
    expect(lookAfter('2026-03-02T06:00:00.000Z', 0, calendar)).toBe('2026-03-02T11:00:00.000Z');
  });

  it('leaves out weekends and days off', () => {
    // Friday evening → Tuesday: Monday is a day off.
    expect(lookAfter('2026-03-06T12:00:00.000Z', 0, calendar)).toBe('2026-03-10T06:00:00.000Z');
  });
});
