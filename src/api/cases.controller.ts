import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { isMoving } from '../engine/moves.js';
import type { Act } from '../engine/types.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { CASE_OPENERS } from './case.policy.js';
import { CasesService } from './cases.service.js';
import { Describe } from './contract.js';
import { KeptByEngine, replayed } from './idempotency.interceptor.js';
import { pickLanguage } from './language.js';
import { caseView, flag, journalRow, json, jsonObject, listedCase, page, paging, previewView } from './schemas.js';
import { With, type Write } from './write.js';

const tag = 'cases';
const params = { id: 'Id or number of the case' };
const revision = z.number().int().min(0).optional();

const openCase = z.strictObject({ workflow: z.string().min(1).max(100), input: jsonObject.default({}) });
const listQuery = z.strictObject({
  workflow: z.string().max(100).optional(),
  stage: z.string().max(100).optional(),
  status: z.enum(['active', 'suspended', 'done', 'cancelled']).optional(),
  overdue: flag.optional(),
  stalled: flag
    .optional()
    .meta({ description: 'Open, and past its deadline, with an open incident, or suspended for more than 30 days' }),
  order: z
    .enum(['newest', 'due'])
    .optional()
    .meta({ description: 'The newest first, unless told. `due`: first what has been due for longest' }),
  subject: z.string().max(64).optional().meta({ description: 'What they are about: the id of a family' }),
  q: z.string().max(200).optional().meta({
    description:
      'A number, or a name or telephone number of the family. An identity number finds nothing here: POST /api/families/search',
  }),
  ...paging,
});
const journalQuery = z.strictObject(paging);
const event = z.strictObject({
  type: z.string().min(1).max(200),
  data: json.optional().meta({
    description: 'What the event’s `schema` in `accepts` asks for. An event without a schema carries no data',
  }),
  revision,
});

const reason = z.string().max(1000);
/** A preview changes nothing and needs no reason. */
const foreseen = {
  reason: reason.optional(),
  revision,
  preview: z.boolean().optional().meta({ description: 'Only tell what would happen; nothing changes' }),
};
const target = json.meta({
  description:
    'Where the case goes on: the dotted path of a state, or a list of them, one for each region of a parallel state. ' +
    'A state that is named is left and entered again; regions beside it that are active stay as they are.',
});
const context = jsonObject.meta({ description: 'Laid over the context; checked against the workflow’s contextSchema' });
const act = z.discriminatedUnion('act', [
  z.strictObject({ act: z.enum(['cancel', 'suspend', 'resume']), reason, revision }),
  z.strictObject({ act: z.literal('reopen'), ...foreseen }),
  z.strictObject({ act: z.literal('modify'), ...foreseen, target, context: context.optional() }),
  z.strictObject({
    act: z.literal('migrate'),
    ...foreseen,
    version: z
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional()
      .meta({ description: 'The newest, unless given' }),
    target: target.optional(),
    context: context.optional(),
  }),
  z.strictObject({
    act: z.literal('list'),
    reason,
    revision,
    invoke: z.string().max(200),
    add: z.array(json).max(1000).optional(),
    drop: z.array(z.string().max(200)).max(1000).optional(),
  }),
]);

const caseOrPreview = z.union([caseView, z.object({ preview: previewView })]);
const theCase = { 200: { description: 'The case as it is now', schema: caseView } };

@Controller('api/cases')
@Roles('staff', INTEGRATION)
export class CasesController {
  constructor(private readonly cases: CasesService) {}

  @Post()
  @KeptByEngine()
  @Roles(...CASE_OPENERS)
  @Describe({
    tag,
    summary: 'Open a case',
    body: openCase,
    answers: { 201: { description: 'Opened', schema: caseView } },
  })
  async open(
    @By() by: Principal,
    @Body() body: z.output<typeof openCase>,
    @With() write: Write,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return replayed(reply, await this.cases.open(by, body.workflow, body.input, write));
  }

  @Get()
  @Looks('case')
  @Describe({
    tag,
    summary: 'Cases, the newest first unless told',
    query: listQuery,
    answers: { 200: { description: 'A page of cases', schema: page(listedCase) } },
  })
  list(
    @By() by: Principal,
    @Query() query: z.output<typeof listQuery>,
    @Headers('accept-language') languages?: string,
  ) {
    return this.cases.list(by, query, pickLanguage(languages));
  }

  @Get(':id')
  @Looks('case')
  @Describe({ tag, summary: 'One case', params, answers: theCase })
  read(@By() by: Principal, @Param('id') id: string) {
    return this.cases.read(by, id);
  }

  @Get(':id/journal')
  @Looks('journal')
  @Describe({
    tag,
    summary: 'Everything that happened to a case, in order',
    params,
    query: journalQuery,
    answers: { 200: { description: 'A page of the journal', schema: page(journalRow) } },
  })
  journal(@By() by: Principal, @Param('id') id: string, @Query() query: z.output<typeof journalQuery>) {
    return this.cases.journal(by, id, query);
  }

  @Post(':id/events')
  @KeptByEngine()
  @HttpCode(200)
  @Describe({ tag, summary: 'Send a public event', params, body: event, ifMatch: true, answers: theCase })
  async send(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() body: z.output<typeof event>,
    @With() write: Write,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return replayed(reply, await this.cases.send(by, id, body.type, body.data, write));
  }

  @Post(':id/acts')
  @KeptByEngine()
  @HttpCode(200)
  @Describe({
    tag,
    summary: 'Act on a case by hand: cancel, suspend, resume, reopen, modify, migrate, list',
    params,
    body: act,
    ifMatch: true,
    answers: {
      200: { description: 'The case as it is now, or with `preview` what would happen', schema: caseOrPreview },
    },
  })
  async act(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() body: z.output<typeof act>,
    @With() write: Write,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const what = actOf(body);
    if ('preview' in body && body.preview === true && isMoving(what))
      return { preview: await this.cases.preview(by, id, what, write) };
    return replayed(reply, await this.cases.act(by, id, what, body.reason ?? '', write));
  }
}

function actOf(body: z.output<typeof act>): Act {
  switch (body.act) {
    case 'modify':
      return { type: 'modify', target: body.target, ...(body.context ? { context: body.context } : {}) };
    case 'migrate':
      return {
        type: 'migrate',
        ...(body.version === undefined ? {} : { version: body.version }),
        ...(body.target === undefined ? {} : { target: body.target }),
        ...(body.context ? { context: body.context } : {}),
      };
    case 'list':
      return {
        type: 'list',
        invoke: body.invoke,
        ...(body.add ? { add: body.add } : {}),
        ...(body.drop ? { drop: body.drop } : {}),
      };
    default:
      return { type: body.act };
  }
}
