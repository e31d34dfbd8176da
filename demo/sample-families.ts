import { createReadStream } from 'node:fs';
import { openSpreadsheet } from '../src/families/spreadsheet.js';
import { projectPath } from '../src/platform/project-root.js';

/** One family of the sample file. */
export interface FamilyFile {
  number: string;
  /** The family alone, as a CSV file in which it was registered on that day (ISO). */
  asFile(registeredOn: string): AsyncIterable<string>;
}

/** The first so many families of `families.csv`. */
export async function readFamilyFile(count: number): Promise<FamilyFile[]> {
  const sheet = await openSpreadsheet(createReadStream(projectPath('demo', 'data', 'families.csv')));
  const rows: Record<string, string>[] = [];
  for await (const { cells } of sheet.rows()) rows.push(cells);
  const families = [...Map.groupBy(rows, (row) => row['family_no'] ?? '')].slice(0, count);
  return families.map(([number, people]) => ({
    number,
    asFile: (registeredOn) =>
      one(csv(people.map((person) => (person['registered_on'] ? { ...person, registered_on: registeredOn } : person)))),
  }));
}

function csv(rows: Record<string, string>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: string[]) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
  return [line(columns), ...rows.map((row) => line(columns.map((column) => row[column] ?? '')))].join('\n');
}

async function* one(text: string): AsyncGenerator<string> {
  yield text;
}
