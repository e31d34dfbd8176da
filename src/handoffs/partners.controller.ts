import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { moment, text } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { By, type Principal } from '../identity/principal.js';
import { partnersSeenBy } from './handoff.policy.js';
import { PartnersService } from './partners.service.js';

const partnerView = z
  .object({
    key: z.string(),
    title: text,
    services: z.array(z.object({ key: z.string(), title: text })),
    hasAddress: z.boolean().meta({ description: 'false: its hand-offs wait until its address and secret are set' }),
    circuit: z.object({
      state: z.enum(['closed', 'open', 'half-open']).meta({
        description: 'closed: it answers; open: it does not, and is left in peace; half-open: one message goes first',
      }),
      since: moment.nullable().meta({ description: 'Since when it answers, or does not; null where it never failed' }),
      nextTryAt: moment.nullable(),
    }),
    goneSince: moment.nullable().meta({
      description:
        'Since when it takes nothing at its address (410): its hand-offs wait until the incident `partner-gone` is retried or the settings name another address',
    }),
    open: z.number().int().meta({ description: 'Hand-offs that it has not answered yet' }),
    overdue: z.number().int(),
  })
  .meta({ id: 'Partner' });

@Controller('api/partners')
export class PartnersController {
  constructor(private readonly partners: PartnersService) {}

  @Get()
  @Roles('staff', 'integration', 'partner')
  @Describe({
    tag: 'handoffs',
    summary: 'The partner organisations, and whether they answer',
    answers: {
      200: {
        description: 'In the order of partners.yaml',
        schema: z.object({ items: z.array(partnerView), next: z.null() }),
      },
    },
  })
  async list(@By() by: Principal) {
    return { items: await this.partners.list(by.organisationId, partnersSeenBy(by)), next: null };
  }
}
