import { uuidOfEntry } from '../engine/entry-uuid.js';
import { accepts } from '../statechart/accepts.js';
import type { ChartState, Entry, Source, Workflow } from '../statechart/types.js';

/** What there is that could move a case, by entry id: open tasks and hand-offs, running steps, sub-cases, timers, incidents. */
export interface Movers {
  tasks: ReadonlySet<string>;
  handoffs: ReadonlySet<string>;
  timers: ReadonlySet<string>;
  /** Timers whose moment came and could not be taken: their incident was dealt with, and they fire no more. */
  passed: ReadonlySet<string>;
  /** Entries with an outbox row that is not parked. */
  outbox: ReadonlySet<string>;
  /** Entries whose sub-case is open, or whose answer is on its way. */
  subCases: ReadonlySet<string>;
  /** Entries that an open incident is about; somebody looks at them already. */
  incidents: ReadonlySet<string>;
}

/** Why nothing could move an active case. `because`: what of it is gone, where it waits for something. */
export interface Stuck {
  because?: Source | 'timer';
  message: string;
  entryId?: string;
}

/** Null where something can move it. */
export function whyStuck(caseId: string, workflow: Workflow, chart: ChartState, movers: Movers): Stuck | null {
  let alive = false;
  let passed: Stuck | null = null;
  for (const entry of chart.entries) {
    const id = uuidOfEntry(caseId, entry);
    if (movers.incidents.has(id)) {
      alive = true;
      continue;
    }
    const missing = missingBehind(entry, id, movers);
    if (missing !== null && movers.passed.has(id)) {
      passed ??= { ...missing, entryId: id };
      continue;
    }
    if (missing !== null) return { ...missing, entryId: id };
    if (entry.kind !== 'deadline') alive = true;
  }
  if (alive) return null;
  if (passed) return passed;
  // What a person may send from outside moves it too; whether anybody would is for `workflow check` to say.
  if (accepts(workflow, chart).length > 0) return null;
  return { message: 'The case waits for nothing: no open task, hand-off, step, sub-case or timer could move it.' };
}

function missingBehind(entry: Entry, id: string, movers: Movers): Stuck | null {
  if (entry.kind === 'deadline') return null;
  if (entry.kind === 'timer') {
    if (movers.timers.has(id)) return null;
    const message = `The timer "${entry.name}" of "${entry.node}" is not there: it never fires.`;
    return { because: 'timer', message };
  }
  if (isBehind(entry.src, id, movers)) return null;
  const message = `The case waits for ${NAMES[entry.src]} "${entry.invoke}", and there is none: its answer would never come.`;
  return { because: entry.src, message };
}

function isBehind(src: Source, id: string, movers: Movers): boolean {
  switch (src) {
    case 'task':
      return movers.tasks.has(id);
    case 'handOff':
      return movers.handoffs.has(id);
    case 'service':
      return movers.outbox.has(id);
    case 'case':
      return movers.subCases.has(id) || movers.outbox.has(id);
  }
}

const NAMES = {
  task: 'the task',
  handOff: 'the hand-off',
  service: 'the background step',
  case: 'the sub-case',
} satisfies Record<Source, string>;
