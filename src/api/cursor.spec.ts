import { describe, expect, it } from '@jest/globals';
import { isInt, isMoment } from './cursor.js';

describe('what a cursor carries', () => {
  it('is a moment only as toISOString writes it, which PostgreSQL reads', () => {
    expect(isMoment('2026-11-22T23:36:30.405Z')).toBe(true);
    for (const forged of ['+275760-09-13T00:00:00.000Z', '-000001-01-01T00:00:00.000Z', '0000-01-01T00:00:00.000Z'])
      expect(isMoment(forged)).toBe(false);
    for (const forged of ['0', '2026', '2026-02-30', 'Tue Mar 01 2022 GMT+0100 (CET)', 'infinity', '', 5, null])
      expect(isMoment(forged)).toBe(false);
  });

  it('is a number only where it fits an integer of PostgreSQL', () => {
    expect([0, -1, 2 ** 31 - 1].every(isInt)).toBe(true);
    expect([2 ** 31, -(2 ** 31), 1e300, 1.5, '1', null].some(isInt)).toBe(false);
  });
});
