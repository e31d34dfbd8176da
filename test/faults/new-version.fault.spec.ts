import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verify } from '../../src/engine/verify.js';
import { DatabaseClock } from '../../src/platform/clock.js';
import { deployChecked } from '../../src/workflows/deploy.js';
import { EngineFixture, ORGANISATION } from '../engine.js';

const full = process.env.QAMQOR_TEST === 'full';
const CASES = full ? 500 : 35;
const LONG_MS = full ? 600_000 : 120_000;

const text = (en: string) => ({ kk: en, ru: en, en });
const task = (id: string, onDone: string) => ({
  meta: { title: text(id) },
  invoke: {
    id,
    src: 'task',
    input: { form: 'word', role: 'curator', deadline: '3 days', escalation: 'task' },
    onDone: {
      target: onDone,
      actions: { type: 'set', params: { path: '= concatenate(context.path, [event.output.word])' } },
    },
  },
});
/** Reads, weighs, signs; `weigh` in two regions at once. */
const first = {
  id: 'loan',
  title: text('Loan'),
  context: { path: [] },
  events: {},
  initial: 'read',
  states: {
    read: task('read', 'weigh'),
    weigh: {
      type: 'parallel',
      onDone: 'sign',
      states: {
        one: { initial: 'open', states: { open: task('one', 'shut'), shut: { type: 'final' } } },
        two: { initial: 'open', states: { open: task('two', 'shut'), shut: { type: 'final' } } },
      },
    },
    sign: task('sign', 'over'),
    over: { type: 'final', meta: { title: text('over') } },
  },
};
/** Nothing of it is as it was: other states, another order, another context. */
const second = {
  ...first,
  context: { path: [], sum: 0 },
  initial: 'sign',
  states: { sign: task('sign', 'count'), count: task('count', 'over'), over: first.states.over },
};
const files = (chart: object) => ({
  'workflow.yaml': JSON.stringify(chart),
  'forms/word.yaml': JSON.stringify({
    'x-version': 1,
    'x-title': text('Word'),
    type: 'object',
    properties: { word: { type: 'string', 'x-title': text('Word') } },
  }),
});

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
});
afterAll(() => fixture?.close());

const deploy = (chart: object) =>
  deployChecked(
    {
      versions: fixture.runtime.versions,
      clock: new DatabaseClock(fixture.database.pool('app')),
      catalogue: {},
    },
    ORGANISATION,
    files(chart),
    'test',
  );
const say = (id: string, word: string) => fixture.answer(id, fixture.entry(id, word), { word });
const WORDS = ['read', 'one', 'two', 'sign'];
/** What is done to a case before the new version comes: how many answers, and then perhaps an act. */
const PASTS = [
  ...WORDS.map((_word, answers) => ({ answers, act: undefined })),
  { answers: WORDS.length, act: undefined },
  { answers: 1, act: 'suspend' as const },
  { answers: 2, act: 'cancel' as const },
];
const journalOf = async () =>
  (
    await fixture.sql<{ row: string }>(
      `select case_id || ' ' || seq || ' ' || encode(hash, 'hex') as row from qamqor.journal order by case_id, seq`,
    )
  ).map(({ row }) => row);
const proved = () => verify(fixture.runtime, ORGANISATION, {});

describe(`a new version, while ${CASES} cases are on their way in every state of the one before`, () => {
  const cases: { id: string; answers: number; act: 'suspend' | 'cancel' | undefined }[] = [];
  beforeAll(async () => {
    expect(await deploy(first)).toMatchObject({ version: 1 });
    for (let count = 0; count < CASES; count += PASTS.length)
      await Promise.all(
        PASTS.map(async ({ answers, act }) => {
          const { id } = await fixture.open('loan');
          for (const word of WORDS.slice(0, answers)) await say(id, word);
          if (act) await fixture.act(id, { type: act });
          cases.push({ id, answers, act });
        }),
      );
    const states = new Set(
      (await fixture.sql<{ state: string }>('select state from qamqor.cases')).map((row) => row.state),
    );
    expect(states.size).toBeGreaterThanOrEqual(5);
  }, LONG_MS);

  it.each([
    ['cannot be loaded', { ...first, states: { ...first.states, read: { invoke: { id: 'read' } } } }],
    ['leads nowhere', { ...first, states: { ...first.states, read: task('read', 'nowhere') } }],
    ['would leave families waiting for ever', { ...first, states: { ...first.states, sign: { on: {} } } }],
    [
      'goes round in a circle',
      { ...first, states: { ...first.states, sign: { always: 'read' }, read: { always: 'sign' } } },
    ],
  ])(
    'F47: that %s is refused before any case is touched',
    async (_what, chart) => {
      const before = await journalOf();
      const answer = await deploy(chart).catch((error: unknown) => error);
      expect(answer).toMatchObject({ code: 'workflow-refused' });
      expect(await fixture.runtime.versions.list(ORGANISATION)).toEqual([{ key: 'loan', version: 1 }]);
      expect(await journalOf()).toEqual(before);
      expect((await proved()).problems).toEqual([]);
    },
    LONG_MS,
  );

  it(
    'F45, F46: the cases that are there finish on theirs, new ones begin on the new one, and all journals still lead where they led',
    async () => {
      const live = cases.filter(({ answers, act }) => answers < WORDS.length && act !== 'cancel');
      const [half, rest] = [live.slice(0, live.length >> 1), live.slice(live.length >> 1)];
      const finish = async ({ id, answers, act }: (typeof cases)[number]) => {
        if (act) await fixture.act(id, { type: 'resume' });
        for (const word of WORDS.slice(answers)) await say(id, word);
        expect(await fixture.read(id)).toMatchObject({ status: 'done', workflowVersion: 1 });
        expect((await fixture.read(id)).chart.snapshot.context).toEqual({ path: WORDS });
      };
      const before = await journalOf();
      // In the midst of their answers.
      const [deployed] = await Promise.all([deploy(second), ...half.map(finish)]);
      expect(deployed).toMatchObject({ version: 2 });
      expect((await proved()).problems).toEqual([]);

      const { id } = await fixture.open('loan');
      expect(await fixture.read(id)).toMatchObject({ workflowVersion: 2, state: 'sign' });

      // Rolled back: the old one is current again, as a version of its own, and what began on the new one finishes there.
      await deploy({ ...first, description: 'as before' });
      const back = await fixture.open('loan');
      expect(await fixture.read(back.id)).toMatchObject({ workflowVersion: 3, state: 'read' });
      for (const word of ['sign', 'count']) await say(id, word);
      expect(await fixture.read(id)).toMatchObject({ status: 'done', workflowVersion: 2 });
      await Promise.all(rest.map(finish));

      // Rows are only ever added.
      const after = new Set(await journalOf());
      expect(before.filter((row) => !after.has(row))).toEqual([]);
      expect(await proved()).toMatchObject({ ok: true, problems: [] });
    },
    LONG_MS,
  );
});
