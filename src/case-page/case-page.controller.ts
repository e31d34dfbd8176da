import { Controller, Get, Headers, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { pickLanguage } from '../api/language.js';
import { flag, moment, paging, uuid } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { CasePageService } from './case-page.service.js';

const tag = 'cases';
const params = { id: 'Id or number of the case' };

const wait = z
  .object({
    kind: z.enum(['task', 'handOff', 'service', 'case', 'timer', 'deadline']),
    id: uuid.nullable().meta({ description: 'Of the task, hand-off or sub-case' }),
    title: z.string(),
    who: z.string().nullable().meta({ description: 'Who must act: a name, a role, a partner' }),
    status: z.string().nullable(),
    waitingReason: z
      .enum(['consent-missing', 'no-address', 'partner-down', 'partner-gone'])
      .nullable()
      .meta({ description: 'Why a hand-off has not gone out yet' }),
    asked: z
      .object({ missing: z.array(z.string()), comment: z.string().nullable() })
      .nullable()
      .meta({ description: 'What the partner wants before it goes on, in its own words' }),
    dueAt: moment.nullable(),
    overdue: z.boolean(),
  })
  .meta({ id: 'Wait' });

const historyView = z
  .object({
    seq: z.number().int(),
    at: moment,
    kind: z.enum(['event', 'answer', 'ignored', 'timer', 'act', 'migration']),
    title: z.string(),
    by: z
      .string()
      .nullable()
      .meta({ description: 'Name of the account, and on whose behalf it acted; null: the system itself' }),
    reason: z.string().nullable(),
    states: z.array(z.string()).meta({ description: 'Titles of the states afterwards' }),
    task: uuid.nullable().meta({ description: 'Of an answer that a person gave: the task that has it' }),
  })
  .meta({ id: 'HistoryRow' });

const answeredTask = z
  .object({
    id: uuid,
    invocation: z.string(),
    item: z.string().nullable(),
    form: z.string(),
    title: z.string(),
    by: z.string().nullable().meta({ description: 'Name of who answered' }),
    at: moment,
  })
  .meta({ id: 'AnsweredTask' });

const point = z.object({ x: z.number(), y: z.number() });
const drawing = z
  .object({
    width: z.number(),
    height: z.number(),
    nodes: z.array(
      z.object({
        path: z.string(),
        lines: z.array(z.string()),
        type: z.enum(['atomic', 'compound', 'parallel', 'final', 'history']),
        x: z.number(),
        y: z.number(),
        width: z.number(),
        height: z.number(),
        active: z.boolean(),
        folded: z.boolean(),
      }),
    ),
    edges: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        points: z.array(point),
        label: point.extend({ text: z.string() }).nullable(),
      }),
    ),
  })
  .meta({ id: 'Drawing' });

const historyQuery = z.strictObject({
  limit: paging.limit,
  before: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional(),
});
const answersQuery = z.strictObject({ limit: paging.limit });
const drawingQuery = z.strictObject({ whole: flag.optional() });

/** One case in words and as a drawing, in the language of `Accept-Language`. */
@Controller('api/cases')
@Roles('staff', INTEGRATION)
export class CasePageController {
  constructor(private readonly pages: CasePageService) {}

  @Get(':id/waits')
  @Looks('case')
  @Describe({
    tag,
    summary: 'What a case waits for, and from whom',
    params,
    answers: { 200: { description: 'People first', schema: z.object({ items: z.array(wait), next: z.null() }) } },
  })
  async waits(@By() by: Principal, @Param('id') id: string, @Headers('accept-language') languages?: string) {
    return { items: await this.pages.waits(by, id, pickLanguage(languages)), next: null };
  }

  @Get(':id/history')
  @Looks('journal')
  @Describe({
    tag,
    summary: 'What happened to a case, in words, the newest first',
    params,
    query: historyQuery,
    answers: {
      200: {
        description: '`next`: what to give as `before` for the rows that came earlier',
        schema: z.object({ items: z.array(historyView), next: z.number().int().nullable() }),
      },
    },
  })
  async history(
    @By() by: Principal,
    @Param('id') id: string,
    @Query() query: z.output<typeof historyQuery>,
    @Headers('accept-language') languages?: string,
  ) {
    const { limit, before } = query;
    const items = await this.pages.history(by, id, pickLanguage(languages), {
      limit,
      ...(before === undefined ? {} : { before }),
    });
    const last = items.at(-1);
    return { items, next: items.length === limit && last !== undefined && last.seq > 1 ? last.seq : null };
  }

  @Get(':id/answers')
  @Looks('task')
  @Describe({
    tag,
    summary: 'Tasks of a case that were answered, the newest first',
    params,
    query: answersQuery,
    answers: {
      200: {
        description: 'What was answered stands in `GET /api/tasks/{id}`',
        schema: z.object({ items: z.array(answeredTask), next: z.null() }),
      },
    },
  })
  async answered(
    @By() by: Principal,
    @Param('id') id: string,
    @Query() query: z.output<typeof answersQuery>,
    @Headers('accept-language') languages?: string,
  ) {
    return { items: await this.pages.answered(by, id, pickLanguage(languages), query.limit), next: null };
  }

  @Get(':id/drawing')
  @Looks('case')
  @Describe({
    tag,
    summary: 'The statechart of a case, laid out; states it is not in are folded unless `whole`',
    params,
    query: drawingQuery,
    answers: { 200: { description: 'Boxes and lines', schema: drawing } },
  })
  drawing(
    @By() by: Principal,
    @Param('id') id: string,
    @Query() query: z.output<typeof drawingQuery>,
    @Headers('accept-language') languages?: string,
  ) {
    return this.pages.picture(by, id, pickLanguage(languages), query.whole ?? false);
  }
}
