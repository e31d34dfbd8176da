import { isUuid } from '../api/cursor.js';
import { type FamiliesService, memberOf } from '../families/families.service.js';
import type { PersonField, PersonSlice } from './handoff.js';

/** A slice of whom of the family a request is about: `member` is a number in the family list, from 1; the applicant where it is not said. */
export type MemberSlice = (...args: [...Parameters<PersonSlice>, member?: number]) => ReturnType<PersonSlice>;

/** Whom of the family a request is about (the applicant unless it says another), cut down to the fields that the service needs. */
export function personSlice(families: Pick<FamiliesService, 'findFamily' | 'personsOf'>): MemberSlice {
  return async (organisationId, subject, fields, member) => {
    if (!isUuid(subject)) return null;
    const [family, persons] = await Promise.all([
      families.findFamily(organisationId, subject),
      families.personsOf(organisationId, subject),
    ]);
    if (!family) return null;
    const person = memberOf(persons, member);
    if (!person && member !== undefined)
      throw new Error(`The family has nobody with the number ${member} in its list: enter the person first.`);
    if (!person) return {};
    const known: Record<PersonField, string | null> = {
      surname: person.surname ?? null,
      given: person.given ?? null,
      patronymic: person.patronymic ?? null,
      iin: person.iin ?? null,
      phone: person.phone ?? family.phone ?? null,
      language: family.language,
    };
    return Object.fromEntries(fields.map((field) => [field, known[field]]));
  };
}
