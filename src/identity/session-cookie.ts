import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseCookies } from 'better-auth/cookies';

/**
 * The token in a Cookie header, if it carries the signature that better-auth put behind it: HMAC-SHA256 in base64. Null
 * for what we have not signed.
 */
export function tokenIn(header: string, name: string, secret: string): string | null {
  const value = parseCookies(header).get(name);
  const end = value?.lastIndexOf('.') ?? -1;
  if (value === undefined || end < 1) return null;
  const [token, signature] = [value.slice(0, end), value.slice(end + 1)];
  const given = Buffer.from(signature, 'base64');
  const right = createHmac('sha256', secret).update(token).digest();
  return given.length === right.length && timingSafeEqual(given, right) ? token : null;
}
