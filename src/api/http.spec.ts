import { type AddressInfo, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.js';
import { httpAdapter } from './http.js';

describe('where a request came from', () => {
  let fastify: FastifyInstance | undefined;
  afterEach(() => fastify?.close());

  it.each<[Config['trustProxy'], string]>([
    [false, '127.0.0.1'],
    [1, '203.0.113.7'],
    [2, '198.51.100.1'],
    [['127.0.0.1'], '203.0.113.7'],
    [['127.0.0.0/8', '203.0.113.7'], '198.51.100.1'],
    [['10.0.0.5'], '127.0.0.1'],
  ])('is told by proxies only as far as they are trusted: %j', async (trusted, address) => {
    fastify = httpAdapter(trusted).getInstance<FastifyInstance>();
    fastify.get('/', (request) => ({ address: request.ip }));
    const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' };
    expect((await fastify.inject({ url: '/', headers })).json()).toEqual({ address });
  });
});

describe('what nobody could read', () => {
  let fastify: FastifyInstance;
  let port = 0;
  beforeAll(async () => {
    fastify = httpAdapter(false).getInstance<FastifyInstance>();
    fastify.get('/', (request) => ({ length: String(request.headers['x-long']).length }));
    await fastify.listen({ port: 0, host: '127.0.0.1' });
    port = (fastify.server.address() as AddressInfo).port;
  });
  afterAll(() => fastify.close());

  /** Sends these bytes and reads until the line is cut. */
  async function ask(bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  it.each([
    [
      'headers longer than 64 KB',
      `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(200_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
    ['no HTTP at all', 'сәлем\r\n\r\n', 400, 'malformed'],
  ])('is answered by a problem: %s', async (_what, bytes, status, code) => {
    const [head = '', body = ''] = (await ask(bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*content-type: application/problem\\+json`));
    expect(JSON.parse(body)).toMatchObject({ status, code, title: expect.stringMatching(/[а-яәіңғүұқөһ]/) });
  });

  it('is no header of fifty thousand characters', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-long': 'x'.repeat(50_000) } });
    expect(await answer.json()).toEqual({ length: 50_000 });
  });
});
