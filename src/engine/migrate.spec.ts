import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import { systemIds } from '../platform/ids.js';
import type { JsonObject } from '../statechart/types.js';
import type { Act, Command } from './types.js';
import { verify } from './verify.js';

const task = (more: object = {}) => ({
  src: 'task',
  input: { role: 'curator', deadline: '2 days', escalation: 'l' },
  ...more,
});

/** `key` keeps the specs apart: each has a workflow of its own. */
const first = (key: string) => ({
  key,
  title: { en: 'Help' },
  context: { n: 0 },
  events: { ADD: { roles: [] } },
  delays: { week: '7 days', fortnight: '14 days' },
  on: { ADD: { actions: { type: 'set', params: { n: '= context.n + 1' } } } },
  initial: 'work',
  states: {
    work: { invoke: task({ id: 'do', onDone: 'check' }), after: { week: 'late' } },
    check: { invoke: task({ id: 'look', onDone: 'done' }) },
    late: { invoke: task({ id: 'hurry', onDone: 'done' }) },
    done: { type: 'final' },
  } as Record<string, object>,
});

/** The same states; `do` leads elsewhere now, and a second task stands beside it. */
const second = (key: string) => {
  const chart = first(key);
  chart.states['work'] = {
    invoke: [task({ id: 'do', onDone: 'late' }), task({ id: 'more', onDone: 'late' })],
    after: { week: 'late' },
  };
  return { ...chart, context: { n: 0, sum: 5 } };
};

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
}, 60_000);
afterAll(() => fixture?.close());

async function problems(caseId: string) {
  const report = await verify(fixture.runtime, ORGANISATION, {});
  return report.problems.filter((problem) => problem.case === caseId).map(({ seq, rule }) => ({ seq, rule }));
}

/** A case of the first version, while the second is the newest. */
async function aCase(newer: (key: string) => object = second) {
  const key = `help-${systemIds.next()}`;
  await fixture.deploy(first(key));
  const opened = await fixture.open(key);
  await fixture.deploy(newer(key));
  return { ...opened, key };
}

const migrate: Act = { type: 'migrate' };
const command = (caseId: string, id: string): Command => ({
  organisationId: ORGANISATION,
  caseId,
  id,
  keep: true,
  lane: 'people',
  sender: { account: 'aida', roles: ['supervisor'] },
  kind: 'act',
  act: migrate,
  reason: 'the rules have changed',
});

describe('a live case that migrates', () => {
  it('keeps its open tasks and timers, opens what is new, and goes on by the newest version', async () => {
    const { id, chart, key } = await aCase();
    await fixture.send(id, 'ADD');
    const open = fixture.entry(id, 'do');
    const moved = await fixture.act(id, migrate, 'the rules have changed');
    expect(moved.case).toMatchObject({ workflowVersion: 2, state: 'work', revision: 3, modified: false });
    expect(moved.case.chart.snapshot.context).toEqual({ n: 1, sum: 5 });
    for (const entry of chart.entries) expect(moved.case.chart.entries).toContainEqual(entry);
    expect(fixture.entry(id, 'more')).toBeTruthy();
    expect(fixture.closed.filter((row) => row.caseId === id)).toEqual([]);
    expect(await fixture.sql('select workflow_version as v from qamqor.cases where id = $1', [id])).toEqual([{ v: 2 }]);
    const [row] = await fixture.sql<{ kind: string; type: string; body: string }>(
      'select kind, type, body from qamqor.journal where case_id = $1 and seq = 3',
      [id],
    );
    expect(row).toMatchObject({ kind: 'migration', type: 'migrate' });
    expect(JSON.parse(row?.body ?? '')).toMatchObject({ workflow: { key, version: 2 }, opened: [{ id: 'more:3' }] });
    expect((await fixture.answer(id, open)).case.state).toBe('late');
    expect(await problems(id)).toEqual([]);
  });

  it('goes to the version that is named, back too, and to none that is not there or its own', async () => {
    const { id } = await aCase();
    await fixture.act(id, { type: 'migrate', version: 2 });
    await expect(fixture.act(id, { type: 'migrate' })).rejects.toMatchObject({
      code: 'act-not-possible',
      facts: { rule: 'same-version' },
    });
    await expect(fixture.act(id, { type: 'migrate', version: 9 })).rejects.toMatchObject({
      code: 'unknown-workflow',
      status: 422,
    });
    const back = await fixture.act(id, { type: 'migrate', version: 1 });
    expect(back.case).toMatchObject({ workflowVersion: 1, state: 'work' });
    expect(fixture.closed.filter((row) => row.caseId === id)).toMatchObject([{ entry: { invoke: 'more' } }]);
    expect(await problems(id)).toEqual([]);
  });

  it('is told which of its states the new version does not have, and goes where a hand says', async () => {
    const { id } = await aCase((key) => {
      const chart = first(key);
      const { work, ...others } = chart.states;
      return { ...chart, initial: 'job', states: { job: work, ...others } };
    });
    await expect(fixture.act(id, migrate)).rejects.toMatchObject({
      code: 'act-not-possible',
      status: 409,
      message: expect.stringContaining('no state "work"'),
      facts: { rule: 'state-missing', states: ['work'], state: 'work' },
    });
    expect((await fixture.read(id)).revision).toBe(1);
    const moved = await fixture.act(id, { type: 'migrate', target: 'job' });
    expect(moved.case).toMatchObject({ state: 'job', workflowVersion: 2 });
    expect(fixture.closed.filter((row) => row.caseId === id)).toMatchObject([
      { entry: { invoke: 'do' }, reason: 'left' },
    ]);
    expect(await fixture.sql('select node from qamqor.timers where case_id = $1', [id])).toEqual([{ node: 'job' }]);
    expect(await problems(id)).toEqual([]);
  });

  it('is not left where nothing would ever happen', async () => {
    const { id } = await aCase((key) => {
      const chart = first(key);
      chart.states['work'] = { on: { ADD: 'check' } };
      return chart;
    });
    await expect(fixture.act(id, migrate)).rejects.toMatchObject({
      code: 'act-not-possible',
      facts: { rule: 'waits-for-ever', states: ['work'] },
    });
    expect((await fixture.read(id)).workflowVersion).toBe(1);
  });

  it('is not given a context that the new version refuses', async () => {
    const schema = { type: 'object', additionalProperties: false, properties: { n: { type: 'string' } } };
    const { id } = await aCase((key) => ({ ...first(key), context: { n: '' }, contextSchema: schema }));
    await expect(fixture.act(id, migrate)).rejects.toMatchObject({ code: 'schema', errors: [{ path: '/context/n' }] });
    const moved = await fixture.act(id, { type: 'migrate', context: { n: 'one' } });
    expect(moved.case.chart.snapshot.context).toEqual({ n: 'one' });
  });

  it('migrates once, however often and to whichever process its command comes', async () => {
    const { id, key } = await aCase();
    const twin = EngineFixture.on(fixture.database);
    try {
      const [one, other] = await Promise.all([
        fixture.runtime.engine.submit(command(id, `once-${id}`)),
        twin.runtime.engine.submit(command(id, `once-${id}`)),
      ]);
      expect([one.seq, other.seq]).toEqual([2, 2]);
      // A third version meanwhile makes it no other command.
      await fixture.deploy({ ...second(key), context: { n: 0, sum: 6 } });
      const again = await twin.runtime.engine.submit(command(id, `once-${id}`));
      expect(again).toMatchObject({ seq: 2, replayed: true });
      expect((await fixture.read(id)).workflowVersion).toBe(2);
    } finally {
      await twin.close();
    }
    expect(await problems(id)).toEqual([]);
  });

  it.each<[string, string, { seq: number | null; rule: string }]>([
    [
      'the state that it led to',
      `update qamqor.payloads set data = replace(data, '"sum":5', '"sum":50') where case_id = $1 and seq = 2`,
      { seq: 2, rule: 'payload-changed' },
    ],
    [
      'the version that it names',
      `update qamqor.journal set body = replace(body, '"version":2', '"version":1') where case_id = $1 and seq = 2`,
      { seq: 2, rule: 'row-changed' },
    ],
    [
      "the case's version",
      'update qamqor.cases set workflow_version = 1 where id = $1',
      { seq: 2, rule: 'version-changed' },
    ],
  ])('does not hide %s changed by hand from verify', async (_what, change, problem) => {
    const { id } = await aCase();
    await fixture.act(id, migrate);
    await fixture.sql(change, [id]);
    expect(await problems(id)).toEqual([problem]);
  });

  it('can be followed by every other act, and verify still makes it again', async () => {
    const { id } = await aCase();
    await fixture.act(id, { type: 'suspend' });
    await expect(fixture.act(id, migrate)).rejects.toMatchObject({ code: 'act-not-possible' });
    await fixture.act(id, { type: 'resume' });
    await fixture.act(id, migrate);
    await fixture.act(id, { type: 'modify', target: 'check', context: { sum: 1 } satisfies JsonObject });
    await fixture.answer(id, fixture.entry(id, 'look'));
    expect(await fixture.read(id)).toMatchObject({ status: 'done', workflowVersion: 2, modified: true });
    expect(await problems(id)).toEqual([]);
  });
});
