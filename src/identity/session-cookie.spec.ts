import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { tokenIn, tokenReader } from './session-cookie.js';

const SECRET = 'a secret of thirty-two characters';
const NAME = 'qamqor.session_token';
const sign = (token: string, secret = SECRET) => createHmac('sha256', secret).update(token).digest('base64');
const cookie = (value: string) => `theme=dark; ${NAME}=${encodeURIComponent(value)}; other=1`;

describe('the token of a session', () => {
  it('is what stands before our signature', () => {
    expect(tokenIn(cookie(`a.token.${sign('a.token')}`), NAME, SECRET)).toBe('a.token');
  });

  it.each([
    ['signed by somebody else', `token.${sign('token', 'another secret of 32 characters..')}`],
    ['signed for another token', `token.${sign('tokem')}`],
    ['with a signature cut off', `token.${sign('token').slice(0, 20)}`],
    ['with no signature', 'token'],
    ['with an empty signature', 'token.'],
    ['with nothing before its signature', `.${sign('')}`],
    ['empty', ''],
  ])('is not taken when it comes %s', (_how, value) => {
    expect(tokenIn(cookie(value), NAME, SECRET)).toBeNull();
  });

  it('is the same for a header that was seen before, and for one beside it', () => {
    const read = tokenReader(NAME, SECRET);
    const right = cookie(`token.${sign('token')}`);
    expect([read(right), read(right)]).toEqual(['token', 'token']);
    expect(read(cookie(`token.${sign('tokem')}`))).toBeNull();
    expect(read(cookie(`other.${sign('other')}`))).toBe('other');
  });

  it('is not looked for under other names', () => {
    expect(tokenIn(`__Secure-${NAME}=${encodeURIComponent(`token.${sign('token')}`)}`, NAME, SECRET)).toBeNull();
    expect(tokenIn('', NAME, SECRET)).toBeNull();
  });
});
