import type { Remarks } from './families-in-file.js';
import {
  type Language,
  type ProblemReason,
  type Remark,
  type WarningReason,
  type Worded,
  wordProblem,
  wordWarning,
} from './remarks.js';

/** What an import did. The counts are families. */
export interface ImportReport {
  imported: number;
  updated: number;
  unchanged: number;
  /** Of the file, because of its problems. */
  leftOut: number;
  /** By row; one for each row and column, `column: null` for the row as a whole. */
  problems: Worded<ProblemReason>[];
  warnings: Worded<WarningReason>[];
  /** Remarks beyond the first 10,000 of a kind are counted, not kept. Absent where there are none. */
  omitted?: { problems: number; warnings: number };
}

const KEPT = 10_000;

/** Gathers what is to be said about a file, in bounded memory. */
export class ReportInMaking implements Remarks {
  /** How many families the file names. */
  families = 0;
  readonly counts = { imported: 0, updated: 0, unchanged: 0, refused: 0 };
  private readonly problems: Remark<ProblemReason>[] = [];
  private readonly warnings: Remark<WarningReason>[] = [];
  private readonly omitted = { problems: 0, warnings: 0 };

  problem(...problems: Remark<ProblemReason>[]): void {
    this.omitted.problems += keep(this.problems, problems);
  }

  warning(...warnings: Remark<WarningReason>[]): void {
    this.omitted.warnings += keep(this.warnings, warnings);
  }

  worded(language: Language): ImportReport {
    const { imported, updated, unchanged } = this.counts;
    return {
      imported,
      updated,
      unchanged,
      leftOut: Math.max(0, this.families - imported - updated - unchanged),
      problems: this.problems.sort(byRow).map((problem) => wordProblem(problem, language)),
      warnings: this.warnings.sort(byRow).map((warning) => wordWarning(warning, language)),
      ...(this.omitted.problems + this.omitted.warnings > 0 && { omitted: this.omitted }),
    };
  }
}

/** Gives how many found no place. */
function keep<Item>(kept: Item[], more: Item[]): number {
  const room = Math.max(0, KEPT - kept.length);
  kept.push(...more.slice(0, room));
  return Math.max(0, more.length - room);
}

/** Sorting is stable: the cells of one row stay in the order in which they were looked at. */
function byRow(one: { row: number }, other: { row: number }): number {
  return one.row - other.row;
}
