import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { CASE_OPENERS } from '../api/case.policy.js';
import { Describe } from '../api/contract.js';
import { pickLanguage } from '../api/language.js';
import { uuid } from '../api/schemas.js';
import { Revision } from '../api/write.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import { FamilyCorrectionService } from './family-correction.service.js';
import { FamilyMembersService, type Written } from './family-members.service.js';
import { FamilyRecordsService, memberNotFound } from './family-records.service.js';
import { fieldOf } from './person-said.js';
import { type Remark, type WarningReason, wordWarning } from './remarks.js';
import { CATEGORIES, LANGUAGES, RELATIONS } from './vocabulary.js';

const tag = 'families';
const name = {
  surname: z.string().nullable(),
  given: z.string().nullable(),
};
const fullName = { ...name, patronymic: z.string().nullable() };
const brief = {
  id: uuid,
  number: z.string(),
  applicant: z.object(fullName),
  phone: z.string().nullable().meta({ description: 'E.164 where it can be dialled, else as it was said' }),
};
const namedMember = {
  number: z.number().int().meta({ description: 'Place in the family, from 1; never given to anybody else' }),
  ...fullName,
};
const memberView = z.object({
  ...namedMember,
  relation: z.string().meta({ description: 'What they are to the applicant' }),
  birthYear: z.number().int().nullable(),
  revision: z.number().int(),
});
const familyView = z
  .object({
    ...brief,
    language: z.enum(LANGUAGES),
    address: z.string().nullable(),
    categories: z.array(z.enum(CATEGORIES)),
    interest: z.string().nullable(),
    members: z.array(memberView),
    openCase: z
      .object({ id: uuid, number: z.string() })
      .nullable()
      .meta({ description: 'The open case of the family, the newest where workflows have one each; never a sub-case' }),
    revision: z.number().int(),
    can: z
      .object({ correct: z.boolean(), enterPeople: z.boolean() })
      .meta({ description: 'Whether the signed-in account may correct the family, and enter and correct its people' }),
  })
  .meta({ id: 'Family', description: 'Without identity numbers' });
const briefView = z.object({ ...brief, members: z.array(z.object(namedMember)) }).meta({ id: 'FamilyInShort' });

const ID = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const listQuery = z.strictObject({
  ids: z
    .string()
    .regex(new RegExp(`^${ID}(,${ID}){0,99}$`))
    .meta({ description: 'Up to 100 ids, with commas between' }),
});
const search = z.strictObject({
  q: z.string().min(1).max(200).meta({
    description: 'A name of its people, its number, a telephone number or an identity number, as somebody says it',
  }),
});
const inShort = z.object({ items: z.array(briefView), next: z.null() });

const part = z.string().max(100).nullable().optional();
const said = {
  surname: part,
  given: part,
  patronymic: part,
  iin: z.string().max(40).nullable().optional().meta({ description: 'Kept, and never shown by the API' }),
  birthDate: z.iso.date().nullable().optional().meta({ description: 'Taken from `iin` where it is not said' }),
};
const newPerson = z.strictObject({
  ...said,
  // A family has its applicant already.
  relation: z.enum(RELATIONS).exclude(['applicant']).default('other'),
});
/** `If-Match` may say it as well. */
const revision = z.number().int().min(0).optional();
const corrected = { description: 'What is left out stays as it is; null says that there is none' };
const correction = z
  .strictObject({ ...said, relation: newPerson.shape.relation.unwrap().optional(), revision })
  .meta(corrected);
const familyCorrection = z
  .strictObject({
    phone: z.string().max(60).nullable().optional(),
    language: z.enum(LANGUAGES).optional(),
    address: z.string().max(300).nullable().optional(),
    categories: z.array(z.enum(CATEGORIES)).max(CATEGORIES.length).optional(),
    revision,
  })
  .meta(corrected);
const warnings = z
  .array(z.object({ field: z.string(), reason: z.string(), message: z.string() }))
  .meta({ description: 'What was taken all the same and should be looked at again, as an import says it' });
const written = z.object({ member: memberView, warnings });
const writtenFamily = z.object({ family: familyView, warnings });

/** Whom the centre works with: who they are and how to reach them. */
@Controller('api/families')
@Roles('staff', INTEGRATION)
export class FamiliesController {
  constructor(
    private readonly records: FamilyRecordsService,
    private readonly members: FamilyMembersService,
    private readonly correction: FamilyCorrectionService,
  ) {}

  @Get()
  @Looks('family')
  @Describe({
    tag,
    summary: 'Families by their ids, in short; ids of none are left out',
    query: listQuery,
    answers: { 200: { description: 'By number', schema: inShort } },
  })
  async list(@By() { organisationId }: Principal, @Query() { ids }: z.output<typeof listQuery>) {
    return { items: await this.records.inShort(organisationId, ids.toLowerCase().split(',')), next: null };
  }

  /** By POST: addresses stand in the logs of proxies and the histories of browsers, where no identity number belongs. */
  @Post('search')
  @HttpCode(200)
  @Looks('family')
  @Describe({
    tag,
    summary: 'Families that a search finds, in short, 50 at most; changes nothing',
    body: search,
    writes: false,
    answers: { 200: { description: 'By number', schema: inShort } },
  })
  async search(@By() { organisationId }: Principal, @Body() { q }: z.output<typeof search>) {
    const found = await this.records.search(organisationId, q);
    return { items: await this.records.inShort(organisationId, found), next: null };
  }

  @Get(':id')
  @Looks('family')
  @Describe({
    tag,
    summary: 'One family: who they are and how to reach them',
    params: { id: 'Id or number of the family' },
    answers: { 200: { description: 'The family', schema: familyView } },
  })
  read(@By() by: Principal, @Param('id') id: string): Promise<z.output<typeof familyView>> {
    return this.records.read(by, id);
  }

  @Patch(':id')
  @HttpCode(200)
  @Looks('family')
  @Roles(...CASE_OPENERS)
  @Describe({
    tag,
    summary: 'Correct the telephone number, the language, the address or the categories of a family',
    params: { id: 'Id or number of the family' },
    body: familyCorrection,
    ifMatch: 'required',
    answers: { 200: { description: 'Corrected', schema: writtenFamily } },
  })
  async correctFamily(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() { revision: _alsoIfMatch, ...body }: z.output<typeof familyCorrection>,
    @Revision() revision: number,
    @Headers('accept-language') languages?: string,
  ) {
    const { familyId, warnings } = await this.correction.correct(by, id, body, revision);
    return { family: await this.records.read(by, familyId), warnings: worded(warnings, languages) };
  }

  @Post(':id/members')
  @Looks('family')
  @Roles(...CASE_OPENERS)
  @Describe({
    tag,
    summary: 'Enter a person of the family; the next number of its list is theirs',
    params: { id: 'Id or number of the family' },
    body: newPerson,
    answers: { 201: { description: 'Entered', schema: written } },
  })
  async enter(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() body: z.output<typeof newPerson>,
    @Headers('accept-language') languages?: string,
  ) {
    return this.shown(by, await this.members.enter(by, id, body), languages);
  }

  @Patch(':id/members/:number')
  @HttpCode(200)
  @Looks('family')
  @Roles(...CASE_OPENERS)
  @Describe({
    tag,
    summary: 'Correct the names, the relation, the identity number or the birth date of a person of the family',
    params: { id: 'Id or number of the family', number: 'Number of the person in the family list, from 1' },
    body: correction,
    ifMatch: 'required',
    answers: { 200: { description: 'Corrected: what is printed or sent from now on says it', schema: written } },
  })
  async correct(
    @By() by: Principal,
    @Param('id') id: string,
    @Param('number') number: string,
    @Body() { revision: _alsoIfMatch, ...body }: z.output<typeof correction>,
    @Revision() revision: number,
    @Headers('accept-language') languages?: string,
  ) {
    if (!/^[0-9]{1,4}$/.test(number)) throw memberNotFound(number);
    return this.shown(by, await this.members.correct(by, id, Number(number), body, revision), languages);
  }

  private async shown(by: Principal, { familyId, number, warnings }: Written, languages: string | undefined) {
    const member = await this.records.member(by.organisationId, familyId, number);
    return { member, warnings: worded(warnings, languages) };
  }
}

function worded(warnings: Remark<WarningReason>[], languages: string | undefined) {
  const language = pickLanguage(languages);
  return warnings.map((warning) => {
    const { column, reason, message } = wordWarning(warning, language);
    return { field: fieldOf(column) ?? column ?? '', reason, message };
  });
}
