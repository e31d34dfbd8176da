import type { Violation } from '../engine/errors.js';
import type { Column } from './columns.js';
import { personKey } from './families-in-file.js';
import type { PersonFacts } from './merge-family.js';
import { readPersonRow } from './person-row.js';
import { type ProblemReason, type Remark, type WarningReason, wordProblem } from './remarks.js';
import type { Relation } from './vocabulary.js';

/** What a clerk says of a person. What is left out stays as it was; null says that there is none. */
export interface PersonSaid {
  relation?: Relation | undefined;
  surname?: string | null | undefined;
  given?: string | null | undefined;
  patronymic?: string | null | undefined;
  iin?: string | null | undefined;
  /** ISO. */
  birthDate?: string | null | undefined;
}

export interface Judged {
  facts: PersonFacts;
  violations: Violation[];
  warnings: Remark<WarningReason>[];
}

/** Fields of the API, by the columns of a file. */
const FIELDS: Partial<Record<Column, string>> = {
  surname: 'surname',
  given_name: 'given',
  patronymic: 'patronymic',
  iin: 'iin',
  birth_date: 'birthDate',
};

export const fieldOf = (column: Column | null): string | undefined => (column === null ? undefined : FIELDS[column]);

/** One person as a clerk enters or corrects them, judged as a row of a file is. The birth date may be missing. */
export function judgePerson(before: PersonFacts, said: PersonSaid, today: string): Judged {
  const stated = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as PersonSaid;
  const { relation, surname, given, patronymic, iin, birthDate } = { ...before, ...stated };
  const cells = {
    family_no: '1',
    relation,
    surname: surname ?? '',
    given_name: given ?? '',
    patronymic: patronymic ?? '',
    iin: iin ?? '',
    birth_date: birthDate ?? '',
    // What it was may have been read from the number that is corrected.
    sex: stated.iin ? '' : (before.sex ?? ''),
  };
  const { person, problems, warnings } = readPersonRow({ row: 1, cells, overflows: false }, today, {
    birthDate: false,
  });
  return {
    facts: person ? { ...before, ...readingOf(person) } : before,
    violations: problems.flatMap(violationOf),
    // Why there is no number is asked of a whole file, not across a desk.
    warnings: warnings.filter(({ column, reason }) => fieldOf(column) !== undefined && reason !== 'iin-missing'),
  };
}

function readingOf({ relation, surname, given, patronymic, iin, birthDate, sex }: PersonFacts) {
  return { relation, surname, given, patronymic, iin, birthDate, sex };
}

/** Of two names that are both missing only the first says so. */
function violationOf(remark: Remark<ProblemReason>): Violation[] {
  const { column, reason, facts = {} } = remark;
  if (reason === 'missing') return column === 'surname' ? [{ path: '/surname', ...NAME_MISSING }] : [];
  const rule = reason === 'shortened-number' ? 'not-12-digits' : reason;
  const { value = '', limit = 0 } = facts;
  return [
    { path: `/${fieldOf(column) ?? ''}`, message: wordProblem(remark, 'en').message, rule, facts: { value, limit } },
  ];
}

const NAME_MISSING = { message: 'must have a surname or a given name', rule: 'name-missing' };

/** Somebody else of the family who is the same person: by name and birth date, unless both have a number of their own. */
export function namesakeOf<Other extends PersonFacts>(person: PersonFacts, others: Other[]): Other | undefined {
  return others.find((other) => personKey(other) === personKey(person) && !(person.iin && other.iin));
}
