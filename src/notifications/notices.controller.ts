import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { moment, page, paging, text, uuid } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { NoticesService } from './notices.service.js';

const notice = z
  .object({
    id: uuid,
    at: moment,
    caseId: uuid,
    caseNumber: z.string(),
    template: z.string().meta({ description: 'Which message it is' }),
    role: z.string().nullable().meta({ description: 'The role that was told; null: this account alone' }),
    text,
  })
  .meta({ id: 'Notice' });

const query = z.strictObject(paging);

@Controller('api/notifications')
export class NoticesController {
  constructor(private readonly notices: NoticesService) {}

  @Get()
  @Roles('staff', 'partner')
  @Looks('case')
  @Describe({
    tag: 'supervision',
    summary: 'What the signed-in account and its roles were told, the newest first; never what others were told',
    query,
    answers: { 200: { description: 'A page of notices', schema: page(notice) } },
  })
  list(@By() by: Principal, @Query() asked: z.output<typeof query>) {
    return this.notices.list(by, asked);
  }
}
