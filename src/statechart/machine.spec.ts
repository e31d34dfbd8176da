import { describe, expect, it } from '@jest/globals';
import { ChartCase } from '../../test/charts.js';

describe('compound and parallel states', () => {
  it('enter their initial states, from the outside in', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      entry: { type: notify, params: { in: root } }
      states:
        a:
          entry: { type: notify, params: { in: a } }
          initial: { target: b, actions: { type: notify, params: { first: b } } }
          states: { b: { entry: { type: notify, params: { in: b } } } }
    `);
    expect(chart.value).toEqual({ a: 'b' });
    expect(chart.happened).toEqual([
      'notify {"in":"root"}',
      'notify {"in":"a"}',
      'notify {"first":"b"}',
      'notify {"in":"b"}',
    ]);
  });

  it('leave from the inside out, then act, then enter', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a:
          exit: { type: notify, params: { out: a } }
          initial: b
          on: { GO: { target: c, actions: { type: notify, params: { go: c } } } }
          states: { b: { exit: { type: notify, params: { out: b } } } }
        c: { entry: { type: notify, params: { in: c } } }
    `);
    chart.send('GO');
    expect(chart.happened).toEqual([
      'notify {"out":"b"}',
      'notify {"out":"a"}',
      'notify {"go":"c"}',
      'notify {"in":"c"}',
    ]);
  });

  it('let every region of a parallel state take the event', () => {
    const chart = new ChartCase(`
      id: m
      type: parallel
      states:
        left: { initial: a, states: { a: { on: { GO: b } }, b: {} } }
        right: { initial: a, states: { a: { on: { GO: b } }, b: {} } }
    `);
    chart.send('GO');
    expect(chart.value).toEqual({ left: 'b', right: 'b' });
  });

  it('ask the inner state first, and an ancestor only when the inner one does not take the event', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { ready: false }
      states:
        a:
          initial: b
          on: { GO: out }
          states: { b: { on: { GO: { target: c, guard: '= context.ready' } } }, c: {} }
        out: {}
    `);
    chart.send('GO');
    expect(chart.value).toBe('out');
  });

  it('remember in which order their states were entered, however the state is stored', () => {
    const chart = new ChartCase(`
      id: m
      type: parallel
      context: { ready: false }
      on: { READY: { actions: { type: set, params: { ready: true } } } }
      states:
        left:
          initial: a
          states:
            a: { on: { MOVE: b } }
            b: { always: { guard: '= context.ready', target: c, actions: { type: notify, params: { at: left } } } }
            c: {}
        right:
          initial: a
          states:
            a: { always: { guard: '= context.ready', target: c, actions: { type: notify, params: { at: right } } } }
            c: {}
    `);
    chart.send('MOVE');
    chart.send('READY');
    // As in XState itself: what has waited longer comes first.
    expect(chart.happened).toEqual(['notify {"at":"right"}', 'notify {"at":"left"}']);
  });
});

describe('history', () => {
  const chart = (history: string) => `
    id: m
    initial: work
    states:
      work:
        initial: a
        on: { PAUSE: away }
        states:
          a: { on: { NEXT: b } }
          b: { initial: b1, states: { b1: { on: { NEXT: b2 } }, b2: {} } }
          back: ${history}
      away: { on: { RETURN: work.back } }
  `;

  it('is deep: the innermost states come back, after a restore too', () => {
    const work = new ChartCase(chart('{ type: history, history: deep }'));
    for (const event of ['NEXT', 'NEXT', 'PAUSE', 'RETURN']) work.send(event);
    expect(work.value).toEqual({ work: { b: 'b2' } });
  });

  it('is shallow: only the child comes back, with its own initial state', () => {
    const work = new ChartCase(chart('{ type: history }'));
    for (const event of ['NEXT', 'NEXT', 'PAUSE', 'RETURN']) work.send(event);
    expect(work.value).toEqual({ work: { b: 'b1' } });
  });

  it('leads to its target, or else to the initial state, before there is any', () => {
    const away = (yaml: string) => new ChartCase(yaml.replace('initial: work', 'initial: away'));
    const targeted = away(chart('{ type: history, history: deep, target: b }'));
    targeted.send('RETURN');
    expect(targeted.value).toEqual({ work: { b: 'b1' } });
    const plain = away(chart('{ type: history }'));
    plain.send('RETURN');
    expect(plain.value).toEqual({ work: 'a' });
  });

  it('opens a new invocation where the state is entered again', () => {
    const work = new ChartCase(`
      id: m
      initial: work
      states:
        work:
          initial: a
          on: { PAUSE: away }
          states: { a: { invoke: { id: t, src: task } }, back: { type: history } }
        away: { on: { RETURN: work.back } }
    `);
    work.send('PAUSE');
    expect(work.happened).toEqual(['close t (left)']);
    work.send('RETURN');
    expect(work.open).toEqual(['t:3']);
  });

  it('brings back all regions of a parallel state', () => {
    const both = new ChartCase(`
      id: m
      initial: both
      states:
        both:
          type: parallel
          on: { PAUSE: away }
          states:
            left: { initial: a, states: { a: { on: { GO: b } }, b: {} } }
            right: { initial: a, states: { a: {}, b: {} } }
            back: { type: history, history: deep }
        away: { on: { RETURN: both.back } }
    `);
    for (const event of ['GO', 'PAUSE', 'RETURN']) both.send(event);
    expect(both.value).toEqual({ both: { left: 'b', right: 'a' } });
  });
});

describe('always and raise', () => {
  it('follow each other until the chart is at rest', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { n: 0 }
      states:
        a: { on: { GO: b } }
        b: { always: [ { guard: '= context.n > 5', target: a }, { target: c } ] }
        c: { always: d, exit: { type: set, params: { n: '= context.n + 1' } } }
        d: {}
    `);
    chart.send('GO');
    expect(chart.value).toBe('d');
    expect(chart.context).toEqual({ n: 1 });
  });

  it('chain raised events, each seen with its own type and data', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { seen: [] }
      states:
        a:
          on:
            GO: { actions: { type: raise, params: { event: ONE } } }
            ONE: { actions: [ { type: set, params: { seen: '= append(context.seen, event.type)' } }, { type: raise, params: { event: { type: TWO, data: { from: '= event.type' } } } } ] }
            TWO: { target: b, actions: { type: set, params: { seen: '= append(context.seen, event.data.from)' } } }
        b: {}
    `);
    chart.send('GO');
    expect(chart.value).toBe('b');
    expect(chart.context).toEqual({ seen: ['ONE', 'ONE'] });
  });

  it('let a set see what the set before it left, and not what stands beside it', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { n: 1, before: 0 }
      states:
        a:
          on:
            GO:
              actions:
                - { type: set, params: { n: '= context.n + 1', before: '= context.n' } }
                - { type: set, params: { n: '= context.n * 10' } }
    `);
    chart.send('GO');
    expect(chart.context).toEqual({ n: 20, before: 1 });
  });

  it('store values as JSON, dates as text', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: {}
      states:
        a: { on: { GO: { actions: { type: set, params: { on: '= date("2026-03-01")', deep: { list: [ '= 1 + 1', plain ] } } } } } }
    `);
    chart.send('GO');
    expect(chart.context).toEqual({ on: '2026-03-01', deep: { list: [2, 'plain'] } });
  });
});

describe('final states', () => {
  it('finish their parent, with their output', () => {
    const chart = new ChartCase(`
      id: m
      initial: work
      context: { result: null }
      states:
        work:
          initial: a
          onDone: { target: after, actions: { type: set, params: { result: '= event.output.grade' } } }
          states: { a: { on: { GO: end } }, end: { type: final, output: { grade: '= 2 + 3' } } }
        after: {}
    `);
    chart.send('GO');
    expect(chart.value).toBe('after');
    expect(chart.context).toEqual({ result: 5 });
  });

  it('finish a parallel state when every region is done', () => {
    const chart = new ChartCase(`
      id: m
      initial: both
      states:
        both:
          type: parallel
          onDone: after
          states:
            left: { initial: a, states: { a: { on: { LEFT: end } }, end: { type: final } } }
            right: { initial: a, states: { a: { on: { RIGHT: end } }, end: { type: final } } }
        after: {}
    `);
    chart.send('LEFT');
    expect(chart.value).toEqual({ both: { left: 'end', right: 'a' } });
    chart.send('RIGHT');
    expect(chart.value).toBe('after');
  });

  it('at the top end the case: output, exits, and everything that was open', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { name: x }
      output: { name: '= context.name', code: '= event.output' }
      exit: { type: notify, params: { out: root } }
      invoke: { id: whole, src: service }
      after: { 1000: .late }
      states:
        a: { on: { GO: end }, invoke: { id: part, src: task } }
        end: { type: final, output: done }
        late: {}
    `);
    chart.send('GO');
    expect(chart.state).toMatchObject({
      snapshot: { status: 'done', output: { name: 'x', code: 'done' } },
      entries: [],
      lists: [],
    });
    expect(chart.happened).toEqual([
      'close part (left)',
      'notify {"out":"root"}',
      'cancel 1000 (left)',
      'close whole (left)',
    ]);
    expect(chart.send('GO')).toEqual({ outcome: 'refused', reason: 'event-not-accepted' });
  });
});

describe('self-transitions', () => {
  const chart = (transition: string) =>
    new ChartCase(`
      id: m
      initial: a
      states:
        a:
          entry: { type: notify, params: { in: a } }
          exit: { type: notify, params: { out: a } }
          invoke: { id: t, src: task }
          initial: b
          on: { AGAIN: ${transition} }
          states: { b: { on: { NEXT: c } }, c: {} }
    `);

  it('without a target leave nothing', () => {
    const a = chart('{ actions: { type: notify, params: { go: a } } }');
    a.send('AGAIN');
    expect(a.happened).toEqual(['notify {"go":"a"}']);
  });

  it('to themselves start their children anew, and stay', () => {
    const a = chart('a');
    a.send('NEXT');
    a.send('AGAIN');
    expect(a.value).toEqual({ a: 'b' });
    expect(a.happened).toEqual([]);
  });

  it('with reenter leave and enter, closing before opening', () => {
    const a = chart('{ target: a, reenter: true }');
    a.send('AGAIN');
    expect(a.happened).toEqual(['notify {"out":"a"}', 'close t (left)', 'notify {"in":"a"}', 'open t']);
    expect(a.open).toEqual(['t:2']);
  });
});

describe('wildcards', () => {
  it('take what nothing else takes, the longest name first', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a: { on: { order.paid: b, 'order.*': c, '*': d } }
        b: { on: { BACK: a } }
        c: { on: { BACK: a } }
        d: {}
    `);
    chart.send('order.paid');
    expect(chart.value).toBe('b');
    chart.send('BACK');
    chart.send('order.lost');
    expect(chart.value).toBe('c');
    chart.send('BACK');
    chart.send('whatever');
    expect(chart.value).toBe('d');
  });

  it("never swallow an answer: an ancestor's `onDone` gets it", () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a:
          invoke: { id: t, src: task, onDone: b }
          after: { 1000: c }
          initial: inner
          states: { inner: { on: { '*': other } }, other: {} }
        b: {}
        c: {}
    `);
    chart.answer('t');
    expect(chart.value).toBe('b');
  });

  it('never swallow the end of a child state or a timer', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a:
          after: { 1000: c }
          type: parallel
          states:
            left: { initial: x, states: { x: { on: { '*': x } } } }
            right: { initial: r, onDone: '#m.b', states: { r: { on: { GO: end } }, end: { type: final } } }
        b: { after: { 1000: c }, on: { '*': a } }
        c: {}
    `);
    chart.send('GO');
    expect(chart.value).toBe('b');
    chart.fire('1000');
    expect(chart.value).toBe('c');
  });
});

describe('guards', () => {
  it('are asked in the order in which they are written; the first that holds decides', () => {
    const chart = (n: number) => {
      const made = new ChartCase(`
        id: m
        initial: a
        context: { n: ${n} }
        states:
          a: { on: { GO: [ { guard: '= context.n > 10', target: b }, { guard: '= context.n > 5', target: c }, d ] } }
          b: {}
          c: {}
          d: {}
      `);
      made.send('GO');
      return made.value;
    };
    expect([chart(11), chart(6), chart(1)]).toEqual(['b', 'c', 'd']);
  });

  it('see the event, the moment and who gave the command, the same for the whole macrostep', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { at: null }
      states:
        a: { on: { GO: { guard: '= event.data.yes and by.id = "ana" and list contains(by.roles, "curator")', target: b } } }
        b: { always: { target: c, guard: '= by.id = "ana"', actions: { type: set, params: { at: '= now' } } } }
        c: {}
    `);
    chart.send('GO', { yes: true });
    expect(chart.value).toBe('c');
    expect(chart.context).toEqual({ at: chart.now });
  });
});

describe('timers', () => {
  it('run on every active state, ancestors and the root included', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      delays: { reminder: 3 working days }
      after: { reminder: .late }
      states:
        a: { initial: b, after: { 2000: c }, states: { b: { after: { 1000: d } }, d: {} } }
        c: {}
        late: {}
    `);
    expect(chart.state.entries).toEqual([
      { kind: 'timer', id: 'after::reminder:1', name: 'reminder', node: '', seq: 1, due: '2026-01-08T13:00:00.000Z' },
      { kind: 'timer', id: 'after:a:2000:1', name: '2000', node: 'a', seq: 1, due: '2026-01-05T04:00:02.000Z' },
      { kind: 'timer', id: 'after:a.b:1000:1', name: '1000', node: 'a.b', seq: 1, due: '2026-01-05T04:00:01.000Z' },
    ]);
    chart.fire('1000');
    expect(chart.value).toEqual({ a: 'd' });
    expect(chart.happened).toEqual(['cancel 1000 (fired)']);
    chart.fire('reminder');
    expect(chart.value).toBe('late');
    expect(chart.happened).toEqual(['cancel reminder (fired)', 'cancel 2000 (left)']);
  });

  it('that only act stay in their state and do not come again', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states: { a: { after: { 1000: { actions: { type: notify, params: { to: family } } } } } }
    `);
    chart.fire('1000');
    expect(chart.happened).toEqual(['cancel 1000 (fired)', 'notify {"to":"family"}']);
    expect(chart.open).toEqual([]);
  });

  it('compute their moment from the context in which their state was entered', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { closesOn: null }
      delays: { closes: until = context.closesOn }
      states:
        a: { on: { GO: { target: b, actions: { type: set, params: { closesOn: '= event.data.on' } } } } }
        b: { after: { closes: c } }
        c: {}
    `);
    chart.send('GO', { on: '2026-02-01T10:00:00Z' });
    expect(chart.state.entries).toMatchObject([{ name: 'closes', due: '2026-02-01T10:00:00.000Z' }]);
  });
});
