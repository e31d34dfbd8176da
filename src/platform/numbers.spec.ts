import { describe, expect, it } from '@jest/globals';
import { numbersMeantBy } from './numbers.js';

describe('a number that is said for short', () => {
  it.each([
    ['q-74', 'Q-000074'],
    ['Q74', 'Q-000074'],
    ['q 0074', 'Q-000074'],
    [' f-1 ', 'F-000001'],
    ['Q-000074', 'Q-000074'],
  ])('%j may mean %s', (said, number) => {
    expect(numbersMeantBy(said)).toContain(number);
  });

  it.each(['', '74', 'Q-', 'Q-7x', 'Q-%', 'Асел 74 үй', 'Q-1234567890'])('%j means none', (said) => {
    expect(numbersMeantBy(said)).toEqual([]);
  });

  it('is never another number', () => {
    expect(numbersMeantBy('q-74')).not.toContain('Q-000740');
    expect(numbersMeantBy('q-74').every((number) => /^Q-0*74$/.test(number))).toBe(true);
  });
});
