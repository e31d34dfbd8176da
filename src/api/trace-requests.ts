import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Span } from '../platform/span.js';
import type { Tracing } from '../platform/tracing.js';

/** Listened to for hours: no request that a trace could show. */
const NOT_TRACED = '/api/live';

/**
 * A span for each request to the API, named by its route: what stands in the address is nobody's to collect. It goes on from
 * the `traceparent` of whoever asks. Call before any other hook.
 */
export function traceRequests(fastify: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  fastify.addHook('onRequest', (request, reply, done) => {
    const { url: route } = request.routeOptions;
    if (!route?.startsWith('/api/') || route === NOT_TRACED) {
      done();
      return;
    }
    const { traceparent } = request.headers;
    const span = tracing.begin({
      name: `${request.method} ${route}`,
      kind: 'server',
      facts: { 'http.request.method': request.method, 'http.route': route },
      from: typeof traceparent === 'string' ? traceparent : null,
    });
    spans.set(request, span);
    // Also when whoever asked is gone before the answer.
    reply.raw.once('close', () => end(span, reply.raw));
    tracing.within(span, done);
  });
  // Reading a body leaves the span: its last bytes come from the connection.
  fastify.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span) tracing.within(span, done);
    else done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    if (span) end(span, reply.raw);
    done();
  });
}

function end(span: Span, { statusCode, writableEnded }: ServerResponse): void {
  if (!writableEnded) span.fail('connection-lost');
  else {
    span.note({ 'http.response.status_code': statusCode });
    if (statusCode >= 500) span.fail(String(statusCode));
  }
  span.end();
}
