import { Controller, Get, Headers, Query } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { pickLanguage } from '../api/language.js';
import { flag, moment, page, paging, stalledReason, text, uuid } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { BoardService } from './board.service.js';
import { EscalationsService } from './escalations.service.js';

const tag = 'supervision';

const boardItem = z.object({
  id: uuid,
  number: z.string(),
  status: z.enum(['active', 'suspended']),
  dueAt: moment.nullable(),
  overdue: z.boolean(),
  stalled: z
    .boolean()
    .meta({ description: 'Past its deadline, with an open incident, or suspended for more than 30 days' }),
  reason: stalledReason,
});
const board = z
  .object({
    asOf: moment,
    workflow: z.string().nullable(),
    stages: z.array(
      z.object({
        key: z.string(),
        title: text,
        count: z.number().int().meta({ description: 'Open cases whose furthest stage this is' }),
        overdue: z.number().int(),
        stalled: z.number().int(),
        oldestDays: z
          .number()
          .int()
          .nullable()
          .meta({ description: 'Whole days for which the longest-standing case has been here' }),
        items: z.array(boardItem).meta({ description: 'The first ten, those that stand still first' }),
      }),
    ),
  })
  .meta({ id: 'Board' });

const escalation = z
  .object({
    id: uuid,
    at: moment,
    caseId: uuid,
    caseNumber: z.string(),
    what: z.enum(['task', 'handOff', 'service', 'case', 'state']),
    name: z.string(),
    title: text,
    ladder: z.string(),
    step: z.number().int().meta({
      description: 'Steps of a ladder count from 1; 0 comes before them: the partner has not acknowledged the hand-off',
    }),
    dueAt: moment,
    told: z.array(
      z.object({
        role: z.string().nullable(),
        head: z.boolean().meta({ description: 'For the head of the partner organisation' }),
        account: uuid.nullable(),
        accountName: z.string().nullable(),
        text,
      }),
    ),
  })
  .meta({ id: 'Escalation' });

const boardQuery = z.strictObject({ workflow: z.string().min(1).max(100).optional() });
const escalationsQuery = z.strictObject({
  case: z.string().min(1).max(40).optional(),
  role: z.string().min(1).max(64).optional(),
  mine: flag.optional(),
  ...paging,
});

@Controller('api')
export class SupervisionController {
  constructor(
    private readonly boards: BoardService,
    private readonly escalations: EscalationsService,
  ) {}

  @Get('board')
  @Roles('staff', INTEGRATION)
  @Describe({
    tag,
    summary: 'Where the open cases of a workflow stand, and which of them stand still',
    query: boardQuery,
    answers: { 200: { description: 'The stages in their order', schema: board } },
  })
  board(
    @By() by: Principal,
    @Query() query: z.output<typeof boardQuery>,
    @Headers('accept-language') languages?: string,
  ) {
    return this.boards.read(by, query.workflow, pickLanguage(languages));
  }

  @Get('escalations')
  @Roles('staff', INTEGRATION, 'partner')
  @Looks('case')
  @Describe({
    tag,
    summary: 'Who was told that something stands still, the newest first; who does not oversee sees their own',
    query: escalationsQuery,
    answers: { 200: { description: 'A page of escalations', schema: page(escalation) } },
  })
  list(@By() by: Principal, @Query() query: z.output<typeof escalationsQuery>) {
    return this.escalations.list(by, query);
  }
}
