import { describe, expect, it } from '@jest/globals';
import { aWorkflow, ChartCase, MONDAY, OFFICE_HOURS } from '../../test/charts.js';
import { activeNodes } from './accepts.js';
import { chartOf } from './chart.js';
import { readTarget } from './move-target.js';
import { move, start, step } from './step.js';
import type { ChartState, Json, JsonObject } from './types.js';

const SCOPE = { now: MONDAY, by: null, seq: 1, calendar: OFFICE_HOURS };

const REVIEW = `
  id: m
  initial: review
  context: { grade: null }
  states:
    review:
      invoke:
        id: review
        src: task
        input: { form: review, role: curator, deadline: 3 working days, about: '= event.type' }
        onDone:
          - { guard: '= event.output.grade > 2', target: passed, actions: { type: set, params: { grade: '= event.output.grade' } } }
          - { guard: '= event.output.grade = 2', target: review, reenter: true }
      on: { AGAIN: { target: review, reenter: true }, STOP: { guard: '= context.grade = 1', target: passed }, NEVER: {} }
    passed: {}
`;

function fresh(yaml: string, input: JsonObject = {}) {
  return start(aWorkflow(yaml), input, SCOPE);
}

describe('the start', () => {
  it('evaluates the initial context over the input', () => {
    const chart = new ChartCase(
      "{ id: m, context: { family: '= input.familyId', n: 1 }, initial: a, states: { a: {} } }",
      { familyId: 'f1' },
    );
    expect(chart.context).toEqual({ family: 'f1', n: 1 });
  });

  it('is a fault where the input lacks what the context needs', () => {
    expect(fresh("{ id: m, context: { family: '= input.familyId' }, initial: a, states: { a: {} } }")).toMatchObject({
      outcome: 'fault',
      fault: { rule: 'expression', state: '' },
    });
  });

  it('gives each invocation an id of its own, its evaluated input and its due time', () => {
    const [entry] = new ChartCase(REVIEW).state.entries;
    expect(entry).toEqual({
      kind: 'invocation',
      id: 'review:1',
      invoke: 'review',
      src: 'task',
      node: 'review',
      input: { form: 'review', role: 'curator', deadline: '3 working days', about: 'xstate.init' },
      seq: 1,
      due: '2026-01-08T13:00:00.000Z',
    });
  });

  it('opens nothing in states that are passed through, and keeps what they did', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a: { entry: { type: notify, params: { in: a } }, invoke: { id: t, src: task }, after: { 1000: b }, meta: { deadline: 1 day }, always: b }
        b: {}
    `);
    expect(chart.happened).toEqual(['notify {"in":"a"}']);
    expect(chart.open).toEqual([]);
  });
});

describe('an answer', () => {
  it('closes its entry where XState stops it, as answered', () => {
    const chart = new ChartCase(REVIEW);
    expect(chart.answer('review', { grade: 5 })).toMatchObject({ outcome: 'taken' });
    expect(chart.happened).toEqual(['close review (answered)']);
    expect(chart.context).toEqual({ grade: 5 });
  });

  it('of an entry that was entered again is ignored when it comes late', () => {
    const chart = new ChartCase(REVIEW);
    const first = chart.entry('review');
    chart.send('AGAIN');
    expect(chart.happened).toEqual(['close review (left)', 'open review']);
    expect(chart.take({ kind: 'answer', entry: first, output: { grade: 5 } })).toEqual({
      outcome: 'ignored',
      reason: 'entry-closed',
    });
    expect(chart.value).toBe('review');
    chart.answer('review', { grade: 5 });
    expect(chart.value).toBe('passed');
  });

  it('given twice is ignored the second time', () => {
    const chart = new ChartCase(REVIEW);
    const entry = chart.entry('review');
    chart.answer('review', { grade: 2 });
    expect(chart.happened).toEqual(['close review (answered)', 'open review']);
    expect(chart.take({ kind: 'answer', entry, output: { grade: 2 } })).toEqual({
      outcome: 'ignored',
      reason: 'entry-closed',
    });
  });

  it('that every guard refuses is not taken and changes nothing', () => {
    const chart = new ChartCase(REVIEW);
    const before = chart.state;
    expect(chart.answer('review', { grade: 1 })).toEqual({ outcome: 'not-taken', reason: 'guard-refused' });
    expect(chart.state).toEqual(before);
  });

  it('for which there is no transition is not taken', () => {
    const chart = new ChartCase('{ id: m, initial: a, states: { a: { invoke: { id: t, src: service } } } }');
    expect(chart.answer('t')).toEqual({ outcome: 'not-taken', reason: 'no-transition' });
    expect(chart.fail('t', { code: 'down' })).toEqual({ outcome: 'not-taken', reason: 'no-transition' });
    expect(chart.state.snapshot.status).toBe('active');
  });

  it('that an `onDone` without content takes is taken, and stays', () => {
    const chart = new ChartCase(
      '{ id: m, initial: a, states: { a: { invoke: { id: t, src: service, onDone: {} } } } }',
    );
    expect(chart.answer('t')).toMatchObject({ outcome: 'taken' });
    expect(chart.happened).toEqual(['close t (answered)']);
  });

  it('that fails goes to `onError` with its error', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      context: { why: null }
      states: { a: { invoke: { id: t, src: service, onError: { target: b, actions: { type: set, params: { why: '= event.error.code' } } } } }, b: {} }
    `);
    chart.fail('t', { code: 'down' });
    expect(chart.value).toBe('b');
    expect(chart.context).toEqual({ why: 'down' });
    expect(chart.happened).toEqual(['close t (failed)']);
  });

  it('of one of several invocations leaves the others open', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a:
          invoke:
            - { id: one, src: task, onDone: { actions: { type: notify, params: { done: one } } } }
            - { id: two, src: task, onDone: b }
        b: {}
    `);
    chart.answer('one');
    expect(chart.open).toEqual(['two:1']);
    chart.answer('two');
    expect(chart.value).toBe('b');
  });

  it('on an ancestor closes what is open inside it', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a: { invoke: { id: outer, src: case, onDone: b }, type: parallel, states: { l: { invoke: { id: left, src: task } }, r: { invoke: { id: right, src: task } } } }
        b: {}
    `);
    expect(chart.happened).toEqual(['open outer', 'open left', 'open right']);
    chart.answer('outer');
    expect(chart.happened).toEqual(['close right (left)', 'close left (left)', 'close outer (answered)']);
  });
});

describe('an event', () => {
  it('that the state does not know is not accepted', () => {
    expect(new ChartCase(REVIEW).send('HELLO')).toEqual({ outcome: 'refused', reason: 'event-not-accepted' });
  });

  it('that every guard refuses is refused as such', () => {
    expect(new ChartCase(REVIEW).send('STOP')).toEqual({ outcome: 'refused', reason: 'guard-refused' });
  });

  it('that is forbidden here is not accepted', () => {
    expect(new ChartCase(REVIEW).send('NEVER')).toEqual({ outcome: 'refused', reason: 'event-not-accepted' });
  });

  it.each(['xstate.done.actor.review', 'xstate.after.1000.m', 'xstate.init', '*', ''])(
    'of the engine (%s) is never accepted from outside',
    (type) => {
      const chart = new ChartCase("{ id: m, initial: a, states: { a: { on: { '*': b } }, b: {} } }");
      expect(chart.send(type)).toEqual({ outcome: 'refused', reason: 'event-not-accepted' });
    },
  );

  it('that is not among the declared ones is not accepted, even where a transition waits for it', () => {
    const chart = new ChartCase(
      '{ id: m, events: { OPEN: {} }, initial: a, states: { a: { on: { OPEN: b, INNER: b } }, b: {} } }',
    );
    expect(chart.send('INNER')).toEqual({ outcome: 'refused', reason: 'event-not-accepted' });
    expect(chart.send('OPEN')).toMatchObject({ outcome: 'taken' });
  });
});

describe('a timer', () => {
  it('whose guards all refuse is not taken', () => {
    const chart = new ChartCase(
      "{ id: m, context: { n: 0 }, initial: a, states: { a: { after: { 1000: { guard: '= context.n > 1', target: b } } }, b: {} } }",
    );
    expect(chart.fire('1000')).toEqual({ outcome: 'not-taken', reason: 'guard-refused' });
  });

  it('that was dropped is ignored', () => {
    const chart = new ChartCase('{ id: m, initial: a, states: { a: { after: { 1000: b }, on: { GO: b } }, b: {} } }');
    const entry = chart.entry('1000');
    chart.send('GO');
    expect(chart.take({ kind: 'timer', entry })).toEqual({ outcome: 'ignored', reason: 'entry-closed' });
  });
});

describe('a deadline of a state', () => {
  it('opens on entering and is met on leaving', () => {
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a: { meta: { deadline: 2 working days, escalation: stage }, on: { GO: b, AGAIN: { target: a, reenter: true } } }
        b: {}
    `);
    expect(chart.state.entries).toEqual([
      { kind: 'deadline', id: 'deadline:a:1', node: 'a', seq: 1, due: '2026-01-07T13:00:00.000Z', escalation: 'stage' },
    ]);
    chart.send('AGAIN');
    expect(chart.happened).toEqual(['met deadline a', 'deadline deadline a']);
    chart.send('GO');
    expect(chart.happened).toEqual(['met deadline a']);
  });

  it('is not an answer to anything', () => {
    const chart = new ChartCase('{ id: m, initial: a, states: { a: { meta: { deadline: 1 day } } } }');
    expect(chart.take({ kind: 'timer', entry: chart.entry('deadline a') })).toEqual({
      outcome: 'ignored',
      reason: 'entry-closed',
    });
  });
});

describe('a step that cannot be made', () => {
  const faulty = (state: string, context = '{ n: 0 }') => {
    const chart = new ChartCase(`{ id: m, context: ${context}, initial: a, states: { a: ${state}, b: {} } }`);
    const before = chart.state;
    const result = chart.send('GO', { on: null });
    expect(chart.state).toEqual(before);
    return result;
  };

  it.each([
    ['a guard that warns', "{ on: { GO: { guard: '= context.misspelt > 1', target: b } } }", 'expression', 'a'],
    [
      'a guard that is neither true nor false',
      "{ on: { GO: { guard: '= context.n', target: b } } }",
      'guard-not-boolean',
      'a',
    ],
    [
      'a value that warns',
      "{ on: { GO: { actions: { type: set, params: { n: '= event.data.x.y' } } } } }",
      'expression',
      'a',
    ],
    [
      'a parameter that warns',
      "{ on: { GO: { actions: { type: notify, params: { to: '= context.nobody' } } } } }",
      'expression',
      'a',
    ],
    [
      'an endless always',
      '{ on: { GO: b }, initial: x, states: { x: { on: { GO: y } }, y: { always: z }, z: { always: y } } }',
      'endless',
      '',
    ],
    [
      'an endless raise',
      '{ on: { GO: { actions: { type: raise, params: { event: LOOP } } }, LOOP: { actions: { type: raise, params: { event: LOOP } } } } }',
      'endless',
      '',
    ],
  ])('because of %s changes nothing', (_, state, rule, place) => {
    expect(faulty(state)).toMatchObject({ outcome: 'fault', fault: { rule, state: place } });
  });

  it('a list that is joined to itself until it is larger than any case needs', () => {
    const doubled = `= concatenate(context.l, context.l)`;
    const grow = `{ GROW: { actions: { type: set, params: { l: '${doubled}' } } } }`;
    const chart = new ChartCase(`{ id: m, context: { l: [one] }, initial: a, states: { a: { on: ${grow} } } }`);
    let result = chart.send('GROW');
    while (result.outcome === 'taken') result = chart.send('GROW');
    expect(result).toMatchObject({ outcome: 'fault', fault: { rule: 'too-large', state: 'a' } });
    expect(JSON.stringify(chart.state).length).toBeLessThan(500_000);
  });

  it('because nobody can tell when something is due changes nothing, and is never "now"', () => {
    const chart = new ChartCase(`
      id: m
      context: { on: null }
      delays: { later: until = context.on }
      initial: a
      states: { a: { on: { GO: b, DEADLINE: c } }, b: { after: { later: a } }, c: { invoke: { id: t, src: task, input: { deadline: until = context.on } } } }
    `);
    expect(chart.send('GO')).toMatchObject({ outcome: 'fault', fault: { rule: 'due-unknown', state: 'b' } });
    expect(chart.send('DEADLINE')).toMatchObject({ outcome: 'fault', fault: { rule: 'due-unknown', state: 'c' } });
    expect(chart.value).toBe('a');
  });

  it('because history leads back into a state without the state itself changes nothing', () => {
    // XState leaves `a` and enters its regions without it: what `a` waited for would be gone, and the case still in it.
    const chart = new ChartCase(`
      id: m
      initial: a
      states:
        a:
          type: parallel
          invoke: { id: t, src: task }
          states: { x: { on: { BACK: '#past' } }, y: {}, past: { id: past, type: history } }
    `);
    expect(chart.send('BACK')).toMatchObject({ outcome: 'fault', fault: { rule: 'state-error', state: 'a' } });
    expect(chart.open).toEqual(['t:1']);
  });

  it('because an invocation is given no map changes nothing', () => {
    expect(
      faulty("{ initial: x, states: { x: { on: { GO: y } }, y: { invoke: { src: task, input: '= 5' } } } }"),
    ).toMatchObject({
      outcome: 'fault',
      fault: { rule: 'expression', state: 'a.y' },
    });
  });
});

describe('a step', () => {
  it('gives the same result for the same arguments and never changes the state', () => {
    const workflow = aWorkflow(REVIEW);
    const started = start(workflow, {}, SCOPE);
    if (started.outcome !== 'taken') throw new Error('not started');
    const state = frozen(started.state);
    const make = () =>
      step(workflow, state, { kind: 'answer', entry: 'review:1', output: { grade: 4 } }, { ...SCOPE, seq: 2 });
    expect(make()).toEqual(make());
  });

  it('refuses a state of another chart', () => {
    const other = new ChartCase('{ id: m, initial: x, states: { x: { on: { GO: y } }, y: {} } }');
    expect(step(aWorkflow(REVIEW), other.state, { kind: 'event', type: 'AGAIN' }, SCOPE)).toMatchObject({
      outcome: 'fault',
      fault: { rule: 'state-error' },
    });
  });

  it('takes due times from the journal where they are given', () => {
    const journaled = start(aWorkflow(REVIEW), {}, { ...SCOPE, dues: { 'review:1': '2026-02-02T00:00:00.000Z' } });
    expect(journaled).toMatchObject({ state: { entries: [{ id: 'review:1', due: '2026-02-02T00:00:00.000Z' }] } });
  });
});

describe('a move by hand', () => {
  const chart = () =>
    new ChartCase(`
    id: m
    initial: a
    context: { n: 0, kept: yes }
    states:
      a: { invoke: { id: t, src: task } }
      b: { initial: c, states: { c: {}, d: { invoke: { id: u, src: task, input: { n: '= context.n' } } } } }
      end: { type: final }
  `);

  it('leaves and enters as a transition does, with the context that was laid over', () => {
    const moved = move(chart().workflow, chart().state, 'b.d', { n: 7 }, { ...SCOPE, seq: 2 });
    expect(moved).toMatchObject({
      outcome: 'taken',
      state: {
        snapshot: { value: { b: 'd' }, context: { n: 7, kept: 'yes' } },
        entries: [{ id: 'u:2', input: { n: 7 } }],
      },
      effects: [{ kind: 'close' }, { kind: 'open' }],
    });
  });

  it('opens a closed case again', () => {
    const { workflow, state } = chart();
    const closed: ChartState = {
      ...state,
      entries: [],
      snapshot: { ...state.snapshot, status: 'done', value: 'end', output: 1 },
    };
    const moved = move(workflow, closed, 'a', {}, { ...SCOPE, seq: 9 });
    expect(moved).toMatchObject({
      outcome: 'taken',
      state: { snapshot: { status: 'active', value: 'a' }, entries: [{ id: 't:9' }] },
    });
  });

  const regions = `
    id: m
    initial: work
    states:
      work:
        type: parallel
        states:
          legal: { initial: a, states: { a: { invoke: { id: l, src: task } }, b: { invoke: { id: m, src: task } }, c: {} } }
          money: { initial: a, states: { a: { invoke: { id: n, src: task } }, b: { initial: p, states: { p: {}, q: {} } } } }
          home: { initial: a, states: { a: { invoke: { id: o, src: task } }, b: {} } }
      end: { type: final }
  `;

  it('leaves alone what lies beside it', () => {
    const chart = new ChartCase(regions);
    const moved = move(chart.workflow, chart.state, ['work.legal.b', 'work.money.b.q'], {}, { ...SCOPE, seq: 2 });
    expect(moved).toMatchObject({
      outcome: 'taken',
      state: { snapshot: { value: { work: { legal: 'b', money: { b: 'q' }, home: 'a' } } } },
    });
    const ids = moved.outcome === 'taken' ? moved.state.entries.map(({ id }) => id) : [];
    expect(ids.sort()).toEqual(['m:2', 'o:1']);
  });

  it('comes to any configuration from any other, by one path for each active leaf', () => {
    const { workflow, state } = new ChartCase(regions);
    const leaves = { legal: ['a', 'b', 'c'], money: ['a', 'b.p', 'b.q'], home: ['a', 'b'] };
    const all = leaves.legal.flatMap((legal) =>
      leaves.money.flatMap((money) =>
        leaves.home.map((home) => [`work.legal.${legal}`, `work.money.${money}`, `work.home.${home}`]),
      ),
    );
    const ended = move(workflow, state, 'end', {}, { ...SCOPE, seq: 2 });
    for (const from of [state, ...(ended.outcome === 'taken' ? [ended.state] : [])]) {
      for (const target of all) {
        const moved = move(workflow, from, target, {}, { ...SCOPE, seq: 3 });
        const value = moved.outcome === 'taken' ? moved.state.snapshot.value : moved;
        const active = activeNodes(chartOf(workflow).definition, value as Json);
        const atoms = active.filter(({ type }) => type === 'atomic').map(({ path }) => path);
        expect(atoms).toEqual(target);
      }
    }
  });

  it.each([
    ['no path', 5, 'target-malformed'],
    ['no paths', [], 'target-malformed'],
    ['the root', '', 'target-unknown'],
    ['two states of one region', ['work.legal.a', 'work.legal.b'], 'target-conflict'],
    ['a state inside and one outside', ['work.legal.a', 'end'], 'target-conflict'],
    ['one that is misspelt', ['work.legal.a', 'work.mony.a'], 'target-unknown'],
  ])('is not possible to %s', (_, target, rule) => {
    const { workflow, state } = new ChartCase(regions);
    expect(readTarget(workflow, target)).toMatchObject({ rule, message: expect.stringMatching(/\.$|\?$/) });
    expect(move(workflow, state, target, {}, SCOPE).outcome).toBe('refused');
  });

  it('goes to no state that does not exist', () => {
    const { workflow, state } = chart();
    expect(move(workflow, state, 'nowhere', {}, SCOPE)).toEqual({ outcome: 'refused', reason: 'event-not-accepted' });
  });
});

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
