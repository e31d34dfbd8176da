import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { instant, moment, page, paging, uuid } from '../api/schemas.js';
import { System } from '../system.js';
import { Roles } from './access.js';
import { AccessLog, LOOKS } from './access-log.js';
import { listLooks } from './access-log-list.js';
import { By, type Principal } from './principal.js';

const listQuery = z.strictObject({
  account: z.string().min(1).max(320).optional().meta({ description: 'Id or e-mail of who looked' }),
  subject: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Id or number of what was looked at; of a family or a case with all that belongs to it' }),
  from: instant.optional(),
  to: instant.optional(),
  ...paging,
});

const lookView = z
  .object({
    at: moment,
    account: uuid,
    accountName: z.string().nullable(),
    roles: z.array(z.string()).meta({ description: 'As they were then' }),
    what: z.enum(LOOKS),
    ids: z.array(z.string()).meta({ description: 'Whatever the answer named' }),
    route: z.string(),
  })
  .meta({ id: 'Look' });

@Controller('api/access-log')
@Roles('auditor', 'administrator', 'director')
export class AccessLogController {
  constructor(
    private readonly log: AccessLog,
    private readonly system: System,
  ) {}

  @Get()
  @Describe({
    tag: 'access log',
    summary: 'Who read what',
    query: listQuery,
    answers: { 200: { description: 'A page of looks, the newest first', schema: page(lookView) } },
  })
  async list(@By() by: Principal, @Query() query: z.output<typeof listQuery>) {
    // What this process has seen a moment ago is among them.
    await this.log.flush();
    return listLooks(this.system.pool, by.organisationId, query);
  }
}
