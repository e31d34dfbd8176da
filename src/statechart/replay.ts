import { start, step } from './step.js';
import type { ChartState, Effect, Input, JsonObject, Scope, StepResult, Workflow } from './types.js';

/** One row of a case's journal, as replay needs it. */
export interface ReplayRow {
  seq: number;
  workflow: Workflow;
  scope: Scope;
  /** Null for rows that move nothing (suspend, resume, a comment). */
  input: Input | { kind: 'start'; input: JsonObject } | null;
  /** The state that an act or a migration led to: a new segment begins with it. */
  result?: ChartState;
  /** What the journal says was opened and closed; compared where it is given. `due` null where nothing is due. */
  opened?: { id: string; due: string | null }[];
  closed?: { id: string }[];
}

export interface ReplayProblem {
  seq: number;
  rule: 'not-started' | 'started-twice' | 'fault' | 'opened' | 'closed';
  message: string;
}

/** Makes every step of a journal again. Due times are taken from the journal: calendars change, what was computed from them does not. */
export function replay(rows: readonly ReplayRow[]): { state: ChartState | null; problems: ReplayProblem[] } {
  const problems: ReplayProblem[] = [];
  let state: ChartState | null = null;
  for (const row of rows) {
    if (row.result !== undefined) {
      state = row.result;
      continue;
    }
    const result = row.input === null ? undefined : again(row, row.input, state, problems);
    if (result === undefined) continue;
    if (result.outcome === 'fault')
      problems.push({ seq: row.seq, rule: 'fault', message: `${result.fault.state}: ${result.fault.message}` });
    if (result.outcome === 'taken') state = result.state;
    compare(row, result.outcome === 'taken' ? result.effects : [], problems);
  }
  return { state, problems };
}

function again(
  row: ReplayRow,
  input: NonNullable<ReplayRow['input']>,
  state: ChartState | null,
  problems: ReplayProblem[],
): StepResult | undefined {
  const scope = { ...row.scope, seq: row.seq, dues: { ...row.scope.dues, ...journaledDues(row) } };
  if (input.kind === 'start') {
    if (state !== null)
      problems.push({ seq: row.seq, rule: 'started-twice', message: 'The case is started a second time.' });
    return start(row.workflow, input.input, scope);
  }
  if (state !== null) return step(row.workflow, state, input, scope);
  problems.push({
    seq: row.seq,
    rule: 'not-started',
    message: 'The journal does not begin with the start of the case.',
  });
  return undefined;
}

function journaledDues({ opened = [] }: ReplayRow): Record<string, string> {
  return Object.fromEntries(opened.flatMap(({ id, due }) => (due === null ? [] : [[id, due]])));
}

function compare(row: ReplayRow, effects: Effect[], problems: ReplayProblem[]): void {
  const opened = effects.flatMap((effect) =>
    effect.kind === 'open' || effect.kind === 'timer' || effect.kind === 'deadline' ? [describe(effect.entry)] : [],
  );
  const closed = effects.flatMap((effect) =>
    effect.kind === 'close' || effect.kind === 'cancel' || effect.kind === 'met' ? [effect.entry.id] : [],
  );
  report(row.seq, 'opened', row.opened?.map(describe), opened, problems);
  report(
    row.seq,
    'closed',
    row.closed?.map(({ id }) => id),
    closed,
    problems,
  );
}

function describe({ id, due }: { id: string; due?: string | null }): string {
  return due === undefined || due === null ? id : `${id} due ${due}`;
}

function report(
  seq: number,
  rule: 'opened' | 'closed',
  journaled: string[] | undefined,
  made: string[],
  problems: ReplayProblem[],
): void {
  if (journaled === undefined || journaled.toSorted().join('\n') === made.toSorted().join('\n')) return;
  problems.push({
    seq,
    rule,
    message: `The journal says ${rule}: ${journaled.join(', ') || 'nothing'}; the chart gives ${made.join(', ') || 'nothing'}.`,
  });
}
