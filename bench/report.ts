import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectPath } from '../src/platform/project-root.js';
import type { ContestantName } from './contestant.js';
import type { Measurement } from './measure.js';
import { NAMES, NODE_OPTIONS, SETTINGS } from './settings.js';

/** The engine in numbers of the loops: more is better for the first two, less for the last. */
export interface Ratios {
  /** Journeys a second, by those of the loop that puts 100 events into a transaction. */
  batchedLoop: number;
  /** Journeys a second, by those of the loop with one transaction per event. */
  oneByOneLoop: number;
  /** p50 of a lonely command, by that of one hand-written transaction. */
  aloneP50: number;
}

/** What the engine is held to. */
export const TARGETS: Ratios = { batchedLoop: 0.3, oneByOneLoop: 2, aloneP50: 3 };

export interface Report {
  ratios: Ratios;
  runs: Measurement[];
  machine: object;
  settings: object;
  at: string;
}

export function report(runs: Measurement[], machine: object): Report {
  return {
    ratios: {
      batchedLoop: ratio(runs, 'batchedLoop', false, (run) => run.journeysPerSecond),
      oneByOneLoop: ratio(runs, 'oneByOneLoop', false, (run) => run.journeysPerSecond),
      aloneP50: ratio(runs, 'oneByOneLoop', true, (run) => run.p50),
    },
    runs,
    machine,
    settings: { ...SETTINGS, node: NODE_OPTIONS },
    at: new Date().toISOString(),
  };
}

type Value = (run: Measurement) => number;

/** The engine by another, round by round, because the machine changes from minute to minute; the median of the rounds. */
function ratio(runs: Measurement[], other: ContestantName, alone: boolean, value: Value): number {
  const others = of(runs, other, alone).map(value);
  const rounds = of(runs, 'engine', alone).map((run, round) => value(run) / (others[round] ?? Number.NaN));
  return Math.round(median(rounds) * 1000) / 1000;
}

/** In the order of the rounds. */
function of(runs: Measurement[], name: ContestantName, alone: boolean): Measurement[] {
  return runs.filter((run) => run.contestant === name && (run.inFlight === 1) === alone);
}

function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/** Into bench/results/, which git ignores. Gives the file. */
export async function save(result: Report): Promise<string> {
  const folder = projectPath('bench', 'results');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${result.at.replaceAll(':', '-')}.json`);
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

const COLUMNS: [title: string, value: (pick: Pick) => string][] = [
  ['journeys/s', (pick) => pick((run) => run.journeysPerSecond).toFixed(0)],
  ['events/s', (pick) => pick((run) => run.eventsPerSecond).toFixed(0)],
  ['p50 ms', (pick) => pick((run) => run.p50).toFixed(1)],
  ['p95 ms', (pick) => pick((run) => run.p95).toFixed(1)],
  ['Node CPU ms/journey', (pick) => pick((run) => run.nodeCpuMs / run.journeys).toFixed(2)],
  ['rows/journey', (pick) => pick((run) => run.written.rows / run.journeys).toFixed(1)],
  ['data KB/journey', (pick) => pick((run) => run.written.dataBytes / run.journeys / 1024).toFixed(1)],
  ['disk KB/journey', (pick) => pick((run) => run.written.bytes / run.journeys / 1024).toFixed(1)],
  ['WAL KB/journey', (pick) => pick((run) => run.written.walBytes / run.journeys / 1024).toFixed(1)],
  ['RSS MB', (pick) => (pick((run) => run.rssBytes) / 1024 / 1024).toFixed(0)],
];

type Pick = (value: Value) => number;

export function printReport(result: Report, out: NodeJS.WritableStream): void {
  const { runs, ratios } = result;
  const lines = (['engine', 'batchedLoop', 'oneByOneLoop'] as const).flatMap((name) =>
    [false, true].flatMap((alone) => {
      const measured = of(runs, name, alone);
      if (measured.length === 0) return [];
      const pick: Pick = (value) => median(measured.map(value));
      return [[`${NAMES[name]}${alone ? ', alone' : ''}`, ...COLUMNS.map(([, value]) => value(pick))]];
    }),
  );
  out.write(`\n${table([['', ...COLUMNS.map(([title]) => title)], ...lines])}\n\nRows written in one run, by table:\n`);
  out.write(`${table(rowsByTable(runs))}\n\n`);
  out.write(
    `batched loop   ${ratios.batchedLoop.toFixed(2)} of its journeys/s (target: at least ${TARGETS.batchedLoop})\n`,
  );
  out.write(
    `one-by-one loop ${ratios.oneByOneLoop.toFixed(2)} times its journeys/s (target: at least ${TARGETS.oneByOneLoop})\n`,
  );
  out.write(
    `alone          ${ratios.aloneP50.toFixed(2)} times the p50 of one hand-written transaction (target: at most ${TARGETS.aloneP50})\n`,
  );
}

/** Inserted, updated and deleted rows per journey and kilobytes on disk: the same for all, or the comparison means nothing. */
function rowsByTable(runs: Measurement[]): string[][] {
  const last = (['engine', 'batchedLoop', 'oneByOneLoop'] as const).map((name) =>
    runs.findLast((run) => run.contestant === name && run.inFlight > 1),
  );
  const names = Object.keys(last[0]?.written.tables ?? {});
  const cell = (run: Measurement | undefined, name: string) => {
    const rows = run?.written.tables[name];
    if (!run || !rows) return '–';
    const per = (count: number) => (count / run.journeys).toFixed(0);
    return `+${per(rows.inserted)} ~${per(rows.updated)} -${per(rows.deleted)}  ${(rows.bytes / run.journeys / 1024).toFixed(1)} KB`;
  };
  return [
    ['per journey', 'Qamqor', 'batched', 'one by one'],
    ...names.map((name) => [name, ...last.map((run) => cell(run, name))]),
  ];
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}
