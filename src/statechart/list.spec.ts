import { describe, expect, it } from '@jest/globals';
import { ChartCase } from '../../test/charts.js';

/** One learning track per person. */
function tracks(invoke = '', people = '[ { id: ana, hours: 10 }, { id: bek, hours: 20 }, { id: dana, hours: 30 } ]') {
  return new ChartCase(`
    id: m
    initial: learning
    context: { people: ${people}, results: null, why: null }
    states:
      learning:
        on: { STOP: over, ADD: over }
        invoke:
          id: track
          src: case
          each: '= context.people'
          key: '= item.id'
          input: { workflow: learning, person: '= item.id', hours: '= item.hours', place: '= index' }
          onDone: { target: over, actions: { type: set, params: { results: '= event.output' } } }
          ${invoke}
      over: {}
  `);
}

const ON_ERROR = "onError: { target: over, actions: { type: set, params: { why: '= event.error' } } }";

describe('a list of invocations', () => {
  it('opens one entry per item, with its own key and input', () => {
    const chart = tracks();
    expect(chart.open).toEqual(['track:1:ana', 'track:1:bek', 'track:1:dana']);
    expect(chart.state.entries[1]).toMatchObject({
      item: { key: 'bek', index: 1 },
      input: { workflow: 'learning', person: 'bek', hours: 20, place: 1 },
    });
    expect(chart.happened).toEqual(['open track ana', 'open track bek', 'open track dana']);
  });

  it('is done when every item is, with the answers in input order', () => {
    const chart = tracks();
    chart.answer('track dana', 3);
    expect(chart.happened).toEqual(['close track dana (answered)']);
    chart.answer('track ana', 1);
    expect(chart.value).toBe('learning');
    chart.answer('track bek', 2);
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([1, 2, 3]);
    expect(chart.happened).toEqual(['close track bek (answered)']);
    expect(chart.state.lists).toEqual([]);
  });

  it('ignores a second answer for one item', () => {
    const chart = tracks();
    const entry = chart.entry('track ana');
    chart.answer('track ana', 1);
    expect(chart.take({ kind: 'answer', entry, output: 9 })).toEqual({ outcome: 'ignored', reason: 'entry-closed' });
  });

  it('closes all that is open when its state is left', () => {
    const chart = tracks();
    chart.answer('track ana');
    chart.send('STOP');
    expect(chart.happened).toEqual(['close track bek (left)', 'close track dana (left)']);
    expect(chart.state.lists).toEqual([]);
  });

  it('without items is done at once', () => {
    const chart = tracks('', '[]');
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([]);
    expect(chart.happened).toEqual([]);
  });

  it('without items whose `onDone` no guard lets on is a fault, not a rest for ever', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: {}
      states:
        a: { on: { GO: b } }
        b: { invoke: { id: t, src: task, each: '= []', onDone: { guard: '= count(event.output) > 0', target: c } } }
        c: {}
    `);
    expect(chart.send('GO')).toMatchObject({ outcome: 'fault', fault: { rule: 'empty-list', state: 'b' } });
    expect(chart.value).toBe('a');
  });

  it('until any: the first answer is enough, the rest is dropped', () => {
    const chart = tracks('until: any');
    chart.answer('track bek', 2);
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([2]);
    expect(chart.happened).toEqual([
      'close track ana (dropped)',
      'close track bek (answered)',
      'close track dana (dropped)',
    ]);
  });

  it('until any: one that fails takes no other along; when all have failed it goes to `onError`', () => {
    const chart = tracks(`until: any\n          ${ON_ERROR}`);
    chart.fail('track ana', 'ill');
    expect(chart.value).toBe('learning');
    expect(chart.open).toHaveLength(2);
    chart.fail('track bek', 'away');
    chart.fail('track dana', 'late');
    expect(chart.value).toBe('over');
    expect(chart.context.why).toBe('late');

    const other = tracks(`until: any\n          ${ON_ERROR}`);
    other.fail('track ana', 'ill');
    other.answer('track bek', 2);
    expect(other.context.results).toEqual([2]);
  });

  it('until any: how it ends does not depend on what happened first', () => {
    const ways: ((chart: ChartCase) => void)[] = [
      (chart) => chart.fail('track ana', 'ill'),
      (chart) => chart.fail('track bek', 'away'),
      (chart) => chart.take({ kind: 'list', invoke: 'track', drop: ['dana'] }),
    ];
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const chart = tracks(`until: any\n          ${ON_ERROR}`);
      for (const way of order) ways[way]?.(chart);
      expect({ order, ...chart.context }).toMatchObject({ order, results: null, why: 'away' });
    }
    const dropped = tracks(`until: any\n          ${ON_ERROR}`);
    dropped.take({ kind: 'list', invoke: 'track', drop: ['ana', 'bek', 'dana'] });
    expect(dropped.context).toMatchObject({ results: [], why: null });
  });

  it('until an expression over `results` and `items` holds', () => {
    const chart = tracks("until: '= sum(results) >= 10 and count(items) = 3'");
    chart.answer('track ana', 4);
    expect(chart.value).toBe('learning');
    chart.answer('track dana', 6);
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([4, 6]);
  });

  it('until an expression that never holds is done all the same when every item is', () => {
    const chart = tracks("until: '= count(results) > 100'");
    for (const key of ['ana', 'bek', 'dana']) chart.answer(`track ${key}`, 1);
    expect(chart.value).toBe('over');
  });

  it('goes to `onError` when one item fails, and closes the rest', () => {
    const chart = tracks(ON_ERROR);
    chart.answer('track ana', 1);
    chart.fail('track bek', 'ill');
    expect(chart.value).toBe('over');
    expect(chart.context.why).toBe('ill');
    expect(chart.happened).toEqual(['close track bek (failed)', 'close track dana (dropped)']);
  });

  it('goes on past what failed until its own expression says so, and leaves it out of the answer', () => {
    const chart = tracks('until: \'= every item in items satisfies item.status != "open"\'');
    chart.answer('track ana', 1);
    chart.fail('track bek', 'ill');
    expect(chart.value).toBe('learning');
    expect(chart.open).toHaveLength(1);
    chart.answer('track dana', 3);
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([1, 3]);
  });

  it('is over when nothing is open any more, also where all failed and its own expression never holds', () => {
    const chart = tracks("until: '= count(results) > 100'");
    for (const key of ['ana', 'bek', 'dana']) chart.fail(`track ${key}`, 'ill');
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([]);
  });

  it('does not take a failure without `onError`', () => {
    const chart = tracks();
    expect(chart.fail('track bek', 'ill')).toEqual({ outcome: 'not-taken', reason: 'no-transition' });
    expect(chart.open).toHaveLength(3);
  });

  it('does not take the last answer when the guards refuse the whole', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: {}
      states:
        a: { invoke: { id: t, src: task, each: '= [1, 2]', onDone: { guard: '= sum(event.output) > 5', target: b } } }
        b: {}
    `);
    chart.answer('t 0', 1);
    expect(chart.answer('t 1', 1)).toEqual({ outcome: 'not-taken', reason: 'guard-refused' });
    expect(chart.open).toEqual(['t:1:1']);
    expect(chart.answer('t 1', 5)).toMatchObject({ outcome: 'taken' });
    expect(chart.value).toBe('b');
  });

  it('grows by an act: new items open and are waited for', () => {
    const chart = tracks();
    expect(chart.take({ kind: 'list', invoke: 'track', add: [{ id: 'erlan', hours: 5 }] })).toMatchObject({
      outcome: 'taken',
    });
    expect(chart.open).toEqual(['track:1:ana', 'track:1:bek', 'track:1:dana', 'track:2:erlan']);
    for (const key of ['erlan', 'dana', 'bek']) chart.answer(`track ${key}`, key);
    expect(chart.value).toBe('learning');
    chart.answer('track ana', 'ana');
    expect(chart.context.results).toEqual(['ana', 'bek', 'dana', 'erlan']);
  });

  it('shrinks by an act: dropped items are closed and left out of the answer', () => {
    const chart = tracks();
    chart.answer('track ana', 1);
    chart.take({ kind: 'list', invoke: 'track', drop: ['bek'] });
    expect(chart.happened).toEqual(['close track bek (dropped)']);
    chart.answer('track dana', 3);
    expect(chart.context.results).toEqual([1, 3]);
  });

  it('is done when the last open item is dropped', () => {
    const chart = tracks();
    chart.answer('track ana', 1);
    chart.take({ kind: 'list', invoke: 'track', drop: ['bek', 'dana'] });
    expect(chart.value).toBe('over');
    expect(chart.context.results).toEqual([1]);
    expect(chart.happened).toEqual(['close track bek (dropped)', 'close track dana (dropped)']);
  });

  it('lets a dropped item come back under its key', () => {
    const chart = tracks();
    chart.take({ kind: 'list', invoke: 'track', drop: ['bek'] });
    chart.take({ kind: 'list', invoke: 'track', add: [{ id: 'bek', hours: 1 }] });
    expect(chart.open).toEqual(['track:1:ana', 'track:1:dana', 'track:3:bek']);
  });

  it('refuses two items with one key, at opening and later', () => {
    expect(() => tracks('', '[ { id: ana, hours: 1 }, { id: ana, hours: 2 } ]')).toThrow('have the key');
    const chart = tracks();
    expect(chart.take({ kind: 'list', invoke: 'track', add: [{ id: 'ana', hours: 1 }] })).toMatchObject({
      outcome: 'fault',
      fault: { rule: 'expression', state: 'learning' },
    });
    expect(chart.open).toHaveLength(3);
  });

  it('ignores an act that changes nothing, or that comes late', () => {
    const chart = tracks();
    expect(chart.take({ kind: 'list', invoke: 'track', drop: ['nobody'] })).toEqual({
      outcome: 'ignored',
      reason: 'entry-closed',
    });
    chart.send('STOP');
    expect(chart.take({ kind: 'list', invoke: 'track', add: [{ id: 'x', hours: 1 }] })).toEqual({
      outcome: 'ignored',
      reason: 'entry-closed',
    });
  });

  it('needs a list', () => {
    expect(() => tracks('', '5')).toThrow('not a list');
  });

  it('gives each item a deadline of its own', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { people: [ { id: ana, until: '2026-02-01T00:00:00Z' }, { id: bek, until: '2026-03-01T00:00:00Z' } ] }
      states:
        a: { invoke: { id: t, src: task, each: '= context.people', key: '= item.id', input: { deadline: '= item.until' } } }
    `);
    expect(chart.state.entries.map(({ due }) => due)).toEqual(['2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z']);
  });

  it('goes round in circles only so often', () => {
    expect(
      () =>
        new ChartCase(
          "{ id: m, initial: a, states: { a: { invoke: { id: t, src: task, each: '= []', onDone: { target: a, reenter: true } } } } }",
        ),
    ).toThrow('endless');
  });
});
