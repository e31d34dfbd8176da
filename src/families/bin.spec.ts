import { describe, expect, it } from '@jest/globals';
import { readBin } from './bin.js';

describe('a BIN', () => {
  it.each([
    ['220140000008', '2022-01', 'resident', 'head'],
    ['230641000013', '2023-06', 'resident', 'branch'],
    ['230640000903', '2023-06', 'resident', 'head'],
    ['191160000031', '2019-11', 'joint-entrepreneurs', 'head'],
    ['200942000044', '2020-09', 'resident', 'representative-office'],
    ['210350000028', '2021-03', 'non-resident', 'head'],
  ])('%s was registered in %s as %s, %s', (bin, registered, kind, unit) => {
    expect(readBin(bin)).toEqual({ ok: true, registered, kind, unit });
  });

  it.each([
    ['220140000009', 'bad-check-digit'],
    ['231340000003', 'impossible-month'],
    ['230630000003', 'unknown-kind'],
    ['230647000006', 'unknown-unit'],
    ['23064000009', 'not-12-digits'],
  ])('%s is refused: %s', (bin, problem) => {
    expect(readBin(bin)).toEqual({ ok: false, problem });
  });

  it('is never issued where both passes give 10, whatever its last digit', () => {
    for (let digit = 0; digit <= 9; digit++) {
      expect(readBin(`23064000099${digit}`)).toEqual({ ok: false, problem: 'bad-check-digit' });
    }
  });
});
