import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LoadError, type LoadOptions, loadWorkflow } from './load.js';
import type { Finding } from './types.js';

function findings(yaml: string | Record<string, string>, options?: LoadOptions): Finding[] {
  try {
    loadWorkflow(typeof yaml === 'string' ? { 'workflow.yaml': yaml } : yaml, options);
    return [];
  } catch (error) {
    if (error instanceof LoadError) return error.findings;
    throw error;
  }
}

function rules(yaml: string | Record<string, string>, options?: LoadOptions): string[] {
  return findings(yaml, options).map(({ rule, state }) => (state === '' ? rule : `${rule} at ${state}`));
}

/** A chart with one state `a` made of this, and a state `b`. */
function state(yaml: string): string {
  return `{ id: m, initial: a, states: { a: ${yaml}, b: {} } }`;
}

describe('the loader', () => {
  it('loads JSON and YAML alike, with one hash for one content', () => {
    const yaml = loadWorkflow({ 'workflow.yaml': 'id: m\ninitial: a\nstates: { a: {} } # nothing yet\n' });
    const json = loadWorkflow({ 'workflow.json': '{"states": {"a": {}}, "initial": "a", "id": "m"}' });
    expect(json.hash).toBe(yaml.hash);
    expect(yaml.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('covers chart, input, forms and documents with the hash, and not the messages', () => {
    const base = { 'workflow.yaml': state('{}') };
    const hash = (files: Record<string, string>) => loadWorkflow({ ...base, ...files }).hash;
    const plain = hash({});
    for (const path of ['input.yaml', 'forms/plan.yaml', 'documents/certificate.yaml'])
      expect(hash({ [path]: 'type: object' })).not.toBe(plain);
    expect(hash({ 'messages/hello.yaml': 'text: { en: Hello }' })).toBe(plain);
  });

  it('reads forms as JSON Schema with a version, a title and hints for drawing', () => {
    const { forms } = loadWorkflow({
      'workflow.yaml': state('{}'),
      'forms/plan.yaml': '{ x-version: 2, x-title: { kk: Жоспар }, type: object, x-ui: { order: [a] } }',
    });
    expect(forms.plan).toMatchObject({
      name: 'plan',
      version: 2,
      title: { kk: 'Жоспар' },
      schema: { type: 'object' },
      ui: { order: ['a'] },
    });
  });

  it.each([
    ['YAML', { 'workflow.yaml': 'id: m\ninitial: a\nstates:\n  a: {}\n  a: {}\n' }, 'line 5, column 3'],
    [
      'JSON',
      { 'workflow.json': '{"id": "m", "initial": "a",\n "states": {"a": {}, "\\u0061": {}}}' },
      'line 2, column 22',
    ],
    ['JSON called YAML', { 'workflow.yaml': '{"id": "m", "initial": "a", "states": {"a": {}, "a": {}}}' }, 'line 1'],
    [
      'a form',
      { 'workflow.yaml': state('{}'), 'forms/plan.json': '{"a:": "{", "list": [{"a": 1}, {"a": 2}], "a:": 2}' },
      'line 1',
    ],
  ])('says where in %s a key stands for the second time', (_, files, place) => {
    const [finding] = findings(files);
    expect(finding).toMatchObject({ rule: 'unreadable', message: expect.stringContaining('stands twice in one map') });
    expect(finding?.message).toContain(place);
  });

  it('lets a stored version keep a key that stands twice in JSON: the last one counts, as it did', () => {
    const files = { 'workflow.json': '{"id": "m", "initial": "b", "initial": "a", "states": {"a": {}, "b": {}}}' };
    expect(findings(files)).toHaveLength(1);
    expect(loadWorkflow(files, { stored: true }).key).toBe('m');
  });

  it('names every problem, not only the first', () => {
    expect(
      rules(state('{ on: { GO: nowhere }, entry: [ dance ], invoke: { src: fetch }, after: { never: b } }')),
    ).toEqual(['delay-unknown at a', 'target-unknown at a', 'action-unknown at a', 'source-unknown at a']);
  });

  it('says what, where and what to do', () => {
    expect(findings(state('{ entry: [ { type: spawnChild, params: { src: x } } ] }'))).toEqual([
      {
        rule: 'action-unknown',
        severity: 'error',
        state: 'a',
        message: 'Unknown action "spawnChild".',
        hint: "XState's own actions are not data. Use set, raise, sendParent, notify, openCase, milestone, or an `invoke`.",
      },
    ]);
  });

  it.each([
    ['an action that is not in the vocabulary', state('{ entry: dance }'), 'action-unknown at a'],
    ['spawn', state('{ spawn: x }'), 'spawn at a'],
    ['systemId', state('{ invoke: { src: task, systemId: x } }'), 'invoke-option at a'],
    ['onSnapshot', state('{ invoke: { src: task, onSnapshot: b } }'), 'invoke-option at a'],
    ['an unknown source', state('{ invoke: { src: fetchUser } }'), 'source-unknown at a'],
    ['an unknown delay', state('{ after: { later: b } }'), 'delay-unknown at a'],
    [
      'a delay that cannot be read',
      '{ id: m, delays: { later: soon }, initial: a, states: { a: {} } }',
      'delay-malformed',
    ],
    ['a deadline that cannot be read', state('{ meta: { deadline: soon } }'), 'delay-malformed at a'],
    [
      'a startBy that cannot be read',
      state('{ invoke: { src: task, input: { startBy: soon, deadline: 5 days } } }'),
      'delay-malformed at a',
    ],
    [
      'a startBy whose date would not be evaluated',
      state('{ invoke: { src: task, input: { startBy: "1 day before = context.court", deadline: 5 days } } }'),
      'delay-malformed at a',
    ],
    [
      "an invocation's deadline that cannot be read",
      state('{ invoke: { src: task, input: { deadline: soon } } }'),
      'delay-malformed at a',
    ],
    ['a state key with a dot', '{ id: m, initial: a, states: { a: {}, b.c: {} } }', 'state-key at b.c'],
    [
      "a state key of XState's own",
      '{ id: m, initial: a, states: { a: {}, xstate.init: {} } }',
      'state-key at xstate.init',
    ],
    ['an event of the engine in `on`', state('{ on: { xstate.done.actor.x: b } }'), 'event-reserved at a'],
    ['a wildcard over events of the engine', state('{ on: { xstate.*: b } }'), 'event-reserved at a'],
    [
      'an event of the engine among the public ones',
      '{ id: m, events: { xstate.init: {} }, initial: a, states: { a: {} } }',
      'event-reserved',
    ],
    [
      'a raised event of the engine',
      state('{ entry: { type: raise, params: { event: xstate.stop } } }'),
      'event-reserved at a',
    ],
    ['a delayed raise', state('{ entry: { type: raise, params: { event: GO, delay: 5 } } }'), 'raise-delayed at a'],
    [
      'an action that waits',
      state('{ entry: { type: raise, params: { event: GO }, delay: 5 } }'),
      'action-unknown at a',
    ],
    ['raise without an event', state('{ entry: raise }'), 'action-unknown at a'],
    ['set without values', state('{ entry: set }'), 'action-unknown at a'],
    ['a named guard', state('{ on: { GO: { target: b, guard: isReady } } }'), 'guard-unknown at a'],
    [
      'a guard that is an object',
      state('{ on: { GO: { target: b, guard: { type: isReady } } } }'),
      'guard-unknown at a',
    ],
    ['a guard that does not parse', state("{ on: { GO: { target: b, guard: '= 1 +' } } }"), 'expression at a'],
    [
      'a guard over 2 KB',
      state(`{ on: { GO: { target: b, guard: '= ${'1 + '.repeat(600)}1 = 0' } } }`),
      'expression at a',
    ],
    [
      'a function that is refused',
      state('{ on: { GO: { target: b, guard: \'= matches(context.x, "a+")\' } } }'),
      'expression at a',
    ],
    [
      'a value of `set` that does not parse',
      state("{ entry: { type: set, params: { x: { deep: [ '= (' ] } } } }"),
      'expression at a',
    ],
    [
      'an initial context that does not parse',
      "{ id: m, context: { x: '= ]' }, initial: a, states: { a: {} } }",
      'expression',
    ],
    ['an input that does not parse', state("{ invoke: { src: task, input: { x: '= ]' } } }"), 'expression at a'],
    ['an output that does not parse', "{ id: m, initial: a, output: { x: '= ]' }, states: { a: {} } }", 'expression'],
    ['`each` that is no expression', state('{ invoke: { src: task, each: list } }'), 'expression at a'],
    [
      '`until` that is neither all, any nor an expression',
      state("{ invoke: { src: task, each: '= []', until: some } }"),
      'expression at a',
    ],
    ['`key` without `each`', state("{ invoke: { src: task, key: '= item' } }"), 'malformed at a'],
    ['a target that does not exist', state('{ on: { GO: c } }'), 'target-unknown at a'],
    ['a prototype taken for a target', state('{ on: { GO: toString } }'), 'target-unknown at a'],
    ['an id that does not exist', state("{ on: { GO: '#nobody' } }"), 'target-unknown at a'],
    [
      'two targets that exclude each other',
      '{ id: m, initial: a, states: { a: { on: { GO: { target: [ b, c ] } } }, b: {}, c: {} } }',
      'target-conflict at a',
    ],
    ['a missing `initial`', '{ id: m, states: { a: {} } }', 'initial-unknown'],
    ['an `initial` that does not exist', '{ id: m, initial: x, states: { a: {} } }', 'initial-unknown'],
    ['an id that is used twice', '{ id: m, initial: a, states: { a: { id: x }, b: { id: x } } }', 'id-twice at b'],
    [
      'a history state that leads only to itself',
      '{ id: m, initial: a, states: { a: { initial: h, states: { h: { type: history }, b: {} } } } }',
      'target-unknown at a.h',
    ],
    [
      'one invoke id twice in one state',
      state('{ invoke: [ { id: x, src: task }, { id: x, src: task } ] }'),
      'invoke-id at a',
    ],
    [
      'one invoke id in a state and inside it',
      '{ id: m, initial: a, states: { a: { invoke: { id: x, src: task }, initial: b, states: { b: { invoke: { id: x, src: task } } } } } }',
      'invoke-id at a.b',
    ],
    [
      'one invoke id in two regions',
      '{ id: m, type: parallel, states: { a: { initial: b, states: { b: { invoke: { id: x, src: task } } } }, c: { invoke: { id: x, src: task } } } }',
      'invoke-id at c',
    ],
    ['a list for a workflow', '[1, 2]', 'malformed'],
    ['a file that is not YAML', '{ id: m, initial: a', 'unreadable'],
    ['a key that stands twice', 'id: m\ninitial: a\nstates:\n  a: {}\n  a: {}', 'unreadable'],
    ['a function', 'id: m\ninitial: a\nstates: { a: { entry: !!js/function "() => 1" } }', 'unreadable'],
    [
      'a key that reaches the prototype',
      '{ id: m, initial: a, states: { a: { on: { "__proto__": a } } } }',
      'unreadable',
    ],
    ['a number that is not one', '{ id: m, context: { x: .nan }, initial: a, states: { a: {} } }', 'unreadable'],
    ['a NUL', '{ id: "m\\0", initial: a, states: { a: {} } }', 'unreadable'],
    ['half a character', '{ id: "m\\ud800", initial: a, states: { a: {} } }', 'unreadable'],
    ['an anchor that refers to itself', 'id: m\ninitial: a\nstates: &s { a: { states: *s } }', 'unreadable'],
    ['more than a megabyte', `id: m\ninitial: a\nstates: { a: {} }\n# ${'x'.repeat(1024 * 1024)}`, 'too-large'],
    [
      'values nested too deep',
      `{ id: m, context: { x: ${'['.repeat(150)}${']'.repeat(150)} }, initial: a, states: { a: {} } }`,
      'unreadable',
    ],
    ['brackets without end', '['.repeat(200_000), 'unreadable'],
    ['lists of lists without end', '- '.repeat(200_000), 'unreadable'],
    ['too many states', `{ id: m, initial: s0, states: { ${many(6000, (n) => `s${n}: {}`)} } }`, 'too-large'],
    [
      'too many expressions',
      `{ id: m, context: { ${many(6000, (n) => `x${n}: '= 1'`)} }, initial: a, states: { a: {} } }`,
      'unreadable',
    ],
    ['states nested too deep', nested(45), `too-deep at ${Array.from({ length: 40 }, () => 's').join('.')}`],
  ])('refuses %s', (_, yaml, rule) => {
    expect(rules(yaml)).toContain(rule);
  });

  it('refuses a thousand million laughs', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let index = 1; index < 10; index++)
      lines.push(`a${index}: &a${index} [${Array.from({ length: 10 }, () => `*a${index - 1}`).join(', ')}]`);
    expect(rules(`id: m\ninitial: a\nstates: { a: {} }\n${lines.join('\n')}`)).toContain('unreadable');
  });

  it('refuses NUL and half characters in the text itself', () => {
    expect(rules('id: m\u0000')).toContain('not-text');
    expect(rules('id: m\ud800')).toContain('not-text');
  });

  it('says so when there is no workflow', () => {
    expect(rules({ 'forms/plan.yaml': '{}' })).toEqual(['missing']);
  });

  it('lets states that exclude each other share an invoke id', () => {
    expect(
      rules(
        '{ id: m, initial: a, states: { a: { invoke: { id: x, src: task } }, b: { invoke: { id: x, src: task } } } }',
      ),
    ).toEqual([]);
  });

  it('lets unknown sources through where the chart is only played', () => {
    expect(rules(state('{ invoke: { src: fetchUser, input: { deadline: whenever } } }'), { forPlay: true })).toEqual(
      [],
    );
  });

  it('lets through in a stored version what it refuses in new ones only, and nothing that cannot be built', () => {
    expect(rules(state('{ entry: [ set, { type: beep } ] }'), { stored: true })).toEqual([]);
    expect(rules(state('{ entry: set, on: { GO: c } }'), { stored: true })).toEqual(['target-unknown at a']);
  });

  it('loads every shipped workflow', () => {
    const folder = 'workflows/family-support';
    const paths = (readdirSync(folder, { recursive: true }) as string[]).filter((path) => path.endsWith('.yaml'));
    expect(
      findings(Object.fromEntries(paths.map((path) => [path, readFileSync(`${folder}/${path}`, 'utf8')]))),
    ).toEqual([]);
  });

  it('says which state begins in a number, and which value stands in itself', () => {
    const said = (text: string) => {
      try {
        loadWorkflow({ 'workflow.yaml': text });
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    const years = said('{ id: m, initial: a, states: { a: { initial: 2024, states: { 2024: {}, x: {} } } } }');
    expect(years).toContain('"a" begins in 2024, which is read as a number');
    expect(years).toContain('`initial: "2024"`');
    expect(said('id: m\ninitial: a\nstates:\n  a: &x { initial: b, states: { b: *x } }')).toContain(
      '"states.a.states.b" is an alias of "states.a", in which it stands itself',
    );
    // The same anchor twice, side by side, is no circle.
    expect(said('id: m\ninitial: a\nstates:\n  a: &x { type: final }\n  b: *x')).toBe('');
  });
});

function many(count: number, make: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => make(n)).join(', ');
}

function nested(depth: number): string {
  const inside = depth === 0 ? '{}' : `{ initial: s, states: { s: ${nested(depth - 1)} } }`;
  return inside;
}
