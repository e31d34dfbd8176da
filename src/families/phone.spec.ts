import { describe, expect, it } from '@jest/globals';
import { readPhone } from './phone.js';

describe('a telephone number', () => {
  it.each([
    ['8 (702) 613-52-41', '+77026135241'],
    ['+7 702 613 52 41', '+77026135241'],
    ['77026135241', '+77026135241'],
    ['87026135241', '+77026135241'],
    ['7026135241', '+77026135241'],
    ['8 (72533) 4 15 15', '+77253341515'],
    ['+998 90 123 45 67', '+998901234567'],
  ])('%s is %s', (text, e164) => {
    expect(readPhone(text)).toEqual({ ok: true, e164, unusual: false });
  });

  it('of the range 770, which the numbering plan does not know, is kept and called unusual', () => {
    expect(readPhone('8 770 123 45 67')).toEqual({ ok: true, e164: '+77701234567', unusual: true });
  });

  it.each([
    '123',
    'көршісіне',
    '7.7026E+10',
    '8 702 613 52 41, 8 701 111 22 33',
    '8 702 613 52 41 доб 3',
    '870261352411',
    '=+77026135241',
    '',
  ])('is not made of %s', (text) => {
    expect(readPhone(text)).toEqual({ ok: false });
  });
});
