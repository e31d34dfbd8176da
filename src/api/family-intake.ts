import { z } from 'zod';
import { AppError } from '../engine/errors.js';
import type { FamiliesService } from '../families/families.service.js';
import { CATEGORIES, LANGUAGES } from '../families/vocabulary.js';
import type { Principal } from '../identity/principal.js';
import type { JsonObject } from '../statechart/types.js';
import type { Intake } from './cases.service.js';
import { isUuid } from './cursor.js';
import { zodViolations } from './violations.js';
import type { Write } from './write.js';

const name = z.string().trim().max(200);
const applicant = z.strictObject({
  surname: name.nullable(),
  given: name.nullable(),
  patronymic: name.nullable().optional(),
});
/** Somebody who comes for the first time; what is known of the family beside the name stands next to it. */
const newcomer = z.strictObject({
  applicant: applicant.refine(({ surname, given }) => Boolean(surname || given), {
    error: 'must have a surname or a given name',
    params: { rule: 'name-missing' },
  }),
  categories: z.array(z.enum(CATEGORIES)).max(CATEGORIES.length).default([]),
  interest: z.string().max(100).nullable().default(null),
  phone: z.string().max(40).nullable().default(null),
  language: z.enum(LANGUAGES).default('kk'),
});
const known = z.strictObject({ familyId: z.string().min(1).max(64) });

const SEARCH_LIMIT = 200;

/** A workflow whose input asks for a `familyId` is about a family: a known one, or one that is registered by this. */
export class FamilyIntake implements Intake {
  constructor(private readonly families: FamiliesService) {}

  async prepare(workflow: { inputSchema?: JsonObject }, input: JsonObject, by: Principal, write: Write) {
    if (!asksForFamily(workflow.inputSchema)) return { input };
    const familyId = 'applicant' in input ? await this.register(input, by, write) : await this.find(input, by);
    return { input: { familyId }, subject: familyId };
  }

  /** Not by identity number: the words stand in the address of a request, where none belongs. */
  async search(by: Principal, query: string): Promise<string[]> {
    const found = await this.families.searchFamilies(by.organisationId, query, { limit: SEARCH_LIMIT, byIin: false });
    return found.map((family) => family.id);
  }

  private async register(input: JsonObject, by: Principal, { key }: Write): Promise<string> {
    const { applicant: person, ...family } = checked(newcomer, input);
    const registration = {
      organisation: by.organisationId,
      actor: by.account,
      ...(key === undefined ? {} : { key: `${by.account} ${key}` }),
    };
    const { familyId } = await this.families.registerApplicant(
      { ...person, patronymic: person.patronymic ?? null, ...family },
      registration,
    );
    return familyId;
  }

  private async find(input: JsonObject, by: Principal): Promise<string> {
    const { familyId } = checked(known, input);
    const family = isUuid(familyId)
      ? await this.families.findFamily(by.organisationId, familyId)
      : await this.families.familyByNumber(by.organisationId, familyId);
    if (family) return family.id;
    throw new AppError('schema', 422, `There is no family ${familyId}.`, {}, [
      { path: '/input/familyId', message: 'there is no such family', rule: 'unknown-family' },
    ]);
  }
}

function asksForFamily(schema: JsonObject | undefined): boolean {
  const properties = schema?.['properties'];
  return typeof properties === 'object' && properties !== null && 'familyId' in properties;
}

function checked<Schema extends z.ZodType>(schema: Schema, input: JsonObject): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const errors = zodViolations(result.error, input).map((found) => ({ ...found, path: `/input${found.path}` }));
  throw new AppError('schema', 422, 'The input does not fit; errors says where.', {}, errors);
}
