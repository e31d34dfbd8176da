import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { isUuid, readCursor, writeCursor } from '../api/cursor.js';
import { jsonObject, moment, page, paging, text, uuid } from '../api/schemas.js';
import { AppError } from '../engine/errors.js';
import { Public, Roles } from '../identity/access.js';
import { By, type Principal } from '../identity/principal.js';
import type { PartnerEvent } from './handoff.js';
import { HandoffEvents } from './handoff-events.js';
import { HandoffsService } from './handoffs.service.js';

const tag = 'handoffs';
const STATUSES = ['draft', 'sent', 'acknowledged', 'papers', 'done', 'rejected', 'expired', 'recalled'] as const;
const storable = (length: number) =>
  z
    .string()
    .max(length)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'holds a character that cannot be stored');

const event = z.strictObject({
  eventId: storable(100).min(1),
  type: z.enum(['acknowledged', 'papers_requested', 'done', 'rejected']),
  at: z.iso.datetime({ offset: true }),
  reasonCode: z
    .enum([
      'MISSING_DOCS',
      'NOT_ELIGIBLE',
      'NO_CAPACITY',
      'NO_CONTACT',
      'DUPLICATE',
      'OUT_OF_SCOPE',
      'WITHDRAWN',
      'EXPIRED',
      'TECHNICAL',
    ])
    .optional(),
  missing: z.array(storable(200)).max(50).optional(),
  result: jsonObject.optional(),
  comment: storable(2_000).optional(),
});
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
    dueAt: moment.nullable(),
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
  @Roles('staff', 'integration')
  @Describe({
    tag,
    summary: 'What partners were asked and what became of it',
    query: listQuery,
    answers: { 200: { description: 'A page of hand-offs, the newest first', schema: page(handoffView) } },
  })
  async list(@By() by: Principal, @Query() query: z.output<typeof listQuery>) {
    const { cursor, ...rest } = query;
    const after =
      cursor === undefined
        ? undefined
        : readCursor(cursor, (key): key is [string] => key.length === 1 && isUuid(key[0]))[0];
    const { items, next } = await this.handoffs.list(by.organisationId, { ...rest, after });
    return { items, next: next === null ? null : writeCursor(next) };
  }

  @Post(':id/events')
  @HttpCode(200)
  @Public()
  @Describe({
    tag,
    summary: 'A message of the partner, signed by Standard Webhooks; may come early, late, twice and in any order',
    params: { id: 'Id of the hand-off' },
    body: event,
    signed: true,
    writes: false,
    answers: { 200: { description: 'What became of it', schema: outcome } },
  })
  async receive(@Param('id') id: string, @Req() request: FastifyRequest & { rawBody?: Buffer }) {
    const handoff = await this.events.authenticate({
      handoffId: id,
      headers: request.headers,
      rawBody: request.rawBody ?? Buffer.alloc(0),
    });
    const read = event.safeParse(request.body);
    if (!read.success) {
      const errors = read.error.issues.map((issue) => ({
        path: `/${issue.path.map(String).join('/')}`,
        message: issue.message,
      }));
      throw new AppError('schema', 422, 'The message does not fit; errors says where.', {}, errors);
    }
    return await this.events.receive(handoff, read.data as PartnerEvent);
  }
}
