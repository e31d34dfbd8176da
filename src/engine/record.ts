import { position } from '../statechart/accepts.js';
import type { ChartState, Effect, Entry, JsonObject, Scope } from '../statechart/types.js';
import { uuidOfEntry } from './entry-uuid.js';
import { journalRow } from './journal.js';
import { isEngine } from './sender.js';
import type { Accepted, CaseRecord, Command, JournalBody, JournalPayload, OutboxRow, Sender } from './types.js';
import type { BatchWrites, DecideContext, Decided } from './writes.js';

/** Name and version of what made a journal row; replay reports rows of engines it does not know. */
export const ENGINE = 'qamqor/1';

/** What a step led to, before it is written down. */
export interface Outcome {
  chart: ChartState;
  effects: Effect[];
  kind: JournalBody['kind'];
  type: string;
  payload: JournalPayload;
  outcome: Accepted['outcome'];
  reason?: string;
  /** Acts set it; otherwise it follows from the snapshot. */
  status?: CaseRecord['status'];
}

/** Writes one accepted command down: journal row, entries opened and closed, timers, outbox. The only place where a case moves on. */
export function recordStep(
  record: CaseRecord,
  command: Command,
  made: Outcome,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  const seq = record.revision + 1;
  const at = context.now;
  const { state, stages, stage } = position(record.workflow, made.chart);
  const status = made.status ?? (made.chart.snapshot.status === 'done' ? 'done' : record.status);
  const facts: Omit<JournalBody, 'payload'> = {
    seq,
    at,
    kind: made.kind,
    type: made.type,
    by: command.sender.account,
    onBehalfOf: command.sender.onBehalfOf ?? null,
    commandId: command.id,
    state,
    stages,
    opened: [],
    closed: [],
    workflow: { key: record.workflow.key, version: record.workflowVersion, hash: record.workflow.hash },
    engine: ENGINE,
  };
  const next: CaseRecord = {
    ...record,
    chart: made.chart,
    state,
    stage,
    stages,
    status,
    revision: seq,
    updatedAt: at,
    closedAt: status === 'done' || status === 'cancelled' ? (record.closedAt ?? at) : null,
    dueAt: earliestDue(made.chart.entries),
  };
  const outbox = writeEffects(next, command, made, facts, context, writes);
  const answer = answerToParent(record, next, context);
  if (answer) outbox.push(answer);
  const row = journalRow(
    record.head,
    context.salt(),
    { caseId: record.id, organisationId: record.organisationId },
    facts,
    made.payload,
  );
  writes.journal.push(row);
  writes.outbox.push(...outbox);
  if (command.settles && command.kind !== 'incident') writes.outboxDone.push(command.settles);
  next.head = row.hash;
  return { record: next, seq, outcome: made.outcome, reason: made.reason, touched: true };
}

/** Turns effects into rows, in their order, and notes in `facts` what was opened and closed. */
function writeEffects(
  record: CaseRecord,
  command: Command,
  made: Outcome,
  facts: Omit<JournalBody, 'payload'>,
  context: DecideContext,
  writes: BatchWrites,
): OutboxRow[] {
  const outbox: OutboxRow[] = [];
  const { id: caseId, organisationId } = record;
  const send = (topic: string, entryId: string | null, payload: OutboxRow['payload']) =>
    outbox.push({ id: context.id(), organisationId, caseId, seq: facts.seq, topic, entryId, payload, attempt: 0 });

  const chain: JsonObject = command.kind === 'open' && command.chain ? { chain: command.chain } : {};
  for (const effect of made.effects) {
    if (effect.kind === 'action') {
      send(effect.type, null, effect.type === 'openCase' ? { ...effect.params, ...chain } : effect.params);
      continue;
    }
    const entry = effect.entry;
    const uuid = uuidOfEntry(caseId, entry);
    switch (effect.kind) {
      case 'open': {
        facts.opened.push({ id: entry.id, uuid, src: effect.entry.src, due: effect.entry.due ?? null });
        const row = {
          entryId: uuid,
          entry: effect.entry,
          caseId,
          organisationId,
          caseNumber: record.number,
          subject: record.subject,
          workflow: record.workflow,
          at: context.now,
          seq: facts.seq,
        };
        writes.opened.push(row);
        const topic = context.topics(effect.entry.src)?.open;
        if (topic) send(topic, uuid, { entry: entry.id, ...(effect.entry.src === 'case' ? chain : {}) });
        break;
      }
      case 'close': {
        facts.closed.push({ id: entry.id, uuid });
        const output =
          command.kind === 'answer' ? command.output : command.kind === 'failure' ? command.error : undefined;
        const own = effect.reason === 'answered' || effect.reason === 'failed';
        writes.closed.push({
          entryId: uuid,
          entry: effect.entry,
          caseId,
          organisationId,
          reason: effect.reason,
          ...(own && output !== undefined ? { output } : {}),
          at: context.now,
          seq: facts.seq,
          by: command.sender,
        });
        const topic = context.topics(effect.entry.src)?.close;
        if (topic && !own) send(topic, uuid, { entry: entry.id, reason: effect.reason });
        break;
      }
      case 'timer':
      case 'deadline':
        facts.opened.push({ id: entry.id, uuid, due: effect.entry.due });
        writes.timersSet.push({
          id: uuid,
          caseId,
          organisationId,
          kind: effect.kind,
          name: effect.kind === 'timer' ? effect.entry.name : (effect.entry.escalation ?? ''),
          node: entry.node,
          due: effect.entry.due,
        });
        break;
      case 'cancel':
      case 'met':
        facts.closed.push({ id: entry.id, uuid });
        writes.timersDropped.push({ id: uuid, caseId });
        break;
    }
  }
  return outbox;
}

/** A sub-case answers once for each time that it ends; what is journaled later says nothing new to its parent. */
function answerToParent(before: CaseRecord, record: CaseRecord, context: DecideContext): OutboxRow | undefined {
  const { status, parent } = record;
  if (!parent || status === before.status || (status !== 'done' && status !== 'cancelled')) return undefined;
  return {
    id: context.id(),
    organisationId: record.organisationId,
    caseId: record.id,
    seq: record.revision,
    topic: 'case.answer',
    entryId: parent.entryId,
    payload: { parent: parent.caseId, status, output: record.chart.snapshot.output ?? null },
    attempt: 0,
  };
}

export function scope(context: DecideContext, sender: Sender, seq: number): Scope {
  return { now: context.now, by: actor(sender), seq, calendar: context.calendar };
}

export function actor(sender: Sender) {
  return isEngine(sender) ? null : { id: sender.account, roles: sender.roles };
}

export function entryOf(record: CaseRecord, uuid: string): Entry | undefined {
  return record.chart.entries.find((entry) => uuidOfEntry(record.id, entry) === uuid);
}

/** When the first deadline of a case is over; timers are no deadlines. */
export function earliestDue(entries: Entry[]): string | null {
  let earliest: string | null = null;
  for (const entry of entries) {
    if (entry.kind === 'timer' || !entry.due) continue;
    if (earliest === null || entry.due < earliest) earliest = entry.due;
  }
  return earliest;
}
