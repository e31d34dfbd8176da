import { describe, expect, it } from '@jest/globals';
import { Lanes, type Limit, type Pending, TOGETHER } from './lanes.js';
import type { Command } from './types.js';

const LIMIT: Limit = { commands: 1_000, bytes: 10_000_000 };

/** Commands are named by who waits for them: `p1` a person, `m1` a machine. */
function office({ slots = 2, limit = LIMIT } = {}) {
  const lanes = new Lanes(slots, limit);
  const come = (name: string, caseId = `case of ${name}`, { kind = 'event', bytes = 100 } = {}) =>
    lanes.add({
      command: { id: name, caseId, kind, lane: name.startsWith('p') ? 'people' : 'machines' } as Command,
      bytes,
      trace: undefined,
      since: 0,
      resolve: () => undefined,
      reject: () => undefined,
    });
  const holdUp = (group: Pending[], times = TOGETHER) => {
    for (const pending of group) pending.heldUp += times;
    lanes.putBack(group);
    lanes.done(group);
  };
  return { lanes, come, holdUp };
}
const names = (group: Pending[]) => group.map(({ command }) => command.id);
const many = (count: number, come: (name: string) => void) => {
  for (let n = 0; n < count; n += 1) come(`m${n}`);
};

describe('who waits for a batch', () => {
  it('goes at once where nobody else does', () => {
    const { lanes, come } = office();
    come('m1');
    expect(names(lanes.next())).toEqual(['m1']);
    expect(lanes.next()).toEqual([]);
  });

  it('goes after the people, if a machine', () => {
    const { lanes, come } = office();
    for (const name of ['m1', 'p1', 'm2', 'p2']) come(name);
    expect(names(lanes.next())).toEqual(['p1', 'p2', 'm1', 'm2']);
  });

  it('waits while its case travels, and so does what came later for that case', () => {
    const { lanes, come } = office();
    come('p1', 'a');
    const first = lanes.next();
    come('p2', 'a');
    come('p3', 'a');
    come('p4', 'b');
    expect(names(lanes.next())).toEqual(['p4']);
    lanes.done(first);
    expect(names(lanes.next())).toEqual(['p2', 'p3']);
  });

  it('is the only one of its case in a batch, if an act', () => {
    const { lanes, come } = office();
    come('p1', 'a');
    come('p2', 'a', { kind: 'act' });
    come('p3', 'a');
    for (const expected of [['p1'], ['p2'], ['p3']]) {
      const group = lanes.next();
      expect(names(group)).toEqual(expected);
      lanes.done(group);
    }
  });

  it('shares with the other slot what is more than one slot should carry', () => {
    const { lanes, come } = office();
    many(100, come);
    expect([lanes.next().length, lanes.next().length, lanes.next().length]).toEqual([50, 50, 0]);
  });

  it.each([
    [20, 20],
    [40, 32],
    [1_000, 200],
  ])('travels with others, of %i that come at once: %i', (count, together) => {
    const { lanes, come } = office();
    many(count, come);
    expect(lanes.next()).toHaveLength(together);
  });

  it('waits for the next batch where this one would be too large, unless it is too large by itself', () => {
    const { lanes, come } = office();
    come('p1', 'a', { bytes: 3_000_000 });
    come('p2', 'b', { bytes: 600_000 });
    come('p3', 'c', { bytes: 600_000 });
    expect([names(lanes.next()), names(lanes.next()), names(lanes.next())]).toEqual([['p1'], ['p2'], ['p3']]);
  });
});

describe('who was held up', () => {
  it('goes again in its place, with others, twice', () => {
    const { lanes, come, holdUp } = office();
    for (const name of ['p1', 'p2']) come(name);
    for (let time = 1; time < TOGETHER; time += 1) {
      holdUp(lanes.next(), 1);
      come(`p${time + 2}`);
    }
    expect(names(lanes.next())).toEqual(['p1', 'p2', 'p3', 'p4']);
  });

  it('travels alone then, one at a time and before the others, who take the other slots', () => {
    const { lanes, come, holdUp } = office();
    for (const name of ['p1', 'p2']) come(name);
    holdUp(lanes.next());
    come('p3');
    const first = lanes.next();
    expect([names(first), names(lanes.next())]).toEqual([['p1'], ['p3']]);
    lanes.done(first);
    expect(names(lanes.next())).toEqual(['p2']);
  });

  it('lets those go first that were held up less, though they came later', () => {
    const { lanes, come, holdUp } = office();
    for (const name of ['m1', 'p1', 'p2']) come(name);
    holdUp(lanes.next());
    holdUp(lanes.next(), 1);
    const order: string[] = [];
    for (let group = lanes.next(); group.length > 0; group = lanes.next()) {
      order.push(...names(group));
      lanes.done(group);
    }
    expect(order).toEqual(['p2', 'm1', 'p1']);
  });

  it('holds up what came later for its case, and nobody else', () => {
    const { lanes, come, holdUp } = office();
    come('p1', 'a');
    come('p2', 'b');
    holdUp(lanes.next());
    come('p3', 'b');
    come('p4', 'c');
    const alone = lanes.next();
    expect([names(alone), names(lanes.next())]).toEqual([['p1'], ['p4']]);
    lanes.done(alone);
    expect([names(lanes.next()), names(lanes.next())]).toEqual([['p2'], []]);
  });

  it('is not overtaken by a later command of its case that was taken with it', () => {
    const { lanes, come } = office();
    come('p1', 'a');
    come('p2', 'a');
    come('p3', 'b');
    come('m1', 'a');
    const [first, ...others] = lanes.next();
    lanes.putBack(first ? [first] : []);
    expect(names(lanes.putBackBehind(others))).toEqual(['p3']);
    expect(lanes.size).toBe(3);
  });

  it('can be told to come back, where it travels alone', () => {
    const { lanes, come, holdUp } = office();
    for (const name of ['p1', 'm1']) come(name);
    holdUp(lanes.next());
    come('p2');
    expect(names(lanes.removeAlone(({ command }) => command.id !== 'p1'))).toEqual(['m1']);
    expect(lanes.size).toBe(2);
    expect([names(lanes.next()), names(lanes.next())]).toEqual([['p1'], ['p2']]);
  });

  it('knows whether somebody who was held up less can go meanwhile: not one of its own case, nor of one that travels', () => {
    const { lanes, come, holdUp } = office();
    come('p1', 'a');
    come('p2', 'a');
    come('p3', 'b');
    holdUp(lanes.next());
    const [first] = lanes.next();
    if (!first) throw new Error('Nobody travels.');
    expect(lanes.isAlone([first])).toBe(true);
    expect(lanes.hasAloneBefore(first)).toBe(false);
    first.heldUp += 1;
    expect(lanes.hasAloneBefore(first)).toBe(true);
    lanes.putBack([first]);
    lanes.done([first]);
    const other = lanes.next();
    expect(names(other)).toEqual(['p3']);
    lanes.done(other);
    expect(names(lanes.next())).toEqual(['p1']);
    expect(lanes.hasAloneBefore(first)).toBe(false);
  });
});

describe('so much waits at the most', () => {
  it.each([
    ['commands', { commands: 2, bytes: 1_000 }],
    ['bytes', { commands: 10, bytes: 200 }],
  ])('in %s, and there is room again when it goes', (_what, limit) => {
    const { lanes, come, holdUp } = office({ limit });
    come('p1');
    expect(lanes.isFull).toBe(false);
    come('p2');
    expect(lanes.isFull).toBe(true);
    const group = lanes.next();
    expect(lanes.isFull).toBe(false);
    holdUp(group);
    expect(lanes.isFull).toBe(true);
    lanes.removeAlone(() => true);
    expect([lanes.isFull, lanes.size]).toEqual([false, 0]);
  });
});
