import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Random, seededRandom } from '../../src/platform/random.js';
import { databaseAt } from '../database.js';
import { Errands } from './errands.js';
import { Place } from './processes.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full
  ? { cases: 1_000, clients: 30, restarts: 30, kills: 8 }
  : { cases: 20, clients: 8, restarts: 2, kills: 1 };
const LONG_MS = full ? 1_800_000 : 180_000;
const seed = process.env.QAMQOR_TEST_SEED ?? String(Date.now() % 1_000_000);
const note = `(seed ${seed}; QAMQOR_TEST_SEED repeats it)`;

describe.each(QUEUES)('the database that we bring along, with queues in %s', (name, create) => {
  let queues: Queues;
  let place: Place;
  let errands: Errands;
  beforeAll(async () => {
    place = await Place.create();
    queues = await create();
    errands = await Errands.create(await databaseAt(await place.ensureDatabase()), queues.settings);
    await errands.start('web,worker');
    await errands.start('web,worker');
  }, LONG_MS);
  afterAll(async () => {
    await errands?.close();
    await place?.remove();
    await queues?.close();
  }, 60_000);

  it(
    `F16: is restarted at once every few seconds, and away for up to two: every case comes to its end, exactly ${note}`,
    async () => {
      const random = seededRandom(seed);
      await errands.go(SIZE.clients);
      for (let restart = 0; restart < SIZE.restarts; restart += 1) {
        await pause(random.between(full ? 5_000 : 1_000, full ? 10_000 : 2_000));
        await away(random);
      }
      await errands.more(Math.max(1, SIZE.cases - errands.ended));
      await errands.enough();
      await errands.expectExact();
      const { told, broken } = errands.turnedAway;
      process.stdout.write(
        `F16, queues in ${name}: ${errands.ended} cases, ${SIZE.restarts} restarts, ${told} times 503, ${broken} broken.\n`,
      );
    },
    LONG_MS,
  );

  /** As `pg_ctl stop -m immediate` does it. */
  async function away(random: Random): Promise<void> {
    await place.killServer('SIGQUIT');
    await pause(random.between(0, 2_000));
    await place.ensureDatabase();
  }

  it(
    `F19: its postmaster is killed with -9 under load: what was acknowledged is there, and all goes on ${note}`,
    async () => {
      const random = seededRandom(`${seed} kills`);
      await errands.go(SIZE.clients);
      await expectSafeSettings();
      for (let kill = 0; kill < SIZE.kills; kill += 1) {
        await errands.more(random.between(3, 10));
        await place.killServer('SIGKILL');
        const acknowledged = [...errands.opened];
        await place.ensureDatabase();
        const { rows } = await errands.town.api.database
          .pool('owner')
          .query<{ id: string }>('select id from qamqor.cases where id = any ($1::uuid[])', [acknowledged]);
        expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(acknowledged));
      }
      await errands.enough();
      await errands.expectExact();
      process.stdout.write(`F19, queues in ${name}: ${errands.ended} cases, ${SIZE.kills} kills.\n`);
    },
    LONG_MS,
  );

  async function expectSafeSettings(): Promise<void> {
    const { rows } = await errands.town.api.database
      .pool('owner')
      .query(
        `select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`,
      );
    expect(rows).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'full_page_writes', setting: 'on' },
      { name: 'synchronous_commit', setting: 'on' },
    ]);
  }
});
