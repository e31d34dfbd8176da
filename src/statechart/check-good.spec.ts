import { describe, expect, it } from '@jest/globals';
import { chart, END, EVENTS, findings, guarded, handOff, region, simple, T, task } from '../../test/small-charts.js';

/** Charts in which no family waits for ever. */
const GOOD: Record<string, Record<string, string>> = {
  'a task': simple(task('end')),
  'a task whose state has the deadline': chart({
    work: {
      invoke: { id: 'ask', src: 'task', input: { form: 'plan', role: 'curator' }, onDone: 'end' },
      meta: { deadline: '3 days', escalation: 'task' },
    },
    ...END,
  }),
  'a task without a deadline beside a timer that leads on': chart({
    work: {
      invoke: { id: 'ask', src: 'task', input: { form: 'plan', role: 'curator' }, onDone: 'end' },
      after: { d3: 'end' },
    },
    ...END,
  }),
  'a hand-off': simple(handOff('end', 'end')),
  'a hand-off whose end of term leads on, without a ladder': simple(handOff('end', 'end', { escalation: null })),
  'a service': simple({
    id: 'print',
    src: 'service',
    input: { name: 'issueCertificate', deadline: '1 day', escalation: 'task' },
    onDone: 'end',
    onError: 'end',
  }),
  'a sub-case': simple({
    id: 'sub',
    src: 'case',
    input: { workflow: 'track', deadline: '30 days', escalation: 'task' },
    onDone: 'end',
    onError: 'end',
  }),
  'a list of tasks': simple(
    { ...task('end', { person: '= item.id' }), each: '= context.people', key: '= item.id', until: 'all' },
    { context: { people: [] } },
  ),
  'a timer': chart({ wait: { after: { d3: 'end' } }, ...END }),
  'a named timer': chart({ wait: { after: { patience: 'end' } }, ...END }, { delays: { patience: 'P3D' } }),
  'a timer until a date of the context': chart(
    { wait: { after: { closes: 'end' } }, ...END },
    { delays: { closes: 'until = context.closesOn' }, context: { closesOn: null } },
  ),
  'an event with a timer behind it': chart(
    { wait: { on: { GO: 'end' }, after: { d30: 'end' } }, ...END },
    { events: EVENTS },
  ),
  'an event under a ladder': chart(
    { wait: { on: { GO: 'end' }, meta: { deadline: '30 days', escalation: 'task' } }, ...END },
    { events: EVENTS },
  ),
  'a timer on an ancestor': chart(
    {
      outer: { initial: 'inner', after: { d30: 'end' }, states: { inner: { on: { GO: '#e' } } } },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS },
  ),
  'reminders beside a task': chart({
    work: {
      invoke: task('end'),
      after: { d1: { actions: { type: 'notify', params: { template: 'hello', to: 'family' } } } },
    },
    ...END,
  }),
  'two reminders and a term': chart(
    {
      wait: {
        on: { GO: 'end' },
        after: {
          d5: { actions: { type: 'notify', params: { template: 'hello', to: 'family' } } },
          d10: { actions: { type: 'notify', params: { template: 'hello', to: 'family' } } },
          d30: 'end',
        },
      },
      ...END,
    },
    { events: EVENTS },
  ),
  'branches with a default': simple(
    task([
      { guard: '= event.output.decision = "yes"', target: 'end' },
      { guard: '= event.output.decision = "no"', target: 'end' },
      { target: 'end' },
    ]),
  ),
  'a loop with a counter': simple(
    task([
      {
        guard: '= context.tries < 3',
        target: 'work',
        reenter: true,
        actions: { type: 'set', params: { tries: '= context.tries + 1' } },
      },
      { target: 'end' },
    ]),
    { context: { tries: 0 } },
  ),
  'a way that is chosen at once': chart(
    {
      work: { invoke: task('choose') },
      choose: { always: [{ guard: '= context.x', target: 'end' }, { target: 'work' }] },
      ...END,
    },
    { context: { x: true } },
  ),
  'an `always` that counts': chart(
    {
      work: { invoke: task('count') },
      count: {
        always: [
          {
            guard: '= context.n < 3',
            target: 'count',
            reenter: true,
            actions: { type: 'set', params: { n: '= context.n + 1' } },
          },
          { target: 'end' },
        ],
      },
      ...END,
    },
    { context: { n: 0 } },
  ),
  'parallel tasks': chart({
    both: { type: 'parallel', onDone: 'end', states: { one: region('one'), two: region('two') } },
    ...END,
  }),
  'a parallel part that one region leaves': chart(
    {
      both: {
        type: 'parallel',
        states: {
          one: { initial: 'ask', states: { ask: { invoke: task('#e') } } },
          idle: { initial: 'wait', states: { wait: { on: { GO: 'wait' } } } },
        },
      },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS },
  ),
  'a region that waits until another tells it': chart({
    both: {
      type: 'parallel',
      onDone: 'end',
      states: {
        one: {
          initial: 'ask',
          states: {
            ask: { invoke: task({ target: 'ok', actions: { type: 'raise', params: { event: 'READY' } } }) },
            ok: { type: 'final' },
          },
        },
        two: { initial: 'wait', states: { wait: { on: { READY: 'ok' } }, ok: { type: 'final' } } },
      },
    },
    ...END,
  }),
  'a region that has finished and tells the others so': chart(
    {
      both: {
        type: 'parallel',
        onDone: 'end',
        states: {
          one: { ...region('one'), onDone: { actions: { type: 'set', params: { over: true } } } },
          two: {
            initial: 'calm',
            states: {
              calm: { always: { guard: '= context.over', target: 'ok' }, after: { d90: 'ok' } },
              ok: { type: 'final' },
            },
          },
        },
      },
      ...END,
    },
    { context: { over: false } },
  ),
  'a region that waits for what another writes': chart(
    {
      both: {
        type: 'parallel',
        onDone: 'end',
        states: {
          one: {
            initial: 'ask',
            states: {
              ask: { invoke: task({ target: 'ok', actions: { type: 'set', params: { ready: true } } }) },
              ok: { type: 'final' },
            },
          },
          two: {
            initial: 'wait',
            states: {
              wait: { always: { guard: '= context.ready', target: 'ok' }, after: { d90: 'ok' } },
              ok: { type: 'final' },
            },
          },
        },
      },
      ...END,
    },
    { context: { ready: false } },
  ),
  'parts inside parts': chart({
    a: {
      initial: 'b',
      onDone: 'end',
      states: {
        b: { initial: 'c', onDone: 'd', states: { c: { invoke: task('ok') }, ok: { type: 'final' } } },
        d: { type: 'final' },
      },
    },
    ...END,
  }),
  'deep history': chart(
    {
      work: {
        initial: 'one',
        on: { STOP: 'pause' },
        states: {
          back: { type: 'history', history: 'deep' },
          one: { initial: 'ask', states: { ask: { invoke: task('more') }, more: { invoke: task('#e', {}, 'more') } } },
        },
      },
      pause: { after: { d3: 'work.back' }, on: { GO: 'work.back' } },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS },
  ),
  'shallow history': chart(
    {
      work: {
        initial: 'one',
        on: { STOP: 'pause' },
        states: { back: { type: 'history' }, one: { invoke: task('two') }, two: { invoke: task('#e', {}, 'two') } },
      },
      pause: { after: { d3: 'work.back' } },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS },
  ),
  'an event that a state keeps from its ancestors': chart(
    {
      work: {
        initial: 'a',
        on: { STOP: 'end' },
        states: { a: { invoke: task('b') }, b: { on: { STOP: {} }, invoke: task('#e', {}, 'b') } },
      },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS },
  ),
  wildcards: chart(
    {
      work: { invoke: task('end'), on: { '*': { actions: { type: 'set', params: { last: '= event.type' } } } } },
      ...END,
    },
    { events: EVENTS, context: { last: null } },
  ),
  'a refusal that has words': guarded({ guard: '= context.x', target: 'end' }, { ...EVENTS.GO, refused: T }),
  'a guard that only chooses': guarded([
    { guard: '= context.x', target: 'end' },
    { target: 'work', reenter: true },
  ]),
  'a guard on what only the engine sends': guarded(
    { guard: '= context.x', actions: { type: 'set', params: { x: false } } },
    { title: T, roles: ['engine'] },
  ),
  'a guard above states of which each takes the event itself': chart(
    {
      work: {
        initial: 'a',
        on: { GO: { guard: '= context.x', target: 'end' } },
        states: { a: { invoke: task('b'), on: { GO: 'b' } }, b: { invoke: task('#e', {}, 'b'), on: { GO: '#e' } } },
      },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS, context: { x: true } },
  ),
  'a guard beside a region that takes the event in any case': chart(
    {
      both: {
        type: 'parallel',
        states: {
          one: {
            initial: 'ask',
            states: { ask: { invoke: task('#e'), on: { GO: { guard: '= context.x', target: '#e' } } } },
          },
          two: { initial: 'wait', states: { wait: { on: { GO: '#e' } } } },
        },
      },
      end: { id: 'e', type: 'final' },
    },
    { events: EVENTS, context: { x: true } },
  ),
  'an invocation on an ancestor': chart(
    { work: { invoke: task('end'), initial: 'a', states: { a: { on: { GO: 'b' } }, b: {} } }, ...END },
    { events: EVENTS },
  ),
  'two tasks in one state': simple([task('end'), task('end', {}, 'other')]),
  'an answer that is kept until a second one comes': chart(
    { work: { invoke: [task({ actions: { type: 'set', params: { x: 1 } } }), task('end', {}, 'other')] }, ...END },
    { context: { x: 0 } },
  ),
  'a message, a milestone and a further case': chart({
    work: {
      invoke: task('end'),
      entry: [
        { type: 'notify', params: { template: 'hello', to: 'curator' } },
        { type: 'milestone', params: { name: 'begun' } },
        { type: 'openCase', params: { workflow: 'track' } },
      ],
    },
    ...END,
  }),
  'names from schemas, lists and loops': simple(
    task([
      { guard: '= some p in event.output.people satisfies p.id = context.ids[1]', target: 'end' },
      { target: 'end', actions: { type: 'set', params: { ids: '= event.output.people.id' } } },
    ]),
    {
      contextSchema: { type: 'object', properties: { ids: { type: 'array', items: { type: 'string' } } } },
      context: { ids: [] },
    },
  ),
  'what partners answer, whatever it is': simple(
    handOff(
      { target: 'end', actions: { type: 'set', params: { group: '= event.output.group.number' } } },
      { target: 'end', actions: { type: 'set', params: { group: '= event.error.reason' } } },
    ),
    { context: { group: null } },
  ),
  'what a raised event carries': chart(
    {
      work: {
        invoke: task({ target: 'told', actions: { type: 'raise', params: { event: { type: 'TOLD', reason: 'x' } } } }),
      },
      told: {
        on: { TOLD: { target: 'end', actions: { type: 'set', params: { reason: '= event.reason' } } } },
        after: { d3: 'end' },
      },
      end: { type: 'final', entry: { type: 'set', params: { reason: '= event.reason' } } },
    },
    { context: { reason: null } },
  ),
  'stages, a ladder and a place to reopen': chart(
    {
      work: { invoke: task('end'), meta: { stage: 'intake', title: T, deadline: '9 days', escalation: 'task' } },
      ...END,
    },
    { stages: { intake: T }, meta: { reopen: 'work' } },
  ),
};

describe('check says nothing against', () => {
  it('at least thirty good charts', () => {
    expect(Object.keys(GOOD).length).toBeGreaterThanOrEqual(30);
  });

  it.each(Object.entries(GOOD))('%s', (_, files) => {
    expect(findings(files).filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('names of things it has no list of', () => {
    expect(
      findings(simple(task('end', { role: 'anyone', escalation: 'any' })), {}).filter(
        ({ severity }) => severity === 'error',
      ),
    ).toEqual([]);
  });
});
