import { language } from './texts.js';

/** What the server refused: its own words, and the paths of a form that it did not accept. */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail ?? body.title ?? String(status));
    this.code = body.code;
    this.status = status;
    this.errors = body.errors ?? [];
  }
}

export const get = (path) => ask('GET', path);
export const post = (path, body) => ask('POST', path, body);
export const patch = (path, body) => ask('PATCH', path, body);
export const put = (path, body) => ask('PUT', path, body);

async function ask(method, path, body) {
  const writes = method !== 'GET';
  const response = await fetch(path, {
    method,
    headers: {
      'accept-language': language(),
      // A request that is sent twice because the line broke counts once.
      ...(writes && !path.startsWith('/api/auth/') ? { 'idempotency-key': freshKey() } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = text === '' ? null : JSON.parse(text);
  if (!response.ok) throw new Problem(answer ?? {}, response.status);
  return answer;
}

/** Not randomUUID: browsers give that to https and localhost alone, and a centre's own network may have neither. */
function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
