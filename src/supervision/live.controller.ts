import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { flag } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { SessionsService } from '../identity/sessions.service.js';
import { LiveService } from './live.service.js';

const liveQuery = z.strictObject({
  once: flag.optional().meta({ description: 'Tells what was missed since Last-Event-ID and ends, instead of staying' }),
});

@Controller('api/live')
export class LiveController {
  constructor(
    private readonly live: LiveService,
    private readonly sessions: SessionsService,
  ) {}

  @Get()
  @Roles('staff', INTEGRATION, 'partner')
  @Describe({
    tag: 'supervision',
    summary:
      'Server-sent events `case`, `task`, `handoff`, `incident`, `board`: that something changed, with data {id, revision}. An id of null: read the list again. Resumable by Last-Event-ID; what was told may be told again',
    query: liveQuery,
    answers: { 200: { description: 'The events', schema: z.string(), contentType: 'text/event-stream' } },
  })
  async listen(
    @By() by: Principal,
    @Query() { once = false }: z.output<typeof liveQuery>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { raw: response } = reply;
    this.live.admit(by, response);
    reply.hijack();
    response.writeHead(200, {
      ...Object.fromEntries(Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    const isHead = request.method === 'HEAD';
    // A key of the settings is as good as the process; a session may end while it listens.
    const bySession = request.headers.authorization === undefined;
    const stillAllowed = async () => !bySession || (await this.sessions.of(request))?.principal.account === by.account;
    await this.live.listen({ by, response, stillAllowed }, lastEventId, once || isHead).catch(() => response.destroy());
  }
}
