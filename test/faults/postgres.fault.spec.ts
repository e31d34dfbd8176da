import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { LEASE_S } from '../../src/engine/outbox.js';
import { type Random, seededRandom } from '../../src/platform/random.js';
import { databaseAt } from '../database.js';
import { Errands, type Server } from './errands.js';
import { Place } from './processes.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full
  ? { cases: 1_000, clients: 30, restarts: 30, kills: 8, held: 500, rounds: 8 }
  : { cases: 20, clients: 8, restarts: 2, kills: 1, held: 10, rounds: 1 };
const LEASE_MS = LEASE_S * 1_000;
/** Of F21, one after another. */
const PARTS = 4;
/** Four times what an operator is promised. */
const HANG_S = 120;
const MISHAPS = ['killed', 'paused', 'queues lost', 'away', 'cut off', 'silent'] as const;
const LONG_MS = full ? 1_800_000 : 180_000;
const seed = process.env.QAMQOR_TEST_SEED ?? String(Date.now() % 1_000_000);
const note = `(seed ${seed}; QAMQOR_TEST_SEED repeats it)`;

describe.each(QUEUES)('the database that we bring along, with queues in %s', (name, create) => {
  let queues: Queues;
  let place: Place;
  let errands: Errands;
  /** Those that may come and go. */
  let workers: Server[];
  beforeAll(async () => {
    place = await Place.create();
    queues = await create();
    errands = await Errands.create(await databaseAt(await place.ensureDatabase()), queues.settings);
    await begin();
  }, LONG_MS);
  afterAll(async () => {
    await errands?.close();
    await place?.remove();
    await queues?.close();
  }, 60_000);

  // A test that fails leaves nobody paused: what is to be stopped in the end could not be.
  afterEach(() => {
    for (const worker of workers) worker.tell('SIGCONT');
  });

  /** Two processes, so that one is there while the other is not. */
  async function begin(): Promise<void> {
    await errands.start('web,worker');
    workers = [await errands.start('web,worker')];
  }

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

  it(
    'F6: is killed together with every process of ours, and the queues are gone as well: started again, all goes on by itself',
    async () => {
      await errands.go(SIZE.clients);
      await errands.more(SIZE.cases / 4);
      await Promise.all([errands.crash(), place.killServer('SIGKILL')]);
      await queues.lose(await place.ensureDatabase());
      await begin();
      const from = performance.now();
      await errands.more(SIZE.clients);
      const seconds = (performance.now() - from) / 1_000;
      await errands.enough();
      await errands.expectExact();
      process.stdout.write(`F6, queues in ${name}: ${SIZE.clients} cases more within ${seconds.toFixed(1)} s.\n`);
      expect(seconds).toBeLessThan(HANG_S);
    },
    LONG_MS,
  );

  it(
    'F21: is hindered by somebody who holds a transaction open: what cannot be cleared away costs room, and work goes on as quickly',
    async () => {
      const holder = new pg.Client({ connectionString: errands.town.api.database.url });
      holder.on('error', () => undefined);
      await holder.connect();
      await errands.go(SIZE.clients);
      await errands.more(SIZE.held);
      const secondsFor = async (cases: number) => {
        const from = performance.now();
        await errands.more(cases);
        return (performance.now() - from) / 1_000;
      };
      const before = await secondsFor(SIZE.held);
      const seconds: number[] = [];
      let dead = 0;
      try {
        await holder.query('begin isolation level repeatable read; select count(*) from qamqor.outbox');
        for (let part = 0; part < PARTS; part += 1) seconds.push(await secondsFor(SIZE.held));
        await errands.town.sql('vacuum qamqor.outbox');
        const [left] = await errands.town.sql(
          `select n_dead_tup::int as dead from pg_stat_user_tables where relid = 'qamqor.outbox'::regclass`,
        );
        dead = left.dead;
      } finally {
        await holder.end().catch(() => undefined);
      }
      await errands.enough();
      await errands.expectExact();
      const each = seconds.map((one) => one.toFixed(1)).join(', ');
      process.stdout.write(
        `F21, queues in ${name}: ${SIZE.held} cases after ${before.toFixed(1)} s, then ${each} s; ${dead} dead rows could not be cleared away.\n`,
      );
      expect(seconds.at(-1)).toBeLessThan(4 * Math.max(1, before));
      // One at least of every case.
      expect(dead).toBeGreaterThanOrEqual(PARTS * SIZE.held);
    },
    LONG_MS,
  );

  it(
    `F1, F9, F11, F16, F17, F31: is one of the things that break, at random and one upon another: every case comes to its end, exactly ${note}`,
    async () => {
      const random = seededRandom(`${seed} mishaps`);
      const done: string[] = [];
      await errands.go(SIZE.clients);
      for (const what of shuffledRounds(random)) {
        done.push(what);
        await mishap(what, random);
        await pause(random.between(500, full ? 5_000 : 1_000));
      }
      for (const worker of workers) worker.tell('SIGCONT');
      await errands.more(SIZE.clients);
      await errands.enough();
      await errands.expectExact();
      process.stdout.write(`All at once, queues in ${name}: ${errands.ended} cases, ${done.join(', ')}.\n`);
    },
    LONG_MS,
  );

  /** Each as often as the others, in an order that the seed gives. */
  function shuffledRounds(random: Random): (typeof MISHAPS)[number][] {
    return Array.from({ length: SIZE.rounds }, () => {
      const drawn = MISHAPS.map((what) => ({ what, at: random.next() }));
      return drawn.toSorted((one, other) => one.at - other.at).map(({ what }) => what);
    }).flat();
  }

  async function mishap(what: (typeof MISHAPS)[number], random: Random): Promise<void> {
    const [worker] = workers;
    switch (what) {
      case 'killed':
        if (worker) await errands.stop(worker, 'SIGKILL');
        workers = [await errands.start('web,worker')];
        break;
      case 'paused':
        worker?.tell('SIGSTOP');
        await pause(LEASE_MS + 2_000);
        worker?.tell('SIGCONT');
        break;
      case 'queues lost':
        await queues.lose(errands.town.api.database.url);
        break;
      case 'away':
        await away(random);
        break;
      case 'cut off':
        await errands.town.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
        );
        break;
      case 'silent':
        // Until whoever asks gives up.
        errands.bank.replies.push(() => new Promise(() => undefined));
    }
  }

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
