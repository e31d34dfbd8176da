import { describe, expect, it } from '@jest/globals';
import { chartOf } from './chart.js';
import { explore } from './explore.js';
import { loadWorkflow } from './load.js';

function explored(text: string) {
  return explore(chartOf(loadWorkflow({ 'workflow.yaml': text })).definition);
}

/** Leaves of each configuration, as text. */
function rests(text: string): string[] {
  return explored(text).rests.map(({ leaves, configuration }) =>
    configuration.done ? 'done' : leaves.map(({ path }) => path).join('+'),
  );
}

describe('the explorer', () => {
  it('takes both answers of a guard', () => {
    expect(
      rests("{ initial: a, states: { a: { on: { GO: [{ guard: '= event.data.x', target: b }, c] } }, b: {}, c: {} } }"),
    ).toEqual(['a', 'b', 'c']);
  });

  it('lets a guard answer the same within a step until something is set', () => {
    const chart = (actions: string) =>
      `{ context: { x: true }, initial: a, states: { a: { on: { GO: b } }, b: { entry: ${actions}, always: [{ guard: '= context.x', target: c }, { target: d }] }, c: { entry: ${actions}, always: { guard: '= context.x', target: e } }, d: {}, e: {} } }`;
    expect(rests(chart('[]'))).toEqual(['a', 'e', 'd']);
    expect(rests(chart('{ type: set, params: { x: false } }'))).toEqual(['a', 'e', 'c', 'd']);
  });

  it('looks at parallel regions as a product, and at what history remembers', () => {
    expect(
      rests(
        '{ type: parallel, states: { a: { initial: x, states: { x: { on: { A: y } }, y: {} } }, b: { initial: x, states: { x: { on: { B: y } }, y: {} } } } }',
      ).sort(),
    ).toEqual(['a.x+b.x', 'a.x+b.y', 'a.y+b.x', 'a.y+b.y']);
    const history =
      '{ initial: w, states: { w: { initial: x, on: { OUT: p }, states: { h: { type: history }, x: { on: { A: y } }, y: {} } }, p: { on: { BACK: w.h } } } }';
    // While it is left, what it will come back to makes a difference.
    expect(rests(history).filter((state) => state === 'p')).toHaveLength(2);
  });

  it('forgets an invocation that was answered without leaving its state', () => {
    const { rests: found } = explored(
      '{ context: { x: 0 }, initial: a, states: { a: { invoke: { id: ask, src: task, onDone: { actions: { type: set, params: { x: 1 } } } } } } }',
    );
    expect(found.map(({ configuration }) => [...configuration.spent])).toEqual([[], ['a:ask']]);
    expect(found[1]?.edges).toEqual([]);
  });

  it('asks anew after a round that came back to the same states', () => {
    // AGAIN waits both times; the first time `ask` has had its answer, the second time it waits for one.
    const { rests: found } = explored(
      `{ context: { laps: 0 }, initial: a, states: {
         a: { invoke: { id: ask, src: task, onError: { actions: [{ type: raise, params: { event: AGAIN } }, { type: set, params: { laps: 0 } }] } },
              on: { AGAIN: { guard: '= context.laps < 1', target: b, actions: { type: set, params: { laps: '= context.laps + 1' } } } } },
         b: { always: a, entry: { type: raise, params: { event: AGAIN } } } } }`,
    );
    expect(found.map(({ configuration }) => [...configuration.spent])).toEqual([[], ['a:ask']]);
    expect(found[0]?.edges.filter(({ cause, to }) => cause.kind === 'error' && to.index === 0)).not.toEqual([]);
  });

  it('finds circles that nothing ends, and none where a guard can', () => {
    expect(
      explored('{ initial: a, states: { a: { on: { GO: b } }, b: { always: c }, c: { always: b } } }').endless,
    ).toHaveLength(1);
    expect(
      explored(
        "{ context: { n: 0 }, initial: a, states: { a: { on: { GO: b } }, b: { entry: { type: set, params: { n: '= context.n + 1' } }, always: [{ guard: '= context.n < 9', target: b, reenter: true }, c] }, c: {} } }",
      ).endless,
    ).toEqual([]);
    expect(
      explored('{ initial: a, states: { a: { always: { actions: { type: milestone, params: { name: x } } } } } }')
        .endless,
    ).toEqual([]);
  });

  it('stops at its limit and says so', () => {
    const { definition } = chartOf(
      loadWorkflow({
        'workflow.yaml': '{ initial: a, states: { a: { on: { GO: b } }, b: { on: { GO: c } }, c: {} } }',
      }),
    );
    expect(explore(definition, { configurations: 2, ways: 10 }).tooLarge).toBe(true);
    expect(explore(definition, { configurations: 3, ways: 10 }).tooLarge).toBe(false);
  });

  it('stops where few configurations have very many ways between them', () => {
    // Every part may hear GO or not, from every configuration: 4 to the power of the parts.
    const parts = (count: number) =>
      Array.from(
        { length: count },
        (_, n) =>
          `r${n}: { initial: x, states: { x: { on: { GO: { guard: '= context.n > ${n}', target: y } } }, y: { on: { GO: { guard: '= context.n > ${n}', target: x } } } } }`,
      ).join();
    const of = (count: number) =>
      chartOf(loadWorkflow({ 'workflow.yaml': `{ context: { n: 0 }, type: parallel, states: { ${parts(count)} } }` }));
    expect(explore(of(5).definition)).toMatchObject({ tooLarge: false, rests: { length: 32 } });
    const { tooLarge, work } = explore(of(9).definition, { work: 1_000_000 });
    expect(tooLarge).toBe(true);
    expect(work).toBeLessThan(1_010_000);
  });
});
