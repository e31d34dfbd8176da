import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ApiFixture } from '../../test/api.js';
import { until } from '../../test/engine.js';
import { pass, settled } from '../../test/partner.js';
import { CASE_DUE, CASE_OVERDUE, isOverdue } from '../engine/overdue.js';
import { OrphansService } from './orphans.service.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const journey = {
  id: 'journey',
  title: text('Journey'),
  stages: { first: text('First'), second: text('Second'), never: text('Never') },
  context: {},
  events: { GO: { title: text('Go'), roles: [] }, END: { title: text('End'), roles: [] } },
  initial: 'a',
  states: {
    a: { meta: { stage: 'first', deadline: '3 days' }, on: { GO: 'b', END: 'over' } },
    b: {
      type: 'parallel',
      on: { END: 'over', GO: 'c' },
      states: {
        one: { initial: 'x', states: { x: { meta: { stage: 'first' } } } },
        two: { initial: 'y', states: { y: { meta: { stage: 'second', deadline: '30 days' } } } },
      },
    },
    c: { on: { END: 'over' } },
    over: { type: 'final' },
  },
};
const bound = {
  id: 'bound',
  title: text('Bound'),
  context: {},
  initial: 'a',
  states: {
    a: {
      meta: { title: { kk: 'Жазба керек', ru: 'Нужна запись', en: 'A note is needed' } },
      invoke: { id: 'work', src: 'task', input: { form: 'note', role: 'curator', deadline: '3 days' }, onDone: 'b' },
      after: { long: 'b' },
    },
    b: { type: 'final' },
  },
  delays: { long: '300 days' },
};
const titled = {
  id: 'titled',
  title: text('Titled'),
  initial: 'a',
  states: { a: { meta: { title: { kk: 'Күтуде', ru: 'Ждёт', en: 'Waiting' }, deadline: '3 days' } } },
};
const untitled = {
  id: 'untitled',
  title: text('Untitled'),
  initial: 'a',
  states: { a: { initial: 'b', states: { b: { meta: { deadline: '3 days' } } } } },
};
const files = { 'forms/note.yaml': { 'x-version': 1, 'x-title': text('Note'), type: 'object', properties: {} } };

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(journey);
  await api.deploy(bound, files);
  await api.deploy(titled);
  await api.deploy(untitled);
});
afterAll(() => api.close());

const sql = async (statement: string, values: unknown[] = []) =>
  (await api.database.pool('owner').query(statement, values)).rows;
async function open(workflow: string, ...events: string[]): Promise<string> {
  const { body } = await api.post('supervisor', '/api/cases', { workflow, input: {} });
  for (const type of events) await api.post('supervisor', `/api/cases/${body.id}/events`, { type });
  return body.id;
}
const board = async (workflow: string) => (await api.get('lawyer', `/api/board?workflow=${workflow}`)).body;
const list = async (query: string) => (await api.get('lawyer', `/api/cases?limit=200&${query}`)).body.items;

describe('the board', () => {
  it('counts each open case once, at its furthest stage, and its numbers equal their lists', async () => {
    for (let n = 0; n < 3; n += 1) await open('journey');
    await pass(api.system, { days: 4 });
    for (let n = 0; n < 12; n += 1) await open('journey');
    for (let n = 0; n < 2; n += 1) await open('journey', 'GO');
    await open('journey', 'GO', 'GO');
    await open('journey', 'END');
    const suspended = await open('journey');
    await api.post('supervisor', `/api/cases/${suspended}/acts`, { act: 'suspend', reason: 'x' });
    await pass(api.system, { hours: 1 });

    const { stages, asOf, workflow } = await board('journey');
    expect(workflow).toBe('journey');
    expect(asOf).toBe(new Date(asOf).toISOString());
    expect(
      stages.map(({ key, count, overdue, oldestDays }: Record<string, unknown>) => [key, count, overdue, oldestDays]),
    ).toEqual([
      ['first', 16, 3, 4],
      ['second', 2, 0, 0],
      ['never', 0, 0, null],
      ['-', 1, 0, 0],
    ]);
    for (const { key, count, overdue, stalled, items } of stages) {
      const here = await list(`workflow=journey&stage=${key}`);
      expect(here).toHaveLength(count);
      const late = await list(`workflow=journey&stage=${key}&overdue=true`);
      expect(late).toHaveLength(overdue);
      expect(await list(`workflow=journey&stage=${key}&overdue=false`)).toHaveLength(count - overdue);
      expect(here.filter((item: { overdue: boolean }) => item.overdue)).toHaveLength(overdue);
      const still = await list(`workflow=journey&stage=${key}&stalled=true`);
      expect(still).toHaveLength(stalled);
      // They say why, as the board does.
      for (const { id, reason } of items.filter((item: { stalled: boolean }) => item.stalled))
        expect(still.find((item: { id: string }) => item.id === id).reason).toEqual(reason);
      expect(await list(`workflow=journey&stage=${key}&stalled=false`)).toHaveLength(count - stalled);
      expect(items).toHaveLength(Math.min(10, count));
    }
    const [first] = stages;
    expect(first.items.slice(0, 4).map((item: { stalled: boolean }) => item.stalled)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(first.items[0].reason).toEqual({
      kind: 'overdue',
      rule: 'state',
      text: 'First',
      message: 'a',
      since: first.items[0].dueAt,
    });
  });

  it('says in the words of the workflow what is overdue, and its path where nobody gave it a title', async () => {
    for (const workflow of ['titled', 'bound', 'untitled']) await open(workflow);
    await pass(api.system, { days: 4 });
    const reasonOf = async (workflow: string, language: string) => {
      const { body } = await api.get('lawyer', `/api/board?workflow=${workflow}`, { 'accept-language': language });
      return body.stages[0].items[0].reason;
    };
    expect(await reasonOf('titled', 'kk')).toMatchObject({ rule: 'state', text: 'Күтуде', message: 'a' });
    expect(await reasonOf('titled', 'ru')).toMatchObject({ text: 'Ждёт' });
    expect(await reasonOf('untitled', 'kk')).toMatchObject({ rule: 'state', text: 'a.b', message: 'a.b' });
    expect(await reasonOf('bound', 'kk')).toMatchObject({ rule: 'task', text: 'Жазба керек', message: 'work' });
  });

  it('shows a case that somebody suspended and nobody thinks of any more, with the reason', async () => {
    await api.deploy({ ...titled, id: 'resting' });
    const id = await open('resting');
    await api.post('supervisor', `/api/cases/${id}/acts`, { act: 'suspend', reason: 'они уехали' });
    await pass(api.system, { days: 29 });
    expect((await board('resting')).stages[0]).toMatchObject({ stalled: 0, items: [{ stalled: false, reason: null }] });
    await pass(api.system, { days: 2 });
    const { body } = await api.get('lawyer', '/api/board?workflow=resting', { 'accept-language': 'ru' });
    expect(body.stages[0]).toMatchObject({
      stalled: 1,
      overdue: 0,
      items: [
        {
          stalled: true,
          reason: {
            kind: 'suspended',
            rule: 'suspended',
            text: 'Дело давно приостановлено («они уехали»). Продолжите его или закройте.',
            message: 'они уехали',
            since: expect.any(String),
          },
        },
      ],
    });
    expect(await list('workflow=resting&stalled=true')).toMatchObject([{ id }]);
    await api.post('supervisor', `/api/cases/${id}/acts`, { act: 'resume', reason: 'вернулись' });
    expect((await board('resting')).stages[0]).toMatchObject({ stalled: 0 });
  });

  it('does not show one that only stands still with the case that opened it', async () => {
    await api.deploy({ ...titled, id: 'inner' });
    const invoke = { id: 'part', src: 'case', input: { workflow: 'inner' }, onDone: 'end' };
    await api.deploy({ id: 'outer', initial: 'led', states: { led: { invoke }, end: { type: 'final' } } });
    const id = await open('outer');
    await until(async () => (await list('workflow=inner')).length === 1);
    // Nor where a hand had stopped it before.
    const [inner] = await list('workflow=inner');
    for (const act of ['suspend', 'resume'])
      await api.post('supervisor', `/api/cases/${inner.id}/acts`, { act, reason: 'x' });
    await api.post('supervisor', `/api/cases/${id}/acts`, { act: 'suspend', reason: 'x' });
    await until(async () => (await list('workflow=inner&status=suspended')).length === 1);
    await pass(api.system, { days: 31 });
    expect(await list('workflow=outer&stalled=true')).toHaveLength(1);
    expect(await list('workflow=inner&stalled=true')).toEqual([]);
  });

  it('of a workflow that is not there says so, and without one shows the busiest', async () => {
    expect(await api.get('lawyer', '/api/board?workflow=nowhere', { 'accept-language': 'ru' })).toMatchObject({
      status: 404,
      body: {
        code: 'workflow-not-found',
        detail: 'Процесс «nowhere» не установлен. Установленные: GET /api/workflows.',
      },
    });
    expect((await api.get('lawyer', '/api/board')).body.workflow).toBe('journey');
  });
});

describe('overdue', () => {
  it('is the same in SQL and in TypeScript', async () => {
    const id = await open('journey');
    const [row] = await sql('select id, organisation_id from qamqor.cases where id = $1', [id]);
    const now = Date.parse('2030-01-01T00:00:00.000Z');
    const near = fc.integer({ min: -2, max: 2 }).map((ms) => new Date(now + ms).toISOString());
    const part = fc.record({ dueAt: near, pausedUntil: fc.option(near) });
    const some = fc.record({
      status: fc.constantFrom('active', 'suspended', 'done', 'cancelled'),
      parts: fc.array(part, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(some, async ({ status, parts }) => {
        const earliest = parts.map(({ dueAt }) => dueAt).sort()[0] ?? null;
        await sql('delete from qamqor.dues where case_id = $1', [id]);
        await sql('update qamqor.cases set status = $2, due_at = $3 where id = $1', [id, status, earliest]);
        await sql(
          `insert into qamqor.dues (entry_id, organisation_id, case_id, what, name, opened_at, due_at, paused_until)
           select gen_random_uuid(), $1, $2, 'task', 'x', '2029-01-01', n.due, n.paused from unnest($3::timestamptz[], $4::timestamptz[]) as n (due, paused)`,
          [row.organisation_id, id, parts.map((p) => p.dueAt), parts.map((p) => p.pausedUntil)],
        );
        const moment = new Date(now).toISOString();
        const [found] = await sql(
          `select ${CASE_OVERDUE('c', '$2::timestamptz')} as overdue, ${CASE_DUE('c')} as due from qamqor.cases c where id = $1`,
          [id, moment],
        );
        expect(found.overdue).toBe(parts.some((p) => isOverdue({ status, ...p }, moment)));
        // And a case says so itself, when it is read with its due time.
        expect(found.overdue).toBe(isOverdue({ status, dueAt: found.due?.toISOString() ?? null }, moment));
      }),
      { numRuns: 60 },
    );
    await sql(`delete from qamqor.dues where case_id = $1`, [id]);
    await sql(`update qamqor.cases set status = 'cancelled', due_at = null where id = $1`, [id]);
  });
});

describe('a case that nothing could move', () => {
  const warned: string[] = [];
  const looker = () =>
    new OrphansService({
      engine: api.system.runtime.engine,
      versions: api.system.runtime.versions,
      pool: api.system.relayPool,
      elapsed: () => performance.now(),
      warn: (message, error) => warned.push(`${message} ${String(error)}`),
    });
  const incidentsOf = async (id: string) =>
    (await api.get('supervisor', `/api/incidents?caseId=${id}`)).body.items.map(({ rule }: { rule: string }) => rule);

  it('is none while it waits as it should', async () => {
    const id = await open('bound');
    await looker().look();
    expect(await incidentsOf(id)).toEqual([]);
  });

  it.each([
    ['task', 'delete from qamqor.tasks where case_id = $1', /^«Нужна запись»: задача, .* пропала/],
    ['timer', 'delete from qamqor.timers where case_id = $1', /^«Нужна запись»: срок пропал/],
  ])(
    'because its %s is gone becomes an incident, once, by two at once, and stands on the board',
    async (_what, tamper, words) => {
      const id = await open('bound');
      await sql(tamper, [id]);
      await Promise.all([looker().look(), looker().look()]);
      await looker().look();
      expect(await incidentsOf(id)).toEqual(['orphan']);
      const inRussian = { 'accept-language': 'ru' };
      const told = (await api.get('supervisor', `/api/incidents?caseId=${id}`, inRussian)).body.items;
      expect(told).toMatchObject([
        { text: expect.stringMatching(words), message: expect.stringMatching(/^The /), state: 'a' },
      ]);
      const [column] = (await api.get('lawyer', '/api/board?workflow=bound', inRussian)).body.stages;
      const item = column.items.find((each: { id: string }) => each.id === id);
      expect(item).toMatchObject({
        stalled: true,
        overdue: false,
        reason: { kind: 'incident', rule: 'orphan', text: told[0].text, message: told[0].message },
      });
      expect(column.stalled).toBeGreaterThan(0);
      expect(await list(`workflow=bound&stage=${column.key}&stalled=true`)).toHaveLength(column.stalled);
      await settled(api.system);
      expect(warned).toEqual([]);
    },
  );

  const incidentOf = async (id: string): Promise<string> =>
    (await api.get('supervisor', `/api/incidents?caseId=${id}`)).body.items[0].id;
  const retry = async (id: string, language = 'en') =>
    api.ask('supervisor', 'POST', `/api/incidents/${await incidentOf(id)}/retry`, {
      body: { reason: 'It must go on.' },
      headers: { 'accept-language': language },
    });

  it('because its timer is gone gets it back when its incident is retried, at the moment that the case remembers', async () => {
    const id = await open('bound');
    const timers = () =>
      sql('select id, name, node, due_at, paused, passed_at from qamqor.timers where case_id = $1', [id]);
    const before = await timers();
    await sql('delete from qamqor.timers where case_id = $1', [id]);
    await looker().look();
    expect(await retry(id)).toMatchObject({ status: 200, body: { incidents: 0 } });
    expect(await timers()).toEqual(before);
    await looker().look();
    expect(await incidentsOf(id)).toEqual([]);
  });

  it('because its task is gone cannot be retried: it is said what helps, in the language of the answer', async () => {
    const id = await open('bound');
    await sql('delete from qamqor.tasks where case_id = $1', [id]);
    await looker().look();
    expect(await retry(id, 'ru')).toMatchObject({
      status: 409,
      body: { code: 'act-not-possible', rule: 'not-restored', detail: expect.stringContaining('modify') },
    });
    expect(await incidentsOf(id)).toEqual(['orphan']);
  });

  it('is found among others, page by page', async () => {
    const id = await open('bound');
    await sql('delete from qamqor.tasks where case_id = $1', [id]);
    // Long ago, so that only the round finds it.
    await sql(`update qamqor.journal set at = at - interval '1 day' where case_id = $1`, [id]);
    await looker().look();
    expect(await incidentsOf(id)).toEqual(['orphan']);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
