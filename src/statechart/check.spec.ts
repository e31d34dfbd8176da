import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import type { Catalogue } from './catalogue.js';
import { check } from './check.js';
import { loadWorkflow } from './load.js';
import type { Finding, Json, JsonObject } from './types.js';

const T = { kk: 'Атауы', ru: 'Название', en: 'Title' };
const TASK = { form: 'plan', role: 'curator', deadline: '3 working days', escalation: 'task' };
const HAND_OFF = { partner: 'atameken', service: 'enrolment', deadline: '10 working days', escalation: 'hand-off' };

const DELAYS = Object.fromEntries([1, 3, 5, 7, 10, 30, 90].map((days) => [`d${days}`, `${days} days`]));

const CATALOGUE: Catalogue = {
  roles: ['curator', 'director'],
  partners: [{ key: 'atameken', services: ['enrolment'] }],
  ladders: [
    { key: 'task', roles: ['curator'] },
    { key: 'hand-off', roles: ['director'] },
    { key: 'nobody', roles: [] },
    { key: 'misspelt', roles: ['curator', 'drector'] },
  ],
  services: ['issueCertificate'],
  workflows: ['track'],
};

const FORM: JsonObject = {
  'x-title': T,
  type: 'object',
  additionalProperties: false,
  properties: {
    decision: { type: 'string' },
    people: { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } } } },
    phone: { type: 'string', 'x-personal': true },
  },
};

function task(onDone: Json, input: JsonObject = {}, id = 'ask'): JsonObject {
  return { id, src: 'task', input: { ...TASK, ...input }, onDone };
}

function handOff(onDone: Json, onError: Json, input: JsonObject = {}): JsonObject {
  return { id: 'send', src: 'handOff', input: { ...HAND_OFF, ...input }, onDone, onError };
}

/** A workflow around some states; `more` lies over the whole config. */
function chart(states: JsonObject, more: JsonObject = {}): Record<string, string> {
  const [first = ''] = Object.keys(states);
  const config = { id: 'w', title: T, events: {}, context: {}, delays: DELAYS, initial: first, states, ...more };
  return {
    'workflow.yaml': stringify(config),
    'forms/plan.yaml': stringify(FORM),
    'messages/hello.yaml': stringify({ text: T }),
  };
}

function findings(files: Record<string, string>, catalogue = CATALOGUE): Finding[] {
  return check(loadWorkflow(files), catalogue);
}

const END = { end: { type: 'final' } };
const EVENTS = { GO: { title: T, roles: ['curator'] }, STOP: { title: T, roles: ['curator'] } };
const simple = (invoke: JsonObject | JsonObject[], more: JsonObject = {}) => chart({ work: { invoke }, ...END }, more);

/** A task that GO may end before it is answered. */
function guarded(GO: Json, event: JsonObject = EVENTS.GO): Record<string, string> {
  return chart({ work: { invoke: task('end'), on: { GO } }, ...END }, { events: { GO: event }, context: { x: true } });
}

/** Rule, state, and a chart that breaks it. */
const BAD: [rule: string, state: string, files: Record<string, string>][] = [
  ['waits-for-ever', 'wait', chart({ wait: { on: { GO: 'end' } }, ...END }, { events: EVENTS })],
  [
    'waits-for-ever',
    'wait',
    chart(
      {
        wait: {
          on: { GO: 'end' },
          after: { d3: { actions: { type: 'notify', params: { template: 'hello', to: 'family' } } } },
        },
        ...END,
      },
      { events: EVENTS },
    ),
  ],
  [
    'waits-for-ever',
    'wait',
    chart(
      { wait: { on: { GO: 'end' }, meta: { deadline: '3 days', escalation: 'nobody' } }, ...END },
      { events: EVENTS },
    ),
  ],
  // Time leads round in circles, and nobody hears of it.
  [
    'waits-for-ever',
    'wait',
    chart(
      { wait: { on: { GO: 'end' }, after: { d3: { target: 'wait', reenter: true } } }, ...END },
      { events: EVENTS },
    ),
  ],
  [
    'waits-for-ever',
    'one',
    chart(
      { one: { on: { GO: 'end' }, after: { d3: 'two' } }, two: { on: { GO: 'end' }, after: { d3: 'one' } }, ...END },
      { events: EVENTS },
    ),
  ],
  [
    'waits-for-ever',
    'ask',
    chart({
      ask: {
        invoke: {
          id: 'send',
          src: 'handOff',
          input: { partner: 'atameken', service: 'enrolment', deadline: '10 days' },
          onDone: 'end',
          onError: { target: 'ask', reenter: true },
        },
      },
      ...END,
    }),
  ],
  [
    'decision-leads-nowhere',
    'choose',
    chart(
      { choose: { always: [{ guard: '= context.x > 0' }, { target: 'end' }] }, ...END },
      { context: { x: 0 }, meta: { deadline: '90 days', escalation: 'task' } },
    ),
  ],
  [
    'waits-for-ever',
    'a.stuck',
    chart(
      { a: { initial: 'stuck', states: { stuck: { type: 'final' } } }, ...END },
      { events: EVENTS, on: { GO: '.end' } },
    ),
  ],
  [
    'waits-for-ever',
    'both.one.wait',
    chart(
      {
        both: {
          type: 'parallel',
          onDone: 'end',
          states: {
            one: { initial: 'wait', states: { wait: { on: { GO: 'ok' } }, ok: { type: 'final' } } },
            two: { initial: 'ask', states: { ask: { invoke: task('ok') }, ok: { type: 'final' } } },
          },
        },
        ...END,
      },
      { events: EVENTS },
    ),
  ],
  [
    'waits-for-ever',
    'both.one.wait',
    chart(
      {
        both: {
          type: 'parallel',
          onDone: 'end',
          states: {
            one: { initial: 'wait', states: { wait: { on: { GO: 'ok' } }, ok: { type: 'final' } } },
            two: {
              initial: 'tick',
              states: {
                tick: { after: { d7: { target: 'tick', reenter: true } }, on: { STOP: 'ok' } },
                ok: { type: 'final' },
              },
            },
          },
        },
        ...END,
      },
      { events: EVENTS },
    ),
  ],
  ['unreachable', 'lost', chart({ work: { invoke: task('end') }, lost: { invoke: task('end') }, ...END })],
  [
    'unreachable',
    'lost',
    chart({
      work: { invoke: task('end') },
      lost: { initial: 'inner', states: { inner: { invoke: task('#e') } } },
      end: { id: 'e', type: 'final' },
    }),
  ],
  ['no-end', '', chart({ work: { invoke: task('again') }, again: { invoke: task('work') } })],
  [
    'no-end',
    'trap',
    chart({
      work: { invoke: task([{ guard: '= event.output.decision = "x"', target: 'trap' }, { target: 'end' }]) },
      trap: { invoke: task({ target: 'trap', reenter: true }) },
      ...END,
    }),
  ],
  ['endless', 'b', chart({ work: { invoke: task('a') }, a: { always: 'b' }, b: { always: 'a' }, ...END })],
  [
    'endless',
    'a',
    chart({
      work: { invoke: task('a') },
      a: { entry: { type: 'raise', params: { event: 'AGAIN' } }, on: { AGAIN: { target: 'a', reenter: true } } },
      ...END,
    }),
  ],
  ['no-default', 'work', simple(task([{ guard: '= event.output.decision = "yes"', target: 'end' }]))],
  ['no-default', 'work', simple(handOff('end', [{ guard: '= context.x', target: 'end' }]), { context: { x: true } })],
  [
    'no-default',
    'work',
    chart({ work: { after: { d3: [{ guard: '= context.x', target: 'end' }] } }, ...END }, { context: { x: true } }),
  ],
  [
    'no-default',
    'work',
    chart(
      {
        work: {
          initial: 'a',
          onDone: [{ guard: '= context.x', target: 'end' }],
          states: { a: { invoke: task('b') }, b: { type: 'final' } },
        },
        ...END,
      },
      { context: { x: true } },
    ),
  ],
  [
    'no-default',
    'choose',
    chart(
      { work: { invoke: task('choose') }, choose: { always: [{ guard: '= context.x', target: 'end' }] }, ...END },
      { context: { x: true }, meta: { deadline: '90 days', escalation: 'task' } },
    ),
  ],
  [
    'no-on-done',
    'work',
    chart({ work: { invoke: { id: 'ask', src: 'task', input: TASK }, after: { d3: 'end' } }, ...END }),
  ],
  ['no-on-error', 'work', simple({ id: 'send', src: 'handOff', input: HAND_OFF, onDone: 'end' })],
  [
    'answer-leads-nowhere',
    'work',
    chart(
      { work: { invoke: task([{ guard: '= event.output.decision = "yes"', target: 'end' }, {}]) }, ...END },
      { meta: { deadline: '90 days', escalation: 'task' } },
    ),
  ],
  [
    'answer-leads-nowhere',
    'work',
    chart(
      { work: { invoke: task({ actions: { type: 'set', params: { x: 1 } } }), on: { GO: 'end' } }, ...END },
      { context: { x: 0 }, events: EVENTS, meta: { deadline: '90 days', escalation: 'task' } },
    ),
  ],
  [
    'timer-leads-nowhere',
    'wait',
    chart(
      { wait: { after: { d3: {} }, on: { GO: 'end' } }, ...END },
      { events: EVENTS, meta: { deadline: '90 days', escalation: 'task' } },
    ),
  ],
  ['event-leads-nowhere', 'work', chart({ work: { invoke: task('end'), on: { GO: {} } }, ...END }, { events: EVENTS })],
  [
    'event-leads-nowhere',
    'work',
    chart(
      { work: { invoke: task('end'), on: { GO: { actions: { type: 'set', params: { x: 1 } } } } }, ...END },
      { context: { x: 0 }, events: { GO: { ...EVENTS.GO, confirm: T } } },
    ),
  ],
  ['no-deadline', 'work', simple({ id: 'ask', src: 'task', input: { form: 'plan', role: 'curator' }, onDone: 'end' })],
  [
    'no-deadline',
    'work',
    simple({ id: 'ask', src: 'task', input: { form: 'plan', role: 'curator', escalation: 'task' }, onDone: 'end' }),
  ],
  [
    'no-deadline',
    'work',
    simple(
      {
        id: 'send',
        src: 'handOff',
        input: { partner: 'atameken', service: 'enrolment' },
        onDone: 'end',
        onError: 'end',
      },
      { meta: { deadline: '90 days', escalation: 'task' } },
    ),
  ],
  ['no-deadline', 'work', chart({ work: { invoke: task('end'), meta: { escalation: 'task' } }, ...END })],
  [
    'no-escalation',
    'work',
    simple({ id: 'ask', src: 'task', input: { form: 'plan', role: 'curator', deadline: '3 days' }, onDone: 'end' }),
  ],
  ['no-escalation', 'work', simple(task('end', { escalation: 'nobody' }))],
  ['no-escalation', 'work', chart({ work: { invoke: task('end'), meta: { deadline: '3 days' } }, ...END })],
  ['no-form', 'work', simple(task('end', { form: null }))],
  ['unknown-form', 'work', simple(task('end', { form: 'plna' }))],
  ['no-role', 'work', simple(task('end', { role: null }))],
  ['unknown-role', 'work', simple(task('end', { role: 'curtor' }))],
  ['unknown-role', '', simple(task('end'), { events: { GO: { title: T, roles: ['nobody'] } } })],
  [
    'unknown-role',
    'end',
    chart({
      work: { invoke: task('end') },
      end: { type: 'final', entry: { type: 'notify', params: { template: 'hello', to: 'boss' } } },
    }),
  ],
  ['no-partner', 'work', simple(handOff('end', 'end', { partner: null }))],
  ['unknown-partner', 'work', simple(handOff('end', 'end', { partner: 'atamken' }))],
  ['no-service', 'work', simple(handOff('end', 'end', { service: null }))],
  ['unknown-role', 'work', simple(handOff('end', 'end', { role: 'advisor' }))],
  ['unknown-service', 'work', simple(handOff('end', 'end', { service: 'dancing' }))],
  [
    'unknown-service',
    'work',
    simple({
      id: 'print',
      src: 'service',
      input: { name: 'issue', deadline: '1 day', escalation: 'task' },
      onDone: 'end',
      onError: 'end',
    }),
  ],
  ['unknown-ladder', 'work', simple(task('end', { escalation: 'tsak' }))],
  ['unknown-role', 'work', simple(task('end', { escalation: 'misspelt' }))],
  [
    'unknown-ladder',
    'work',
    chart({ work: { invoke: task('end'), meta: { deadline: '3 days', escalation: 'tsak' } }, ...END }),
  ],
  [
    'unknown-template',
    'work',
    chart({
      work: { invoke: task('end'), entry: { type: 'notify', params: { template: 'helo', to: 'family' } } },
      ...END,
    }),
  ],
  [
    'no-template',
    'work',
    chart({ work: { invoke: task('end'), entry: { type: 'notify', params: { to: 'family' } } }, ...END }),
  ],
  [
    'unknown-workflow',
    'work',
    simple({
      id: 'sub',
      src: 'case',
      input: { workflow: 'trak', deadline: '9 days', escalation: 'task' },
      onDone: 'end',
      onError: 'end',
    }),
  ],
  [
    'unknown-workflow',
    'work',
    chart({ work: { invoke: task('end'), entry: { type: 'openCase', params: { workflow: 'trak' } } }, ...END }),
  ],
  ['no-name', 'work', chart({ work: { invoke: task('end'), entry: { type: 'milestone' } }, ...END })],
  [
    'unknown-stage',
    'work',
    chart({ work: { invoke: task('end'), meta: { stage: 'intkae' } }, ...END }, { stages: { intake: T } }),
  ],
  ['unknown-state', '', chart({ work: { invoke: task('end') }, ...END }, { meta: { reopen: 'wrok' } })],
  ['no-translation', '', simple(task('end'), { title: { kk: 'Атауы', en: 'Title' } })],
  ['no-translation', '', simple(task('end'), { stages: { intake: { kk: 'Атауы', ru: 'Название' } } })],
  ['no-translation', '', simple(task('end'), { events: { GO: { roles: ['curator'] } } })],
  ['no-translation', '', simple(task('end'), { events: { GO: { ...EVENTS.GO, confirm: 'Sure?' } } })],
  ['no-translation', '', simple(task('end'), { events: { GO: { ...EVENTS.GO, refused: 'Not now.' } } })],
  ['no-translation', 'work', chart({ work: { invoke: task('end'), meta: { title: { ...T, ru: ' ' } } }, ...END })],
  [
    'no-translation',
    '',
    { ...simple(task('end')), 'messages/hello.yaml': stringify({ text: { kk: 'Сәлем', ru: 'Привет' } }) },
  ],
  ['no-translation', '', { ...simple(task('end')), 'forms/other.yaml': stringify({ type: 'object', properties: {} }) }],
  [
    'unknown-name',
    'work',
    simple(task([{ guard: '= event.output.decisoin = "x"', target: 'end' }, { target: 'end' }])),
  ],
  [
    'unknown-name',
    'work',
    simple(task([{ guard: '= context.bidz = 1', target: 'end' }, { target: 'end' }]), { context: { bids: 0 } }),
  ],
  [
    'unknown-name',
    'work',
    simple(task([{ guard: '= contxt.bids = 1', target: 'end' }, { target: 'end' }]), { context: { bids: 0 } }),
  ],
  [
    'unknown-name',
    'work',
    simple(task([{ guard: '= some p in event.output.people satisfies p.ID = "1"', target: 'end' }, { target: 'end' }])),
  ],
  [
    'unknown-name',
    'work',
    simple(task({ target: 'end', actions: { type: 'set', params: { bidz: 1 } } }), {
      contextSchema: { type: 'object', properties: { bids: {} } },
    }),
  ],
  ['unknown-name', 'work', simple(task('end', { deadline: '2 days before = context.closes' }))],
  [
    'unknown-name',
    '',
    {
      ...simple(task('end'), { context: { id: '= input.famliyId' } }),
      'input.yaml': stringify({ type: 'object', properties: { familyId: { type: 'string' } } }),
    },
  ],
  [
    'unknown-name',
    'work',
    chart(
      { work: { invoke: task('end'), on: { GO: { target: 'end', guard: '= event.data.reson = "x"' } } }, ...END },
      { events: { GO: { ...EVENTS.GO, refused: T, schema: { type: 'object', properties: { reason: {} } } } } },
    ),
  ],
  [
    'personal-name',
    'work',
    simple(task({ target: 'end', actions: { type: 'set', params: { x: '= event.output.phone' } } }), {
      context: { x: null },
    }),
  ],
];

/** Charts in which somebody's event can be refused without a word why. */
const WORDLESS: [state: string, files: Record<string, string>][] = [
  ['work', guarded({ guard: '= context.x', target: 'end' })],
  [
    'work',
    guarded([
      { guard: '= context.x', target: 'end' },
      { guard: '= not(context.x)', target: 'end' },
    ]),
  ],
  ['work', guarded({ guard: '= context.x', target: 'end' }, { title: T, roles: [] })],
  ['work', guarded({ guard: '= context.x', target: 'end' }, { title: T, roles: ['engine', 'curator'] })],
  // The way around a guard is open in one of the states only.
  [
    'work',
    chart(
      {
        work: {
          initial: 'a',
          on: { GO: { guard: '= context.x', target: 'end' } },
          states: { a: { invoke: task('b'), on: { GO: '#e' } }, b: { invoke: task('#e', {}, 'b') } },
        },
        end: { id: 'e', type: 'final' },
      },
      { events: EVENTS, context: { x: true } },
    ),
  ],
];

describe('check refuses', () => {
  it.each(BAD)('%s in "%s"', (rule, state, files) => {
    const found = findings(files);
    expect(found.map((finding) => [finding.rule, finding.state, finding.severity])).toContainEqual([
      rule,
      state,
      'error',
    ]);
  });

  it('for no other reason than the one it gives', () => {
    // A state that can be left only by an event is also one in which nothing is due: those rules go together.
    const together: Record<string, string[]> = {
      'no-default': ['waits-for-ever', 'no-end'],
      'no-deadline': ['waits-for-ever'],
      'no-escalation': ['waits-for-ever'],
      'answer-leads-nowhere': ['waits-for-ever', 'no-default', 'no-end'],
      'decision-leads-nowhere': ['no-end', 'waits-for-ever'],
      endless: ['unreachable', 'no-end'],
      'unknown-role': ['unreachable'],
      'unknown-stage': ['no-translation'],
      'no-end': ['unreachable'],
      'waits-for-ever': ['no-end', 'timer-leads-nowhere', 'no-escalation'],
    };
    for (const [rule, , files] of BAD) {
      const others = new Set(
        findings(files)
          .filter(({ severity }) => severity === 'error')
          .map((finding) => finding.rule),
      );
      others.delete(rule);
      for (const expected of together[rule] ?? []) others.delete(expected);
      expect({ rule, others: [...others] }).toEqual({ rule, others: [] });
    }
  });

  it('with words for what happens to a family, and what to do', () => {
    for (const [, , files] of BAD) {
      for (const { message, hint } of findings(files)) {
        expect(message.length).toBeGreaterThan(20);
        expect(hint.length).toBeGreaterThan(10);
      }
    }
    const [finding] = findings(simple(task('end', { form: 'plna' })));
    expect(finding?.hint).toContain('Did you mean "plan"?');
  });

  it('a chart with more combinations than can be looked at', () => {
    const region = (index: number): JsonObject => ({
      initial: 's0',
      states: {
        ...Object.fromEntries(
          Array.from({ length: 7 }, (_, step) => [
            `s${step}`,
            { invoke: task(step === 6 ? 'ok' : `s${step + 1}`, {}, `t${index}`) },
          ]),
        ),
        ok: { type: 'final' },
      },
    });
    const regions = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`r${index}`, region(index)]));
    const files = chart({ all: { type: 'parallel', onDone: 'end', states: regions }, ...END });
    const found = check(loadWorkflow(files), CATALOGUE, { configurations: 2000, ways: 100 });
    expect(found.map(({ rule }) => rule)).toEqual(['too-large']);
  });

  it('cases that open each other without end, and none that wait for somebody first', () => {
    const sub = (workflow: string) => ({ id: 'sub', src: 'case', input: { workflow }, onDone: 'end', onError: 'end' });
    const further = (workflow: string) => ({ type: 'openCase', params: { workflow } });
    const endless = (states: JsonObject) =>
      check(loadWorkflow(chart({ ...states, ...END })), {
        ...CATALOGUE,
        workflows: ['a', 'b', 'track'],
        opens: (key) => ({ a: ['b'], b: ['w'] })[key] ?? [],
      }).filter(({ rule }) => rule === 'opens-without-end');
    const service = { id: 'step', src: 'service', input: { name: 'issueCertificate' }, onError: 'end' };
    expect(endless({ work: { invoke: sub('w') } })).toMatchObject([{ state: 'work' }]);
    expect(endless({ work: { invoke: sub('a') } })).toMatchObject([
      { message: expect.stringContaining('w → a → b → w') },
    ]);
    expect(endless({ work: { entry: further('b'), invoke: task('end') } })).toHaveLength(1);
    expect(
      endless({ work: { always: { target: 'wait', actions: further('w') } }, wait: { invoke: task('end') } }),
    ).toHaveLength(1);
    expect(endless({ work: { invoke: { ...service, onDone: 'more' } }, more: { invoke: sub('w') } })).toHaveLength(1);
    expect(endless({ work: { invoke: sub('track') } })).toEqual([]);
    expect(endless({ work: { invoke: task('more') }, more: { invoke: sub('w') } })).toEqual([]);
    expect(endless({ work: { invoke: task({ target: 'end', actions: further('w') }) } })).toEqual([]);
  });

  it('a chart with more parts at once than a step can be made with', () => {
    const parts = (count: number) =>
      chart({
        all: {
          type: 'parallel',
          onDone: 'end',
          states: Object.fromEntries(Array.from({ length: count }, (_, n) => [`r${n}`, { type: 'final' }])),
        },
        ...END,
      });
    expect(check(loadWorkflow(parts(98)), CATALOGUE)).toEqual([]);
    expect(check(loadWorkflow(parts(99)), CATALOGUE)).toMatchObject([
      { rule: 'too-large', message: expect.stringContaining('101'), hint: expect.stringContaining('sub-cases') },
    ]);
  });
});

const region = (name: string) => ({
  initial: 'ask',
  states: { ask: { invoke: task('ok', {}, name) }, ok: { type: 'final' } },
});

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

describe('check warns', () => {
  const warnings = (files: Record<string, string>, catalogue = CATALOGUE) =>
    findings(files, catalogue)
      .filter(({ severity }) => severity === 'warning')
      .map(({ rule }) => rule);

  it('of events that no state takes and of raised events that nobody hears', () => {
    expect(warnings(simple(task('end'), { events: EVENTS }))).toEqual(['event-never-accepted', 'event-never-accepted']);
    expect(
      warnings(chart({ work: { invoke: task('end'), entry: { type: 'raise', params: { event: 'X' } } }, ...END })),
    ).toEqual(['raise-unheard']);
  });

  it('of events that are neither declared nor raised', () => {
    const files = chart({ work: { invoke: task('end'), on: { OG: 'end' } }, ...END }, { events: EVENTS });
    expect(warnings(files)).toContain('event-undeclared');
    expect(findings(files).find(({ rule }) => rule === 'event-undeclared')?.hint).toContain('"GO"');
  });

  it('of services and sub-cases whose failure leaves an incident', () => {
    expect(
      warnings(
        simple({
          id: 'print',
          src: 'service',
          input: { name: 'issueCertificate', deadline: '1 day', escalation: 'task' },
          onDone: 'end',
        }),
      ),
    ).toEqual(['no-on-error']);
  });

  it('of states without a title where others have one, and of none where no state has', () => {
    const titled = chart({
      work: { invoke: task('parts'), meta: { title: T } },
      parts: {
        initial: 'ask',
        states: { ask: { invoke: task('ok', {}, 'more') }, ok: { type: 'final' } },
        onDone: 'end',
      },
      ...END,
    });
    const found = findings(titled).filter(({ rule }) => rule === 'no-title');
    expect(found.map(({ state, severity }) => [state, severity])).toEqual([
      ['parts.ask', 'warning'],
      ['parts.ok', 'warning'],
      ['end', 'warning'],
    ]);
    expect(warnings(simple(task('end')))).toEqual([]);
  });

  it.each(WORDLESS)('of an event that guards alone can refuse without a word why, in "%s"', (state, files) => {
    const found = findings(files).map((finding) => [finding.rule, finding.state, finding.severity]);
    expect(found).toContainEqual(['refusal-without-words', state, 'warning']);
  });

  it('of years for which the calendar has no holidays', () => {
    const calendar = {
      zone: 'Asia/Almaty',
      week: [1, 2, 3, 4, 5],
      hours: [{ from: '09:00', to: '18:00' }],
      days: { '2026-01-01': 'off' as const },
    };
    expect(warnings(simple(task('end')), { ...CATALOGUE, calendar, now: '2026-11-22T00:00:00Z' })).toEqual([
      'calendar-year',
    ]);
  });
});
