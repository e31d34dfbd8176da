import { isDated } from '../statechart/entries.js';
import { step } from '../statechart/step.js';
import type { ChartState, Effect, Entry, JsonObject } from '../statechart/types.js';
import { entryUuid, uuidOfEntry } from './entry-uuid.js';
import { AppError } from './errors.js';
import { ORPHAN, PARTNER_GONE, TIMER_FAILED } from './incident-rules.js';
import { answer, event } from './inputs.js';
import { restoreLost } from './lost.js';
import { cannot, type MovingAct, notPossible, planned, refuseUnknownKeys } from './moves.js';
import { type Outcome, recordStep, scope } from './record.js';
import { ENGINE_SENDER, isEngine } from './sender.js';
import type { Act, CaseRecord, Command } from './types.js';
import { type BatchWrites, type DecideContext, type Decided } from './writes.js';

type ActCommand = Extract<Command, { kind: 'act' }>;
type ActOf<Type extends Act['type']> = Extract<Act, { type: Type }>;

/** What a hand may do to a case: never XState events, always journaled with actor and reason. */
export function act(record: CaseRecord, command: ActCommand, context: DecideContext, writes: BatchWrites): Decided {
  if (!command.reason.trim())
    throw new AppError('reason-missing', 422, 'Say why: an act on a case needs a reason.', {}, [
      { path: '/reason', message: 'must not be empty', rule: 'not-empty' },
    ]);
  switch (command.act.type) {
    case 'cancel':
      return cancel(record, command, context, writes);
    case 'suspend':
      return suspend(record, command, context, writes);
    case 'resume':
      return resume(record, command, context, writes);
    case 'reopen':
    case 'modify':
    case 'migrate':
      return moved(record, command, command.act, context, writes);
    case 'list':
      return list(record, command, command.act, context, writes);
    case 'retry':
      return retry(record, command, command.act, context, writes);
    case 'resolve':
      return resolve(record, command, command.act, context, writes);
  }
}

function cancel(record: CaseRecord, command: ActCommand, context: DecideContext, writes: BatchWrites): Decided {
  if (record.status === 'done' || record.status === 'cancelled') throw notPossible(record, 'cancel');
  const chart: ChartState = { ...record.chart, entries: [], lists: [] };
  return carried(record, command, chart, closing(record.chart.entries), 'cancelled', context, writes);
}

function suspend(record: CaseRecord, command: ActCommand, context: DecideContext, writes: BatchWrites): Decided {
  if (record.status !== 'active') throw notPossible(record, 'suspend');
  writes.timersPaused.push(record.id);
  const decided = carried(record, command, record.chart, [], 'suspended', context, writes);
  tellFollowers(decided.record, context, writes);
  return decided;
}

/** What the case has opened elsewhere stands still with it, and goes on with it. */
function tellFollowers(record: CaseRecord, context: DecideContext, writes: BatchWrites): void {
  const { id: caseId, organisationId, revision: seq } = record;
  for (const entry of record.chart.entries) {
    const topic = entry.kind === 'invocation' ? context.topics(entry.src)?.follow : undefined;
    if (topic === undefined) continue;
    const row = { id: context.id(), organisationId, caseId, seq, topic, payload: { entry: entry.id }, attempt: 0 };
    writes.outbox.push({ ...row, entryId: uuidOfEntry(caseId, entry) });
  }
}

/** Every due that is no date of the world moves by as long as the case stood still, then the parked answers are given again. */
function resume(record: CaseRecord, command: ActCommand, context: DecideContext, writes: BatchWrites): Decided {
  if (record.status !== 'suspended') throw notPossible(record, 'resume');
  const suspension = context.suspension(record.id);
  // What a hand has stopped goes on by a hand.
  if (isEngine(command.sender) && suspension && suspension.by !== ENGINE_SENDER.account)
    throw notPossible(record, 'resume');
  const stood = Date.parse(context.now) - Date.parse(suspension?.at ?? record.updatedAt);
  const later = (due: string) => new Date(Date.parse(due) + stood).toISOString();
  const entries = record.chart.entries.map((entry) =>
    entry.due && !isDated(record.workflow, entry) ? { ...entry, due: later(entry.due) } : entry,
  );
  for (const entry of entries) {
    const id = entryUuid(record.id, entry.id, entry.seq);
    const { workflow } = record;
    if (entry.kind === 'invocation')
      writes.entriesMoved.push({ entryId: id, due: entry.due ?? null, stoodMs: stood, entry, workflow });
    else if (entry.due) writes.timersMoved.push({ id, due: entry.due });
  }
  const decided = carried(record, command, { ...record.chart, entries }, [], 'active', context, writes);
  const { id: caseId, organisationId } = record;
  writes.outbox.push({
    id: context.id(),
    organisationId,
    caseId,
    seq: decided.record.revision,
    topic: 'case.unpark',
    entryId: null,
    payload: {},
    attempt: 0,
  });
  tellFollowers(decided.record, context, writes);
  return decided;
}

function moved(
  record: CaseRecord,
  command: ActCommand,
  what: MovingAct,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const to = what.type === 'migrate' ? context.workflow(command) : undefined;
  const plan = planned(record, what, scope(context, command.sender, record.revision + 1), to);
  return carried(plan.record, command, plan.chart, plan.effects, plan.status, context, writes);
}

function list(
  record: CaseRecord,
  command: ActCommand,
  what: ActOf<'list'>,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  if (record.status !== 'active') throw notPossible(record, 'list');
  refuseUnknownKeys(record, what);
  const input = {
    kind: 'list' as const,
    invoke: what.invoke,
    ...(what.add ? { add: what.add } : {}),
    ...(what.drop ? { drop: what.drop } : {}),
  };
  const result = step(record.workflow, record.chart, input, scope(context, command.sender, record.revision + 1));
  if (result.outcome !== 'taken') throw cannot(record, result);
  return carried(record, command, result.state, result.effects, undefined, context, writes);
}

/** Gives the command behind an incident again; it stays open when nothing takes it this time either. */
function retry(
  record: CaseRecord,
  command: ActCommand,
  what: ActOf<'retry'>,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const incident = openIncident(record, what.incidentId, context);
  const behind = JSON.parse(incident.command) as Command;
  if (behind.late === 'refuse') throw answerAgain(record);
  const noted = carried(record, command, record.chart, [], undefined, context, writes);
  writes.incidentsClosed.push({ id: incident.id, caseId: record.id, status: 'retried', by: command.sender.account });
  const cleared = { ...noted.record, incidents: Math.max(0, record.incidents - 1) };
  if (behind.kind === 'incident') {
    const { rule, because: _because, message: _message, settles: _settled, entryId, ...rest } = behind;
    // The sweeper has passed it by: nobody else would fire it any more.
    if (rule === TIMER_FAILED && entryId)
      return answer(cleared, { ...rest, kind: 'timer', entryId, late: 'journal' }, context, writes);
    if (rule === ORPHAN) restoreLost(noted.record, entryId, context, writes);
    if (incident.outboxId) writes.outboxAgain.push(incident.outboxId);
    return { ...noted, record: cleared };
  }
  if (behind.kind === 'event') {
    const given = event(cleared, behind, context, writes);
    // It cannot be decided this time either: the retry itself was carried out, and a new incident says why.
    if (given.refused)
      return {
        ...noted,
        record: given.record,
        outcome: 'incident',
        reason: writes.incidents.at(-1)?.rule ?? given.refused.code,
      };
    return { ...given, again: behind };
  }
  if (behind.kind === 'answer' || behind.kind === 'failure' || behind.kind === 'timer') {
    const { settles: _settled, ...again } = behind;
    return answer(cleared, { ...again, late: 'journal' }, context, writes);
  }
  throw new Error(`An incident keeps a command of kind ${behind.kind}, which cannot be given again.`);
}

/** Dealt with otherwise: what could not be carried out is not tried any more, unless it waits for something elsewhere. */
function resolve(
  record: CaseRecord,
  command: ActCommand,
  what: ActOf<'resolve'>,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const incident = openIncident(record, what.incidentId, context);
  if (incident.outboxId)
    (incident.rule === PARTNER_GONE ? writes.outboxAgain : writes.outboxDropped).push(incident.outboxId);
  writes.incidentsClosed.push({ id: incident.id, caseId: record.id, status: 'resolved', by: command.sender.account });
  const noted = carried(record, command, record.chart, [], undefined, context, writes);
  return { ...noted, record: { ...noted.record, incidents: Math.max(0, record.incidents - 1) } };
}

/** An act's row carries the state it led to, so that replay goes on from there. */
function carried(
  record: CaseRecord,
  command: ActCommand,
  chart: ChartState,
  effects: Effect[],
  status: CaseRecord['status'] | undefined,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const resulting = status ?? (chart.snapshot.status === 'done' ? 'done' : record.status);
  const made: Outcome = {
    chart,
    effects,
    kind: command.act.type === 'migrate' ? 'migration' : 'act',
    type: command.act.type,
    payload: { reason: command.reason, act: { ...command.act } as JsonObject, result: { chart, status: resulting } },
    outcome: 'taken',
    status: resulting,
  };
  return recordStep(record, command, made, context, writes);
}

function closing(entries: Entry[]): Effect[] {
  return entries.map((entry): Effect => {
    if (entry.kind === 'invocation') return { kind: 'close', entry, reason: 'left' };
    if (entry.kind === 'timer') return { kind: 'cancel', entry, reason: 'left' };
    return { kind: 'met', entry };
  });
}

function openIncident(record: CaseRecord, id: string, context: DecideContext) {
  const incident = context.incident(id);
  if (!incident || incident.caseId !== record.id)
    throw new AppError('incident-not-found', 404, `Case ${record.number} has no open incident ${id}.`);
  return incident;
}

/** A person's answer was refused and is not kept whole: what was personal in it is stored only with an answer that is taken. */
function answerAgain(record: CaseRecord): AppError {
  return new AppError(
    'act-not-possible',
    409,
    `The task of case ${record.number} is still open: answer it again, then resolve the incident.`,
  );
}
