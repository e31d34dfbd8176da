import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PartnerGate, type Ticket } from './partner-gate.js';

let gate: PartnerGate;
beforeEach(() => {
  jest.useFakeTimers();
  gate = new PartnerGate({ atOnce: 2, elapsed: () => performance.now(), random: () => 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

async function enter(): Promise<Ticket> {
  const entered = await gate.enter();
  if ('busyMs' in entered) throw new Error('It should have been let in.');
  return entered;
}
/** What has come of it by now, without waiting for it. */
async function now<Value>(coming: Promise<Value>): Promise<Value | 'waits'> {
  await jest.advanceTimersByTimeAsync(0);
  return Promise.race([coming, Promise.resolve('waits' as const)]);
}

describe('the way to a partner', () => {
  it('lets a few in at once, and the next when one comes back', async () => {
    const first = await enter();
    await enter();
    const [third, fourth] = [gate.enter(), gate.enter()];
    expect(await now(third)).toBe('waits');
    first.leave();
    expect(await now(third)).toHaveProperty('leave');
    expect(await now(fourth)).toBe('waits');
  });

  it('never lets in more than that, also when somebody comes just as one leaves', async () => {
    const [first] = [await enter(), await enter()];
    const waiting = gate.enter();
    first.leave();
    const newcomer = gate.enter();
    expect(await now(waiting)).toHaveProperty('leave');
    expect(await now(newcomer)).toBe('waits');
  });

  it('turns away whoever waits once a message has been on its way for a quarter of a second', async () => {
    await enter();
    await jest.advanceTimersByTimeAsync(100);
    await enter();
    const third = gate.enter();
    await jest.advanceTimersByTimeAsync(149);
    expect(await now(third)).toBe('waits');
    await jest.advanceTimersByTimeAsync(1);
    expect(await now(third)).toEqual({ busyMs: 500 });
  });

  it('lets nobody wait for a partner that is slow', async () => {
    const slow = [await enter(), await enter()];
    await jest.advanceTimersByTimeAsync(10_000);
    expect(await now(gate.enter())).toEqual({ busyMs: 500 });
    slow[0]?.leave();
    expect(await now(gate.enter())).toHaveProperty('leave');
    expect(await now(gate.enter())).toEqual({ busyMs: 500 });
  });

  it('lets nobody leave twice', async () => {
    const first = await enter();
    await enter();
    first.leave();
    first.leave();
    await enter();
    expect(await now(gate.enter())).toBe('waits');
  });
});
