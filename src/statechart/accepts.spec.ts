import { describe, expect, it } from '@jest/globals';
import { ChartCase } from '../../test/charts.js';
import { accepts, matchesDescriptor, position } from './accepts.js';

function accepted(chart: ChartCase): string[] {
  return accepts(chart.workflow, chart.state).map(({ type }) => type);
}

describe('what a state accepts', () => {
  it('are the public events for which a transition is open, as they were declared', () => {
    const chart = new ChartCase(`
      id: m
      events:
        WITHDRAW:
          { title: { kk: Қайтару }, roles: [curator], schema: { type: object }, confirm: { kk: Сенімдісіз бе? }, refused: { kk: Енді болмайды } }
        NEXT: {}
        LATER: {}
      initial: a
      on: { WITHDRAW: .b }
      states: { a: { on: { NEXT: b, INNER: b } }, b: { on: { LATER: a } } }
    `);
    expect(accepts(chart.workflow, chart.state)).toEqual([
      {
        type: 'WITHDRAW',
        title: { kk: 'Қайтару' },
        roles: ['curator'],
        schema: { type: 'object' },
        confirm: { kk: 'Сенімдісіз бе?' },
        refused: { kk: 'Енді болмайды' },
      },
      { type: 'NEXT', title: {}, roles: [] },
    ]);
  });

  it('follow the guards as far as they can be known beforehand', () => {
    const chart = new ChartCase(`
      id: m
      context: { n: 1 }
      initial: a
      states:
        a:
          on:
            OPEN: { guard: '= context.n = 1', target: b }
            SHUT: { guard: '= context.n = 2', target: b }
            LOOKS_AT_DATA: { guard: '= event.data.x = 1', target: b }
            LOOKS_AT_SENDER: { guard: '= by.id = "ana"', target: b }
            WARNS: { guard: '= context.misspelt = 1', target: b }
        b: {}
    `);
    expect(accepted(chart)).toEqual(['OPEN', 'LOOKS_AT_DATA', 'LOOKS_AT_SENDER', 'WARNS']);
  });

  it('leave out what a state keeps from its ancestors', () => {
    const chart = new ChartCase(`
      id: m
      context: { n: 1 }
      initial: a
      on: { FORBIDDEN: .c, GUARDED: .c, OPEN: .c }
      states:
        a: { on: { FORBIDDEN: {}, GUARDED: { guard: '= context.n = 2' } } }
        c: {}
    `);
    expect(accepted(chart)).toEqual(['GUARDED', 'OPEN']);
  });

  it('count wildcards, which may also keep an event', () => {
    const chart = new ChartCase(`
      id: m
      events: { ONE: {}, order.paid: {}, order.lost: {} }
      initial: a
      states: { a: { on: { 'order.*': b } }, b: { on: { ONE: a, '*': {} } } }
    `);
    expect(accepted(chart)).toEqual(['order.paid', 'order.lost']);
    chart.send('order.paid');
    expect(accepted(chart)).toEqual(['ONE']);
  });

  it('ask every region', () => {
    const chart = new ChartCase(`
      id: m
      type: parallel
      states: { left: { on: { L: {}, BOTH: { actions: notify } } }, right: { on: { R: { actions: notify }, L: { actions: notify } } } }
    `);
    expect(accepted(chart)).toEqual(['L', 'BOTH', 'R']);
  });

  it('are none once the case is over', () => {
    const chart = new ChartCase('{ id: m, initial: a, on: { GO: .a }, states: { a: { type: final } } }');
    expect(accepted(chart)).toEqual([]);
  });
});

describe('wildcards', () => {
  it.each([
    ['order.paid', 'order.*', true],
    ['order.paid.twice', 'order.*', true],
    ['order', 'order.*', true],
    ['orders', 'order.*', false],
    ['anything', '*', true],
    ['a.b', 'a.b', true],
    ['ab', 'a*', false],
  ])('%s against %s: %s', (type, descriptor, matches) => {
    expect(matchesDescriptor(type, descriptor)).toBe(matches);
  });
});

describe('the position of a case', () => {
  it('names all active stages in declared order, and the furthest', () => {
    const chart = new ChartCase(`
      id: m
      stages: { intake: {}, course: {}, grant: {} }
      initial: start
      states:
        start: { on: { GO: work } }
        work:
          type: parallel
          meta: { stage: intake }
          states: { right: { meta: { stage: grant } }, left: { initial: a, states: { a: { meta: { stage: course } } } } }
    `);
    expect(position(chart.workflow, chart.state)).toEqual({ state: 'start', stages: [], stage: null });
    chart.send('GO');
    expect(position(chart.workflow, chart.state)).toEqual({
      state: { work: { left: 'a', right: {} } },
      stages: ['intake', 'course', 'grant'],
      stage: 'grant',
    });
  });
});
