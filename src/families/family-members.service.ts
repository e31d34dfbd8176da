import { Injectable } from '@nestjs/common';
import type { Violation } from '../engine/errors.js';
import type { Principal } from '../identity/principal.js';
import type { Ids } from '../platform/ids.js';
import { MOST_PEOPLE, personKey } from './families-in-file.js';
import { broken, type Desk, type FamilyDesk, refused, refuseStale } from './family-desk.js';
import { memberNotFound } from './family-records.service.js';
import { tidyIin } from './iin.js';
import { equal, familySearchKey, type KeptPerson, type PersonFacts } from './merge-family.js';
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

/** The desk, and who judges what was said of one of the people. */
interface MembersDesk extends Desk {
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
    private readonly desk: FamilyDesk,
    private readonly ids: Ids,
  ) {}

  /** Somebody new gets the next number. @throws AppError `family-not-found`, `schema` */
  enter(by: Principal, idOrNumber: string, { relation, ...said }: NewPerson): Promise<Written> {
    return this.atDesk(by, idOrNumber, said, async ({ store, family, persons, judge }) => {
      if (persons.length >= MOST_PEOPLE) throw refused(THE_PERSON, [tooManyPeople()]);
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
  correct(by: Principal, idOrNumber: string, number: number, said: PersonSaid, revision: number): Promise<Written> {
    return this.atDesk(by, idOrNumber, said, async ({ store, family, persons, judge }) => {
      const before = persons.find(({ place }) => place === number - 1);
      if (!before) throw memberNotFound(number);
      const now = (await store.revisionsOf(family.id)).get(before.id) ?? 0;
      refuseStale(`Number ${number} of the family`, now, revision);
      if (before.relation === 'applicant' && said.relation) throw refused(THE_PERSON, [applicantStays()]);
      const others = persons.filter((other) => other !== before);
      const { facts, warnings } = judge(before, others);
      const person = { ...before, ...facts };
      if (!equal(before, person)) await store.changePersons([person]);
      return { person, warnings };
    });
  }

  private atDesk(
    by: Principal,
    idOrNumber: string,
    said: PersonSaid,
    work: (desk: MembersDesk) => Promise<{ person: KeptPerson; warnings: Remark<WarningReason>[] }>,
  ): Promise<Written> {
    const iins = said.iin ? [tidyIin(said.iin)] : [];
    return this.desk.at(by, idOrNumber, iins, async (desk) => {
      const { store, family, persons } = desk;
      const today = await store.today();
      const judge: MembersDesk['judge'] = (before, others) => {
        const { facts, violations, warnings } = judgePerson(before, said, today);
        const twins = violations.length > 0 ? [] : twinsOf(facts, before, others, desk);
        if (violations.length + twins.length > 0) throw refused(THE_PERSON, [...violations, ...twins]);
        return { facts, warnings };
      };
      const { person, warnings } = await work({ ...desk, judge });
      const everybody = [...persons.filter((other) => other.id !== person.id), person];
      const searchKey = familySearchKey(everybody);
      if (searchKey !== family.searchKey) await store.changeFamilies([{ ...family, searchKey }]);
      return { familyId: family.id, number: person.place + 1, warnings };
    });
  }
}

const THE_PERSON = 'The person';
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
  { family, kept }: Pick<Desk, 'family' | 'kept'>,
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
