import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type ChartNode, Problems } from './definition.js';
import { parseDefinition } from './parse.js';
import type { JsonObject } from './types.js';

function read(yaml: string) {
  const problems = new Problems();
  const definition = parseDefinition(parse(yaml) as JsonObject, problems);
  const node = (path: string) => definition.byPath.get(path) as ChartNode;
  return { definition, node, findings: problems.findings };
}

describe('a definition', () => {
  it('is a tree in document order with types told from the shape', () => {
    const { definition } = read(`
      id: m
      initial: work
      states:
        work: { initial: a, states: { a: {}, back: { history: deep } } }
        both: { type: parallel, states: { left: {}, right: {} } }
        over: { type: final }
    `);
    expect(definition.nodes.map(({ path, type }) => `${path}:${type}`)).toEqual([
      ':compound',
      'work:compound',
      'work.a:atomic',
      'work.back:history',
      'both:parallel',
      'both.left:atomic',
      'both.right:atomic',
      'over:final',
    ]);
  });

  it('spells out every shorthand of a transition', () => {
    const { node } = read(`
      id: m
      initial: a
      states:
        a:
          on:
            ONE: b
            TWO: { target: b, guard: '= true', reenter: true, actions: notify }
            THREE: [ { guard: '= false', target: b }, b ]
            STAY: { actions: { type: notify, params: { to: x } } }
            NEVER: {}
            NOTHING:
        b: {}
    `);
    expect(node('a').on).toEqual({
      ONE: [{ event: 'ONE', target: ['b'], written: ['b'], actions: [], node: 'a' }],
      TWO: [
        {
          event: 'TWO',
          target: ['b'],
          written: ['b'],
          guard: '= true',
          reenter: true,
          actions: [{ type: 'notify', params: {} }],
          node: 'a',
        },
      ],
      THREE: [
        { event: 'THREE', target: ['b'], written: ['b'], guard: '= false', actions: [], node: 'a' },
        { event: 'THREE', target: ['b'], written: ['b'], actions: [], node: 'a' },
      ],
      STAY: [{ event: 'STAY', actions: [{ type: 'notify', params: { to: 'x' } }], node: 'a' }],
      NEVER: [{ event: 'NEVER', actions: [], node: 'a' }],
      NOTHING: [{ event: 'NOTHING', actions: [], node: 'a' }],
    });
  });

  it('resolves targets as XState does', () => {
    const { node, findings } = read(`
      id: m
      initial: a
      on: { INNER: .a.a1, ROOT: '#m' }
      states:
        a:
          id: first
          initial: a1
          on: { SIBLING: b, NEPHEW: b.b1, CHILD: .a2, ID: '#second', UNDER: '#second.b1', PATH: '#m.b.b1', SELF: a, BOTH: { target: [ '#both.left.l2', '#both.right' ] } }
          states: { a1: { on: { UP: '#first', OVER: a2 } }, a2: {} }
        b: { id: second, initial: b1, states: { b1: {} } }
        both: { id: both, type: parallel, states: { left: { initial: l1, states: { l1: {}, l2: {} } }, right: {} } }
    `);
    const targets = (path: string) =>
      Object.fromEntries(Object.entries(node(path).on).map(([event, [first]]) => [event, first?.target]));
    expect(findings).toEqual([]);
    expect(targets('')).toEqual({ INNER: ['a.a1'], ROOT: [''] });
    expect(targets('a.a1')).toEqual({ UP: ['a'], OVER: ['a.a2'] });
    expect(targets('a')).toEqual({
      SIBLING: ['b'],
      NEPHEW: ['b.b1'],
      CHILD: ['a.a2'],
      ID: ['b'],
      UNDER: ['b.b1'],
      PATH: ['b.b1'],
      SELF: ['a'],
      BOTH: ['both.left.l2', 'both.right'],
    });
  });

  it('gives invocations without an id the one that XState gives', () => {
    const { node } = read(
      '{ id: m, initial: a, states: { a: { invoke: [ { src: task }, { src: task, id: own } ] } } }',
    );
    expect(node('a').invokes.map(({ id }) => id)).toEqual(['0.m.a', 'own']);
  });

  it('reads numeric `after` as milliseconds and names through `delays`', () => {
    const { node } = read(
      '{ id: m, initial: a, delays: { later: 3 working days }, states: { a: { after: { 500: b, later: b } }, b: {} } }',
    );
    expect(node('a').after.map(({ name, rule }) => ({ name, rule }))).toEqual([
      { name: '500', rule: { kind: 'span', amount: 500, unit: 'milliseconds' } },
      { name: 'later', rule: { kind: 'working', amount: 3, unit: 'days' } },
    ]);
  });

  it('takes stages from `stages`, in their order, and from the chart where there are none', () => {
    expect(
      read(
        '{ id: m, stages: { two: { en: Two }, one: { en: One } }, initial: a, states: { a: { meta: { stage: one } } } }',
      ).definition.stages,
    ).toEqual([
      { key: 'two', title: { en: 'Two' } },
      { key: 'one', title: { en: 'One' } },
    ]);
    expect(
      read(
        '{ id: m, initial: a, states: { a: { meta: { stage: one, title: { en: First } } }, b: { meta: { stage: two } } } }',
      ).definition.stages,
    ).toEqual([
      { key: 'one', title: { en: 'First' } },
      { key: 'two', title: { en: 'two' } },
    ]);
  });

  it('makes every plain name in `on` public where no `events` are declared', () => {
    const chart =
      "{ id: m, initial: a, states: { a: { on: { GO: b, '*': b, 'order.*': b, order.paid: b } }, b: { on: { GO: a } } } }";
    expect(read(chart).definition.events.map(({ type }) => type)).toEqual(['GO', 'order.paid']);
    expect(
      read(chart.replace('initial', 'events: { STOP: { title: { en: Stop }, roles: [curator] } }, initial')).definition
        .events,
    ).toEqual([{ type: 'STOP', title: { en: 'Stop' }, roles: ['curator'] }]);
  });
});
