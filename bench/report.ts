import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectPath } from '../src/platform/project-root.js';
import type { ContestantName } from './contestant.js';
import type { Written } from './database.js';
import type { Measurement } from './measure.js';
import { NAMES } from './settings.js';
import type { Trials } from './trials/trial.js';

/** The engine in numbers of the loops: more is better for the first two, less for the last. */
export interface Ratios {
  /** Journeys a second, by those of the loop that puts 100 events into a transaction. */
  batchedLoop: number;
  /** Journeys a second, by those of the loop with one transaction per event. */
  oneByOneLoop: number;
  /** p50 of a lonely command, by that of one hand-written transaction. */
  aloneP50: number;
  /** Over HTTP by in process. */
  http: number | null;
  /** By the faster of the durable peers. */
  durablePeer: number | null;
  /** By raw BullMQ on Redis, which keeps nothing but its jobs. */
  bullmq: number | null;
  /** p50 of a lonely command, by that of the quickest durable peer. */
  alonePeerP50: number | null;
  /** Bytes on disk per finished journey, by those of the loop with 100 events per transaction. */
  disk: number;
  /** Five background steps: cases a second, by workflows of the faster durable peer. */
  straight: number | null;
  /** Cost per event with many stored cases, by that with few. */
  growth: number | null;
}

/** What is held to a number of its own. */
export interface Limits {
  /** Milliseconds that 99 of 100 timers are late at most, 10,000 falling due within two seconds. */
  timersP99: number | null;
  /** Milliseconds that 95 of 100 people wait at most while a backlog is drained. */
  backlogPeopleP95: number | null;
  /** Milliseconds from the start of a process to its first answer. */
  start: number | null;
  /** Percent of one core, by an application that has nothing to do. */
  rest: number | null;
  /** Megabytes that any process of ours has in memory. */
  memory: number;
}

export const LIMITS: Record<keyof Limits, number> = {
  timersP99: 100,
  backlogPeopleP95: 1_000,
  start: 3_000,
  rest: 1,
  memory: 300,
};

/** What the engine is held to. */
export const TARGETS: Record<keyof Ratios, number> = {
  batchedLoop: 0.3,
  oneByOneLoop: 2,
  aloneP50: 3,
  http: 0.6,
  durablePeer: 4,
  bullmq: 1.3,
  alonePeerP50: 1,
  disk: 2,
  straight: 1,
  growth: 1.15,
};

export interface Report {
  ratios: Ratios;
  limits: Limits;
  runs: Measurement[];
  trials: Trials;
  machine: object;
  settings: object;
  /** Of ours and of every peer. */
  versions: Record<string, string>;
  /** What each number is held to. */
  targets: { ratios: typeof TARGETS; limits: typeof LIMITS };
  at: string;
}

/** What a run was made with, so that another machine can make it again. */
export interface MadeWith {
  machine: object;
  /** Of each contestant, and of the processes that ran them. */
  settings: object;
  versions: Record<string, string>;
}

export function report(runs: Measurement[], trials: Trials, madeWith: MadeWith): Report {
  const speed = (run: Measurement) => run.journeysPerSecond;
  const faster = (name: ContestantName) => (has(runs, name) ? ratio(runs, name, false, speed) : null);
  const alone = (name: ContestantName) => (has(runs, name) ? ratio(runs, name, true, (run) => run.p50) : null);
  return {
    ratios: {
      batchedLoop: ratio(runs, 'batchedLoop', false, speed),
      oneByOneLoop: ratio(runs, 'oneByOneLoop', false, speed),
      aloneP50: ratio(runs, 'oneByOneLoop', true, (run) => run.p50),
      http: has(runs, 'http') ? rounded(1 / ratio(runs, 'http', false, speed)) : null,
      durablePeer: least(DURABLE.map(faster)),
      bullmq: faster('bullmq'),
      alonePeerP50: most(DURABLE.map(alone)),
      disk: ratio(runs, 'batchedLoop', false, (run) => (run.written?.bytes ?? Number.NaN) / run.journeys),
      straight: least([straightBy(trials, 'straightRestate'), straightBy(trials, 'straightDbos')]),
      growth: nullable(trials.growth?.[0], ({ msPerEvent: { few, many } }) => rounded(many / few)),
    },
    limits: {
      timersP99: nullable(trials.timers?.[0], ({ lateMs }) => lateMs.p99),
      backlogPeopleP95: nullable(trials.backlog?.[0], ({ people }) => people.p95),
      start: worst(trials.start, ({ firstAnswerMs }) => firstAnswerMs),
      rest: worst(trials.start, ({ restCpuPercent }) => restCpuPercent),
      memory: mostMemory(runs, trials),
    },
    runs,
    trials,
    ...madeWith,
    targets: { ratios: TARGETS, limits: LIMITS },
    at: new Date().toISOString(),
  };
}

/** Peers that store every step and go on after a crash. */
const DURABLE = ['restate', 'dbos'] as const satisfies ContestantName[];

type Value = (run: Measurement) => number;

function nullable<Figures>(figures: Figures | undefined, value: (figures: Figures) => number): number | null {
  return figures === undefined ? null : value(figures);
}

/** Of a trial that was made on an empty database and on a full one. */
function worst<Figures>(figures: Figures[] | undefined, value: (figures: Figures) => number): number | null {
  return figures === undefined ? null : Math.max(...figures.map(value));
}

function straightBy({ straight, ...trials }: Trials, name: 'straightRestate' | 'straightDbos'): number | null {
  const turns = straight?.flatMap(({ perSecond }, turn) => {
    const other = trials[name]?.[turn]?.perSecond;
    return other === undefined ? [] : [perSecond / other];
  });
  return turns?.length ? rounded(median(turns)) : null;
}

/** Of every process that runs the engine. */
function mostMemory(runs: Measurement[], { start, timers, backlog, straight, growth }: Trials): number {
  const journeys = runs.filter(({ contestant }) => contestant === 'engine' || contestant === 'http');
  return Math.max(
    ...journeys.map(({ rssBytes }) => rssBytes / 1024 / 1024),
    ...(start ?? []).map(({ residentMb }) => residentMb),
    ...[timers, backlog, straight, growth].flatMap((made) => (made ?? []).map(({ processMb }) => processMb)),
  );
}

function has(runs: Measurement[], name: ContestantName): boolean {
  return runs.some((run) => run.contestant === name);
}

const known = (values: (number | null)[]) => values.filter((value) => value !== null);
const least = (values: (number | null)[]) => (known(values).length > 0 ? Math.min(...known(values)) : null);
const most = (values: (number | null)[]) => (known(values).length > 0 ? Math.max(...known(values)) : null);
const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** The engine by another, round by round, because the machine changes from minute to minute; the median of the rounds. */
function ratio(runs: Measurement[], other: ContestantName, alone: boolean, value: Value): number {
  const others = of(runs, other, alone).map(value);
  const rounds = of(runs, 'engine', alone).map((run, round) => value(run) / (others[round] ?? Number.NaN));
  return rounded(median(rounds));
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
  ['journeys', (pick) => pick((run) => run.journeys).toFixed(0)],
  ['journeys/s', (pick) => pick((run) => run.journeysPerSecond).toFixed(0)],
  ['events/s', (pick) => pick((run) => run.eventsPerSecond).toFixed(0)],
  ['p50 ms', (pick) => pick((run) => run.p50).toFixed(1)],
  ['p95 ms', (pick) => pick((run) => run.p95).toFixed(1)],
  ['Node CPU ms/journey', (pick) => pick((run) => run.nodeCpuMs / run.journeys).toFixed(2)],
  ['rows/journey', (pick) => stored(pick, ({ rows }) => rows)],
  ['data KB/journey', (pick) => stored(pick, ({ dataBytes }) => dataBytes / 1024)],
  ['disk KB/journey', (pick) => stored(pick, ({ bytes }) => bytes / 1024)],
  ['WAL KB/journey', (pick) => stored(pick, ({ walBytes }) => walBytes / 1024)],
  ['RSS MB', (pick) => (pick((run) => run.rssBytes) / 1024 / 1024).toFixed(0)],
];

type Pick = (value: Value) => number;

/** A dash for those whose stores we do not look into. */
function stored(pick: Pick, what: (written: Written) => number): string {
  const value = pick((run) => (run.written === null ? Number.NaN : what(run.written) / run.journeys));
  return Number.isNaN(value) ? '–' : value.toFixed(1);
}

export function printReport(result: Report, out: NodeJS.WritableStream): void {
  const { runs, ratios } = result;
  const lines = (Object.keys(NAMES) as ContestantName[]).flatMap((name) =>
    [false, true].flatMap((alone) => {
      const measured = of(runs, name, alone);
      if (measured.length === 0) return [];
      const pick: Pick = (value) => median(measured.map(value));
      return [[`${NAMES[name]}${alone ? ', alone' : ''}`, ...COLUMNS.map(([, value]) => value(pick))]];
    }),
  );
  out.write(`\n${table([['', ...COLUMNS.map(([title]) => title)], ...lines])}\n\nRows written in one run, by table:\n`);
  out.write(`${table(rowsByTable(runs))}\n\n`);
  for (const [name, { words, atMost }] of Object.entries(SAID) as [keyof Ratios, Said][]) {
    const value = ratios[name];
    const target = `target: at ${atMost ? 'most' : 'least'} ${TARGETS[name]}`;
    out.write(value === null ? `–     ${words} (not measured)\n` : `${value.toFixed(2)}  ${words} (${target})\n`);
  }
  for (const [name, words] of Object.entries(LIMITS_SAID) as [keyof Limits, string][]) {
    const value = result.limits[name];
    const shown = value === null ? '–' : value.toFixed(value < 10 ? 1 : 0);
    out.write(`${shown.padEnd(6)}${words} (${value === null ? 'not measured' : `target: under ${LIMITS[name]}`})\n`);
  }
  out.write(`\n${JSON.stringify(result.trials, null, 1)}\n`);
}

interface Said {
  words: string;
  atMost?: boolean;
}

const SAID: Record<keyof Ratios, Said> = {
  batchedLoop: { words: 'of the journeys/s of the loop with 100 events per transaction' },
  oneByOneLoop: { words: 'times the journeys/s of the loop with one transaction per event' },
  http: { words: 'of the journeys/s in process, over HTTP' },
  durablePeer: { words: 'times the journeys/s of the faster durable peer' },
  bullmq: { words: 'times the journeys/s of raw BullMQ on Redis' },
  aloneP50: { words: 'times the p50 of one hand-written transaction, alone', atMost: true },
  alonePeerP50: { words: 'times the p50 of the quickest durable peer, alone', atMost: true },
  disk: { words: 'times the bytes on disk of the loop with 100 events per transaction', atMost: true },
  straight: { words: 'times the workflows/s of the faster durable peer, five background steps without waiting' },
  growth: { words: 'times the cost of an event when few cases are stored, with many', atMost: true },
};

const LIMITS_SAID: Record<keyof Limits, string> = {
  timersP99: 'ms late, 99 of 100 timers that fall due within two seconds',
  backlogPeopleP95: 'ms until 95 of 100 people are answered while a backlog of timers is drained',
  start: 'ms from the start of the process to its first answer',
  rest: '% of a core with nothing to do',
  memory: 'MB resident in the largest process of ours',
};

/** Inserted, updated and deleted rows per journey and kilobytes on disk: the same for all, or the comparison means nothing. */
function rowsByTable(runs: Measurement[]): string[][] {
  const last = (['engine', 'batchedLoop', 'oneByOneLoop'] as const).map((name) =>
    runs.findLast((run) => run.contestant === name && run.inFlight > 1),
  );
  const names = Object.keys(last[0]?.written?.tables ?? {});
  const cell = (run: Measurement | undefined, name: string) => {
    const rows = run?.written?.tables[name];
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
