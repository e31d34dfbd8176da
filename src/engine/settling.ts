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
    const wave = last === undefined ? 0 : mayTake(command, records.get(command.caseId), sources) ? last + 1 : last;
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
  const answers = wave.flatMap((command) => openAnswer(command, loaded.records.get(command.caseId)));
  const outputs = new Map<Command, Json>();
  for (const [source, ofSource] of Map.groupBy(answers, ({ entry }) => entry.src)) {
    for (const [command, output] of (await sources.get(source)?.settle?.(tx, ofSource, loaded.now)) ?? [])
      outputs.set(command, output);
  }
  return outputs;
}

function mayTake(command: Command, record: CaseRecord | undefined, sources: Sources): boolean {
  if (command.kind !== 'answer') return false;
  const source = sourceOf(record, command.entryId);
  return source !== undefined && sources.get(source)?.settle !== undefined;
}

function openAnswer(command: Command, record: CaseRecord | undefined): OpenAnswer[] {
  if (command.kind !== 'answer' || record?.status !== 'active') return [];
  const entry = entryOf(record, command.entryId);
  return entry?.kind === 'invocation' ? [{ command, entry, record }] : [];
}
