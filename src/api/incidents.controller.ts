import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { actorsOf } from './case.policy.js';
import { CasesService } from './cases.service.js';
import { Describe } from './contract.js';
import { KeptByEngine, replayed } from './idempotency.interceptor.js';
import { IncidentsService } from './incidents.service.js';
import { pickLanguage } from './language.js';
import { caseView, incidentView, page, paging } from './schemas.js';
import { With, type Write } from './write.js';

const tag = 'incidents';
const params = { id: 'Id of the incident' };
const listQuery = z.strictObject({
  status: z.enum(['open', 'retried', 'resolved']).default('open'),
  caseId: z.uuid().optional(),
  ...paging,
});
const act = z.strictObject({ reason: z.string().max(1000) });
const answers = { 200: { description: 'The case as it is now', schema: caseView } };

@Controller('api/incidents')
export class IncidentsController {
  constructor(
    private readonly incidents: IncidentsService,
    private readonly cases: CasesService,
  ) {}

  @Get()
  @Looks('case')
  @Roles('oversee', 'auditor', INTEGRATION)
  @Describe({
    tag,
    summary: 'What stands still and why',
    query: listQuery,
    answers: { 200: { description: 'A page of incidents, the oldest first', schema: page(incidentView) } },
  })
  list(
    @By() by: Principal,
    @Query() query: z.output<typeof listQuery>,
    @Headers('accept-language') languages?: string,
  ) {
    return this.incidents.list(by, query, pickLanguage(languages));
  }

  @Post(':id/retry')
  @KeptByEngine()
  @HttpCode(200)
  @Roles(...actorsOf('retry'))
  @Describe({ tag, summary: 'Give what failed to the case again', params, body: act, answers })
  retry(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() { reason }: z.output<typeof act>,
    @With() write: Write,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.act('retry', { by, id, reason, write, reply });
  }

  @Post(':id/resolve')
  @KeptByEngine()
  @HttpCode(200)
  @Roles(...actorsOf('resolve'))
  @Describe({ tag, summary: 'Close an incident that was dealt with otherwise', params, body: act, answers })
  resolve(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() { reason }: z.output<typeof act>,
    @With() write: Write,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.act('resolve', { by, id, reason, write, reply });
  }

  private async act(type: 'retry' | 'resolve', { by, id, reason, write, reply }: Handled) {
    const caseId = await this.incidents.caseOf(by, id);
    return replayed(reply, await this.cases.act(by, caseId, { type, incidentId: id.toLowerCase() }, reason, write));
  }
}

interface Handled {
  by: Principal;
  id: string;
  reason: string;
  write: Write;
  reply: FastifyReply;
}
