import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { NotFoundException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './api/problem.filter.js';
import { AppError } from './engine/errors.js';
import { hasRole } from './identity/identity.policy.js';
import { SessionsService } from './identity/sessions.service.js';
import { JOBS, type System } from './system.js';

const PATH = '/admin/queues';
const ROLE = 'administrator';
/** Bull Board writes styles into its page and names where it lies; what it would load from elsewhere stays forbidden. */
const POLICY = [
  'content-security-policy',
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; frame-ancestors 'none'",
] as const;

/**
 * Bull Board at `/admin/queues`, for administrators who have signed in, to look and not to touch: the outbox says what is to
 * be done, and jobs that are gone are sent again by themselves.
 */
export async function serveQueueBoard(app: NestFastifyApplication, { queues }: System): Promise<void> {
  if (!queues) return;
  const board = new FastifyAdapter();
  board.setBasePath(PATH);
  createBullBoard({
    queues: JOBS.map(({ queue }) => new BullMQAdapter(queues.queue(queue), { readOnlyMode: true })),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Qamqor' } },
  });
  const sessions = app.get(SessionsService);
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  await fastify.register(
    (scope, _options, done) => {
      scope.addHook('onRequest', (request, reply) => onlyAdministrators(sessions, request, reply));
      scope.addHook('onSend', async (_request, reply) => {
        if (String(reply.getHeader('content-type')).startsWith('text/html')) reply.header(...POLICY);
      });
      scope.register(board.registerPlugin());
      done();
    },
    { prefix: PATH },
  );
}

async function onlyAdministrators(
  sessions: SessionsService,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  try {
    const session = await sessions.of(request);
    if (!session) throw new AppError('no-session', 401, 'Nobody is signed in: sign in at / first.');
    if (!hasRole(session.principal, ROLE))
      throw new AppError('no-right', 403, `This belongs to: ${ROLE}.`, { roles: [ROLE] });
    if (request.method !== 'GET') throw new NotFoundException('There is nothing to change here.');
    return;
  } catch (error) {
    sendProblem(error, request, reply);
    return reply;
  }
}
