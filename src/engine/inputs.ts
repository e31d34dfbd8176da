import { refusalOf } from '../statechart/accepts.js';
import { step } from '../statechart/step.js';
import type { Entry, Fault, Input, JsonObject, StepResult } from '../statechart/types.js';
import { entryUuid } from './entry-uuid.js';
import { actor, entryOf, type Outcome, recordStep, scope } from './record.js';
import * as refuse from './refusals.js';
import type { Accepted, CaseRecord, Command, JournalPayload } from './types.js';
import {
  type BatchWrites,
  commandFacts,
  type DecideContext,
  type Decided,
  eventOf,
  type IncidentRow,
  incidentRow,
} from './writes.js';

/** A public event, from a person or a program. */
export function event(
  record: CaseRecord,
  command: Extract<Command, { kind: 'event' }>,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  refuse.reservedEvent(command.type);
  if (record.status !== 'active') throw refuse.caseNotActive(record);
  const declared = record.workflow.events.find((e) => e.type === command.type);
  if (!declared) throw refuse.eventNotAccepted(record, command.type, 'event-not-accepted');
  refuse.roleMayNotSend(record, declared, command.sender);
  if (declared.schema) refuse.badInput(command.type, declared.schema, command.data ?? null, command.lane);
  else refuse.dataWithoutSchema(command.type, command.data);
  const input: Input = {
    kind: 'event',
    type: command.type,
    ...(command.data === undefined ? {} : { data: command.data }),
  };
  const result = step(record.workflow, record.chart, input, scope(context, command.sender, record.revision + 1));
  if (result.outcome === 'refused') {
    const words = refusalOf(record.workflow, command.type, result);
    throw refuse.eventNotAccepted(record, command.type, result.reason, words);
  }
  if (result.outcome === 'fault') return fault(record, command, result.fault, context, writes);
  if (result.outcome !== 'taken') throw new Error(`An event came back as ${result.outcome}.`);
  const payload = { input, by: actor(command.sender) };
  const decided = recordStep(
    record,
    command,
    { chart: result.state, effects: result.effects, kind: 'event', type: command.type, payload, outcome: 'taken' },
    context,
    writes,
  );
  const over = metBefore(record, command, context, writes);
  for (const { id } of over)
    writes.incidentsClosed.push({ id, caseId: record.id, status: 'retried', by: command.sender.account });
  return { ...decided, record: { ...decided.record, incidents: Math.max(0, decided.record.incidents - over.length) } };
}

/** Incidents that the very same event met when it was given before: whoever gave it has given it again, and nobody else need. */
function metBefore(
  record: CaseRecord,
  command: Command,
  context: DecideContext,
  { incidentsClosed }: BatchWrites,
): IncidentRow[] {
  if (record.incidents === 0) return [];
  const open = context.incidentsOf(record.id).filter(({ id }) => !incidentsClosed.some((closed) => closed.id === id));
  return open.filter((incident) => {
    const behind = JSON.parse(incident.command) as Command;
    return behind.kind === 'event' && eventOf(behind) === eventOf(command);
  });
}

export type Answer = Extract<Command, { kind: 'answer' } | { kind: 'failure' } | { kind: 'timer' }>;

/** The answer to an open entry, or a timer whose moment has come. */
export function answer(record: CaseRecord, command: Answer, context: DecideContext, writes: BatchWrites): Decided {
  const entry = entryOf(record, command.entryId);
  if (record.status === 'suspended') return park(record, command, entry, context, writes);
  if (!entry || record.status !== 'active') {
    if (command.late === 'refuse') throw refuse.taskClosed(record);
    return ignored(record, command, 'entry-closed', context, writes);
  }
  const input = inputOf(command, entry);
  const result = step(record.workflow, record.chart, input, scope(context, command.sender, record.revision + 1));
  switch (result.outcome) {
    case 'taken': {
      const kind = command.kind === 'timer' ? 'timer' : 'answer';
      const payload = { input, by: actor(command.sender) };
      const outcome: Outcome = {
        chart: result.state,
        effects: result.effects,
        kind,
        type: nameOf(input, entry),
        payload,
        outcome: 'taken',
      };
      return recordStep(record, command, outcome, context, writes);
    }
    case 'ignored':
      if (command.late === 'refuse') throw refuse.taskClosed(record);
      return ignored(record, command, result.reason, context, writes);
    case 'not-taken':
      if (command.late === 'refuse') throw refuse.answerNotTaken(record, entry, result.reason);
      return notTaken(record, command, entry, result, context, writes);
    case 'fault':
      return fault(record, command, result.fault, context, writes, entry);
    default:
      throw new Error(`An answer came back as ${result.outcome}.`);
  }
}

/** An answer that no transition takes stays with the case: visible, and given again by `retry`. */
function notTaken(
  record: CaseRecord,
  command: Answer,
  entry: Entry,
  result: Extract<StepResult, { outcome: 'not-taken' }>,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const message = `Nothing in the workflow takes ${nameOf(inputOf(command, entry), entry)} in this state (${result.reason}).`;
  return faultFrom(record, command, { rule: result.reason, state: entry.node, message }, context, writes, entry);
}

function fault(
  record: CaseRecord,
  command: Command,
  cause: Fault,
  context: DecideContext,
  writes: BatchWrites,
  entry?: Entry,
): Decided {
  return faultFrom(record, command, cause, context, writes, entry);
}

/** People are told at once and their command is not kept; a machine's answer is journaled, so that nothing accepted is lost. */
export function faultFrom(
  record: CaseRecord,
  command: Command,
  cause: { rule: string; state: string; message: string },
  context: DecideContext,
  writes: BatchWrites,
  entry?: Entry,
): Decided {
  const row = incidentRow(record, command, cause, context);
  if (command.kind === 'event' || command.late === 'refuse') {
    writes.incidents.push(row);
    const counted = { ...record, incidents: record.incidents + 1 };
    return { record: counted, refused: refuse.caseIncident(record, row, command.kind), touched: true };
  }
  const decided = ignored(record, command, cause.rule, context, writes, 'incident', { state: cause.state });
  writes.incidents.push({ ...row, seq: decided.record.revision });
  if (entry?.kind === 'timer') writes.timersPassed.push(entryUuid(record.id, entry.id, entry.seq));
  return { ...decided, record: { ...decided.record, incidents: record.incidents + 1 } };
}

function ignored(
  record: CaseRecord,
  command: Command,
  reason: string,
  context: DecideContext,
  writes: BatchWrites,
  outcome: Accepted['outcome'] = 'ignored',
  facts: JsonObject = {},
): Decided {
  const payload: JournalPayload = { reason, command: { ...commandFacts(command), ...facts } };
  return recordStep(
    record,
    command,
    { chart: record.chart, effects: [], kind: 'ignored', type: command.kind, payload, outcome, reason },
    context,
    writes,
  );
}

/** While a case is suspended, machines' answers wait; people are told. */
function park(
  record: CaseRecord,
  command: Answer,
  entry: Entry | undefined,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  if (command.late === 'refuse') throw entry ? refuse.caseNotActive(record) : refuse.taskClosed(record);
  if (!entry) return ignored(record, command, 'entry-closed', context, writes);
  const decided = ignored(record, command, 'suspended', context, writes, 'parked');
  writes.parked.push({
    caseId: record.id,
    organisationId: record.organisationId,
    seq: decided.record.revision,
    command: JSON.stringify(command),
  });
  return decided;
}

function inputOf(command: Answer, entry: Entry): Input {
  if (command.kind === 'answer') return { kind: 'answer', entry: entry.id, output: command.output };
  if (command.kind === 'failure') return { kind: 'failure', entry: entry.id, error: command.error };
  return { kind: 'timer', entry: entry.id };
}

function nameOf(input: Input, entry: Entry): string {
  const name = entry.kind === 'invocation' ? entry.invoke : entry.kind === 'timer' ? entry.name : entry.node;
  return input.kind === 'answer' ? `done(${name})` : input.kind === 'failure' ? `error(${name})` : name;
}
