import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { isUuid, readCursor, writeCursor } from '../api/cursor.js';
import { moment, page, paging, text, uuid } from '../api/schemas.js';
import { Public, Roles } from '../identity/access.js';
import { hasRole, isStaff, partnersOf } from '../identity/identity.policy.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { HandoffEvents } from './handoff-events.js';
import { type HandoffPlace, HandoffsService } from './handoffs.service.js';
import { partnerEvent, readPartnerEvent } from './partner-event.js';

const tag = 'handoffs';
const STATUSES = ['draft', 'sent', 'acknowledged', 'papers', 'done', 'rejected', 'expired', 'recalled'] as const;
const outcome = z.object({
  status: z.enum(['applied', 'duplicate', 'ignored', 'parked']),
  reason: z.string().optional(),
});

const handoffView = z
  .object({
    id: uuid,
    caseId: uuid,
    caseNumber: z.string(),
    invocation: z.string(),
    partner: z.string(),
    partnerTitle: text,
    service: z.string(),
    status: z.enum(STATUSES),
    openedAt: moment,
    sentAt: moment.nullable(),
    acknowledgedAt: moment.nullable(),
    dueAt: moment
      .nullable()
      .meta({ description: "When its time runs out, later by the pauses of the partner's clock" }),
    pausedAt: moment.nullable().meta({ description: 'The partner asked for papers: its clock stands still from here' }),
    pausedUntil: moment.nullable(),
    closedAt: moment.nullable(),
    partnerRef: z.string().nullable(),
    reasonCode: z.string().nullable(),
    revision: z.number().int(),
  })
  .meta({ id: 'Handoff' });

const listQuery = z.strictObject({
  caseId: z.uuid().optional(),
  partner: z.string().max(64).optional(),
  status: z.enum(STATUSES).optional(),
  ...paging,
});

@Controller('api/handoffs')
export class HandoffsController {
  constructor(
    private readonly handoffs: HandoffsService,
    private readonly events: HandoffEvents,
  ) {}

  @Get()
  @Looks('handoff')
  @Roles('staff', 'integration', 'partner')
  @Describe({
    tag,
    summary: 'What partners were asked and what became of it',
    query: listQuery,
    answers: { 200: { description: 'A page of hand-offs, the newest first', schema: page(handoffView) } },
  })
  async list(@By() by: Principal, @Query() query: z.output<typeof listQuery>) {
    const { cursor, ...rest } = query;
    const after = cursor === undefined ? undefined : readCursor(cursor, isPlace);
    const { items, next } = await this.handoffs.list(by.organisationId, { ...rest, after, seen: partnersSeenBy(by) });
    return { items, next: next && writeCursor(...next) };
  }

  @Post(':id/events')
  @HttpCode(200)
  @Public()
  @Describe({
    tag,
    summary: 'A message of the partner, signed by Standard Webhooks; may come early, late, twice and in any order',
    params: { id: 'Id of the hand-off' },
    body: partnerEvent,
    signed: true,
    writes: false,
    answers: { 200: { description: 'What became of it', schema: outcome } },
  })
  async receive(@Param('id') id: string, @Req() request: FastifyRequest & { rawBody?: Buffer }) {
    const rawBody = request.rawBody ?? Buffer.alloc(0);
    const handoff = await this.events.authenticate({ handoffId: id, headers: request.headers, rawBody });
    return await this.events.receive(handoff, readPartnerEvent(rawBody));
  }
}

/** Everybody of the centre sees all; a partner its own, and of others not even that they exist. */
function partnersSeenBy(by: Principal): string[] | undefined {
  return isStaff(by) || hasRole(by, INTEGRATION) ? undefined : partnersOf(by);
}

function isPlace(key: unknown[]): key is HandoffPlace {
  const [openedAt, id] = key;
  return key.length === 2 && typeof openedAt === 'string' && !Number.isNaN(Date.parse(openedAt)) && isUuid(id);
}
