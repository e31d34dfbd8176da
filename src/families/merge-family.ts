import type { FamilyInFile } from './families-in-file.js';
import { MOST_PEOPLE, personKey, tooManyPeople } from './families-in-file.js';
import { searchKey } from './names.js';
import type { PersonRow } from './person-row.js';
import type { Language, ProblemReason, Remark, WarningReason } from './remarks.js';
import type { Category } from './vocabulary.js';

interface FamilyFacts {
  categories: Category[];
  interest: string | null;
  language: Language;
  phone: string | null;
  address: string | null;
  kato: string | null;
  registeredOn: string | null;
  note: string | null;
}

export type PersonFacts = Pick<
  PersonRow,
  'relation' | 'surname' | 'given' | 'patronymic' | 'iin' | 'sex' | 'phone' | 'note'
> & { birthDate: string | null };

export interface KeptFamily extends FamilyFacts {
  id: string;
  number: string;
  searchKey: string;
}

export interface KeptPerson extends PersonFacts {
  id: string;
  familyId: string;
  place: number;
}

/** What is kept already, as far as one family of a file needs to know. */
export interface Known {
  family: KeptFamily | null;
  /** In their order. */
  persons: KeptPerson[];
  /** Number of the other family in which someone with this identity number is kept. */
  familyOfIin(iin: string): string | null;
}

export interface Merge {
  outcome: 'imported' | 'updated' | 'unchanged' | 'refused';
  /** To be written; `null` where the family itself stays as it is. */
  family: KeptFamily | null;
  added: KeptPerson[];
  changed: KeptPerson[];
  problems: Remark<ProblemReason>[];
  warnings: Remark<WarningReason>[];
}

/**
 * What must be written so that the records say what the file says. A file adds and corrects: an empty cell erases
 * nothing, and whoever is not in the file stays.
 */
export function mergeFamily(file: FamilyInFile, known: Known, newId: () => string): Merge {
  const { here, problems } = withoutPeopleElsewhere(file, known);
  if (!here.includes(file.applicant)) return refusal(problems);

  const familyId = known.family?.id ?? newId();
  const matches = match(here, known.persons);
  let place = Math.max(-1, ...known.persons.map((person) => person.place));
  const persons = here.map((row) => {
    const kept = matches.get(row);
    const facts = factsOfPerson(row);
    return kept ? { ...kept, ...said(facts) } : { id: newId(), familyId, place: ++place, ...facts };
  });
  const absent = known.persons.filter((person) => ![...matches.values()].includes(person));
  const everybody = [...persons, ...absent];
  if (everybody.filter(({ relation }) => relation === 'applicant').length > 1) {
    problems.push({ row: file.applicant.row, column: 'relation', reason: 'other-applicant' });
    return refusal(problems);
  }
  if (everybody.length > MOST_PEOPLE && matches.size < here.length) {
    problems.push(tooManyPeople(file.row, everybody.length));
    return refusal(problems);
  }

  const family = familyAfter(file, known.family, familyId, everybody);
  const added = persons.filter((_, at) => !matches.has(here[at] as PersonRow));
  const changed = persons.filter((person) =>
    known.persons.some((kept) => kept.id === person.id && !equal(kept, person)),
  );
  const familyChanged = known.family === null || !equal(known.family, family);
  const same = !familyChanged && added.length === 0 && changed.length === 0;
  return {
    outcome: known.family === null ? 'imported' : same ? 'unchanged' : 'updated',
    family: familyChanged ? family : null,
    added,
    changed,
    problems,
    warnings:
      absent.length === 0
        ? []
        : [{ row: file.row, column: null, reason: 'person-not-in-file', facts: { count: absent.length } }],
  };
}

function refusal(problems: Remark<ProblemReason>[]): Merge {
  return { outcome: 'refused', family: null, added: [], changed: [], problems, warnings: [] };
}

function withoutPeopleElsewhere(file: FamilyInFile, known: Known) {
  const problems: Remark<ProblemReason>[] = [];
  const here = file.persons.filter((person) => {
    const elsewhere = person.iin === null ? null : known.familyOfIin(person.iin);
    if (elsewhere === null) return true;
    problems.push({ row: person.row, column: 'iin', reason: 'person-elsewhere', facts: { value: elsewhere } });
    return false;
  });
  return { here, problems };
}

/**
 * By name and birth date before the identity number: a number may come later, or be corrected, or have been exchanged with
 * another's. People who share all but the number are told apart by it first.
 */
function match(rows: PersonRow[], kept: KeptPerson[]): Map<PersonRow, KeptPerson> {
  const matches = new Map<PersonRow, KeptPerson>();
  if (kept.length === 0) return matches;
  const free = new Set(kept);
  const keys = new Map([...rows, ...kept].map((person) => [person, personKey(person)] as const));
  const sameKey = (row: PersonRow, person: KeptPerson) => keys.get(row) === keys.get(person);
  const sameIin = (row: PersonRow, person: KeptPerson) => row.iin !== null && row.iin === person.iin;
  const rules = [
    (row: PersonRow, person: KeptPerson) => sameIin(row, person) && sameKey(row, person),
    sameKey,
    sameIin,
  ];
  for (const same of rules) {
    for (const row of rows) {
      const person = matches.has(row) ? undefined : [...free].find((candidate) => same(row, candidate));
      if (!person) continue;
      matches.set(row, person);
      free.delete(person);
    }
  }
  return matches;
}

/** Phone and note of the applicant's row are the family's. */
function factsOfPerson(row: PersonRow): PersonFacts {
  const { relation, surname, given, patronymic, iin, birthDate, sex } = row;
  const own = relation === 'applicant' ? { phone: null, note: null } : { phone: row.phone, note: row.note };
  return { relation, surname, given, patronymic, iin, birthDate, sex, ...own };
}

function familyAfter(file: FamilyInFile, kept: KeptFamily | null, id: string, persons: PersonFacts[]): KeptFamily {
  const { categories, interest, language, phone, address, kato, registeredOn, note } = file.applicant;
  const stated = { interest, language, phone, address, kato, registeredOn, note };
  const before = kept ?? { ...stated, language: 'kk' as const, categories: [] };
  return {
    ...before,
    ...said(stated),
    categories: categories.length > 0 ? categories : before.categories,
    id,
    number: file.number,
    searchKey: familySearchKey(persons),
  };
}

/** A space stands before every word, so that the start of a word can be searched for. */
export function familySearchKey(persons: Pick<PersonFacts, 'surname' | 'given' | 'patronymic'>[]): string {
  const names = persons.flatMap(({ surname, given, patronymic }) => [surname, given, patronymic]);
  return [...new Set(names.flatMap((name) => (name ? searchKey(name).split(' ') : [])))]
    .sort((one, other) => (one < other ? -1 : 1))
    .map((word) => ` ${word}`)
    .join('');
}

/** The parts of it that say something. */
function said<Facts extends object>(facts: Facts): { [Key in keyof Facts]?: NonNullable<Facts[Key]> } {
  const entries = Object.entries(facts).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as { [Key in keyof Facts]?: NonNullable<Facts[Key]> };
}

export function equal<Record extends object>(one: Record, other: Record): boolean {
  return (Object.keys(other) as (keyof Record)[]).every(
    (key) => JSON.stringify(one[key]) === JSON.stringify(other[key]),
  );
}
