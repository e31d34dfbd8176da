import type { Json, Source } from '../statechart/types.js';
import { entryOf } from './record.js';
import type { BatchTransaction, CaseRecord, Command, OpenAnswer, SourceHandler } from './types.js';

type Sources = ReadonlyMap<Source, SourceHandler>;

export function sourceOf(record: CaseRecord | undefined, entryId: string): Source | undefined {
  const entry = record && entryOf(record, entryId);
  return entry?.kind === 'invocation' ? entry.src : undefined;
}

/**
 * The commands of a batch in waves, so that what came before an answer on its case is decided before that answer is settled:
 * only then is it known whether its entry is still open. Nearly every batch is one wave.
 */
export function inWaves(commands: Command[], records: ReadonlyMap<string, CaseRecord>, sources: Sources): Command[][] {
  const waves: Command[][] = [];
  const lastOf = new Map<string, number>();
  for (const command of commands) {
    const last = lastOf.get(command.caseId);
    const mayTake = command.kind === 'answer' && settlerOf(records.get(command.caseId), command.entryId, sources);
    const wave = last === undefined ? 0 : mayTake ? last + 1 : last;
    lastOf.set(command.caseId, wave);
    waves[wave] ??= [];
    waves[wave].push(command);
  }
  return waves;
}

/** What the answers of one wave become in this transaction, by command; those that nobody settles are not in it. */
export async function settleWave(
  tx: BatchTransaction,
  wave: Command[],
  loaded: { now: string; records: ReadonlyMap<string, CaseRecord> },
  sources: Sources,
): Promise<Map<Command, Json>> {
  const bySettler = Map.groupBy(
    wave.flatMap((command) => openAnswer(command, loaded.records.get(command.caseId))),
    ({ command, record }) => settlerOf(record, command.entryId, sources),
  );
  const outputs = new Map<Command, Json>();
  for (const [settler, answers] of bySettler) {
    for (const [command, output] of (await settler?.settle?.(tx, answers, loaded.now)) ?? [])
      outputs.set(command, output);
  }
  return outputs;
}

function settlerOf(record: CaseRecord | undefined, entryId: string, sources: Sources): SourceHandler | undefined {
  const source = sourceOf(record, entryId);
  const handler = source && sources.get(source);
  return handler?.settle && handler;
}

function openAnswer(command: Command, record: CaseRecord | undefined): OpenAnswer[] {
  if (command.kind !== 'answer' || record?.status !== 'active') return [];
  const entry = entryOf(record, command.entryId);
  return entry?.kind === 'invocation' ? [{ command, entry, record }] : [];
}
