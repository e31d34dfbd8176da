import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { projectPath } from '../src/platform/project-root.js';
import type { Task } from './child.js';
import type { ContestantName } from './contestant.js';
import { BenchDatabase, withServer } from './database.js';
import type { Measurement } from './measure.js';
import { peerSettings } from './peer.js';
import { withRedis } from './redis.js';
import { type MadeWith, printReport, report, save } from './report.js';
import { isPeer, NODE_OPTIONS, SETTINGS } from './settings.js';
import { BY_PEERS, ON_REDIS, type TrialName, type Trials } from './trials/trial.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Journeys of one run. */
    journeys: { type: 'string', default: '2000' },
    'in-flight': { type: 'string', default: '200' },
    /** How often the round A B C is made after the warm-up. */
    rounds: { type: 'string', default: '3' },
    /** `off`: journeys only. `1`: trials as large as the targets speak of; `0.1` tries them. */
    trials: { type: 'string', default: '1' },
    /** `off`: only what is ours, and the hand-written loops. */
    peers: { type: 'string', default: 'on' },
    /** Folder for `--cpu-prof` of the processes that run the engine, in process and over HTTP. */
    profile: { type: 'string' },
  },
});

const OURS: ContestantName[] = ['engine', 'batchedLoop', 'oneByOneLoop', 'http'];
const PEERS: ContestantName[] = ['bullmq', 'restate', 'dbos'];
/** With one journey in flight, each command waits for nobody. */
const LONELY: ContestantName[] = ['engine', 'oneByOneLoop', 'restate', 'dbos'];
/** A lonely caller waits for the disk at every step, and for every neighbour: few journeys, often by turns. */
const LONELY_JOURNEYS = 20;
const LONELY_TURNS = 4;
/** The slower peers get fewer, so that a round stays short. */
const SHARES: Partial<Record<ContestantName, number>> = { restate: 0.4, dbos: 0.1 };

/** Those that are compared take turns. A start, and the rest after it, are measured with nothing stored and with all that `growth` leaves. */
const ORDER: TrialName[] = [
  ...(['start', 'timers', 'backlog'] as const),
  ...Array.from({ length: 3 }, () => ['straight', 'straightRestate', 'straightDbos'] as const).flat(),
  'growth',
  'start',
];

class Runner {
  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(name: ContestantName | TrialName, url: string, redisUrl: string | undefined): Promise<Runner> {
    const profile =
      options.profile && (name === 'engine' || name === 'http')
        ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`]
        : [];
    const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [url, ...(redisUrl ? [redisUrl] : [])], {
      execArgv: [...NODE_OPTIONS, '--enable-source-maps', '--disable-warning=DeprecationWarning', ...profile],
    });
    await once(child, 'message');
    return new Runner(name, child);
  }

  async run<Result>(task: Task): Promise<Result> {
    this.child.send(task);
    const over = new AbortController();
    const gone = async () => {
      const [code] = await once(this.child, 'exit', over);
      return [{ error: `The process of ${this.name} ended with ${code}.` }];
    };
    try {
      const [answer] = (await Promise.race([once(this.child, 'message', over), gone()])) as [
        { result?: Result; error?: string },
      ];
      if (!answer.result) throw new Error(answer.error);
      return answer.result;
    } finally {
      over.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.disconnect();
    await gone;
  }
}

async function bench(url: string, redisUrl: string | undefined) {
  const contestants = contestantsFor(redisUrl);
  const database = await BenchDatabase.prepare(url);
  // Before anything is measured: a package that is not there would cost the whole run.
  const made = await madeWith(contestants, await database.settings());
  const runners = new Map<ContestantName, Runner>();
  const runs: Measurement[] = [];
  try {
    for (const name of contestants) runners.set(name, await Runner.start(name, url, redisUrl));
    const run = async (name: ContestantName, journeys: number, inFlight: number) => {
      const runner = runners.get(name);
      if (!runner) throw new Error(`Nobody runs ${name}.`);
      const measurement = await runner.run<Measurement>({ contestant: name, journeys, inFlight });
      progress(measurement);
      return measurement;
    };
    const journeys = Number(options.journeys);
    const share = (name: ContestantName) => Math.ceil(journeys * (SHARES[name] ?? 1));
    const inFlight = Number(options['in-flight']);
    for (const name of contestants) await run(name, Math.ceil(share(name) / 4), inFlight);
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const name of contestants) runs.push(await run(name, share(name), inFlight));
      for (let turn = 0; turn < LONELY_TURNS; turn++)
        for (const name of LONELY.filter((one) => contestants.includes(one)))
          runs.push(await run(name, LONELY_JOURNEYS, 1));
    }
    for (const runner of runners.values()) await runner.stop();
    runners.clear();
    return report(runs, await makeTrials(url, redisUrl), made);
  } finally {
    for (const runner of runners.values()) await runner.stop();
    await database.close();
  }
}

async function makeTrials(url: string, redisUrl: string | undefined): Promise<Trials> {
  const trials: Record<string, object[]> = {};
  const scale = options.trials === 'off' ? 0 : Number(options.trials);
  const left = (name: TrialName) =>
    (redisUrl === undefined && ON_REDIS.includes(name)) || (options.peers === 'off' && BY_PEERS.includes(name));
  for (const trial of scale > 0 ? ORDER.filter((name) => !left(name)) : []) {
    const runner = await Runner.start(trial, url, redisUrl);
    try {
      const figures = await runner.run<object>({ trial, scale });
      process.stderr.write(`${trial}: ${JSON.stringify(figures)}\n`);
      trials[trial] = [...(trials[trial] ?? []), figures];
    } finally {
      await runner.stop();
    }
  }
  return trials as Trials;
}

function contestantsFor(redisUrl: string | undefined): ContestantName[] {
  if (options.peers === 'off') return OURS;
  preparePeers();
  return [...OURS, ...PEERS.filter((name) => name !== 'bullmq' || redisUrl !== undefined)];
}

/** Their packages are no dependencies of ours: they are installed when somebody wants to compare. */
function preparePeers(): void {
  const folder = projectPath('bench', 'peers');
  if (existsSync(join(folder, 'node_modules'))) return;
  process.stderr.write('Installing the peers into bench/peers (--peers off goes without them).\n');
  execFileSync('npm', ['ci'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
}

function progress({ contestant, inFlight, journeys, journeysPerSecond, p50 }: Measurement): void {
  process.stderr.write(
    `${contestant}, ${inFlight} in flight: ${journeys} journeys, ${journeysPerSecond.toFixed(0)} a second, p50 ${p50.toFixed(1)} ms\n`,
  );
}

async function madeWith(contestants: ContestantName[], postgres: Record<string, string>): Promise<MadeWith> {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    postgres,
  };
  const peers = contestants.filter(isPeer);
  const settingsOf = await Promise.all(peers.map(async (name) => [name, await peerSettings(name)]));
  return {
    machine,
    settings: { ...SETTINGS, ...Object.fromEntries(settingsOf), node: NODE_OPTIONS },
    versions: { ...installed('package.json'), ...(peers.length > 0 ? installed('bench/peers/package.json') : {}) },
  };
}

/** What a package depends on, by name, as it is installed. */
function installed(manifest: string): Record<string, string> {
  const path = projectPath(manifest);
  const { dependencies } = JSON.parse(readFileSync(path, 'utf8')) as { dependencies: Record<string, string> };
  const versionOf = (name: string) => {
    const own = JSON.parse(readFileSync(join(dirname(path), 'node_modules', name, 'package.json'), 'utf8'));
    return (own as { version: string }).version;
  };
  return Object.fromEntries(Object.keys(dependencies).map((name) => [name, versionOf(name)]));
}

// Ctrl-C reaches the contestants too: they end, and what was started here is stopped and removed on the way out.
process.once('SIGINT', () => process.stderr.write('Stopping; once more ends at once.\n'));
const result = await withRedis((redisUrl) => withServer((url) => bench(url, redisUrl)));
await save(result);
printReport(result, options.json ? process.stderr : process.stdout);
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
