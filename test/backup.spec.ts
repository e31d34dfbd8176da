import { execFileSync } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JourneyReport } from '../demo/journey.js';
import { violations } from './faults/invariants.js';
import { linesIn, Place } from './faults/processes.js';

const LONG_MS = 240_000;
const FAMILIES = 4;
const LEDGER = 'journey-partners.jsonl';
const JOURNEY = [
  'journey',
  '--families',
  'demo/data/families.csv',
  '--count',
  String(FAMILIES),
  '--seed',
  '7',
  '--json',
];

let one: Place;
let other: Place;
const file = join(tmpdir(), `qamqor-backup-${process.pid}.tar.gz`);
beforeAll(async () => {
  execFileSync(process.execPath, ['scripts/build-once.js']);
  [one, other] = await Promise.all([Place.create(), Place.create()]);
}, LONG_MS);
afterAll(async () => {
  await Promise.all([one?.remove(), other?.remove(), rm(file, { force: true })]);
}, LONG_MS);

/** As somebody types it. What it answers. */
async function qamqor<Answer>(place: Place, ...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.start('dist/src/cli.js', args).ended;
  if (code !== 0) throw new Error(`qamqor ${args[0]} ended with ${code}:\n${stderr.slice(-2_000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as Answer;
}

describe('qamqor backup and restore', () => {
  it(
    'F52: of a journey that was killed on its way: on another machine it is sound, goes on to its end, and asks no partner twice',
    async () => {
      const killed = one.start('dist/src/cli.js', JOURNEY);
      while (linesIn(join(one.dataDir, LEDGER)) < 10 && killed.isAlive) await pause(20);
      await killed.kill();
      await qamqor(one, 'backup', file, '--json');
      const before = await qamqor<object>(one, 'verify', '--json');

      await qamqor(other, 'restore', file, '--json');
      expect(await qamqor<object>(other, 'verify', '--json')).toEqual(before);
      expect(before).toMatchObject({ ok: true, problems: [] });
      // What partners have is not lost with the machine.
      await copyFile(join(one.dataDir, LEDGER), join(other.dataDir, LEDGER));
      const report = await qamqor<JourneyReport>(other, ...JOURNEY);
      expect(report).toMatchObject({ finished: FAMILIES, verify: { ok: true, problems: [] } });
      expect(report.partners.flatMap((partner) => partner.violations)).toEqual([]);
      const ledger = join(other.dataDir, LEDGER);
      expect(await violations(await other.ensureDatabase(), { ledger, ended: true })).toEqual([]);
    },
    LONG_MS,
  );
});
