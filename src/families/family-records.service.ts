import { Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { CASE_OPENERS } from '../api/case.policy.js';
import { isUuid } from '../api/cursor.js';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import { hasRole } from '../identity/identity.policy.js';
import type { Principal } from '../identity/principal.js';
import { type FamiliesService, memberOf } from './families.service.js';
import type { Family } from './family.entity.js';
import type { Person } from './person.entity.js';

/** Families as the API shows them: never with an identity number. */
@Injectable()
export class FamilyRecordsService {
  /** @param pool connections of the role `qamqor_app` */
  constructor(
    private readonly families: FamiliesService,
    private readonly pool: Pool,
  ) {}

  /** Those of these families that there are. */
  async inShort(organisation: string, ids: string[]) {
    const found = await this.families.familiesOf(organisation, ids);
    return found.map(({ family, persons }) => ({
      ...presentInShort(family, persons),
      members: persons.map((person) => ({ number: person.place + 1, ...nameOf(person) })),
    }));
  }

  /** Ids of the families that somebody means, 50 at most. */
  async search(organisation: string, query: string): Promise<string[]> {
    return (await this.families.searchFamilies(organisation, query)).map(({ id }) => id);
  }

  /** @throws AppError `family-not-found` */
  async read(by: Principal, idOrNumber: string) {
    const organisation = by.organisationId;
    const family = await this.find(organisation, idOrNumber);
    const [persons, openCase] = await Promise.all([
      this.families.personsOf(organisation, family.id),
      this.openCaseOf(organisation, family.id),
    ]);
    const { language, categories, address = null, interest = null, revision } = family;
    const mayWrite = hasRole(by, ...CASE_OPENERS);
    return {
      ...presentInShort(family, persons),
      language,
      address,
      categories,
      interest,
      members: persons.map(presentMember),
      openCase,
      revision,
      can: { correct: mayWrite, enterPeople: mayWrite },
    };
  }

  /** @throws AppError `family-not-found` */
  async find(organisation: string, idOrNumber: string): Promise<Family> {
    const family = isUuid(idOrNumber)
      ? await this.families.findFamily(organisation, idOrNumber)
      : await this.families.familyByNumber(organisation, idOrNumber.slice(0, 64));
    if (family) return family;
    throw new AppError('family-not-found', 404, `There is no family ${idOrNumber.slice(0, 64)}.`);
  }

  /** One of a family, as it shows its people. @throws AppError `member-not-found` */
  async member(organisation: string, familyId: string, number: number) {
    const person = memberOf(await this.families.personsOf(organisation, familyId), number);
    if (!person) throw memberNotFound(number);
    return presentMember(person);
  }

  private async openCaseOf(organisation: string, family: string): Promise<{ id: string; number: string } | null> {
    const [found] = await asOrganisation(this.pool, organisation, (run) =>
      run<{ id: string; number: string }>(OPEN_CASE, [organisation, family]),
    );
    return found ?? null;
  }
}

const OPEN_CASE = `select id, number from qamqor.cases
  where organisation_id = $1 and subject = $2 and parent_case_id is null and status in ('active', 'suspended')
  order by id desc limit 1`;

function presentInShort({ id, number, phone = null }: Family, persons: Person[]) {
  return { id, number, applicant: nameOf(persons.find(({ relation }) => relation === 'applicant')), phone };
}

function presentMember(person: Person) {
  const { place, birthDate, relation, revision } = person;
  const birthYear = birthDate ? Number(birthDate.slice(0, 4)) : null;
  return { number: place + 1, ...nameOf(person), relation, birthYear, revision };
}

function nameOf(person: Person | undefined) {
  const { surname = null, given = null, patronymic = null } = person ?? {};
  return { surname, given, patronymic };
}

export function memberNotFound(number: number | string): AppError {
  const which = String(number).slice(0, 64);
  return new AppError(
    'member-not-found',
    404,
    `The family has nobody with the number ${which} in its list. Read the family again: \`members\` says who is in it.`,
    { member: which },
  );
}
