import { beforeEach, describe, expect, it } from '@jest/globals';
import { PartnerGate } from './partner-gate.js';

let clock: number;
let gate: PartnerGate;
beforeEach(() => {
  clock = Date.UTC(2026, 10, 22);
  gate = new PartnerGate({ atOnce: 2 });
});
const now = () => Promise.resolve(new Date(clock).toISOString());
const enter = () => gate.enter(now);
/** One message from beginning to end. */
async function send(arrived: boolean): Promise<'sent' | number> {
  const entered = await enter();
  if ('shutMs' in entered) return entered.shutMs;
  gate.leave(entered.at, arrived);
  return 'sent';
}
const times = async (count: number, arrived: boolean) => {
  for (let time = 0; time < count; time += 1) await send(arrived);
};
/** Whether it has come to an end by the time everything else has. */
async function isWaiting(entering: Promise<unknown>): Promise<boolean> {
  const turn = new Promise((resolve) => setImmediate(() => resolve('waiting')));
  return (await Promise.race([entering, turn])) === 'waiting';
}

describe('the way to a partner', () => {
  it('lets a few in at once, and the next when one comes back', async () => {
    const first = await enter();
    await enter();
    const third = enter();
    const fourth = enter();
    expect(await isWaiting(third)).toBe(true);
    gate.leave('at' in first ? first.at : '', true);
    expect(await isWaiting(third)).toBe(false);
    expect(await isWaiting(fourth)).toBe(true);
  });

  it('is shut for a while after five failures in a row, twice as long each time, ten minutes at most', async () => {
    await times(5, false);
    const shut: number[] = [];
    for (let time = 0; time < 8; time += 1) {
      const wait = await send(false);
      if (wait === 'sent') throw new Error('It should have been shut.');
      shut.push(wait / 1000);
      clock += wait;
      expect(await send(false)).toBe('sent');
    }
    expect(shut).toEqual([30, 60, 120, 240, 480, 600, 600, 600]);
  });

  it('stays open when failures and answers take turns', async () => {
    for (let time = 0; time < 10; time += 1) {
      await times(4, false);
      expect(await send(true)).toBe('sent');
    }
  });

  it('lets one go first after it was shut; the others follow when that has arrived', async () => {
    await times(5, false);
    clock += 30_000;
    const first = await enter();
    const second = enter();
    expect(await isWaiting(second)).toBe(true);
    gate.leave('at' in first ? first.at : '', true);
    expect(await second).toHaveProperty('at');
    expect(await enter()).toHaveProperty('at');
  });

  it('turns everybody away who waits when it is shut', async () => {
    await times(4, false);
    const [last] = [await enter(), await enter()];
    const waiting = [enter(), enter(), enter()];
    gate.leave('at' in last ? last.at : '', false);
    expect(await Promise.all(waiting)).toEqual([{ shutMs: 30_000 }, { shutMs: 30_000 }, { shutMs: 30_000 }]);
  });
});
