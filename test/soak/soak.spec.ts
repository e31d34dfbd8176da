import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Running } from '../faults/processes.js';
import { lines, type Sample, tableOf } from './slope.js';

const full = process.env.QAMQOR_TEST === 'full';
const MINUTES = full ? '10' : '0.2';
const LONG_MS = full ? 900_000 : 120_000;

const samples = (values: number[]): Sample[] => values.map((value, n) => ({ atS: n * 10, figures: { memory: value } }));
const flat = (values: number[]) => lines(samples(values), { memory: { share: 0.1, least: 5 } })[0]?.isFlat;
const times = (count: number, of: (n: number) => number) => Array.from({ length: count }, (_, n) => of(n));

describe('F56: a line', () => {
  it.each<[string, number[], boolean]>([
    ['that stays', times(20, () => 100), true],
    ['that rises while all is new, and then stays', times(40, (n) => Math.min(100, n * 10)), true],
    ['that goes up and down as memory does', times(40, (n) => 100 + (n % 7) * 10), true],
    ['that falls', times(20, (n) => 200 - n), true],
    ['that rises for ever', times(40, (n) => 100 + n * 2), false],
    ['that begins to rise late', times(40, (n) => (n < 20 ? 100 : 100 + (n - 20) * 3)), false],
    ['of which nothing was seen', times(20, () => Number.NaN), false],
  ])('%s', (_what, values, isFlat) => {
    expect(flat(values)).toBe(isFlat);
  });

  it('is shown with what it rises by', () => {
    const found = lines(samples(times(40, (n) => 100 + n * 2)), { memory: { share: 0.1, least: 5 } });
    expect(tableOf(found)).toMatch(/memory .*100 .*178 .*GROWS/);
  });
});

// Its numbers mean something after minutes: a run of every day leaves that to the full one.
(full ? describe : describe.skip)(`F56: the application under load for ${MINUTES} minutes`, () => {
  let running: Running | undefined;
  beforeAll(() => void execFileSync(process.execPath, ['scripts/build-once.js']), LONG_MS);
  afterAll(() => running?.kill('SIGKILL').then(() => undefined));

  it(
    full
      ? 'comes to a flat line in memory, handles and tables, and leaves every family helped'
      : 'leaves every family helped',
    async () => {
      running = new Running('dist/test/soak/main.js', ['--minutes', MINUTES, '--every', full ? '10' : '1'], {});
      const { code, stdout, stderr } = await running.ended;
      process.stdout.write(stdout);
      if (code !== 0) throw new Error(`The run ended with ${code}:\n${stdout}\n${stderr.slice(-3_000)}`);
      expect(stdout).toMatch(full ? /memory, MB .*flat/ : /memory, MB .*\d/);
    },
    LONG_MS,
  );
});
