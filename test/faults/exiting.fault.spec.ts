import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DatabaseClock } from '../../src/platform/clock.js';
import { EngineFixture, until } from '../engine.js';
import { Running } from './processes.js';

const full = process.env.QAMQOR_TEST === 'full';
const LONG_MS = full ? 600_000 : 120_000;
const NEIGHBOURS = 10;
const FAILURES = 30;

const errand = {
  key: 'errand',
  title: { en: 'Errand' },
  initial: 'asking',
  states: {
    asking: { invoke: { id: 'ask', src: 'handOff', input: { partner: 'p', service: 's' }, onDone: 'over' } },
    over: { type: 'final' },
  },
};

let fixture: EngineFixture;
let clock: DatabaseClock;
beforeAll(async () => {
  execFileSync(process.execPath, ['scripts/build-once.js']);
  fixture = await EngineFixture.create(['task']);
  const { engine } = fixture.runtime;
  engine.registerSource({ ...fixture.noting('handOff'), topics: { open: 'handOff.open' } });
  // This process leaves the work to the other ones.
  engine.registerOutbox('handOff.open', () =>
    Promise.resolve({ kind: 'retry', reason: 'not here', afterMs: 0, patient: true }),
  );
  clock = new DatabaseClock(fixture.runtime.readPool);
  await fixture.deploy(errand);
}, LONG_MS);
afterAll(() => fixture?.close());

const waiting = () => fixture.sql<{ case_id: string }>('select case_id from qamqor.outbox where not parked');
const incidents = () =>
  fixture.sql<{ case_id: string; message: string }>('select case_id, message from qamqor.incidents');

/** A worker is started and its handler ends it, or finds nothing more that would. */
async function life(poisoned: string): Promise<void> {
  // The lease of the one before is over.
  await clock.advanceTo(new Date(Date.parse(await clock.now()) + 11_000).toISOString());
  const worker = new Running('dist/test/faults/exiting.child.js', [fixture.database.url, poisoned], {});
  while (worker.isAlive && (await waiting()).length > 0) await pause(20);
  if (worker.isAlive) await worker.kill('SIGTERM');
  expect([0, 7]).toContain((await worker.ended).code);
}

it(
  'F43: a handler that ends its process each time takes nobody with it for good, and is an incident of its case in the end',
  async () => {
    const ids = (await Promise.all(Array.from({ length: NEIGHBOURS + 1 }, () => fixture.open('errand')))).map(
      ({ id }) => id,
    );
    const [poisoned = ''] = ids;
    await until(() => fixture.runtime.quiet);
    let lives = 0;
    for (; (await waiting()).some(({ case_id: id }) => id !== poisoned); lives += 1) {
      expect(lives).toBeLessThan(FAILURES);
      await life(poisoned);
    }
    const [row] = await fixture.sql<{ failures: number }>('select failures from qamqor.outbox');
    expect(row?.failures).toBeGreaterThanOrEqual(lives - 1);
    // The rest of the way is the same again and again.
    if (!full) await fixture.sql('update qamqor.outbox set failures = $1', [FAILURES - 2]);
    for (; (await waiting()).length > 0; lives += 1) await life(poisoned);
    process.stdout.write(`The worker was ended ${lives - 1} times by its handler.\n`);
    expect(await incidents()).toEqual([{ case_id: poisoned, message: expect.stringContaining('its process ended') }]);
    expect(await fixture.read(poisoned)).toMatchObject({ state: 'asking', incidents: 1 });
  },
  LONG_MS,
);
