import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { isMoment, isUuid, readCursor, writeCursor } from '../api/cursor.js';
import { flag, moment, page, paging, text, uuid } from '../api/schemas.js';
import { With, type Write } from '../api/write.js';
import { Public, Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { HANDOFF_STATUSES, WAITING_REASONS } from './handoff.js';
import { partnersSeenBy, RECALLERS, SUPPLIERS } from './handoff.policy.js';
import { HandoffEvents } from './handoff-events.js';
import { type HandoffPlace, HandoffsService } from './handoffs.service.js';
import { partnerEvent, readPartnerEvent } from './partner-event.js';

const tag = 'handoffs';
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
    status: z.enum(HANDOFF_STATUSES),
    waitingReason: z.enum(WAITING_REASONS).nullable().meta({ description: 'Why a draft has not gone out yet' }),
    consentId: uuid.nullable().meta({ description: 'Under which consent it was sent; null where none is needed' }),
    openedAt: moment,
    sentAt: moment.nullable(),
    acknowledgedAt: moment.nullable(),
    dueAt: moment.nullable().meta({ description: "When it is due, later by the pauses of the partner's clock" }),
    overdue: z.boolean(),
    givesUpAt: moment
      .nullable()
      .meta({ description: 'When nobody waits any longer: it expires, and its case goes on without the answer' }),
    pausedAt: moment.nullable().meta({ description: 'The partner asked for papers: its clock stands still from here' }),
    pausedUntil: moment.nullable(),
    suppliedAt: moment.nullable().meta({ description: 'The papers were brought: its clock goes on from here' }),
    closedAt: moment.nullable(),
    partnerRef: z.string().nullable(),
    reasonCode: z.string().nullable(),
    revision: z.number().int(),
    can: z.object({ supply: z.boolean(), recall: z.boolean() }),
  })
  .meta({ id: 'Handoff' });

const listQuery = z.strictObject({
  caseId: z.uuid().optional(),
  partner: z.string().max(64).optional(),
  status: z.enum(HANDOFF_STATUSES).optional(),
  overdue: flag.optional(),
  ...paging,
});
const revision = z.number().int().min(0).optional();
const line = z.string().trim().min(1).max(200);
const papers = z.strictObject({
  documents: z
    .array(z.strictObject({ title: line, reference: line.meta({ description: 'Number or place of the document' }) }))
    .max(20)
    .optional(),
  note: z.string().trim().max(2_000).optional(),
  revision,
});
const recall = z.strictObject({ reason: z.string().trim().min(1).max(1_000), revision });
const params = { id: 'Id of the hand-off' };
const answers = { 200: { description: 'The hand-off as it is now', schema: handoffView } };

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
    summary: 'What partners were asked and what became of it; a partner sees what was sent to it',
    query: listQuery,
    answers: { 200: { description: 'A page of hand-offs, the newest first', schema: page(handoffView) } },
  })
  async list(@By() by: Principal, @Query() query: z.output<typeof listQuery>) {
    const { cursor, ...rest } = query;
    const after = cursor === undefined ? undefined : readCursor(cursor, isPlace);
    const { items, next } = await this.handoffs.list(by, { ...rest, after, seen: partnersSeenBy(by) });
    return { items, next: next && writeCursor(...next) };
  }

  @Post(':id/supply')
  @HttpCode(200)
  @Roles(...SUPPLIERS)
  @Describe({
    tag,
    summary: 'Bring the partner the papers that it asked for; its clock goes on',
    params,
    body: papers,
    bodyOptional: true,
    ifMatch: true,
    answers,
  })
  supply(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() body: z.output<typeof papers> | undefined,
    @With() write: Write,
  ) {
    return this.handoffs.supply(by, id, { documents: body?.documents, note: body?.note }, write);
  }

  @Post(':id/recall')
  @HttpCode(200)
  @Roles(...RECALLERS)
  @Describe({
    tag,
    summary: 'Take a hand-off back; its case goes on without it',
    params,
    body: recall,
    ifMatch: true,
    answers,
  })
  recall(@By() by: Principal, @Param('id') id: string, @Body() body: z.output<typeof recall>, @With() write: Write) {
    return this.handoffs.recall(by, id, body.reason, write);
  }

  @Post(':id/events')
  @HttpCode(200)
  @Public()
  @Describe({
    tag,
    summary: 'A message of the partner, signed by Standard Webhooks; may come early, late, twice and in any order',
    params,
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

function isPlace(key: unknown[]): key is HandoffPlace {
  const [openedAt, id] = key;
  return key.length === 2 && isMoment(openedAt) && isUuid(id);
}
