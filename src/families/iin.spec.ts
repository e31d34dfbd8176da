import { describe, expect, it } from '@jest/globals';
import { checkDigit } from './check-digit.js';
import { maskIin, readIin, tidyIin } from './iin.js';

describe('an IIN', () => {
  it.each([
    ['900101300007', '1990-01-01', 'm', 'the first pass decides'],
    ['920308300708', '1992-03-08', 'm', 'the first sum gives 10, the second decides'],
    ['880707400230', '1988-07-07', 'f', 'the second pass gives 0'],
    ['050607600008', '2005-06-07', 'f', 'a leading zero'],
    ['500315100004', '1850-03-15', 'm', 'nobody alive'],
    ['981231500014', '2098-12-31', 'm', 'nobody yet born'],
  ])('%s says that its owner was born on %s, sex %s (%s)', (iin, birthDate, sex) => {
    expect(readIin(iin)).toEqual({ ok: true, birthDate, sex });
  });

  it.each([
    ['900101300008', 'bad-check-digit'],
    ['150229600004', 'impossible-birth-date'],
    ['901301300007', 'impossible-birth-date'],
    ['900101700002', 'unknown-century'],
    ['90010130000', 'not-12-digits'],
    ['9001013000070', 'not-12-digits'],
    ['90010130000x', 'not-12-digits'],
    ['٩٠٠١٠١٣٠٠٠٠٧', 'not-12-digits'],
    ['', 'not-12-digits'],
  ])('%s is refused: %s', (iin, problem) => {
    expect(readIin(iin)).toEqual({ ok: false, problem });
  });

  it('is never issued where both passes give 10, whatever its last digit', () => {
    expect(checkDigit('92030830071')).toBeNull();
    for (let digit = 0; digit <= 9; digit++) {
      expect(readIin(`92030830071${digit}`)).toEqual({ ok: false, problem: 'bad-check-digit' });
    }
  });

  it('may be written with spaces, dashes and the apostrophe of a spreadsheet', () => {
    expect(tidyIin(" '900101-300 007")).toBe('900101300007');
    expect(tidyIin('900101\u00a0300007')).toBe('900101300007');
  });

  it('is masked to the date of birth in lists', () => {
    expect(maskIin('900101300007')).toBe('900101******');
  });
});
