import { position } from '../statechart/accepts.js';
import { canonicalJson } from '../statechart/canonical.js';
import type { Calendar, Effect, InvocationEntry, Json, JsonObject, Workflow } from '../statechart/types.js';
import { type MovingAct, planned, versionOf } from './moves.js';
import { actor } from './record.js';
import { staleRevision } from './refusals.js';
import type { CaseRecord, Sender, VersionsApi } from './types.js';

/** What an act would lead to, were it given now. Times are ISO 8601. */
export interface Preview {
  workflow: { key: string; version: number };
  state: Json;
  stages: string[];
  stage: string | null;
  status: CaseRecord['status'];
  opens: PreviewedEntry[];
  closes: PreviewedEntry[];
  timers: { starts: PreviewedTimer[]; stops: PreviewedTimer[] };
  context: { name: string; from: Json; to: Json }[];
  /** Messages, milestones and cases that would go out, in order. */
  actions: { type: string; params: JsonObject }[];
}

interface PreviewedEntry {
  invoke: string;
  src: string;
  /** Dotted path of its state. */
  node: string;
  title: Json;
  due: string | null;
}

interface PreviewedTimer {
  kind: 'timer' | 'deadline';
  name: string;
  node: string;
  due: string;
}

interface Asking {
  now: string;
  calendar: Calendar;
  sender: Sender;
  versions: VersionsApi;
  revision?: number;
}

/** Changes and writes nothing. Throws the AppError that the act itself would be refused with. */
export async function previewAct(record: CaseRecord, act: MovingAct, asking: Asking): Promise<Preview> {
  const { now, calendar, sender, versions, revision } = asking;
  if (revision !== undefined && revision !== record.revision) throw staleRevision(record, revision);
  const to = act.type === 'migrate' ? await versionOf(versions, record, act.version) : undefined;
  const scope = { now, by: actor(sender), seq: record.revision + 1, calendar };
  const { record: then, chart, effects, status } = planned(record, act, scope, to);
  const shown = (kind: 'open' | 'close', workflow: Workflow) =>
    effects.flatMap((effect) => (effect.kind === kind ? [entryOf(effect.entry as InvocationEntry, workflow)] : []));
  return {
    workflow: { key: then.workflow.key, version: then.workflowVersion },
    ...position(then.workflow, chart),
    status,
    opens: shown('open', then.workflow),
    closes: shown('close', record.workflow),
    timers: { starts: timersOf(effects, 'timer', 'deadline'), stops: timersOf(effects, 'cancel', 'met') },
    context: changes(record.chart.snapshot.context, chart.snapshot.context),
    actions: effects.flatMap((effect) =>
      effect.kind === 'action' ? [{ type: effect.type, params: effect.params }] : [],
    ),
  };
}

function entryOf({ invoke, src, node, input, due }: InvocationEntry, workflow: Workflow): PreviewedEntry {
  const { form } = input;
  const ofForm = typeof form === 'string' && Object.hasOwn(workflow.forms, form) ? workflow.forms[form]?.title : null;
  return { invoke, src, node, title: input.title ?? (ofForm as JsonObject | null) ?? null, due: due ?? null };
}

function timersOf(effects: Effect[], ...kinds: Effect['kind'][]): PreviewedTimer[] {
  return effects.flatMap((effect) => {
    if (!kinds.includes(effect.kind) || !('entry' in effect) || effect.entry.kind === 'invocation') return [];
    const { kind, node, due } = effect.entry;
    return [{ kind, name: effect.entry.kind === 'timer' ? effect.entry.name : '', node, due }];
  });
}

function changes(before: JsonObject, after: JsonObject): Preview['context'] {
  return Object.keys({ ...before, ...after }).flatMap((name) => {
    const [from, to] = [before[name] ?? null, after[name] ?? null];
    return canonicalJson(from) === canonicalJson(to) ? [] : [{ name, from, to }];
  });
}
