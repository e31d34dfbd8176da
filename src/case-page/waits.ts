import { uuidOfEntry } from '../engine/entry-uuid.js';
import { isOverdue } from '../engine/overdue.js';
import type { CaseRecord } from '../engine/types.js';
import type { Entry, Language } from '../statechart/types.js';
import { inLanguage, type Names } from './names.js';
import { type Outline, outlineOf } from './outline.js';

/** One thing that a case waits for. */
export interface Wait {
  kind: 'task' | 'handOff' | 'service' | 'case' | 'timer' | 'deadline';
  /** Of the task or hand-off; the case's for a sub-case, null before it was opened. */
  id: string | null;
  title: string;
  /** Who must act: a name, else a role's or partner's title. Null where nobody has to. */
  who: string | null;
  /** Of the task or hand-off; null for the rest. */
  status: string | null;
  dueAt: string | null;
  overdue: boolean;
}

/** What stands behind a case's open entries, by the entry's UUID. */
export interface Behind {
  tasks: ReadonlyMap<string, { status: string; assignee: string | null }>;
  /** `expires_at`: when it is due, by its own clock. */
  handoffs: ReadonlyMap<string, { status: string; expires_at?: Date | null }>;
  children: ReadonlyMap<string, { id: string; number: string; status: string }>;
}

/** People first, then partners, then machines and moments; within each the first that is due. */
const ORDER: Wait['kind'][] = ['task', 'handOff', 'case', 'service', 'timer', 'deadline'];

export function waitsOf(
  record: CaseRecord,
  { behind, names, language, now }: { behind: Behind; names: Names; language: Language; now: string },
): Wait[] {
  const outline = outlineOf(record.workflow, language);
  const waits = record.chart.entries.map((entry): Wait => {
    const own = behind.handoffs.get(uuidOfEntry(record.id, entry))?.expires_at?.toISOString();
    const dueAt = own ?? entry.due ?? null;
    const overdue = entry.kind !== 'timer' && isOverdue({ status: record.status, dueAt }, now);
    return { ...describe(record, entry, outline, { behind, names, language }), dueAt, overdue };
  });
  return waits.sort(
    (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (a.dueAt ?? '9').localeCompare(b.dueAt ?? '9'),
  );
}

function describe(
  record: CaseRecord,
  entry: Entry,
  outline: Outline,
  { behind, names, language }: { behind: Behind; names: Names; language: Language },
): Omit<Wait, 'dueAt' | 'overdue'> {
  const title = outline.byPath.get(entry.node)?.title ?? entry.node;
  const nobody = { id: null, title, who: null, status: null };
  if (entry.kind !== 'invocation') return { ...nobody, kind: entry.kind };
  const uuid = uuidOfEntry(record.id, entry);
  const { input } = entry;
  switch (entry.src) {
    case 'task': {
      const task = behind.tasks.get(uuid);
      const who = task?.assignee ?? names.role(String(input['role'] ?? ''), language);
      const form = inLanguage(record.workflow.forms[String(input['form'])]?.title, language);
      return { kind: 'task', id: uuid, title: form ?? title, who, status: task?.status ?? null };
    }
    case 'handOff': {
      const partner = String(input['partner'] ?? '');
      const service = names.service(partner, String(input['service'] ?? ''), language);
      const status = behind.handoffs.get(uuid)?.status ?? null;
      return { kind: 'handOff', id: uuid, title: service ?? title, who: names.partner(partner, language), status };
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
