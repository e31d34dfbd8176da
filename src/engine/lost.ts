import type { Entry } from '../statechart/types.js';
import { AppError } from './errors.js';
import { entryOf } from './record.js';
import type { CaseRecord } from './types.js';
import type { BatchWrites, DecideContext } from './writes.js';

/**
 * What a case waits for and what is not there any more, made again from what the case remembers of it. Where that is not
 * enough, nothing is pretended. @throws AppError `act-not-possible` that says what to do instead
 */
export function restoreLost(
  record: CaseRecord,
  entryId: string | undefined,
  context: Pick<DecideContext, 'topics' | 'id'>,
  writes: BatchWrites,
): void {
  const entry = entryId === undefined ? undefined : entryOf(record, entryId);
  // It was answered or left since: nothing is lost any more.
  if (entryId !== undefined && !entry) return;
  const { id: caseId, organisationId } = record;
  if (entryId !== undefined && entry?.kind === 'timer') {
    const { name, node, due } = entry;
    const paused = record.status === 'suspended';
    writes.timersLost.push({ id: entryId, caseId, organisationId, name, node, due, paused });
    return;
  }
  const topic = topicOf(entry, context);
  if (!entryId || !entry || !topic) throw notRestored(record, entry);
  const payload = { entry: entry.id };
  writes.outbox.push({
    id: context.id(),
    organisationId,
    caseId,
    seq: record.revision,
    topic,
    entryId,
    payload,
    attempt: 0,
  });
}

/** A task is a row of its own, a sub-case has a life of its own: to ask for them again makes neither. */
function topicOf(entry: Entry | undefined, context: Pick<DecideContext, 'topics'>): string | undefined {
  if (entry?.kind !== 'invocation' || (entry.src !== 'service' && entry.src !== 'handOff')) return undefined;
  return context.topics(entry.src)?.open;
}

function notRestored(record: CaseRecord, entry: Entry | undefined): AppError {
  const what = entry?.kind === 'invocation' ? `"${entry.invoke}" of case ${record.number}` : `Case ${record.number}`;
  return new AppError(
    'act-not-possible',
    409,
    `${what} cannot be brought back by trying again. Put the case into ${entry?.node ?? 'a state'} by the act modify: what it waits for is then opened anew.`,
    { rule: 'not-restored', states: [entry?.node ?? record.state] },
  );
}
