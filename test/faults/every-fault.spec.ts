import { describe, expect, it } from '@jest/globals';
import { numbersInTitles, numbersOfTable } from './numbers.js';

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `F${from + n}`);
const ALL = [...upTo(1, 53), ...upTo(56, 58), 'A65', 'A66', 'A67', 'A69'];

describe('the faults of docs/faults.md', () => {
  it('are all there, each once', () => {
    expect(numbersOfTable().toSorted()).toEqual(ALL.toSorted());
  });

  it.each(numbersOfTable())('%s is tried by a test that says so in its title', (number) => {
    expect([...numbersInTitles().values()].some((numbers) => numbers.has(number))).toBe(true);
  });
});
