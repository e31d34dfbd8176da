import { createHash } from 'node:crypto';
import type { Calendar, JsonObject, Source, Workflow } from '../statechart/types.js';
import type { AppError } from './errors.js';
import type { JournalRow } from './journal.js';
import { commandDigest } from './keys.js';
import type { CaseRecord, ClosedEntry, Command, MovedEntry, OpenedEntry, OutboxRow, SourceHandler } from './types.js';

/** Everything one batch will write, gathered in memory while commands are decided. */
export interface BatchWrites {
  journal: JournalRow[];
  opened: OpenedEntry[];
  closed: ClosedEntry[];
  timersSet: {
    id: string;
    caseId: string;
    organisationId: string;
    kind: 'timer' | 'deadline';
    name: string;
    node: string;
    due: string;
  }[];
  /** Lost: written again, as their cases remember them. */
  timersLost: {
    id: string;
    caseId: string;
    organisationId: string;
    name: string;
    node: string;
    due: string;
    paused: boolean;
  }[];
  timersDropped: { id: string; caseId: string }[];
  /** Due, but the case would not take it: kept with its incident, not fired again. */
  timersPassed: string[];
  /** Cases whose timers stand still, or run again with the dues given in `timersMoved`. */
  timersPaused: string[];
  timersMoved: { id: string; due: string }[];
  entriesMoved: MovedEntry[];
  outbox: OutboxRow[];
  outboxDone: { outboxId: string; attempt: number }[];
  outboxAgain: string[];
  /** Parked, and settled by hand: nobody carries them out any more. */
  outboxDropped: string[];
  incidents: IncidentRow[];
  incidentsClosed: { id: string; caseId: string; status: 'retried' | 'resolved'; by: string }[];
  parked: { caseId: string; organisationId: string; seq: number; command: string }[];
}

export function noWrites(): BatchWrites {
  return {
    journal: [],
    opened: [],
    closed: [],
    timersSet: [],
    timersLost: [],
    timersDropped: [],
    timersPassed: [],
    timersPaused: [],
    timersMoved: [],
    entriesMoved: [],
    outbox: [],
    outboxDone: [],
    outboxAgain: [],
    outboxDropped: [],
    incidents: [],
    incidentsClosed: [],
    parked: [],
  };
}

/** How much was to be written at some moment. */
export type WritesMark = Record<keyof BatchWrites, number>;

export function markOf(writes: BatchWrites): WritesMark {
  return Object.fromEntries(Object.entries(writes).map(([table, rows]) => [table, rows.length])) as WritesMark;
}

/** Forgets everything that was added since. */
export function rewind(writes: BatchWrites, mark: WritesMark): void {
  for (const [table, length] of Object.entries(mark)) writes[table as keyof BatchWrites].length = length;
}

export interface IncidentRow {
  id: string;
  organisationId: string;
  caseId: string;
  seq: number;
  entryId: string | null;
  outboxId: string | null;
  rule: string;
  state: string;
  message: string;
  command: string;
  at: string;
}

/** What deciding needs from outside; the same for every command of a batch. */
export interface DecideContext {
  /** The database's clock, ISO 8601 in UTC with milliseconds. */
  now: string;
  calendar: Calendar;
  /** What a case is opened by, or migrates to. Throws AppError. */
  workflow(command: Extract<Command, { kind: 'open' | 'act' }>): { workflow: Workflow; version: number };
  number(command: Extract<Command, { kind: 'open' }>): string;
  topics(src: Source): SourceHandler['topics'];
  incident(id: string): IncidentRow | undefined;
  /** Open ones of a case to which an event is given. */
  incidentsOf(caseId: string): IncidentRow[];
  /** When the case was suspended, ISO, and by which account. */
  suspension(caseId: string): { at: string; by: string } | undefined;
  salt(): Buffer;
  id(): string;
}

export interface Decided {
  record: CaseRecord;
  seq?: number;
  outcome?: 'taken' | 'ignored' | 'incident' | 'parked';
  reason?: string;
  /** The command that was given again by this one: its key must not carry it out a third time. */
  again?: Command;
  /** Told to the sender although something (an incident) is stored. */
  refused?: AppError;
  /** The record differs from the stored one. */
  touched: boolean;
}

/** A second try of the same command at the same revision is the same incident. */
export function incidentRow(
  record: CaseRecord,
  command: Command,
  cause: { rule: string; state: string; message: string },
  context: Pick<DecideContext, 'now'>,
): IncidentRow {
  const entryId = 'entryId' in command ? (command.entryId ?? null) : null;
  const what = command.kind === 'event' ? eventOf(command) : (entryId ?? command.id);
  const digest = createHash('sha256')
    .update(`${record.id}:${record.revision}:${what}:${cause.rule}:${cause.state}`)
    .digest('hex');
  const { present: _present, ...stored } = command;
  return {
    id: `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
    organisationId: record.organisationId,
    caseId: record.id,
    seq: record.revision,
    entryId,
    // An answer's row was carried out and goes; what could not be carried out stays, parked.
    outboxId: command.kind === 'incident' ? (command.settles?.outboxId ?? null) : null,
    rule: cause.rule,
    state: cause.state,
    message: cause.message,
    command: JSON.stringify(stored),
    at: context.now,
  };
}

/** Who sends what: the same again is no second incident. */
export function eventOf(command: Command): string {
  return `${command.sender.account}:${commandDigest(command).toString('hex')}`;
}

/** What an ignored row keeps of the command, so that nothing that was accepted is lost. */
export function commandFacts(command: Command): JsonObject {
  const facts: JsonObject = { kind: command.kind };
  if ('entryId' in command && command.entryId) facts['entryId'] = command.entryId;
  if (command.kind === 'answer') facts['output'] = command.output;
  if (command.kind === 'failure') facts['error'] = command.error;
  if (command.kind === 'incident') {
    facts['message'] = command.message;
    if (command.because) facts['because'] = command.because;
  }
  return facts;
}
