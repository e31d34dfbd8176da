import { searchKey } from './names.js';
import { type PersonRow, type RowReading, readPersonRow, tidyFamilyNumber } from './person-row.js';
import type { ProblemReason, Remark, WarningReason } from './remarks.js';
import type { Spreadsheet } from './spreadsheet.js';

/** More than any family has: its number was filled down over the rows of others. */
export const MOST_PEOPLE = 50;

export interface FamilyInFile {
  number: string;
  /** Its first row. */
  row: number;
  applicant: PersonRow;
  /** The applicant and everyone else, in the order of the file. */
  persons: PersonRow[];
}

export interface Survey {
  rows: number;
  rowsOf: Map<string, number>;
}

/** Where remarks go while a file is read. */
export interface Remarks {
  problem(...problems: Remark<ProblemReason>[]): void;
  warning(...warnings: Remark<WarningReason>[]): void;
}

/**
 * Goes through the whole file once without judging its cells: how many rows there are, and how many each family has.
 * Throws SpreadsheetRefused for a file that cannot be read to its end, before anything was written.
 */
export async function surveyFamilies(sheet: Spreadsheet): Promise<Survey> {
  const survey: Survey = { rows: 0, rowsOf: new Map() };
  for await (const { cells } of sheet.rows()) {
    survey.rows++;
    const number = tidyFamilyNumber(cells.family_no ?? '');
    survey.rowsOf.set(number, (survey.rowsOf.get(number) ?? 0) + 1);
  }
  return survey;
}

/**
 * The families of a file that can be taken, each as soon as its last row is read; its rows need not stand together.
 * A family with a wrong row is left out whole, but of a person who is there twice only the second row is. Rows of a
 * family that has too many are not even kept until its last.
 */
export async function* familiesInFile(
  sheet: Spreadsheet,
  survey: Survey,
  today: string,
  remarks: Remarks,
): AsyncGenerator<FamilyInFile> {
  const rowOfIin = new Map<number, number>();
  const waiting = new Map<string, RowReading[]>();
  const refused = new Set<string>();
  for await (const row of sheet.rows()) {
    const reading = readPersonRow(row, today);
    markRepeated(reading, rowOfIin);
    remarks.warning(...reading.warnings);
    remarks.problem(...reading.problems);
    const number = reading.familyNumber;
    if (!number || refused.has(number)) continue;

    const count = survey.rowsOf.get(number) ?? 0;
    if (count > MOST_PEOPLE) {
      refused.add(number);
      remarks.problem(tooManyPeople(reading.row, count));
      continue;
    }
    const readings = waiting.get(number) ?? [];
    readings.push(reading);
    waiting.set(number, readings);
    if (readings.length < count) continue;
    waiting.delete(number);
    const family = assemble(number, readings, remarks);
    if (family) yield family;
  }
}

/** At the first row of the family. */
export function tooManyPeople(row: number, count: number): Remark<ProblemReason> {
  return { row, column: 'family_no', reason: 'too-many-people', facts: { count, limit: MOST_PEOPLE } };
}

function markRepeated(reading: RowReading, rowOfIin: Map<number, number>): void {
  if (!reading.iin) return;
  const earlier = rowOfIin.get(Number(reading.iin));
  if (earlier === undefined) rowOfIin.set(Number(reading.iin), reading.row);
  else
    reading.problems.push({ row: reading.row, column: null, reason: 'duplicate-person', facts: { otherRow: earlier } });
}

function assemble(number: string, readings: RowReading[], remarks: Remarks): FamilyInFile | null {
  const row = readings[0]?.row ?? 0;
  if (readings.some(({ problems }) => problems.some(({ reason }) => reason !== 'duplicate-person'))) return null;
  const single = readings.filter(({ problems }) => problems.length === 0).flatMap(({ person }) => person ?? []);
  const persons = withoutNamesakes(single, remarks);
  const [applicant, second] = persons.filter(({ relation }) => relation === 'applicant');
  if (!applicant) {
    remarks.problem({ row, column: 'relation', reason: 'no-applicant' });
    return null;
  }
  if (second) {
    remarks.problem({
      row: second.row,
      column: 'relation',
      reason: 'second-applicant',
      facts: { otherRow: applicant.row },
    });
    return null;
  }
  return { number, row, applicant, persons };
}

/** Two rows of one family with the same names and birth date are one person, if an IIN does not tell them apart. */
function withoutNamesakes(persons: PersonRow[], remarks: Remarks): PersonRow[] {
  const kept: PersonRow[] = [];
  const namesakes = new Map<string, PersonRow[]>();
  for (const person of persons) {
    const key = personKey(person);
    const others = namesakes.get(key) ?? [];
    const earlier = others.find((other) => !(person.iin && other.iin));
    if (earlier) {
      const facts = { otherRow: earlier.row };
      remarks.problem({ row: person.row, column: null, reason: 'duplicate-name', facts });
      continue;
    }
    kept.push(person);
    namesakes.set(key, [...others, person]);
  }
  return kept;
}

/**
 * A key under which one person is found again inside their family when there is no identity number to go by.
 * Without the patronymic, which one file states and the next leaves out.
 */
export function personKey(person: Pick<PersonRow, 'surname' | 'given'> & { birthDate: string | null }): string {
  return `${searchKey([person.surname, person.given].join(' '))} ${person.birthDate ?? ''}`;
}
