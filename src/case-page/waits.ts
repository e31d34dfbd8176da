import { uuidOfEntry } from '../engine/entry-uuid.js';
import { isOverdue } from '../engine/overdue.js';
import type { CaseRecord } from '../engine/types.js';
import { onlyReminds } from '../statechart/entries.js';
import type { Entry, Language } from '../statechart/types.js';
import { inLanguage, type Titles } from '../workflows/titles.js';
import { type Outline, outlineOf } from './outline.js';

/** One thing that a case waits for. */
export interface Wait {
  kind: 'task' | 'handOff' | 'service' | 'case' | 'timer' | 'deadline';
  /** Of the task or hand-off; the case's for a sub-case, null before it was opened. */
  id: string | null;
  title: string;
  /** Who must act: a name, else a role's or partner's title. Null where nobody has to. */
  who: string | null;
  /** Of the task, hand-off or sub-case; null for the rest. */
  status: string | null;
  /** Why a hand-off has not gone out yet: `consent-missing`, `no-address`, `partner-down`, `partner-gone`. */
  waitingReason: string | null;
  /** What the partner wants before it goes on; null unless it waits for papers. */
  asked: Asked | null;
  dueAt: string | null;
  overdue: boolean;
}

/** In the partner's own words. */
export interface Asked {
  missing: string[];
  comment: string | null;
}

/** What stands behind a case's open entries, by the entry's UUID. */
export interface Behind {
  tasks: ReadonlyMap<string, { status: string; assignee: string | null }>;
  /** `dueAt`: by its own clock, which stands still while the partner waits for papers. */
  handoffs: ReadonlyMap<string, { status: string; waiting: string | null; asked: Asked | null; dueAt: string | null }>;
  children: ReadonlyMap<string, { id: string; number: string; status: string }>;
}

/** A deadline further away than this is nothing that a case waits for: days. */
const DEADLINE_IN_SIGHT = 30;

/** People first, then partners, then machines and moments; within each the first that is due. */
const ORDER: Wait['kind'][] = ['task', 'handOff', 'case', 'service', 'timer', 'deadline'];

export function waitsOf(
  record: CaseRecord,
  { behind, titles, language, now }: { behind: Behind; titles: Titles; language: Language; now: string },
): Wait[] {
  const outline = outlineOf(record.workflow, language);
  const awaited = record.chart.entries.filter((entry) => !onlyReminds(record.workflow, entry));
  const waits = awaited.map((entry): Wait => {
    const own = behind.handoffs.get(uuidOfEntry(record.id, entry))?.dueAt;
    const dueAt = own ?? entry.due ?? null;
    const overdue = entry.kind !== 'timer' && isOverdue({ status: record.status, dueAt }, now);
    return { ...describe(record, entry, outline, { behind, titles, language }), dueAt, overdue };
  });
  const inSight = waits.filter((wait) => wait.kind !== 'deadline' || isInSight(wait, now));
  // Where only deadlines are left, they are what moves somebody to look.
  return (inSight.length > 0 ? inSight : waits).sort(
    (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (a.dueAt ?? '9').localeCompare(b.dueAt ?? '9'),
  );
}

function isInSight({ dueAt, overdue }: Wait, now: string): boolean {
  return overdue || (dueAt !== null && Date.parse(dueAt) - Date.parse(now) <= DEADLINE_IN_SIGHT * 86_400_000);
}

function describe(
  record: CaseRecord,
  entry: Entry,
  outline: Outline,
  { behind, titles, language }: { behind: Behind; titles: Titles; language: Language },
): Omit<Wait, 'dueAt' | 'overdue'> {
  const title = outline.byPath.get(entry.node)?.title ?? entry.node;
  const nobody = { id: null, title, who: null, status: null, waitingReason: null, asked: null };
  if (entry.kind !== 'invocation') return { ...nobody, kind: entry.kind };
  const uuid = uuidOfEntry(record.id, entry);
  const { input } = entry;
  switch (entry.src) {
    case 'task': {
      const task = behind.tasks.get(uuid);
      const who = task?.assignee ?? titles.role(String(input['role'] ?? ''), language);
      const form = inLanguage(record.workflow.forms[String(input['form'])]?.title, language);
      return { ...nobody, kind: 'task', id: uuid, title: form ?? title, who, status: task?.status ?? null };
    }
    case 'handOff': {
      const partner = String(input['partner'] ?? '');
      const service = titles.service(partner, String(input['service'] ?? ''), language);
      const handoff = behind.handoffs.get(uuid);
      const [status, waitingReason, asked] = [
        handoff?.status ?? null,
        handoff?.waiting ?? null,
        handoff?.asked ?? null,
      ];
      const who = titles.partner(partner, language);
      return { kind: 'handOff', id: uuid, title: service ?? title, who, status, waitingReason, asked };
    }
    case 'case': {
      const child = behind.children.get(uuid);
      return {
        ...nobody,
        kind: 'case',
        id: child?.id ?? null,
        who: child?.number ?? null,
        status: child?.status ?? null,
      };
    }
    case 'service':
      return { ...nobody, kind: 'service' };
  }
}
