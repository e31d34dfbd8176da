import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Random, seededRandom } from '../../src/platform/random.js';
import { PASSWORD } from '../api.js';
import { faketime, hasFaketime, otherTime } from '../faketime.js';
import { Errands, type Server } from './errands.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full
  ? { workers: 4, clients: 12, forMs: 600_000, everyMs: 20_000, starvedMs: 60_000 }
  : { workers: 1, clients: 6, forMs: 0, everyMs: 500, starvedMs: 4_000 };
const LONG_MS = full ? 1_200_000 : 180_000;
const seed = process.env.QAMQOR_TEST_SEED ?? String(Date.now() % 1_000_000);
const note = `(seed ${seed}; QAMQOR_TEST_SEED repeats it)`;

describe.each(QUEUES)('with queues in %s', (name, create) => {
  let queues: Queues;
  let errands: Errands;
  let web: Server;
  let workers: Server[];
  beforeAll(async () => {
    queues = await create();
    errands = await Errands.create(undefined, queues.settings);
    web = await errands.start('web');
    workers = [];
    for (let n = 0; n < SIZE.workers; n += 1) workers.push(await errands.start('worker'));
  }, LONG_MS);
  afterAll(async () => {
    await errands?.close();
    await queues?.close();
  }, 60_000);

  /** Cases that come to their end per second, while something goes on. */
  async function rateOf(work: () => Promise<void>): Promise<string> {
    const [from, before] = [performance.now(), errands.ended];
    await work();
    return ((errands.ended - before) / ((performance.now() - from) / 1_000)).toFixed(1);
  }

  describe('workers', () => {
    (full ? it : it.skip)(
      `F7: that are killed and stopped at random, one after another: no command fails, every effect comes once ${note}`,
      async () => {
        const random = seededRandom(seed);
        await errands.go(SIZE.clients);
        const undisturbed = await rateOf(() => errands.more(20));
        const disturbed = await rateOf(async () => {
          const until = performance.now() + SIZE.forMs;
          for (let restart = 0; restart < 2 || performance.now() < until; restart += 1) {
            await replaceOne(random);
            await pause(SIZE.everyMs);
          }
          await errands.more(1);
        });
        await errands.enough();
        expect(errands.turnedAway).toEqual({ told: 0, broken: 0 });
        await errands.expectExact();
        process.stdout.write(
          `F7, queues in ${name}: ${undisturbed} cases a second, ${disturbed} while workers came and went.\n`,
        );
      },
      LONG_MS,
    );

    async function replaceOne(random: Random): Promise<void> {
      const [victim] = workers.splice(random.between(0, workers.length - 1), 1);
      if (victim) await errands.stop(victim, random.pick(['SIGKILL', 'SIGTERM']));
      workers.push(await errands.start('worker'));
    }

    (full ? it : it.skip)(
      'F57: that get a fraction of the processor: leases that are lost for it double nothing',
      async () => {
        await errands.go(SIZE.clients);
        const hogs = Array.from({ length: 12 }, () => spawn(process.execPath, ['-e', 'for (;;);']));
        let starved = '';
        try {
          starved = await rateOf(() => pause(SIZE.starvedMs));
        } finally {
          for (const hog of hogs) await end(hog);
        }
        await errands.enough();
        await errands.expectExact();
        const repeats = errands.bank.received.length - errands.handoffs.size;
        // A lease that ends because its holder is slow is the exception, not how work is done.
        expect(repeats).toBeLessThan(errands.handoffs.size / 4);
        process.stdout.write(
          `F57, queues in ${name}: ${starved} cases a second without a processor; ${repeats} deliveries were repeated.\n`,
        );
      },
      LONG_MS,
    );
  });

  (hasFaketime ? describe : describe.skip)(`one process of several, by ${faketime}`, () => {
    it.each(full ? ['+1d', '-1d'] : ['+1d'])(
      'F26: whose clock is at %s: no timer is early, no message is refused, sessions fail safe',
      async (offset) => {
        await freshSessions();
        const wrong = await errands.start('web,worker', otherTime(offset));
        try {
          await errands.go(SIZE.clients);
          await errands.more(10);
          expect(await sessionsFrom(web, wrong)).toEqual([200, 200]);
          // One that is a day behind makes sessions that are over already: nobody gets in, rather than for longer.
          expect(await sessionsFrom(wrong, web)).toEqual(offset === '+1d' ? [200, 200] : [401, 401]);
          // One that is over by the database's clock is over, also where it would live for another day.
          expect(await sessionsFrom(web, wrong, endSessions)).toEqual([401, 401]);
          await errands.enough();
          await errands.expectExact();
          const { bank } = errands;
          expect(bank.received.filter((delivery) => !bank.trusts(delivery, delivery.at))).toEqual([]);
        } finally {
          await errands.stop(wrong, 'SIGTERM');
        }
      },
      LONG_MS,
    );

    it(
      'F26: whose clock jumps a day ahead and then a day back while it works: no timer is early, nothing is refused',
      async () => {
        await freshSessions();
        const file = join(await mkdtemp(join(tmpdir(), 'qamqor-clock-')), 'offset');
        await writeFile(file, '+0');
        const jumping = await errands.start('web,worker', otherTime({ file }));
        try {
          await errands.go(SIZE.clients);
          for (const offset of ['+1d', '-1d', '+0']) {
            await errands.more(SIZE.clients);
            await writeFile(file, offset);
          }
          await errands.more(SIZE.clients);
          await errands.enough();
          await errands.expectExact();
        } finally {
          await errands.stop(jumping, 'SIGTERM');
          await rm(dirname(file), { recursive: true });
        }
      },
      LONG_MS,
    );

    /** One that is to be prolonged is looked at by the process's own clock. */
    async function freshSessions(): Promise<void> {
      const fresh = `update qamqor.account_sessions set expires_at = clock_timestamp() + interval '12 hours' where expires_at > clock_timestamp()`;
      await errands.town.sql(fresh);
    }

    async function endSessions(): Promise<void> {
      const { account } = await errands.town.api.account('curator');
      const past = `update qamqor.account_sessions set expires_at = clock_timestamp() - interval '1 minute' where user_id = $1`;
      await errands.town.sql(past, [account]);
    }

    /** Whether somebody who signed in at one process is known to it and to the other. */
    async function sessionsFrom(one: Server, other: Server, meanwhile = async () => {}): Promise<number[]> {
      const { email } = await errands.town.api.account('curator');
      const signedIn = await fetch(`${one.url}/api/auth/sign-in/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: one.url },
        body: JSON.stringify({ email, password: PASSWORD }),
      });
      expect(signedIn.status).toBe(200);
      const cookies = signedIn.headers.getSetCookie().map((line) => line.split(';')[0]);
      await meanwhile();
      const asks = async ({ url }: Server) =>
        (await fetch(`${url}/api/cases`, { headers: { cookie: cookies.join('; ') } })).status;
      return [await asks(one), await asks(other)];
    }
  });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
