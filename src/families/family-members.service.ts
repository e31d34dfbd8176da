import { Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { AppError, type Violation } from '../engine/errors.js';
import type { Principal } from '../identity/principal.js';
import { withTransaction } from '../platform/database.js';
import type { Ids } from '../platform/ids.js';
import { MOST_PEOPLE, personKey } from './families-in-file.js';
import { type FamilyRecordsService, memberNotFound } from './family-records.service.js';
import { FamilyStore, type KeptRecords } from './family-store.js';
import { tidyIin } from './iin.js';
import { familySearchKey, type KeptFamily, type KeptPerson, type PersonFacts } from './merge-family.js';
import { judgePerson, namesakeOf, type PersonSaid } from './person-said.js';
import type { Remark, WarningReason } from './remarks.js';
import type { Relation } from './vocabulary.js';

export interface NewPerson extends PersonSaid {
  relation: Relation;
}

/** Who of which family was written down, and what somebody should look at again. */
export interface Written {
  familyId: string;
  number: number;
  warnings: Remark<WarningReason>[];
}

/** One family under the lock, and what was said of one of its people. */
interface Desk {
  store: FamilyStore;
  family: KeptFamily;
  persons: KeptPerson[];
  /** What is kept once it was said. @throws AppError `schema` */
  judge(before: PersonFacts, others: KeptPerson[]): { facts: PersonFacts; warnings: Remark<WarningReason>[] };
}

/**
 * People of a family, entered and corrected by hand. What is said is judged as a row of an import is, and written on the
 * same path: the record says who wrote it and when, and numbers of the family list are never given twice.
 */
@Injectable()
export class FamilyMembersService {
  constructor(
    private readonly records: Pick<FamilyRecordsService, 'find'>,
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
    private readonly ids: Ids,
  ) {}

  /** Somebody new gets the next number. @throws AppError `family-not-found`, `schema` */
  enter(by: Principal, idOrNumber: string, { relation, ...said }: NewPerson): Promise<Written> {
    return this.atDesk(by, idOrNumber, said, async ({ store, family, persons, judge }) => {
      if (persons.length >= MOST_PEOPLE) throw refused([tooManyPeople()]);
      const { facts, warnings } = judge({ ...NOBODY, relation }, persons);
      const place = Math.max(-1, ...persons.map((other) => other.place)) + 1;
      const person = { id: this.ids.next(), familyId: family.id, place, ...facts };
      await store.addPersons([person]);
      return { person, warnings };
    });
  }

  /**
   * What is said takes the place of what was kept.
   * @param revision of the person, as whoever corrects them has read it
   * @throws AppError `family-not-found`, `member-not-found`, `stale-revision`, `schema`
   */
  correct(by: Principal, idOrNumber: string, number: number, said: PersonSaid, revision?: number): Promise<Written> {
    return this.atDesk(by, idOrNumber, said, async ({ store, family, persons, judge }) => {
      const before = persons.find(({ place }) => place === number - 1);
      if (!before) throw memberNotFound(number);
      const now = (await store.revisionsOf(family.id)).get(before.id);
      if (revision !== undefined && now !== undefined && now !== revision) throw stale(number, now, revision);
      if (before.relation === 'applicant' && said.relation) throw refused([applicantStays()]);
      const others = persons.filter((other) => other !== before);
      const { facts, warnings } = judge(before, others);
      const person = { ...before, ...facts };
      if (!isSame(before, person)) await store.changePersons([person]);
      return { person, warnings };
    });
  }

  /** Behind the lock of imports: of two who enter somebody at once the second sees whom the first has entered. */
  private async atDesk(
    by: Principal,
    idOrNumber: string,
    said: PersonSaid,
    work: (desk: Desk) => Promise<{ person: KeptPerson; warnings: Remark<WarningReason>[] }>,
  ): Promise<Written> {
    const { organisationId: organisation, account: actor } = by;
    const { id, number } = await this.records.find(organisation, idOrNumber);
    return withTransaction(this.pool, async (client) => {
      const store = new FamilyStore(client, { organisation, actor });
      await store.begin();
      const kept = await store.load([number], said.iin ? [tidyIin(said.iin)] : []);
      const family = kept.families.get(number);
      if (!family) throw new Error(`The family ${id} was there and is gone.`);
      const persons = kept.personsOf.get(family.id) ?? [];
      const today = await store.today();
      const judge: Desk['judge'] = (before, others) => {
        const { facts, violations, warnings } = judgePerson(before, said, today);
        const twins = violations.length > 0 ? [] : twinsOf(facts, before, others, { family, kept });
        if (violations.length + twins.length > 0) throw refused([...violations, ...twins]);
        return { facts, warnings };
      };
      const { person, warnings } = await work({ store, family, persons, judge });
      const everybody = [...persons.filter((other) => other.id !== person.id), person];
      const searchKey = familySearchKey(everybody);
      if (searchKey !== family.searchKey) await store.changeFamilies([{ ...family, searchKey }]);
      return { familyId: family.id, number: person.place + 1, warnings };
    });
  }
}

const NOBODY: Omit<PersonFacts, 'relation'> = {
  surname: null,
  given: null,
  patronymic: null,
  iin: null,
  birthDate: null,
  sex: null,
  phone: null,
  note: null,
};

/** Whoever is kept already: in another family by the number, in this one by the number or by name and birth date. */
function twinsOf(
  person: PersonFacts,
  before: PersonFacts,
  others: KeptPerson[],
  { family, kept }: { family: KeptFamily; kept: KeptRecords },
): Violation[] {
  const twin = person.iin === null ? undefined : others.find(({ iin }) => iin === person.iin);
  if (twin) return [{ path: '/iin', ...broken('duplicate-person', { member: twin.place + 1 }) }];
  const elsewhere = person.iin === null ? undefined : kept.numberOfIin.get(person.iin);
  if (elsewhere !== undefined && elsewhere !== family.number)
    return [{ path: '/iin', ...broken('person-elsewhere', { value: elsewhere }) }];
  if (personKey(person) === personKey(before)) return [];
  const namesake = namesakeOf(person, others);
  return namesake ? [{ path: '/surname', ...broken('duplicate-name', { member: namesake.place + 1 }) }] : [];
}

/** What everybody else is called by is what they are to the applicant. */
function applicantStays(): Violation {
  return { path: '/relation', ...broken('applicant-stays', {}) };
}

function tooManyPeople(): Violation {
  return { path: '/surname', ...broken('too-many-people', { limit: MOST_PEOPLE }) };
}

/** The words stand with those of all rules; these are for whoever reads a log. */
function broken(rule: string, facts: Record<string, string | number>): Pick<Violation, 'message' | 'rule' | 'facts'> {
  return { message: `${rule} ${JSON.stringify(facts)}`, rule, facts };
}

function refused(errors: Violation[]): AppError {
  return new AppError('schema', 422, 'The person cannot be written down like this; errors says where.', {}, errors);
}

function stale(number: number, now: number, given: number): AppError {
  return new AppError(
    'stale-revision',
    409,
    `Number ${number} of the family is at revision ${now}, not ${given}: somebody changed it. Read the family again.`,
    { revision: now },
  );
}

function isSame(one: KeptPerson, other: KeptPerson): boolean {
  return (Object.keys(other) as (keyof KeptPerson)[]).every((key) => one[key] === other[key]);
}
