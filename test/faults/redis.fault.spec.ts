import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { hasRealRedis, RealRedis, realRedis } from '../real-redis.js';
import { Errands, type Server } from './errands.js';

const full = process.env.QAMQOR_TEST === 'full';
const AWAY_MS = full ? 600_000 : 3_000;
const FULL_MS = full ? 60_000 : 3_000;
const LONG_MS = full ? 1_200_000 : 120_000;

(hasRealRedis ? describe : describe.skip)(`a ${realRedis}`, () => {
  let redis: RealRedis;
  let errands: Errands;
  let server: Server;
  beforeAll(async () => {
    redis = await RealRedis.create();
    errands = await Errands.create(undefined, { REDIS_URL: redis.url });
    server = await errands.start('web,worker');
  }, LONG_MS);
  afterAll(async () => {
    await errands?.close();
    await redis?.close();
  }, 60_000);

  // A test that fails leaves the next one a Redis that works.
  afterEach(async () => {
    await redis.start();
    await redis.admin.config('SET', 'maxmemory', '0');
    Object.assign(errands.turnedAway, { told: 0, broken: 0 });
  });

  const waiting = async (caseId: string) => {
    const { rows } = await errands.town.api.database
      .pool('owner')
      .query<{ topic: string }>('select topic from qamqor.outbox where case_id = $1', [caseId]);
    return rows.map(({ topic }) => topic);
  };

  it(
    'F13: that is away and comes back empty: commands are accepted, what goes out waits and goes out once, and it is told',
    async () => {
      await errands.go(4);
      await errands.more(3);
      await redis.stop('SIGKILL');
      const opened = await errands.begin(await errands.town.family());
      const ready = await fetch(`${server.url}/health/ready`);
      expect({ status: ready.status, told: await ready.json() }).toMatchObject({
        status: 503,
        told: { checks: { database: { status: 'ok' }, queues: { status: 'away' } } },
      });
      await pause(AWAY_MS);
      expect(await waiting(opened)).toEqual(['handOff.open']);
      // Jobs that it had kept are gone: the sweep finds what nobody was woken for.
      await redis.start({ empty: true });
      await errands.finish(opened);
      await errands.enough();
      expect(errands.turnedAway).toEqual({ told: 0, broken: 0 });
      await errands.expectExact();
    },
    LONG_MS,
  );

  it(
    'F14: that is full: commands are accepted, the outbox keeps what finds no room, and it goes out once there is some',
    async () => {
      await errands.go(4);
      await errands.more(3);
      await redis.admin.config('SET', 'maxmemory', '1');
      const opened = await errands.begin(await errands.town.family());
      await server.warned(/OOM command not allowed/);
      await pause(FULL_MS);
      expect(await waiting(opened)).toEqual(['handOff.open']);
      await redis.admin.config('SET', 'maxmemory', '0');
      await errands.finish(opened);
      await errands.enough();
      expect(errands.turnedAway).toEqual({ told: 0, broken: 0 });
      await errands.expectExact();
    },
    LONG_MS,
  );
});
