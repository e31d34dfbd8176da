import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { inspect } from './inspect.js';
import { inspectBeside } from './inspect-beside.js';

const about = (text: string) => ({
  files: { 'workflow.yaml': text },
  catalogue: {},
  workflows: {},
  now: '2026-11-22T00:00:00Z',
});
const GOOD = about('id: lamp\ninitial: off\nstates: { off: { type: final } }');
/** Seven guarded parts that hear the same event: some thousand ways for it to go. */
const WIDE = about(`id: wide\ncontext: { n: 0 }\ntype: parallel\nstates:
${Array.from({ length: 7 }, (_, n) => `  r${n}: { initial: x, states: { x: { on: { GO: { guard: '= context.n > ${n}', target: y } } }, y: { on: { GO: { guard: '= context.n > ${n}', target: x } } } } }`).join('\n')}`);

describe('a workflow that is looked at in a thread', () => {
  it('is judged as it would be here', async () => {
    expect(await inspectBeside(GOOD)).toBeNull();
    for (const bad of [about('id: lamp\nstates: ['), WIDE]) expect(await inspectBeside(bad)).toEqual(inspect(bad));
  });

  it('keeps nobody else waiting', async () => {
    let ended = false;
    const looked = inspectBeside(WIDE).finally(() => {
      ended = true;
    });
    let turns = 0;
    for (; !ended; turns += 1) await setImmediate();
    expect(inspect(WIDE)).toEqual(await looked);
    // One or two, if this thread had looked itself.
    expect(turns).toBeGreaterThan(10);
  });

  it('is refused when it takes too long, and the next one is looked at all the same', async () => {
    expect(await inspectBeside(WIDE, 1)).toMatchObject({ errors: [{ rule: 'too-large', hint: expect.any(String) }] });
    expect(await inspectBeside(GOOD)).toBeNull();
  });
});
