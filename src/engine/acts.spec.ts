import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OFFICE_HOURS } from '../../test/charts.js';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import { DatabaseClock } from '../platform/clock.js';
import type { Entry, JsonObject } from '../statechart/types.js';
import { previewAct } from './preview.js';
import type { Act } from './types.js';
import { verify } from './verify.js';

const workflow = {
  key: 'help',
  title: { en: 'Help' },
  meta: { reopen: 'work' },
  context: { tries: 0 },
  events: { NEXT: { roles: [] } },
  initial: 'work',
  delays: { week: '7 days' },
  states: {
    work: {
      invoke: { id: 'do', src: 'task', input: { form: 'work', role: 'curator', deadline: '2 days' }, onDone: 'check' },
      after: { week: { target: 'late' } },
      entry: { type: 'set', params: { tries: '= context.tries + 1' } },
    },
    check: {
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'atameken', service: 'advice', deadline: '30 days' },
        onDone: 'done',
        onError: 'late',
      },
    },
    late: { on: { NEXT: 'done' }, after: { week: 'done' } },
    stuck: { on: { NEXT: 'done' } },
    done: { type: 'final' },
  },
};

const court = {
  key: 'court',
  title: { en: 'Court' },
  context: { on: '= input.on' },
  delays: { eve: { until: '= context.on', before: '2 days' }, week: '7 days' },
  initial: 'waiting',
  states: {
    waiting: {
      meta: { deadline: { until: '= context.on' }, escalation: 'stage' },
      invoke: {
        id: 'advise',
        src: 'task',
        input: { form: 'work', role: 'lawyer', deadline: { until: '= context.on', before: '1 day' } },
        onDone: 'over',
      },
      after: { eve: 'late', week: 'late' },
    },
    late: { invoke: { id: 'look', src: 'task', input: { form: 'work', role: 'lawyer' }, onDone: 'over' } },
    over: { type: 'final' },
  },
};

const typed = {
  key: 'typed',
  title: { en: 'Typed' },
  context: { tries: 0, who: null },
  contextSchema: {
    type: 'object',
    required: ['tries'],
    properties: {
      tries: { type: 'integer' },
      name: { type: 'string', 'x-personal': true },
      who: { type: ['object', 'null'], properties: { id: {}, iin: { 'x-personal': true } } },
    },
  },
  delays: { week: '7 days' },
  initial: 'open',
  states: { open: { after: { week: 'done' } }, done: { type: 'final' } },
};

let fixture: EngineFixture;
let clock: DatabaseClock;
beforeAll(async () => {
  fixture = await EngineFixture.create();
  clock = new DatabaseClock(fixture.runtime.readPool);
  await fixture.deploy(workflow);
  await fixture.deploy(court);
  await fixture.deploy(typed);
}, 60_000);
afterAll(async () => {
  const report = await verify(fixture.runtime, ORGANISATION, {});
  await fixture.close();
  expect(report.problems).toEqual([]);
});

const day = 24 * 3600 * 1000;
const later = async (ms: number) => clock.advanceTo(new Date(Date.parse(await clock.now()) + ms).toISOString());

describe('an act', () => {
  it('needs a reason', async () => {
    const { id } = await fixture.open('help');
    await expect(fixture.act(id, { type: 'cancel' }, ' ')).rejects.toMatchObject({
      code: 'reason-missing',
      status: 422,
    });
  });

  it('is journaled with actor and reason', async () => {
    const { id } = await fixture.open('help');
    await fixture.act(id, { type: 'cancel' }, 'moved away');
    const [row] = await fixture.sql<{ body: string; data: string }>(
      'select j.body, p.data from qamqor.journal j join qamqor.payloads p using (case_id, seq) where case_id = $1 and seq = 2',
      [id],
    );
    expect(JSON.parse(row?.body ?? '{}')).toMatchObject({ kind: 'act', type: 'cancel', by: 'aida' });
    expect(JSON.parse(row?.data ?? '{}')).toMatchObject({ reason: 'moved away' });
  });
});

describe('cancel', () => {
  it('closes whatever was open and takes nothing more', async () => {
    const { id } = await fixture.open('help');
    const done = await fixture.act(id, { type: 'cancel' });
    expect(done.case).toMatchObject({ status: 'cancelled', dueAt: null, chart: { entries: [] } });
    expect(fixture.closed.filter((row) => row.caseId === id)).toMatchObject([{ reason: 'left' }]);
    expect(await fixture.sql('select 1 from qamqor.timers where case_id = $1', [id])).toEqual([]);
    await expect(fixture.send(id, 'NEXT')).rejects.toMatchObject({ code: 'event-not-accepted', status: 409 });
    await expect(fixture.act(id, { type: 'cancel' })).rejects.toMatchObject({ code: 'act-not-possible' });
  });
});

describe('suspend and resume', () => {
  it('stop every clock of the case and move each due by as long as it stood still', async () => {
    const { id, chart } = await fixture.open('help');
    const before = chart.entries.map((entry) => Date.parse(entry.due ?? ''));
    await fixture.act(id, { type: 'suspend' });
    await later(10 * day);
    await fixture.runtime.sweeper.sweep();
    expect(await fixture.read(id)).toMatchObject({ status: 'suspended', state: 'work' });
    const resumed = await fixture.act(id, { type: 'resume' });
    const after = resumed.case.chart.entries.map((entry) => Date.parse(entry.due ?? ''));
    for (const [index, due] of after.entries()) {
      expect(due - (before[index] ?? 0)).toBeGreaterThanOrEqual(10 * day);
      expect(due - (before[index] ?? 0)).toBeLessThan(10 * day + 60_000);
    }
    await later(6 * day);
    await fixture.runtime.sweeper.sweep();
    expect((await fixture.read(id)).state).toBe('work');
    await later(2 * day);
    await fixture.runtime.sweeper.sweep();
    expect((await fixture.read(id)).state).toBe('late');
  });

  it('leave where it is what is due by a date of the world: no court waits for a case that stands still', async () => {
    const on = new Date(Date.parse(await clock.now()) + 20 * day).toISOString().slice(0, 10);
    const { id, chart } = await fixture.open('court', { on });
    await fixture.act(id, { type: 'suspend' });
    await later(5 * day);
    const { case: resumed } = await fixture.act(id, { type: 'resume' });
    const movedBy = (entry: Entry, index: number) =>
      Math.round((Date.parse(entry.due ?? '') - Date.parse(chart.entries[index]?.due ?? '')) / day);
    const moved = resumed.chart.entries.map((entry, index) => [
      entry.kind === 'timer' ? entry.name : entry.kind,
      movedBy(entry, index),
    ]);
    expect(Object.fromEntries(moved)).toEqual({ invocation: 0, eve: 0, deadline: 0, week: 5 });
    // The timers go on: the one that was not moved, too.
    expect(await fixture.sql('select 1 from qamqor.timers where case_id = $1 and paused', [id])).toEqual([]);
  });

  it('keep the answers that come meanwhile, and take them when the case goes on', async () => {
    const { id } = await fixture.open('help');
    await fixture.answer(id, fixture.entry(id, 'do'));
    await fixture.act(id, { type: 'suspend' });
    const parked = await fixture.answer(id, fixture.entry(id, 'ask'), { result: 'ok' }, { late: 'journal' });
    expect(parked).toMatchObject({ outcome: 'parked', case: { state: 'check' } });
    await fixture.act(id, { type: 'resume' });
    await fixture.settled();
    expect(await fixture.read(id)).toMatchObject({ state: 'done', status: 'done' });
  });

  it('hide from nobody that their task was over before', async () => {
    const { id } = await fixture.open('help');
    const task = fixture.entry(id, 'do');
    await fixture.answer(id, task);
    const { revision } = (await fixture.act(id, { type: 'suspend' })).case;
    await expect(fixture.answer(id, task, { result: 'late' })).rejects.toMatchObject({ code: 'task-closed' });
    expect(await fixture.read(id)).toMatchObject({ revision });
  });
});

describe('acts that arrive together', () => {
  it('each see what the one before has done', async () => {
    const { id } = await fixture.open('help');
    const [first, second] = await Promise.allSettled([
      fixture.act(id, { type: 'suspend' }),
      fixture.act(id, { type: 'suspend' }),
    ]);
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'rejected']);
    const [resumed, again] = await Promise.all([
      fixture.act(id, { type: 'resume' }),
      fixture.act(id, { type: 'suspend' }),
    ]);
    expect([resumed.seq, again.seq]).toEqual([3, 4]);
    expect(await fixture.sql('select 1 from qamqor.timers where case_id = $1 and not paused', [id])).toEqual([]);
  });
});

describe('reopen', () => {
  it('goes on under the same number from the state that the workflow names', async () => {
    const { id, number } = await fixture.open('help');
    await fixture.act(id, { type: 'cancel' });
    const again = await fixture.act(id, { type: 'reopen' }, 'came back');
    expect(again.case).toMatchObject({ id, number, status: 'active', state: 'work', closedAt: null });
    expect(again.case.chart.snapshot.context).toEqual({ tries: 2 });
    await fixture.answer(id, fixture.entry(id, 'do'));
    expect((await fixture.read(id)).state).toBe('check');
  });

  it('is possible after the end too, and never before', async () => {
    const { id } = await fixture.open('help');
    await expect(fixture.act(id, { type: 'reopen' })).rejects.toMatchObject({ code: 'act-not-possible' });
    await fixture.answer(id, fixture.entry(id, 'do'));
    await fixture.answer(id, fixture.entry(id, 'ask'));
    expect((await fixture.read(id)).status).toBe('done');
    expect((await fixture.act(id, { type: 'reopen' })).case).toMatchObject({ status: 'active', state: 'work' });
  });
});

describe('modify', () => {
  it('puts the case into another state, closes and opens what belongs to it, and says that a hand did it', async () => {
    const { id } = await fixture.open('help');
    const moved = await fixture.act(id, { type: 'modify', target: 'check', context: { tries: 7 } }, 'wrong button');
    expect(moved.case).toMatchObject({ state: 'check', modified: true });
    expect(moved.case.chart.snapshot.context).toEqual({ tries: 7 });
    expect(fixture.closed.filter((row) => row.caseId === id)).toMatchObject([
      { entry: { invoke: 'do' }, reason: 'left' },
    ]);
    expect((await fixture.read(id)).modified).toBe(true);
  });

  it('refuses a state that is not there', async () => {
    const { id } = await fixture.open('help');
    await expect(fixture.act(id, { type: 'modify', target: 'nowhere' })).rejects.toMatchObject({
      code: 'act-not-possible',
      status: 409,
    });
  });

  it('refuses a target that cannot be, and says which state would have been meant', async () => {
    const { id } = await fixture.open('help');
    await expect(fixture.act(id, { type: 'modify', target: 'chek' })).rejects.toMatchObject({
      message: expect.stringContaining('Did you mean "check"?'),
      facts: { rule: 'target-unknown', states: ['chek'] },
    });
    await expect(fixture.act(id, { type: 'modify', target: ['work', 'check'] })).rejects.toMatchObject({
      facts: { rule: 'target-conflict' },
    });
  });

  it('leaves no case where nothing would ever happen', async () => {
    const { id } = await fixture.open('help');
    const refused = fixture.act(id, { type: 'modify', target: 'stuck' });
    await expect(refused).rejects.toMatchObject({
      code: 'act-not-possible',
      status: 409,
      message: expect.stringMatching(
        /would stand still there\. In "stuck": .*only NEXT leads on.* Choose another state/,
      ),
      facts: { rule: 'waits-for-ever', states: ['stuck'] },
    });
    expect((await fixture.read(id)).revision).toBe(1);
  });

  it('refuses names that the context does not have', async () => {
    const { id } = await fixture.open('help');
    await expect(fixture.act(id, { type: 'modify', target: 'check', context: { trys: 1 } })).rejects.toMatchObject({
      code: 'schema',
      status: 422,
      errors: [{ path: '/context/trys' }],
    });
  });

  it('takes values of the right kind only, and nothing personal', async () => {
    const { id } = await fixture.open('typed');
    const patch = (context: JsonObject) => fixture.act(id, { type: 'modify', target: 'open', context });
    await expect(patch({ tries: 'many', name: 'Әлия', who: { iin: '1' } })).rejects.toMatchObject({
      code: 'schema',
      errors: [
        { path: '/context/name', rule: 'personal' },
        { path: '/context/who/iin', rule: 'personal' },
        { path: '/context/tries', rule: 'type' },
      ],
    });
    expect((await patch({ tries: 3, who: { id: 'x' } })).case.chart.snapshot.context).toEqual({
      tries: 3,
      who: { id: 'x' },
    });
  });
});

describe('a preview', () => {
  const asking = async () => ({
    now: await clock.now(),
    calendar: OFFICE_HOURS,
    sender: { account: 'aida', roles: ['supervisor'] },
    versions: fixture.runtime.versions,
  });

  it('says what would happen, and is what happens then', async () => {
    const { id } = await fixture.open('help');
    const act: Act & { type: 'modify' } = { type: 'modify', target: 'check', context: { tries: 9 } };
    const before = await fixture.read(id);
    const preview = await previewAct(before, act, await asking());
    expect(preview).toMatchObject({
      workflow: { key: 'help', version: 1 },
      state: 'check',
      status: 'active',
      opens: [{ invoke: 'ask', src: 'handOff', node: 'check', title: null }],
      closes: [{ invoke: 'do', src: 'task', node: 'work' }],
      timers: { starts: [], stops: [{ kind: 'timer', name: 'week', node: 'work' }] },
      context: [{ name: 'tries', from: 1, to: 9 }],
      actions: [],
    });
    expect(await fixture.read(id)).toEqual(before);
    const { case: after } = await fixture.act(id, act);
    expect(after.chart.entries.map((entry) => entry.kind === 'invocation' && entry.invoke)).toEqual(['ask']);
  });

  it('is refused as the act would be', async () => {
    const { id } = await fixture.open('help');
    const record = await fixture.read(id);
    await expect(previewAct(record, { type: 'modify', target: 'stuck' }, await asking())).rejects.toMatchObject({
      facts: { rule: 'waits-for-ever' },
    });
    await expect(previewAct(record, { type: 'reopen' }, await asking())).rejects.toMatchObject({
      code: 'act-not-possible',
    });
    await expect(
      previewAct(record, { type: 'modify', target: 'check' }, { ...(await asking()), revision: 7 }),
    ).rejects.toMatchObject({ code: 'stale-revision' });
  });
});

describe('a timer that could not be given to its case', () => {
  it('fires when its incident is retried, for nobody else would fire it', async () => {
    const { id } = await fixture.open('help');
    const task = fixture.runtime.engine.sources.get('task');
    if (!task) throw new Error('No source for tasks.');
    const { close } = task;
    task.close = (tx) => tx.query('broken', 'select 1 / 0', []).then(() => undefined);
    await later(8 * day);
    await fixture.runtime.sweeper.sweep();
    task.close = close;
    await fixture.runtime.sweeper.sweep();
    const incidents = 'select id from qamqor.incidents where case_id = $1 and status = $2';
    const [incident] = await fixture.sql<{ id: string }>(incidents, [id, 'open']);
    expect(await fixture.read(id)).toMatchObject({ state: 'work', incidents: 1 });
    await fixture.act(id, { type: 'retry', incidentId: incident?.id ?? '' });
    expect(await fixture.read(id)).toMatchObject({ state: 'late', incidents: 0 });
  });
});
