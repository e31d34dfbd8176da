import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import {
  CATALOGUE,
  chart,
  END,
  EVENTS,
  findings,
  guarded,
  HAND_OFF,
  handOff,
  simple,
  step,
  T,
  TASK,
  task,
} from '../../test/small-charts.js';
import { check } from './check.js';
import { loadWorkflow } from './load.js';
import type { JsonObject } from './types.js';

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
  [
    'endless',
    'work.a',
    chart(
      {
        work: {
          initial: 'a',
          on: { STOP: 'end' },
          states: {
            a: { invoke: step({ onDone: 'b', onError: 'b' }) },
            b: { invoke: step({ onDone: 'a', onError: 'a' }) },
          },
        },
        ...END,
      },
      { events: EVENTS },
    ),
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
  [
    'unknown-partner',
    '',
    {
      ...simple(task('end')),
      'forms/asking.yaml': JSON.stringify({
        'x-version': 1,
        'x-title': T,
        type: 'object',
        properties: { consents: { type: 'array', 'x-consents': true, 'x-title': T, items: { enum: ['atamken'] } } },
      }),
    },
  ],
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

  it('services that follow each other without end, and none that a guard or somebody ends', () => {
    const endless = (states: JsonObject) =>
      findings(chart({ ...states, ...END }, { context: { n: 0 } })).filter(({ rule }) => rule === 'endless');
    const again = { target: 'work', reenter: true };
    const bounded = [{ guard: '= context.n < 3', ...again }, { target: 'end' }];
    expect(endless({ work: { invoke: step({ onDone: again }) } })).toMatchObject([{ state: 'work' }]);
    expect(endless({ work: { invoke: step({ onError: again, onDone: 'end' }) } })).toHaveLength(1);
    expect(endless({ work: { invoke: step({ onDone: bounded }) } })).toEqual([]);
    expect(endless({ work: { invoke: step({ onDone: 'ask' }) }, ask: { invoke: task('work') } })).toEqual([]);
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
    expect(endless({ work: { invoke: sub('w') } })).toMatchObject([{ state: 'work' }]);
    expect(endless({ work: { invoke: sub('a') } })).toMatchObject([
      { message: expect.stringContaining('w → a → b → w') },
    ]);
    expect(endless({ work: { entry: further('b'), invoke: task('end') } })).toHaveLength(1);
    expect(
      endless({ work: { always: { target: 'wait', actions: further('w') } }, wait: { invoke: task('end') } }),
    ).toHaveLength(1);
    expect(endless({ work: { invoke: step({ onDone: 'more' }) }, more: { invoke: sub('w') } })).toHaveLength(1);
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
