import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PartnerClient, type PartnerClientOptions } from './partner-client.js';
import { verify } from './webhook.js';

type Behaviour = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const NOW = '2026-11-22T10:00:00.000Z';
const MESSAGE = { id: 'h1', body: '{"id":"h1","person":{"given":"Әсем"}}' };
const accept: Behaviour = (_request, response) => json(response, 202, { partnerRef: 'A-1' });

const open: { close(): unknown }[] = [];
let partner: Server;
let partnerUrl: string;
let behave: Behaviour;
let received: { url: string; headers: IncomingMessage['headers']; body: Buffer }[];

beforeEach(async () => {
  received = [];
  behave = accept;
  partner = await listening((...call) => behave(...call));
  partnerUrl = address(partner);
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

describe('a hand-off', () => {
  it('is accepted with the reference that the partner gives it', async () => {
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'accepted', partnerRef: 'A-1' });
  });

  it('goes out as it was frozen, signed, below the address of the partner', async () => {
    await client({ url: `${address(partner)}/atameken/` }).handOff(MESSAGE);
    const [got] = received;
    expect(got?.url).toBe('/atameken/handoffs');
    expect(got?.body.toString()).toBe(MESSAGE.body);
    expect(
      verify({ headers: got?.headers ?? {}, rawBody: got?.body ?? Buffer.alloc(0), secrets: [SECRET], now: NOW }),
    ).toEqual({ ok: true, id: 'h1' });
  });

  it('has the same id and the same bytes when it is sent again, and a new stamp', async () => {
    const moments = [NOW, '2026-11-22T16:00:00.000Z'];
    const again = client({ clock: { now: async () => moments.shift() ?? NOW } });
    for (const _time of [1, 2]) await again.handOff(MESSAGE);
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['h1']));
    expect(new Set(received.map(({ body }) => body.toString())).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(2);
  });

  it.each([500, 502, 503, 504, 408, 425, 429])('F28: is tried again after %d', async (status) => {
    behave = (_request, response) => json(response, status, {});
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'retry', reason: `http-${status}` });
  });

  it('F29: waits as long as the partner asks for', async () => {
    const asked = async (header: string, date?: string) => {
      behave = (_request, response) => {
        if (date) response.setHeader('date', date);
        response.setHeader('retry-after', header);
        json(response, 503, {});
      };
      const sent = await client().handOff(MESSAGE);
      return sent.kind === 'retry' ? sent.afterMs : sent;
    };
    expect(await asked('120')).toBe(120_000);
    expect(await asked('0')).toBe(0);
    expect(await asked('999999999')).toBe(24 * 60 * 60 * 1000);
    expect(await asked('Tue, 24 Nov 2026 08:00:30 GMT', 'Tue, 24 Nov 2026 08:00:00 GMT')).toBe(30_000);
    expect(await asked('Tue, 24 Nov 2026 07:00:00 GMT', 'Tue, 24 Nov 2026 08:00:00 GMT')).toBe(0);
    expect(await asked('soon')).toBeUndefined();
    expect(await asked('-5')).toBeUndefined();
  });

  it.each([301, 302, 303, 307, 308])('F30: does not follow a redirect (%d)', async (status) => {
    const elsewhere = await listening(accept);
    behave = (_request, response) => response.writeHead(status, { location: `${address(elsewhere)}/handoffs` }).end();
    expect(await client().handOff(MESSAGE)).toMatchObject({ kind: 'refused', status });
    expect(received).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 405, 409, 413, 415, 422, 451])(
    'is refused by %d, and what the partner wrote is not kept',
    async (status) => {
      behave = (_request, response) => json(response, status, { message: '<script>alert(1)</script>' });
      const sent = await client().handOff(MESSAGE);
      expect(sent).toEqual({
        kind: 'refused',
        status,
        reason: expect.stringMatching(/^http-\d{3} \d+ bytes sha256:[0-9a-f]{16}$/),
      });
    },
  );

  it('F30: finds a partner gone that says 410', async () => {
    behave = (_request, response) => json(response, 410, {});
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'gone' });
  });

  it.each([
    ['nothing', ''],
    ['a page', '<html><script>alert(1)</script></html>'],
    ['half an answer', '{"partnerRef":'],
    ['another shape', '[]'],
    ['null', 'null'],
    ['no reference', '{}'],
    ['an empty reference', '{"partnerRef":""}'],
    ['a number', '{"partnerRef":17}'],
    ['a reference that is too long', `{"partnerRef":"${'x'.repeat(201)}"}`],
    ['NUL', '{"partnerRef":"a\\u0000"}'],
    ['half a character', '{"partnerRef":"\\ud800"}'],
  ])('is tried again when the partner accepts it with %s', async (_name, body) => {
    behave = (_request, response) => response.writeHead(202).end(body);
    expect(await client().handOff(MESSAGE)).toMatchObject({
      kind: 'retry',
      reason: expect.stringMatching(/^reply-not-understood/),
    });
  });

  it('F32: is tried again when its answer was lost', async () => {
    behave = (request) => request.socket.destroy();
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'retry', reason: 'connection-lost' });
  });

  it('is tried again when half of the answer was lost', async () => {
    behave = (_request, response) => {
      response.writeHead(202, { 'content-length': 100 });
      response.write('{"partnerRef"', () => response.destroy());
    };
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'retry', reason: 'connection-lost' });
  });

  it('is tried again when nobody listens', async () => {
    partner.close();
    await once(partner, 'close');
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'retry', reason: 'connection-lost' });
  });

  it('is tried again when the partner wants another protocol', async () => {
    behave = (request) =>
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: ws\r\nconnection: upgrade\r\n\r\n');
    expect(await client().handOff(MESSAGE)).toMatchObject({ kind: 'retry' });
  });

  it('ends when its sender is stopped', async () => {
    const stop = new AbortController();
    behave = () => stop.abort();
    expect(await client({ deadlineMs: 20_000 }).handOff({ ...MESSAGE, signal: stop.signal })).toEqual({
      kind: 'retry',
      reason: 'stopped',
    });
  });
});

describe('F31: a partner that holds us up', () => {
  const patient = { deadlineMs: 150 };

  it.each<[string, Behaviour]>([
    ['never answers', () => undefined],
    ['drips the answer', (_request, response) => drip(response.writeHead(202), 5, () => response.write('{'))],
    [
      'drips the head',
      (request) => {
        request.socket.write('HTTP/1.1 202 Accepted\r\nx: ');
        drip(request.socket, 5, () => request.socket.write('x'));
      },
    ],
    [
      'promises for ever',
      (request) => drip(request.socket, 5, () => request.socket.write('HTTP/1.1 102 Processing\r\n\r\n')),
    ],
  ])('and %s is left at the deadline, and its socket freed', async (_name, behaviour) => {
    behave = behaviour;
    const began = performance.now();
    expect(await client(patient).handOff(MESSAGE)).toMatchObject({ kind: 'retry' });
    expect(performance.now() - began).toBeLessThan(3_000);
    await noConnections(partner);
  });

  it('and never answers is a matter of time', async () => {
    behave = () => undefined;
    expect(await client(patient).handOff(MESSAGE)).toEqual({ kind: 'retry', reason: 'no-answer-in-time' });
  });

  it('and answers without end is cut off', async () => {
    let written = 0;
    behave = (_request, response) => {
      response.writeHead(202);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384;
      };
      response.on('drain', more);
      more();
    };
    expect(await client({ deadlineMs: 20_000 }).handOff(MESSAGE)).toEqual({ kind: 'retry', reason: 'reply-too-large' });
    await noConnections(partner);
    // The rest is what the buffers of two sockets hold.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it('and sends a bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
    behave = (_request, response) => response.writeHead(202, { 'content-encoding': 'gzip' }).end(bomb);
    expect(await client().handOff(MESSAGE)).toMatchObject({
      kind: 'retry',
      reason: expect.stringMatching(/^reply-not-understood/),
    });
    expect(received[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('and sends endless headers is cut off', async () => {
    behave = (request) => request.socket.write(`HTTP/1.1 202 Accepted\r\nx: ${'x'.repeat(1024 * 1024)}`);
    expect(await client().handOff(MESSAGE)).toEqual({ kind: 'retry', reason: 'connection-lost' });
  });

  it('and has said no is believed although the rest of its answer never comes', async () => {
    for (const [status, kind] of [
      [410, 'gone'],
      [422, 'refused'],
      [503, 'retry'],
    ] as const) {
      behave = (_request, response) => response.writeHead(status).write('{');
      // Long enough for the head to arrive also on a busy machine.
      expect(await client({ deadlineMs: 1_000 }).handOff(MESSAGE)).toMatchObject({ kind });
    }
  });

  it('holds up no other partner', async () => {
    const quick = await listening(accept);
    behave = () => undefined;
    const stop = new AbortController();
    // However long the quick one takes, nobody is turned away.
    const slow = client({ deadlineMs: 20_000, connections: 2, elapsed: () => 0 });
    const waiting = Array.from({ length: 5 }, () => slow.handOff({ ...MESSAGE, signal: stop.signal }));
    expect(await client({ url: address(quick) }).handOff(MESSAGE)).toMatchObject({ kind: 'accepted' });
    stop.abort();
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 5 }, () => ({ kind: 'retry', reason: 'stopped' })));
    expect(received.length).toBeLessThanOrEqual(3);
  });
});

describe('a recall', () => {
  it('tells the partner which hand-off is not wanted any more', async () => {
    behave = (_request, response) => response.writeHead(204).end();
    expect(await client().recall('h/1', { id: 'r1', body: '{}' })).toEqual({ kind: 'accepted', partnerRef: null });
    expect(received[0]?.url).toBe('/handoffs/h%2F1/recall');
  });
});

describe('the address of a partner', () => {
  it('is not on this machine unless simulated partners are let in', async () => {
    expect(() => client({ loopback: false })).toThrow('https://');
    expect(() => client({ url: 'http://10.0.0.1' })).toThrow('https://');
  });

  it('is looked at again when its name is resolved', async () => {
    const sent = await client({ url: 'https://localhost', loopback: false }).handOff(MESSAGE);
    expect(sent).toEqual({ kind: 'refused', status: null, reason: 'address-not-public' });
  });

  it('goes with secrets that can be used', () => {
    expect(() => client({ secrets: ['whsec_AAAA'] })).toThrow('24 to 64 bytes');
  });
});

function client(options: Partial<PartnerClientOptions> = {}): PartnerClient {
  const made = new PartnerClient({
    url: partnerUrl,
    secrets: [SECRET],
    clock: { now: () => Promise.resolve(NOW) },
    loopback: true,
    ...options,
  });
  open.unshift(made);
  return made;
}

async function listening(behaviour: Behaviour): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      received.push({ url: request.url ?? '', headers: request.headers, body });
      behaviour(request, response, body);
    });
    request.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return server;
}

function address(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function drip(stream: { on(event: 'close', listener: () => void): unknown }, everyMs: number, write: () => void): void {
  const timer = setInterval(write, everyMs);
  stream.on('close', () => clearInterval(timer));
}

async function noConnections(server: Server): Promise<void> {
  for (;;) {
    const count = await new Promise<number>((resolve, reject) =>
      server.getConnections((error, n) => (error ? reject(error) : resolve(n))),
    );
    if (count === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
