import { randomUUID } from 'node:crypto';
import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { About } from '../platform/log.js';
import { pickLanguage } from './language.js';
import { problemAnswer } from './problem.js';

/** The one place where a failure becomes an HTTP answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

const logger = new Logger('Http');

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent) return;
  const reference = () => {
    const id = randomUUID();
    logger.error(`${request.method} ${request.routeOptions?.url ?? '?'} failed`, error, {
      reference: id,
      ...about(request),
    });
    return id;
  };
  const { status, headers, body } = problemAnswer(error, pickLanguage(request.headers['accept-language']), reference);
  void reply.status(status).headers(headers).send(JSON.stringify(body));
}

/** The case, where the address names one by its id, and the command, where the sender named it. */
function about({ routeOptions, params, headers }: FastifyRequest): About {
  const { id } = params as { id?: string };
  const key = headers['idempotency-key'];
  return {
    ...(id && routeOptions.url?.startsWith('/api/cases/:id') ? { case: id } : {}),
    ...(typeof key === 'string' ? { command: key } : {}),
  };
}
