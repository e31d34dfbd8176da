import { isUuid } from '../api/cursor.js';
import type { FamiliesService } from '../families/families.service.js';
import type { PersonField, PersonSlice } from './handoff.js';

/** The applicant of the family that a case is about, cut down to the fields that the partner's service needs. */
export function personSlice(families: Pick<FamiliesService, 'findFamily' | 'personsOf'>): PersonSlice {
  return async (organisationId, subject, fields) => {
    if (!isUuid(subject)) return null;
    const [family, persons] = await Promise.all([
      families.findFamily(organisationId, subject),
      families.personsOf(organisationId, subject),
    ]);
    const applicant = persons[0];
    if (!family) return null;
    if (!applicant) return {};
    const known: Record<PersonField, string | null> = {
      surname: applicant.surname ?? null,
      given: applicant.given ?? null,
      patronymic: applicant.patronymic ?? null,
      iin: applicant.iin ?? null,
      phone: family.phone ?? null,
      language: family.language,
    };
    return Object.fromEntries(fields.map((field) => [field, known[field]]));
  };
}
