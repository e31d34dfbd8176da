import type { BatchTransaction, DueEntry, DueWatcher } from './types.js';
import type { BatchWrites } from './writes.js';

/** Tells whoever follows what is due: of invocations with a due time, and of states with a deadline. */
export function tellDues(
  tx: BatchTransaction,
  watcher: DueWatcher,
  { writes, now }: { writes: BatchWrites; now: string },
): Promise<unknown>[] {
  const opened = [...invocations(writes), ...deadlines(writes, now)];
  const closed = [...writes.closed.map((row) => row.entryId), ...writes.timersDropped.map((row) => row.id)];
  const moved = [
    ...writes.entriesMoved.flatMap(({ entryId, due }) => (due === null ? [] : [{ entryId, due }])),
    ...writes.timersMoved.map(({ id, due }) => ({ entryId: id, due })),
  ];
  const sent: Promise<unknown>[] = [];
  if (opened.length) sent.push(watcher.opened(tx, opened));
  if (closed.length) sent.push(watcher.closed(tx, closed));
  if (moved.length) sent.push(watcher.moved(tx, moved));
  return sent;
}

function invocations(writes: BatchWrites): DueEntry[] {
  return writes.opened.flatMap(({ entryId, entry, caseId, organisationId, at }) => {
    const { due, src, invoke, input } = entry;
    if (!due) return [];
    const ladder = typeof input['escalation'] === 'string' ? input['escalation'] : null;
    return [{ entryId, caseId, organisationId, what: src, name: invoke, at, due, ladder }];
  });
}

function deadlines(writes: BatchWrites, at: string): DueEntry[] {
  return writes.timersSet.flatMap(({ id, caseId, organisationId, kind, name, node, due }) =>
    kind === 'deadline'
      ? [{ entryId: id, caseId, organisationId, what: 'state' as const, name: node, at, due, ladder: name || null }]
      : [],
  );
}
