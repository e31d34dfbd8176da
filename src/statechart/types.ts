/** Anything that survives JSON unchanged. Dates are ISO 8601 strings, money is whole tenge. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type Language = 'kk' | 'ru' | 'en';
/** A text a person reads. Definitions must give all three; `check` says where one is missing. */
export type Text = Partial<Record<Language, string>>;

/** Who gave a command, as expressions see it (`by.id`, `by.roles`). `null` is the engine itself. */
export type Actor = { id: string; roles: string[] } | null;

/**
 * A part of a case that waits for an answer or a moment. One id per opening, never used twice in a case:
 * `<invoke id>:<seq>` for an invocation, `<invoke id>:<seq>:<key>` for one item of a list, `after:<state>:<name>:<seq>`
 * for a timer, where `seq` is the journal row that opened it.
 */
export type Entry = InvocationEntry | TimerEntry | DeadlineEntry;

export interface InvocationEntry {
  kind: 'invocation';
  id: string;
  /** The invoke's id inside the statechart, which XState knows it by. */
  invoke: string;
  src: Source;
  /** The state that invokes it: the node's dotted path without the machine's key, '' for the root. */
  node: string;
  input: JsonObject;
  seq: number;
  /** Set for an item of a list (`each`). */
  item?: { key: string; index: number };
  /** When the answer is due (`input.deadline`), ISO 8601. Computed once, at opening, and journaled. */
  due?: string;
}

export interface TimerEntry {
  kind: 'timer';
  id: string;
  /** Name of the delay in `after`. */
  name: string;
  node: string;
  seq: number;
  /** When it is due, ISO 8601 in UTC with milliseconds. Computed once, at opening, and journaled. */
  due: string;
}

/** A state with `meta.deadline` that is active. Its passing moves nothing by itself: a ladder hears of it. Id `deadline:<node>:<seq>`. */
export interface DeadlineEntry {
  kind: 'deadline';
  id: string;
  node: string;
  seq: number;
  due: string;
  /** Name of the ladder in `escalation.yaml`. */
  escalation?: string;
}

export type Source = 'task' | 'handOff' | 'service' | 'case';

/** Progress of one list invocation (`each`): XState sees one invocation, the case has one entry per item. */
export interface ListProgress {
  invoke: string;
  seq: number;
  /** In input order; dropped items stay, with `dropped`, and are left out of the answer. */
  items: { key: string; entry: string; status: 'open' | 'done' | 'failed' | 'dropped'; output?: Json }[];
}

/** Everything a case needs to go on, as plain JSON. What the engine stores, and what replay compares. */
export interface ChartState {
  /** XState's persisted snapshot without children: `{status, value, context, historyValue, output?}`. */
  snapshot: StoredSnapshot;
  entries: Entry[];
  lists: ListProgress[];
}

export interface StoredSnapshot {
  status: 'active' | 'done';
  value: Json;
  context: JsonObject;
  historyValue: Json;
  output?: Json;
  /**
   * XState asks parallel regions in the order in which they were entered. Ranks of the active states, in XState's order,
   * within document order; left out where the two agree.
   */
  order?: number[];
}

/** What may happen to a case. */
export type Input =
  | { kind: 'event'; type: string; data?: Json }
  | { kind: 'answer'; entry: string; output: Json }
  | { kind: 'failure'; entry: string; error: Json }
  | { kind: 'timer'; entry: string }
  /** Adds or drops items of an open list. */
  | { kind: 'list'; invoke: string; add?: Json[]; drop?: string[] };

/** Belongs to the outer command and is the same for the whole macrostep. */
export interface Scope {
  /** ISO 8601, UTC, milliseconds. */
  now: string;
  by: Actor;
  /** The journal row this step will be: part of the ids of what it opens. Rows of a case count from 1. */
  seq: number;
  calendar: Calendar;
  /** Replay only: due times as they were journaled, by entry id, instead of computing them again. */
  dues?: Record<string, string>;
}

/** Working days and hours of one organisation. `days` holds the exceptions to the week. */
export interface Calendar {
  /** IANA name; `Asia/Almaty` for the centre. */
  zone: string;
  /** ISO weekdays that are worked, 1 = Monday. */
  week: number[];
  hours: { from: string; to: string }[];
  /** `2026-03-23` → off, or a working Saturday → on. */
  days: Record<string, 'off' | 'work'>;
}

/** One thing the engine must carry out after the step, in the order XState gave. */
export type Effect =
  | { kind: 'open'; entry: InvocationEntry }
  | { kind: 'close'; entry: InvocationEntry; reason: CloseReason }
  | { kind: 'timer'; entry: TimerEntry }
  | { kind: 'cancel'; entry: TimerEntry; reason: 'left' | 'fired' }
  | { kind: 'deadline'; entry: DeadlineEntry }
  | { kind: 'met'; entry: DeadlineEntry }
  | { kind: 'action'; type: ActionType; params: JsonObject };

/** `answered` and `failed`: by its own answer. `left`: its state was left first. `dropped`: taken off a list, or `until` was met. */
export type CloseReason = 'answered' | 'failed' | 'left' | 'dropped';
export type ActionType = 'sendParent' | 'notify' | 'openCase' | 'milestone';

export type StepResult =
  | { outcome: 'taken'; state: ChartState; effects: Effect[] }
  /** The public event does not fit this state, or every guard said no. Nothing changed. */
  | { outcome: 'refused'; reason: 'event-not-accepted' | 'guard-refused' }
  /** The entry is not open any more (late, or a twin). Nothing changed. */
  | { outcome: 'ignored'; reason: 'entry-closed' }
  /** An open entry's answer or timer that no transition takes. Nothing changed; the engine keeps it. */
  | { outcome: 'not-taken'; reason: 'no-transition' | 'guard-refused' }
  /** The step itself cannot be made: an expression warned, a guard was not true/false, a due time is unknown, `always` never ends. */
  | { outcome: 'fault'; fault: Fault };

export interface Fault {
  rule:
    | 'expression'
    | 'guard-not-boolean'
    | 'due-unknown'
    | 'endless'
    | 'state-error'
    | 'empty-list'
    | 'not-json'
    | 'too-large';
  /** Dotted path of the state node, '' for the root. */
  state: string;
  message: string;
}

/** A public event as its workflow declares it. */
export interface PublicEvent {
  type: string;
  title: Text;
  /** JSON Schema of `data`. */
  schema?: JsonObject;
  roles: string[];
  /** Asked before it is sent. */
  confirm?: Text;
  /** Told where a state listens to it and every guard says no: why, and what to do instead. */
  refused?: Text;
}

/** One thing wrong with a workflow. `error` stops a deploy. */
export interface Finding {
  rule: string;
  severity: 'error' | 'warning';
  /** Dotted path of the state node, '' for the whole workflow. */
  state: string;
  /** What it would mean for a family. */
  message: string;
  /** What to do. */
  hint: string;
}

/** A workflow that passed the loader: raw files, the normalised config, and the compiled machine behind it. */
export interface Workflow {
  key: string;
  title: Text;
  /** sha256 (hex) of everything that decides behaviour, in canonical JSON. */
  hash: string;
  /** The files as given, parsed: `workflow.yaml`, `input.yaml`, `forms/*.yaml`, `documents/*`. Path → content. */
  files: Record<string, Json>;
  events: PublicEvent[];
  /** Stages in declared order. */
  stages: { key: string; title: Text }[];
  /** JSON Schema of the case's input. */
  inputSchema?: JsonObject;
  /** Form name → `{version, schema, ui}`. */
  forms: Record<string, Form>;
  /** `meta.reopen` of the root: the state (dotted path) from which a closed case goes on. */
  reopen?: string;
  /** Compiled; only statechart/ looks inside. */
  chart: Chart;
}

export interface Form {
  name: string;
  version: number;
  title: Text;
  schema: JsonObject;
  ui: JsonObject;
}

/** Opaque to everyone outside statechart/. */
export interface Chart {
  readonly brand: unique symbol;
}

/** What the board and the deadlines need to know about where a case is. */
export interface Position {
  /** XState's state value as text: `intake`, or `{"work":{"legal":"waiting"}}` in canonical JSON. */
  state: Json;
  /** Active stages in declared order; `stage` is the furthest, null before the first. */
  stages: string[];
  stage: string | null;
}

/** A moment, as a definition says it. */
export type DelayRule =
  | { kind: 'span'; amount: number; unit: 'days' | 'hours' | 'minutes' | 'seconds' | 'milliseconds' | 'weeks' }
  | { kind: 'working'; amount: number; unit: 'days' | 'hours' }
  | { kind: 'iso'; duration: string }
  /** `until = <date>`, moved by an offset before or after it. */
  | { kind: 'until'; expression: string; offset?: { direction: 'before' | 'after'; rule: DelayRule } }
  /** `= …`: gives ISO 8601 (a duration or a moment). */
  | { kind: 'expression'; expression: string };
