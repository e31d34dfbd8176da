import { AppError } from './errors.js';
import { entryOf, recordStep } from './record.js';
import { caseNotActive, taskClosed } from './refusals.js';
import { isEngine } from './sender.js';
import type { CaseRecord, Command, JournalBody } from './types.js';
import type { BatchWrites, DecideContext, Decided } from './writes.js';

type EscalateCommand = Extract<Command, { kind: 'escalate' }>;

/** The case's history says who was told of an open entry; telling goes through the outbox, so that it survives a crash. */
export function escalate(
  record: CaseRecord,
  command: EscalateCommand,
  context: DecideContext,
  writes: BatchWrites,
): Decided {
  if (!isEngine(command.sender))
    throw new AppError('no-right', 403, 'Escalation is the engine’s own.', { roles: ['engine'] });
  if (!entryOf(record, command.entryId)) throw taskClosed(record);
  if (record.status !== 'active') throw caseNotActive(record);
  const decided = recordStep(
    record,
    command,
    {
      chart: record.chart,
      effects: [],
      kind: 'act',
      type: ESCALATE,
      payload: { reason: 'overdue', act: { type: ESCALATE, entryId: command.entryId, ...command.facts } },
      outcome: 'taken',
    },
    context,
    writes,
  );
  writes.outbox.push({
    id: context.id(),
    organisationId: record.organisationId,
    caseId: record.id,
    seq: decided.record.revision,
    topic: ESCALATE,
    entryId: command.entryId,
    payload: command.facts,
    attempt: 0,
  });
  return decided;
}

const ESCALATE = 'escalate';

/** Changes nothing that replay could make again. */
export function isEscalation(body: Pick<JournalBody, 'kind' | 'type'>): boolean {
  return body.kind === 'act' && body.type === ESCALATE;
}
