import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import fastifyHelmet from '@fastify/helmet';
import { NotFoundException } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config.js';
import { pickLanguage } from './language.js';
import { serveDocument } from './openapi.js';
import { sendProblem } from './problem.filter.js';
import { problemAnswer } from './problem.js';
import { parseStrictJson } from './strict-json.js';

const KB = 1024;
/** Largest JSON body. */
export const BODY_LIMIT = 256 * KB;
/** Routes that take more. */
const LARGER: Record<string, number> = { '/api/workflows': 1024 * KB };
/**
 * All headers of a request together. More than Node's 16 KB, so that a message with a thousand signatures is told what every
 * message is told that cannot be believed.
 */
const HEADERS_LIMIT = 64 * KB;
/** How long whoever sent too much may go on before the line is cut: an answer that is cut off tells nothing. */
const LINGER_MS = 1_000;
/** How long a request may take to arrive. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Fastify with our limits; also what it answers before Nest sees a request is a problem in our own form. */
export function httpAdapter(trustProxy: Config['trustProxy']): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // Whose word is taken for where a request came from; otherwise X-Forwarded-For is what anybody may write.
    trustProxy: typeof trustProxy === 'number' ? (_address, hop) => hop < trustProxy : trustProxy,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // What still arrives on an open connection while we stop is answered; the connection is closed with the answer.
    return503OnClosing: false,
    http: { maxHeaderSize: HEADERS_LIMIT },
    clientErrorHandler: refuseUnread,
    routerOptions: { maxParamLength: 200 },
    // Query strings are flat names and values; a name given twice is an array and fits no contract.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply),
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.addHook('onRoute', (route) => {
    const limit = LARGER[route.url];
    if (limit !== undefined) route.bodyLimit = limit;
  });
  takeStrictJsonOnly(fastify);
  return adapter;
}

/** What is no request that anybody could read: a problem in our own form too. */
function refuseUnread(error: { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const statusCode = UNREAD[error.code ?? ''] ?? 400;
  const { status, headers, body } = problemAnswer({ statusCode }, pickLanguage(undefined), () => '');
  const payload = Buffer.from(JSON.stringify(body));
  const lines = Object.entries({ ...headers, 'content-length': payload.length, connection: 'close' });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n`), payload]));
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** By Node's own codes. */
const UNREAD: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** The body as it arrived stays on the request: signatures cover bytes, not values. */
function takeStrictJsonOnly(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    Object.assign(request, { rawBody: bytes });
    // Nothing of a signed message is read before its signature was found right.
    if ((request.routeOptions.config as { signed?: boolean }).signed) {
      done(null, undefined);
      return;
    }
    try {
      done(null, bytes.length === 0 ? undefined : parseStrictJson(bytes));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

/** A worker takes no requests; who runs it asks how it is. Call before `init`. */
export function answerOperatorsOnly(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onRequest', async (request, reply) => {
    if (!/^\/(health\/|metrics$)/.test(request.routeOptions.url ?? '')) {
      sendProblem(new NotFoundException(), request, reply);
      return reply;
    }
  });
}

/** Headers, cross-site protection, documents: what every address of ours has in common. Call before `init`. */
export async function prepareHttp(app: NestFastifyApplication, publicUrl: string): Promise<void> {
  const https = publicUrl.startsWith('https:');
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        objectSrc: ["'none'"],
        frameAncestors: ["'none'"],
        ...(https ? { upgradeInsecureRequests: [] } : {}),
      },
    },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: true } : false,
    crossOriginResourcePolicy: { policy: 'same-origin' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
  });
  app.enableCsrfProtection({ trustedOrigins: [new URL(publicUrl).origin] });
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onSend', async (request, reply) => {
    // What an account sees is nobody else's to keep.
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store');
  });
  serveDocument(app);
}
