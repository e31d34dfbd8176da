import { Injectable } from '@nestjs/common';
import type { Violation } from '../engine/errors.js';
import type { Principal } from '../identity/principal.js';
import { broken, type FamilyDesk, refused, refuseStale } from './family-desk.js';
import { equal, type KeptFamily } from './merge-family.js';
import { tidyText } from './names.js';
import { readPhone } from './phone.js';
import type { Language, Remark, WarningReason } from './remarks.js';
import { CATEGORIES, type Category } from './vocabulary.js';

/** What a clerk says of a family. What is left out stays as it was; null says that there is none. */
export interface FamilySaid {
  phone?: string | null | undefined;
  language?: Language | undefined;
  address?: string | null | undefined;
  categories?: Category[] | undefined;
}

interface Judged {
  family: KeptFamily;
  violations: Violation[];
  warnings: Remark<WarningReason>[];
}

/** How a family is reached and why it is served, corrected by hand. Its people are corrected one by one. */
@Injectable()
export class FamilyCorrectionService {
  constructor(private readonly desk: FamilyDesk) {}

  /**
   * What is said takes the place of what was kept.
   * @param revision of the family, as whoever corrects it has read it
   * @throws AppError `family-not-found`, `stale-revision`, `schema`
   */
  correct(
    by: Principal,
    idOrNumber: string,
    said: FamilySaid,
    revision: number,
  ): Promise<{ familyId: string; warnings: Remark<WarningReason>[] }> {
    return this.desk.at(by, idOrNumber, [], async ({ store, family: before }) => {
      refuseStale(`The family ${before.number}`, await store.revisionOf(before.id), revision);
      const { family, violations, warnings } = judgeFamily(before, said);
      if (violations.length > 0) throw refused('The family', violations);
      if (!equal(before, family)) await store.changeFamilies([family]);
      return { familyId: family.id, warnings };
    });
  }
}

/** By the rules of an import. A number that was written down as it was said, and cannot be dialled, may stay. */
export function judgeFamily(before: KeptFamily, said: FamilySaid): Judged {
  const { language = before.language, categories = before.categories } = said;
  const judged: Judged = {
    family: { ...before, language, categories: CATEGORIES.filter((category) => categories.includes(category)) },
    violations: [],
    warnings: [],
  };
  const text = (field: 'phone' | 'address'): string | null => {
    const kept = said[field] === undefined ? before[field] : tidyText(said[field] ?? '') || null;
    if (kept?.includes('\ufffd')) judged.violations.push({ path: `/${field}`, ...broken('damaged-letters', {}) });
    return kept;
  };
  judged.family.address = text('address');
  const phone = text('phone');
  const reading = phone === null || phone === before.phone ? null : readPhone(phone);
  judged.family.phone = reading?.ok ? reading.e164 : phone;
  if (reading?.ok === false)
    judged.violations.push({ path: '/phone', ...broken('not-a-phone', { value: phone ?? '' }) });
  if (reading?.ok && reading.unusual)
    judged.warnings.push({ row: 1, column: 'phone', reason: 'phone-unusual', facts: { value: reading.e164 } });
  if (said.categories?.length === 0) judged.warnings.push({ row: 1, column: 'categories', reason: 'no-category' });
  return judged;
}
