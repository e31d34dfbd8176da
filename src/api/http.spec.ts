import { afterEach, describe, expect, it } from '@jest/globals';
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
