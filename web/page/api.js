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
/** What comes to nothing more when it is sent twice: signing in, or a question whose words belong into no address. */
export const postUnkept = (path, body) => ask('POST', path, body);
export const post = (path, body) => write('POST', path, body);
export const patch = (path, body) => write('PATCH', path, body);
export const put = (path, body) => write('PUT', path, body);

/** Keys of the writes of this view that were not accepted yet, as far as the page has heard. */
const keys = new Map();
// Whoever sees a view anew sees what became of them.
addEventListener('hashchange', () => keys.clear());

/** Sent again as it was, because the answer was lost or somebody pressed twice, a write has the key that it had and counts once. */
async function write(method, path, body) {
  const what = JSON.stringify([method, path, body]);
  const key = keys.get(what) ?? freshKey();
  keys.set(what, key);
  const answer = await ask(method, path, body, { 'idempotency-key': key });
  keys.delete(what);
  return answer;
}

async function ask(method, path, body, headers = {}) {
  const response = await fetch(path, {
    method,
    headers: {
      'accept-language': language(),
      ...headers,
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
