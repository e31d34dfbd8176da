import type { Column } from './columns.js';
import { PROBLEM_TEXTS, WARNING_TEXTS } from './remark-texts.js';
import type { LANGUAGES } from './vocabulary.js';

export type ProblemReason = keyof typeof PROBLEM_TEXTS;
export type WarningReason = keyof typeof WARNING_TEXTS;
export type Language = (typeof LANGUAGES)[number];

/** Something about one cell (or, with `column: null`, one row) of a file. `reason` is stable; words come at the end. */
export interface Remark<Reason extends ProblemReason | WarningReason> {
  /** As a spreadsheet counts: the header is row 1. What concerns the whole file stands at row 1. */
  row: number;
  column: Column | null;
  reason: Reason;
  facts?: Facts;
}

/** What fills the gaps in a text. Never an identity number. */
export interface Facts {
  value?: string;
  limit?: number;
  otherRow?: number;
  count?: number;
}

export type Worded<Reason extends ProblemReason | WarningReason> = Omit<Remark<Reason>, 'facts'> & { message: string };

export function wordProblem(remark: Remark<ProblemReason>, language: Language): Worded<ProblemReason> {
  return worded(remark, PROBLEM_TEXTS[remark.reason][language]);
}

export function wordWarning(remark: Remark<WarningReason>, language: Language): Worded<WarningReason> {
  return worded(remark, WARNING_TEXTS[remark.reason][language]);
}

function worded<Reason extends ProblemReason | WarningReason>(
  { facts = {}, ...remark }: Remark<Reason>,
  text: string,
): Worded<Reason> {
  const message = text.replace(/\{(\w+)\}/g, (_, name: keyof Facts) =>
    shown(name === 'value' ? facts.value : facts[name]),
  );
  return { ...remark, message };
}

function shown(value: string | number | undefined): string {
  const text = String(value ?? '');
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
