import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openRedisBackend, type QueueBackend } from '../../src/platform/queue-backend.js';
import { hasRealRedis, RealRedis, realRedis } from '../real-redis.js';

const LONG_MS = 60_000;
const quiet = () => undefined;

(hasRealRedis ? describe : describe.skip)(`queues on a ${realRedis}`, () => {
  let redis: RealRedis | undefined;
  let backend: QueueBackend | undefined;
  afterEach(async () => {
    await backend?.close();
    await redis?.close();
    [redis, backend] = [undefined, undefined];
  });

  it(
    'F15: a Redis that evicts is refused in one line that says what to set',
    async () => {
      redis = await RealRedis.create(['--maxmemory-policy', 'allkeys-lru']);
      const refused = await openRedisBackend(redis.url, quiet).catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: 'StartError', code: 'redis-evicts' });
      expect((refused as Error).message).toMatch(/^[^\n]*allkeys-lru[^\n]*noeviction[^\n]*$/);
    },
    LONG_MS,
  );

  it(
    'F15: a Redis that keeps no AOF is warned of, and one that does is not',
    async () => {
      redis = await RealRedis.create();
      backend = await openRedisBackend(redis.url, quiet);
      expect(await backend.warnings()).toEqual([]);
      await redis.admin.config('SET', 'appendonly', 'no');
      expect(await backend.warnings()).toEqual([expect.stringContaining('appendonly yes')]);
    },
    LONG_MS,
  );

  it(
    'F12: a backend outlives kill -9 of its Redis and works with it when it comes back, with its data and without',
    async () => {
      redis = await RealRedis.create();
      backend = await openRedisBackend(redis.url, quiet);
      const queue = backend.queue('faults', {});
      queue.on('error', quiet);
      await queue.waitUntilReady();
      for (const empty of [false, true]) {
        await redis.stop('SIGKILL');
        await expect(queue.add('lost', {})).rejects.toThrow();
        await redis.start({ empty });
        // Without the pause the refusals, which come at once, would keep the connection from being made again.
        while (!(await queue.add('kept', {}).catch(() => null))) await pause(50);
        expect(await queue.getJobCountByTypes('waiting')).toBe(1);
        await queue.drain();
      }
      await queue.close();
    },
    LONG_MS,
  );
});
