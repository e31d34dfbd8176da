import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../engine.js';
import { Errands, type Server } from './errands.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const CASES = full ? 100 : 5;
/** Each costs a lease of ten seconds. */
const DEATHS = full ? 10 : 2;
/** No partner is sent more at once. */
const SENT_AT_ONCE = 4;
const LONG_MS = 180_000;
/** What an operator is promised, in seconds; a test fails only far beyond it. */
const PROMISED_S = { resumed: 15, repaired: 30 };
const HANG = 4;
const ID_LENGTH = 36;

describe.each(QUEUES)('work that one process has in hand, with queues in %s', (name, create) => {
  let queues: Queues;
  let errands: Errands;
  let worker: Server;
  let families: string[];
  /** What the bank keeps back. */
  let replies = Promise.withResolvers<void>();
  beforeAll(async () => {
    queues = await create();
    errands = await Errands.create(undefined, queues.settings);
    await errands.start('web');
    worker = await errands.start('worker');
    families = await Promise.all(Array.from({ length: CASES }, () => errands.town.family()));
  }, LONG_MS);
  // Whatever a test has left paused goes on, so that it can be ended.
  afterEach(() => {
    replies.resolve();
    worker.tell('SIGCONT');
  });
  afterAll(async () => {
    await errands?.close();
    await queues?.close();
  }, 60_000);

  const opened = () => Promise.all(families.map((family) => errands.begin(family)));

  /** Cases that the worker has begun to work on: the bank has the first messages, and the worker does not know it yet. */
  async function inHand(): Promise<string[]> {
    const { bank } = errands;
    const { length } = bank.received;
    const held = Promise.withResolvers<void>();
    replies = held;
    for (const _ of families) bank.replies.push(() => held.promise.then(() => ({ status: 202, body: '{}' })));
    const cases = await opened();
    await until(() => bank.received.length >= length + SENT_AT_ONCE, 60_000);
    // Whoever takes over is answered.
    bank.replies.splice(0);
    return cases;
  }

  /** Seconds until all of them have come to their end. */
  async function ended(cases: string[]): Promise<number> {
    const from = performance.now();
    await Promise.all(cases.map((id) => errands.finish(id)));
    return (performance.now() - from) / 1_000;
  }

  function print(number: string, what: string, seconds: number, promised: number): void {
    process.stdout.write(
      `${number}, queues in ${name}: ${CASES} cases ${what} after ${seconds.toFixed(1)} s (promised: ${promised} s).\n`,
    );
  }

  const journalOf = async (cases: string[]) =>
    errands.town.sql('select case_id, seq, kind, type from qamqor.journal where case_id = any ($1) order by 1, 2', [
      cases,
    ]);

  it(
    'F1: is taken over when the process is killed with -9',
    async () => {
      const cases = await inHand();
      const heir = await errands.start('worker');
      await errands.stop(worker, 'SIGKILL');
      worker = heir;
      replies.resolve();
      const seconds = await ended(cases);
      print('F1', 'resumed', seconds, PROMISED_S.resumed);
      expect(seconds).toBeLessThan(HANG * PROMISED_S.resumed);
      await errands.expectExact();
    },
    LONG_MS,
  );

  it(
    `F2: kills ${DEATHS} processes one after another: it is not lost, and not given up because of them`,
    async () => {
      const { bank } = errands;
      const [family = ''] = families;
      const held = Promise.withResolvers<void>();
      replies = held;
      const hold = () => bank.replies.push(() => held.promise.then(() => ({ status: 202, body: '{}' })));
      let { length } = bank.received;
      hold();
      const id = await errands.begin(family);
      for (let death = 0; death < DEATHS; death += 1) {
        await until(() => bank.received.length > length, 60_000);
        length = bank.received.length;
        if (death < DEATHS - 1) hold();
        await errands.stop(worker, 'SIGKILL');
        worker = await errands.start('worker');
      }
      await errands.finish(id);
      // The same message each time, and once more by the process that lived.
      expect(bank.about(errands.handoffs.get(id) ?? '')).toHaveLength(DEATHS + 1);
      await errands.expectExact();
    },
    LONG_MS + DEATHS * 30_000,
  );

  it(
    'F9, F41: is taken over when the process is paused, which can settle none of it when it goes on',
    async () => {
      const cases = await inHand();
      const heir = await errands.start('worker');
      worker.tell('SIGSTOP');
      const seconds = await ended(cases);
      print('F9', 'resumed', seconds, PROMISED_S.resumed);
      expect(seconds).toBeLessThan(HANG * PROMISED_S.resumed);
      const journal = await journalOf(cases);
      replies.resolve();
      worker.tell('SIGCONT');
      await errands.stop(heir, 'SIGTERM');
      // By the one that was paused, alone: it works, and what it had in hand is nothing to it any more.
      expect(await ended(await opened())).toBeLessThan(HANG * PROMISED_S.resumed);
      await errands.expectExact();
      expect(await journalOf(cases)).toEqual(journal);
    },
    LONG_MS,
  );

  it(
    'F11: is found again when the queues are emptied before anybody has taken it',
    async () => {
      worker.tell('SIGSTOP');
      const cases = await opened();
      const content = await queues.content(errands.town.api.database.url);
      // Ids, and nothing about anybody.
      expect(content.length).toBeGreaterThan(ID_LENGTH * CASES);
      errands.expectNobodyIn(content);
      await queues.lose(errands.town.api.database.url);
      worker.tell('SIGCONT');
      const seconds = await ended(cases);
      print('F11', 'repaired', seconds, PROMISED_S.repaired);
      // What partners said is not kept in queues: said again it is known.
      const journal = await journalOf(cases);
      await ended(cases);
      expect(await journalOf(cases)).toEqual(journal);
      expect(seconds).toBeLessThan(HANG * PROMISED_S.repaired);
      await errands.expectExact();
    },
    LONG_MS,
  );
});
