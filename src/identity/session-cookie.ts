import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseCookies } from 'better-auth/cookies';

/** Headers that were found right; a browser sends the same one again and again. */
const REMEMBERED = 1_000;
/** What is longer is nothing that a browser of ours sends. */
const REMEMBERED_BYTES = 1_024;

/** `tokenIn` that computes the signature of a header once. Whether its session still counts is not its business. */
export function tokenReader(name: string, secret: string): (header: string) => string | null {
  const right = new Map<string, string>();
  return (header) => {
    const known = right.get(header);
    if (known !== undefined) return known;
    const token = tokenIn(header, name, secret);
    if (token === null || header.length > REMEMBERED_BYTES) return token;
    if (right.size >= REMEMBERED) right.clear();
    right.set(header, token);
    return token;
  };
}

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
