import type {
  Actor,
  ChartState,
  CloseReason,
  Input,
  InvocationEntry,
  Json,
  JsonObject,
  Source,
  Workflow,
} from '../statechart/types.js';
import type { AppError } from './errors.js';

/** Who gives a command. `engine` is the system itself; its account id is the zero UUID. */
export interface Sender {
  /** Account id: scope of the idempotency keys. */
  account: string;
  roles: string[];
  onBehalfOf?: string;
}

/** One thing that may happen to one case. Everything that changes a case is a command. */
export type Command = CommandBase &
  (
    | {
        kind: 'open';
        workflow: string;
        input: JsonObject;
        subject?: string;
        parent?: { caseId: string; entryId: string };
        /** How many cases opened each other, each with its first step, to come to this one. */
        chain?: number;
      }
    | { kind: 'event'; type: string; data?: Json }
    /** An answer to an open entry. `entryId` is the entry's UUID. */
    | { kind: 'answer'; entryId: string; output: Json }
    | { kind: 'failure'; entryId: string; error: Json }
    | { kind: 'timer'; entryId: string }
    | { kind: 'act'; act: Act; reason: string }
    /** Somebody is told that an open entry waits: journaled, and sent out as topic `escalate`. Changes nothing else. */
    | { kind: 'escalate'; entryId: string; facts: JsonObject }
    /** What a worker could not carry out: becomes an incident. `because`: more of the rule, for whoever words it. */
    | { kind: 'incident'; rule: string; because?: string; message: string; entryId?: string }
  );

export interface CommandBase {
  organisationId: string;
  caseId: string;
  /** 1–128 visible ASCII; unique per account and organisation. */
  id: string;
  /** Keep the id, so that a second try gets the first answer. People's commands do; engine answers are fenced by their entry. */
  keep: boolean;
  /** What makes two tries the same command, where that is not the command itself (ids drawn anew for each try). */
  digestOf?: Json;
  sender: Sender;
  /** People first, machines fill. */
  lane: 'people' | 'machines';
  /** Refused with 409 `stale-revision` when the case has moved on. */
  revision?: number;
  /** Outbox row that this command settles, deleted in the same transaction, and the case it went out from. */
  settles?: { outboxId: string; attempt: number; caseId: string };
  /** Answers to an entry that is not open any more: people are told 409, machines' are journaled as ignored. */
  late?: 'refuse' | 'journal';
  /** What the sender is told, made inside the transaction and kept with the id, so that a replayed answer is equal. */
  present?: (result: Accepted) => Json;
}

export type Act =
  | { type: 'cancel' }
  | { type: 'suspend' }
  | { type: 'resume' }
  | { type: 'reopen' }
  /** `target`: the dotted path of a state, or a list of them, one for each region. `context` is laid over the case's. */
  | { type: 'modify'; target: Json; context?: JsonObject }
  /** To another version, the newest unless told; stays in its states unless `target` names others. */
  | { type: 'migrate'; version?: number; target?: Json; context?: JsonObject }
  | { type: 'list'; invoke: string; add?: Json[]; drop?: string[] }
  | { type: 'retry'; incidentId: string }
  | { type: 'resolve'; incidentId: string };

export interface Accepted {
  case: CaseRecord;
  /** The journal row that the command became. */
  seq: number;
  outcome: 'taken' | 'ignored' | 'incident' | 'parked';
  reason?: string;
  /** True where the id was seen before: nothing was done again. */
  replayed: boolean;
  /** What `present` made, now or the first time. */
  answer: Json;
}

export interface CaseRecord {
  id: string;
  organisationId: string;
  /** For people: `Q-000123`. */
  number: string;
  workflow: Workflow;
  workflowVersion: number;
  /** What the case is about, opaque to the engine (a family's id). One open case per subject and workflow. */
  subject: string | null;
  parent: { caseId: string; entryId: string } | null;
  status: 'active' | 'suspended' | 'done' | 'cancelled';
  state: Json;
  stage: string | null;
  stages: string[];
  /** = seq of the newest journal row. */
  revision: number;
  chart: ChartState;
  head: Buffer;
  openedAt: string;
  updatedAt: string;
  closedAt: string | null;
  /** Earliest due of the case's open deadlines, tasks and hand-offs; null when nothing is due. */
  dueAt: string | null;
  incidents: number;
  /** A hand changed it (`modify`). */
  modified: boolean;
}

/** An invocation as features see it. */
export interface OpenedEntry {
  /** UUIDv7-shaped, derived from (case, entry id): equal on replay, carried by task, hand-off, job. */
  entryId: string;
  entry: InvocationEntry;
  caseId: string;
  organisationId: string;
  caseNumber: string;
  subject: string | null;
  workflow: Workflow;
  /** ISO; `entry.due` is when the answer is due. */
  at: string;
  seq: number;
}

export interface ClosedEntry {
  entryId: string;
  entry: InvocationEntry;
  caseId: string;
  organisationId: string;
  reason: CloseReason;
  /** The answer, when it was answered or failed. */
  output?: Json;
  at: string;
  seq: number;
  by: Sender;
  /** What goes on from the command that closed it (`traceparent`), where it is traced. */
  trace?: string | undefined;
}

/** One statement inside the batch's transaction. Statements are pipelined: do not await one before sending the next. */
export interface BatchTransaction {
  query<Row extends object = object>(
    name: string,
    text: string,
    values: unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
}

/**
 * What stands behind `invoke {src}`: a feature registers one per source. Called once per batch, set-based,
 * inside the transaction that stores the transition.
 */
export interface SourceHandler {
  src: Source;
  open(tx: BatchTransaction, rows: OpenedEntry[]): Promise<void>;
  close(tx: BatchTransaction, rows: ClosedEntry[]): Promise<void>;
  /** The policy of each answer, evaluated under the row lock, before the step. Returns refusals by command. */
  admit?(tx: BatchTransaction, answers: AnswerCommand[]): Promise<Map<AnswerCommand, AppError>>;
  /**
   * May replace the answer in the transaction, right before the step that takes it (a service that takes a number). Told only
   * of answers whose case is active and whose entry is open, each case at most once in a call. If the step then refuses the
   * command, the transaction fails, so that nothing is taken in vain.
   */
  settle?(tx: BatchTransaction, answers: OpenAnswer[], now: string): Promise<Map<Command, Json>>;
  /** New dues of open entries, after a case stood still. */
  reschedule?(tx: BatchTransaction, rows: MovedEntry[]): Promise<void>;
  /**
   * An outbox row of the topic is written for each entry that is opened or left, so that a worker carries it out; of `follow` for
   * each that is open when its case is suspended, and when it goes on.
   */
  topics?: { open?: string; close?: string; follow?: string };
}

/** An open entry of a case that stood still. */
export interface MovedEntry {
  entryId: string;
  /** As before where it is a date of the world; null where nothing is due. */
  due: string | null;
  /** For how long the case stood: by that moves whatever else hangs on the entry. */
  stoodMs: number;
  entry: InvocationEntry;
  workflow: Workflow;
}

/** An answer, and what it answers. */
export interface OpenAnswer {
  command: Extract<Command, { kind: 'answer' }>;
  entry: InvocationEntry;
  record: CaseRecord;
}

/** An entry with a due time, whatever stands behind it. `what` is its source, or `state` for a `meta.deadline`. */
export interface DueEntry {
  entryId: string;
  caseId: string;
  organisationId: string;
  what: Source | 'state';
  /** Id of the invoke, or path of the state. */
  name: string;
  /** ISO 8601, both. */
  at: string;
  due: string;
  /** As the workflow names it; null where nobody is to hear. */
  ladder: string | null;
}

/** A feature that follows what is due. Told set-based, inside the transaction that stores the transition, like a source. */
export interface DueWatcher {
  opened(tx: BatchTransaction, rows: DueEntry[]): Promise<void>;
  closed(tx: BatchTransaction, entryIds: string[]): Promise<void>;
  /** New dues of open entries, after a case stood still. */
  moved(tx: BatchTransaction, rows: { entryId: string; due: string }[]): Promise<void>;
}

export type AnswerCommand = Extract<Command, { kind: 'answer' } | { kind: 'failure' }>;

/** A thing to carry out outside: one row, delivered at least once with a stable key (its id). */
export interface OutboxRow {
  id: string;
  organisationId: string;
  caseId: string;
  seq: number;
  /** `handOff.open`, `handOff.close`, `service.open`, `case.open`, `case.close`, `case.follow`, `case.answer`, `sendParent`, `notify`, `openCase`. */
  topic: string;
  entryId: string | null;
  payload: JsonObject;
  /** The fencing number: rises with every lease and is never set back. */
  attempt: number;
  /** What goes on from the command that wrote it (`traceparent`), where that was traced. */
  trace?: string | null | undefined;
}

/** A row that a worker holds. */
export interface LeasedRow extends OutboxRow {
  /** How often it was begun since it was written, or since a person sent it again: 1 at the first try. */
  tries: number;
  /** How many of these failed before; patient ones do not count. */
  failures: number;
}

/** Carries out one outbox row. Throwing or `retry` makes it due again after a back-off. */
export type OutboxHandler = (row: LeasedRow) => Promise<Delivery>;

export type Delivery =
  /** Carried out; nothing more to say. */
  | { kind: 'done' }
  /** Carried out; the command stores its answer and deletes the row in one transaction. */
  | { kind: 'answer'; command: Command }
  /**
   * Not now. `afterMs` overrides the back-off; `patient`: no failure; however often, it never becomes an incident.
   * `failures`: after how many it does; thirty unless told. `untried`: nothing was begun.
   */
  | { kind: 'retry'; reason: string; afterMs?: number; patient?: boolean; failures?: number; untried?: boolean }
  /** Never: becomes an incident on the case; of the rule `not-delivered`, unless it has one of its own. */
  | { kind: 'give-up'; reason: string; rule?: string };

export type JournalKind = 'event' | 'answer' | 'ignored' | 'timer' | 'act' | 'migration';

/** What a journal row says, and what its hash covers (canonical JSON of exactly this). */
export interface JournalBody {
  seq: number;
  at: string;
  kind: JournalKind;
  type: string;
  by: string;
  onBehalfOf: string | null;
  commandId: string;
  /** sha256 (hex) of salt and canonical payload; null where there is none. */
  payload: string | null;
  state: Json;
  stages: string[];
  /** Entry id → due (ISO) or null. */
  opened: { id: string; uuid: string; src?: Source; due: string | null }[];
  closed: { id: string; uuid: string }[];
  workflow: { key: string; version: number; hash: string };
  engine: string;
}

/** What a case is from its first row to its last. */
export type CaseIdentity = Pick<CaseRecord, 'number' | 'subject' | 'parent'>;

/** What lies in the payload row: enough to make the step again. */
export interface JournalPayload {
  input?: Input | { kind: 'start'; input: JsonObject };
  by?: Actor;
  /** Of the first row: which case this is. */
  identity?: CaseIdentity;
  reason?: string;
  /** What was not taken: kept with `ignored` rows. */
  command?: JsonObject;
  act?: JsonObject;
  /** Acts and migrations carry the state they led to; replay goes on from it. */
  result?: { chart: ChartState; status: CaseRecord['status'] };
}

/** What features see of the engine (`engine.ts` has the one implementation). */
export interface EngineApi {
  /** Resolves after COMMIT. Throws AppError when refused: nothing changed. */
  submit(command: Command): Promise<Accepted>;
  registerSource(handler: SourceHandler): void;
  registerOutbox(topic: string, handler: OutboxHandler): void;
  registerDueWatcher(watcher: DueWatcher): void;
  /** Called about once a second by the sweeper of a worker process: what of yours is due. Must be safe in several processes at once. */
  registerSweep(name: string, sweep: () => Promise<void>): void;
  /** Reads one case as it is now (no lock). By id or number. */
  read(organisationId: string, idOrNumber: string): Promise<CaseRecord | null>;
}

/** `versions.ts`: workflow versions, in the database and compiled in memory. */
export interface VersionsApi {
  /** Same content = same version. Throws LoadError, or AppError 422 with findings. */
  deploy(
    organisationId: string,
    files: Record<string, string>,
    by: string,
  ): Promise<{ key: string; version: number; hash: string; created: boolean }>;
  current(organisationId: string, key: string): Promise<{ workflow: Workflow; version: number }>;
  byVersion(organisationId: string, key: string, version: number): Promise<Workflow>;
  /** The same, remembering nothing: as the database has them now. */
  afresh(): VersionsApi;
}
