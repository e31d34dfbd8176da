import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { moment, uuid } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { ConsentsService, WAYS } from './consents.service.js';

const tag = 'families';
const params = { id: 'Id or number of the family' };
const way = z.enum(WAYS);

const consentView = z
  .object({
    id: uuid,
    partner: z.string().meta({ description: 'Key of the partner organisation' }),
    inForce: z.boolean(),
    givenAt: moment,
    givenBy: z.string().meta({ description: 'Account that wrote it down' }),
    givenHow: way,
    withdrawnAt: moment.nullable(),
    withdrawnBy: z.string().nullable(),
    withdrawnHow: way.nullable(),
  })
  .meta({ id: 'Consent' });
const consents = z.object({ items: z.array(consentView), next: z.null() });
const answers = { 200: { description: 'All that there ever were, the newest first', schema: consents } };

const change = z.strictObject({
  partner: z.string().max(64),
  given: z.boolean().meta({ description: 'false withdraws it: what was sent under it is recalled' }),
  how: way.meta({ description: 'How the family let the centre know' }),
});

@Controller('api/families')
export class ConsentsController {
  constructor(private readonly consents: ConsentsService) {}

  @Get(':id/consents')
  @Looks('family')
  @Roles('staff', 'integration')
  @Describe({ tag, summary: "To which partners a family's data may go", params, answers })
  async list(@By() by: Principal, @Param('id') id: string) {
    return { items: await this.consents.of(by.organisationId, id), next: null };
  }

  @Put(':id/consents')
  @Roles('record-consents', 'integration')
  @Describe({ tag, summary: "Give or withdraw a family's consent for one partner", params, body: change, answers })
  async set(@By() by: Principal, @Param('id') id: string, @Body() body: z.output<typeof change>) {
    return { items: await this.consents.set(by, id, body), next: null };
  }
}
