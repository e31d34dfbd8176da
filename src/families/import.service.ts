import type pg from 'pg';
import { withTransaction } from '../platform/database.js';
import { type Ids, systemIds } from '../platform/ids.js';
import { type FamilyInFile, familiesInFile, surveyFamilies } from './families-in-file.js';
import { type Author, FamilyStore, type KeptRecords } from './family-store.js';
import { type ImportReport, ReportInMaking } from './import-report.js';
import { type Known, type Merge, mergeFamily } from './merge-family.js';
import type { Language } from './remarks.js';
import { LIMITS, openSpreadsheet, SpreadsheetRefused } from './spreadsheet.js';

export interface ImportOptions extends Author {
  /** Of the messages; Kazakh if not given. */
  language?: Language;
  /** Heard after every batch. `rows` counts people, of `of` in the file. */
  progress?: (progress: { rows: number; of: number }) => void;
}

/** People in one transaction: large enough that statements cost little, small enough that nobody waits long. */
const BATCH = 1_000;

/** Spreadsheets of families become records. */
export class ImportService {
  constructor(
    /** As the role `app`. */
    private readonly pool: pg.Pool,
    private readonly ids: Ids = systemIds,
    private readonly limits: typeof LIMITS = LIMITS,
  ) {}

  /**
   * Imports a CSV file of families, each of them whole or not at all. Never throws for what is wrong with the file: that
   * is in `problems`, and a file that cannot be read to its end, or is too large, changes nothing. Importing it again
   * changes nothing either, also after the first time was broken off.
   */
  async importFamilies(source: AsyncIterable<Uint8Array | string>, options: ImportOptions): Promise<ImportReport> {
    const report = new ReportInMaking();
    try {
      await this.read(source, options, report);
    } catch (error) {
      if (!(error instanceof SpreadsheetRefused)) throw error;
      report.problem(...error.problems);
    }
    return report.worded(options.language ?? 'kk');
  }

  private async read(source: AsyncIterable<Uint8Array | string>, options: ImportOptions, report: ReportInMaking) {
    const sheet = await openSpreadsheet(source, this.limits);
    report.warning(...sheet.warnings);
    const survey = await surveyFamilies(sheet);
    report.families = [...survey.rowsOf.keys()].filter(Boolean).length;
    if (survey.rows === 0) report.warning({ row: 1, column: null, reason: 'no-families' });

    let rows = 0;
    for await (const batch of batches(familiesInFile(sheet, survey, await this.today(), report))) {
      for (const { outcome, problems, warnings } of await this.write(batch, options)) {
        report.counts[outcome]++;
        report.problem(...problems);
        report.warning(...warnings);
      }
      rows += batch.reduce((people, { persons }) => people + persons.length, 0);
      if (rows < survey.rows) options.progress?.({ rows, of: survey.rows });
    }
    // Families with a problem are in no batch, and read all the same.
    options.progress?.({ rows: survey.rows, of: survey.rows });
  }

  private async write(families: FamilyInFile[], author: Author): Promise<Merge[]> {
    return withTransaction(this.pool, async (client) => {
      const store = new FamilyStore(client, author);
      await store.begin();
      const kept = await store.load(
        families.map(({ number }) => number),
        families.flatMap(({ persons }) => persons.flatMap(({ iin }) => iin ?? [])),
      );
      const merges = families.map((file) => mergeFamily(file, knownOf(file, kept), () => this.ids.next()));

      const rows = (outcome: Merge['outcome']) =>
        merges.filter((merge) => merge.outcome === outcome).flatMap(({ family }) => family ?? []);
      await store.addFamilies(rows('imported'));
      await store.changeFamilies(rows('updated'));
      // Changes first: a number that someone gives up may come to someone new.
      await store.changePersons(merges.flatMap(({ changed }) => changed));
      await store.addPersons(merges.flatMap(({ added }) => added));
      return merges;
    });
  }

  /** The day it is at the centre; the whole country has one time. */
  private async today(): Promise<string> {
    const query = "select (qamqor_now() at time zone 'Asia/Almaty')::date::text as today";
    const { rows } = await this.pool.query<{ today: string }>(query);
    return rows[0]?.today ?? '';
  }
}

function knownOf(file: FamilyInFile, kept: KeptRecords): Known {
  const family = kept.families.get(file.number) ?? null;
  return {
    family,
    persons: family ? (kept.personsOf.get(family.id) ?? []) : [],
    familyOfIin: (iin) => {
      const number = kept.numberOfIin.get(iin) ?? file.number;
      return number === file.number ? null : number;
    },
  };
}

async function* batches(families: AsyncGenerator<FamilyInFile>): AsyncGenerator<FamilyInFile[]> {
  let batch: FamilyInFile[] = [];
  let people = 0;
  for await (const family of families) {
    batch.push(family);
    people += family.persons.length;
    if (people < BATCH) continue;
    yield batch;
    [batch, people] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
