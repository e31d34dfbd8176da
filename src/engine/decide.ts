import { start } from '../statechart/step.js';
import { act } from './acts.js';
import { escalate } from './escalate.js';
import { answer, event, faultFrom } from './inputs.js';
import { GENESIS } from './journal.js';
import { actor, entryOf, recordStep, scope } from './record.js';
import * as refuse from './refusals.js';
import type { CaseRecord, Command } from './types.js';
import type { BatchWrites, DecideContext, Decided } from './writes.js';

/**
 * Decides one command on one case, in memory: the next record, and the rows to write, appended to `writes` only when the
 * command is accepted. Throws AppError when it is refused; then nothing was changed.
 */
export function decide(
  record: CaseRecord | null,
  command: Command,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  if (command.kind === 'open') return open(command, context, writes);
  if (!record) throw refuse.caseNotFound(command.caseId);
  if (command.revision !== undefined && command.revision !== record.revision)
    throw refuse.staleRevision(record, command.revision);
  if (command.kind === 'act') return act(record, command, context, writes);
  if (command.kind === 'event') return event(record, command, context, writes);
  if (command.kind === 'escalate') return escalate(record, command, context, writes);
  if (command.kind === 'incident') return incident(record, command, context, writes);
  return answer(record, command, context, writes);
}

/** It happened in the state that waits for the entry. */
function incident(
  record: CaseRecord,
  command: Extract<Command, { kind: 'incident' }>,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const { rule, message, entryId } = command;
  const state = (entryId === undefined ? undefined : entryOf(record, entryId))?.node ?? '';
  return faultFrom(record, command, { rule, state, message }, context, writes);
}

function open(command: Extract<Command, { kind: 'open' }>, context: DecideContext, writes: BatchWrites): Decided {
  const { workflow, version } = context.workflow(command);
  refuse.badInput(workflow.key, workflow.inputSchema, command.input, command.lane);
  const result = start(workflow, command.input, scope(context, command.sender, 1));
  if (result.outcome !== 'taken') throw refuse.startFailed(workflow, result);
  const record: CaseRecord = {
    id: command.caseId,
    organisationId: command.organisationId,
    number: context.number(command),
    workflow,
    workflowVersion: version,
    subject: command.subject ?? null,
    parent: command.parent ?? null,
    status: 'active',
    state: null,
    stage: null,
    stages: [],
    revision: 0,
    chart: result.state,
    head: GENESIS,
    openedAt: context.now,
    updatedAt: context.now,
    closedAt: null,
    dueAt: null,
    incidents: 0,
    modified: false,
  };
  const { number, subject, parent } = record;
  const payload = {
    input: { kind: 'start' as const, input: command.input },
    by: actor(command.sender),
    identity: { number, subject, parent },
  };
  return recordStep(
    record,
    command,
    { chart: result.state, effects: result.effects, kind: 'event', type: 'start', payload, outcome: 'taken' },
    context,
    writes,
  );
}
