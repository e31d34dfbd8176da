import { Controller, Get, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { uuid } from '../api/schemas.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { FamilyRecordsService } from './family-records.service.js';
import { CATEGORIES, LANGUAGES } from './vocabulary.js';

const tag = 'families';
const name = {
  surname: z.string().nullable(),
  given: z.string().nullable(),
};
const brief = {
  id: uuid,
  number: z.string(),
  applicant: z.object({ ...name, patronymic: z.string().nullable() }),
  phone: z.string().nullable().meta({ description: 'E.164 where it can be dialled, else as it was said' }),
};
const familyView = z
  .object({
    ...brief,
    language: z.enum(LANGUAGES),
    address: z.string().nullable(),
    categories: z.array(z.enum(CATEGORIES)),
    interest: z.string().nullable(),
    members: z.array(
      z.object({
        number: z.number().int().meta({ description: 'Place in the family, from 1' }),
        ...name,
        relation: z.string().meta({ description: 'What they are to the applicant' }),
        birthYear: z.number().int().nullable(),
      }),
    ),
    openCase: z
      .object({ id: uuid, number: z.string() })
      .nullable()
      .meta({ description: 'The open case of the family, the newest where workflows have one each; never a sub-case' }),
  })
  .meta({ id: 'Family', description: 'Without identity numbers' });
const briefView = z.object(brief).meta({ id: 'FamilyInShort' });

const ID = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const listQuery = z.strictObject({
  ids: z
    .string()
    .regex(new RegExp(`^${ID}(,${ID}){0,99}$`))
    .meta({ description: 'Up to 100 ids, with commas between' }),
});

/** Whom the centre works with: who they are and how to reach them. */
@Controller('api/families')
@Roles('staff', INTEGRATION)
export class FamiliesController {
  constructor(private readonly records: FamilyRecordsService) {}

  @Get()
  @Looks('family')
  @Describe({
    tag,
    summary: 'Families by their ids, in short; ids of none are left out',
    query: listQuery,
    answers: {
      200: { description: 'By number', schema: z.object({ items: z.array(briefView), next: z.null() }) },
    },
  })
  async list(@By() { organisationId }: Principal, @Query() { ids }: z.output<typeof listQuery>) {
    return { items: await this.records.inShort(organisationId, ids.toLowerCase().split(',')), next: null };
  }

  @Get(':id')
  @Looks('family')
  @Describe({
    tag,
    summary: 'One family: who they are and how to reach them',
    params: { id: 'Id or number of the family' },
    answers: { 200: { description: 'The family', schema: familyView } },
  })
  read(@By() { organisationId }: Principal, @Param('id') id: string): Promise<z.output<typeof familyView>> {
    return this.records.read(organisationId, id);
  }
}
