import { describe, expect, it } from '@jest/globals';
import { countingIds, systemIds } from './ids.js';
import { seededRandom } from './random.js';
import { WakeUp } from './wake-up.js';

describe('seeded chance', () => {
  const draws = (seed: string | number) => Array.from({ length: 5 }, seededRandom(seed).next);

  it('is the same for one seed and differs for another', () => {
    expect(draws(7)).toEqual(draws('7'));
    expect(draws(7)).not.toEqual(draws(8));
    expect(new Set(draws(7)).size).toBe(5);
  });

  it('is the same on every machine, for ever', () => {
    expect(draws('qamqor').map((x) => x.toFixed(9))).toMatchInlineSnapshot(`
[
  "0.805348727",
  "0.525119971",
  "0.492248106",
  "0.544129752",
  "0.989220963",
]
`);
  });

  it('of a part does not depend on what was drawn before', () => {
    const used = seededRandom(1);
    used.next();
    expect(used.fork('family', 17).next()).toBe(seededRandom(1).fork('family', 17).next());
    expect(used.fork('family', 17).next()).not.toBe(used.fork('family', 18).next());
    expect(used.fork('a', 'bc').next()).not.toBe(used.fork('ab', 'c').next());
  });

  it('is even', () => {
    const random = seededRandom(3);
    const counts = [0, 0, 0, 0, 0, 0];
    for (let n = 0; n < 60_000; n += 1) counts[random.between(0, 5)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    const hits = Array.from({ length: 10_000 }, () => random.happens(0.3)).filter(Boolean).length;
    expect(Math.abs(hits - 3_000)).toBeLessThan(250);
  });
});

describe('ids', () => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  it('are UUIDv7 and grow', () => {
    const made = Array.from({ length: 1_000 }, () => systemIds.next());
    expect(made.every((id) => shape.test(id))).toBe(true);
    expect([...made].sort()).toEqual(made);
  });
  it('can be counted out for a test', () => {
    const ids = countingIds();
    expect(ids.next()).toMatch(shape);
    expect(ids.next()).toBe('00000000-0000-7000-8000-000000000002');
  });
});

describe('a wake-up', () => {
  it('is heard by who waits, and kept for who comes later', async () => {
    const wake = new WakeUp();
    const waiting = wake.wait(60_000);
    wake.ring();
    await waiting;
    wake.ring();
    await wake.wait(60_000);
  });

  it('wakes once for many rings', async () => {
    const wake = new WakeUp();
    wake.ring();
    wake.ring();
    await wake.wait(60_000);
    const stopped = AbortSignal.timeout(5);
    await wake.wait(60_000, stopped);
    expect(stopped.aborted).toBe(true);
  });
});
