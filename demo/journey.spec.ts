import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JourneyReport } from './journey.js';
import { missing } from './mishaps.js';

const FILE = 'demo/data/families.csv';
const LONG_MS = 240_000;
const FULL = process.env.QAMQOR_TEST === 'full';
const STAGES = ['intake', 'consultation', 'course', 'certificate', 'grant'];
const folder = mkdtempSync(join(tmpdir(), 'journey-'));

beforeAll(() => void execFileSync(process.execPath, ['scripts/build-once.js']), LONG_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(data: string, args: string[]) {
  const env = { ...process.env, QAMQOR_DATA: join(folder, data), NODE_OPTIONS: '' };
  // A group of its own: workers and whatever else belongs to the run die with it.
  const child = spawn(process.execPath, ['dist/src/cli.js', 'journey', '--families', FILE, '--json', ...args], {
    env,
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  return { child, output };
}

async function run(data: string, ...args: string[]): Promise<JourneyReport> {
  const { child, output } = start(data, args);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`journey ended with ${code}.\n${output.stderr}`);
  return JSON.parse(output.stdout.trim().split('\n').at(-1) ?? '') as JourneyReport;
}

/** Kills the whole group when the partners have written down so many lines. */
async function runUntilKilled(data: string, lines: number, ...args: string[]): Promise<void> {
  const { child } = start(data, args);
  const ended = once(child, 'close');
  const records = join(folder, data, 'journey-partners.jsonl');
  const written = () => (existsSync(records) ? readFileSync(records, 'utf8').split('\n').length : 0);
  while (child.exitCode === null && written() < lines) await pause(10);
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await ended;
  expect(child.signalCode).toBe('SIGKILL');
}

describe('the journey', () => {
  // Under this seed a partner asks two of the families for papers: one brings them, the other does not.
  const options = ['--count', '5', '--seed', '200'];
  let whole: JourneyReport;

  it(
    'leads every family to an end, with a clean journal and nothing unexplained',
    async () => {
      whole = await run('whole', ...options);
      expect(whole).toMatchObject({
        families: 5,
        finished: 5,
        byStatus: { done: 5 },
        incidents: [],
        verify: { ok: true, problems: [] },
        seed: '200',
      });
      expect(Object.keys(whole.ends)).toHaveLength(5);
      expect(whole.funnel.map(({ stage }) => stage)).toEqual(STAGES);
      expect(whole.partners.flatMap(({ violations }) => violations)).toEqual([]);
      const { papersRequested = 0, papersSupplied = 0 } =
        whole.partners.find(({ partner }) => partner === 'state-corporation') ?? {};
      expect(papersSupplied).toBeGreaterThan(0);
      expect(papersRequested).toBeGreaterThan(papersSupplied);
    },
    LONG_MS,
  );

  // The journeys of test/faults are killed in every run, at points that are counted.
  (FULL ? it : it.skip)(
    'ends the same way for every family when it is killed in the middle and started again',
    async () => {
      await runUntilKilled('killed', 4, ...options);
      await runUntilKilled('killed', 30, ...options);
      const report = await run('killed', ...options);
      expect(report.ends).toEqual(whole.ends);
      expect(report.verify.ok).toBe(true);
      expect(report.partners.flatMap(({ violations }) => violations)).toEqual([]);
    },
    LONG_MS,
  );

  // Some minutes on two cores.
  (FULL ? it : it.skip)(
    'leads all families of the file to their ends, and everything that can happen does',
    async () => {
      const all = await run('all');
      const { families, finished, verify, mishaps, funnel, incidents, partners } = all;
      expect({ families, finished, ended: Object.keys(all.ends).length }).toEqual({
        families: 400,
        finished: 400,
        ended: 400,
      });
      expect(verify).toMatchObject({ ok: true, problems: [] });
      expect(verify.cases).toBeGreaterThan(400);
      expect(missing(mishaps)).toEqual([]);
      expect(funnel.map(({ stage, entered, left }) => ({ stage, came: entered > 0, stayed: entered - left }))).toEqual(
        STAGES.map((stage) => ({ stage, came: true, stayed: 0 })),
      );
      expect(incidents.filter(({ explained }) => !explained)).toEqual([]);
      expect(partners.flatMap(({ violations }) => violations)).toEqual([]);
      expect(partners.filter(({ done }) => done === 0)).toEqual([]);
    },
    3_600_000,
  );

  it(
    'finds nothing left to do the second time',
    async () => {
      const again = await run('whole', ...options);
      expect(again.ends).toEqual(whole.ends);
      expect(again.verify.rows).toBe(whole.verify.rows);
    },
    LONG_MS,
  );
});
