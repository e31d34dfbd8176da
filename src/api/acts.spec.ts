import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { ORGANISATION } from '../system.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const input = { type: 'object', properties: { familyId: { type: 'string' } } };
const task = (id: string, more: object = {}) => ({
  id,
  src: 'task',
  input: { role: 'curator', title: text(id), deadline: '2 days', escalation: 'ladder' },
  ...more,
});

/** Two regions of work, one of them a list. */
const workflow = (more: object = {}) => ({
  id: 'lessons',
  title: text('Lessons'),
  context: { people: ['dana', 'aru'], count: 0, ...more },
  contextSchema: {
    type: 'object',
    properties: { people: { type: 'array' }, count: { type: 'integer' }, room: { type: 'string' } },
  },
  stages: { teaching: text('Teaching') },
  delays: { month: '30 days' },
  initial: 'open',
  states: {
    open: {
      type: 'parallel',
      meta: { stage: 'teaching' },
      after: { month: 'end' },
      states: {
        course: {
          initial: 'lessons',
          states: {
            lessons: {
              invoke: task('lesson', { each: '= context.people', key: '= item', onDone: 'taught' }),
            },
            taught: {},
          },
        },
        papers: {
          initial: 'asked',
          states: { asked: { invoke: task('ask', { onDone: 'here' }) }, here: {} },
        },
      },
    },
    stuck: {},
    end: { type: 'final' },
  },
});

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(workflow(), { 'input.yaml': input });
});
afterAll(() => api.close());

let families = 0;
async function aCase(): Promise<string> {
  families += 1;
  const applicant = { surname: `Тестова${families}`, given: 'Әлия' };
  const body = {
    workflow: 'lessons',
    input: { applicant, categories: [], interest: null, phone: null, language: 'kk' },
  };
  const opened = await api.post('supervisor', '/api/cases', body);
  if (opened.status !== 201) throw new Error(JSON.stringify(opened.body));
  return opened.body.id;
}

const act = (id: string, body: object, as = 'supervisor', headers?: Record<string, string>) =>
  api.post(as, `/api/cases/${id}/acts`, body, headers);
const journal = async (id: string) => (await api.get('auditor', `/api/cases/${id}/journal`)).body.items;
const tasksOf = async (id: string) => {
  const { body } = await api.get('supervisor', '/api/tasks?view=all&limit=200');
  const own = body.items.filter((found: { caseId: string }) => found.caseId === id);
  return own.map((found: { invocation: string; item: string | null; status: string }) =>
    [found.invocation, found.item, found.status].filter(Boolean).join(' '),
  );
};

describe('the items of a list', () => {
  it('are added and dropped by hand, and the list goes on with what it has then', async () => {
    const id = await aCase();
    const changed = await act(id, {
      act: 'list',
      reason: 'a sister came',
      invoke: 'lesson',
      add: ['aliya'],
      drop: ['aru'],
    });
    expect(changed).toMatchObject({ status: 200, body: { revision: 2, state: { open: { course: 'lessons' } } } });
    expect((await tasksOf(id)).sort()).toEqual(['ask open', 'lesson aliya open', 'lesson dana open']);
    expect((await journal(id))[1]).toMatchObject({
      kind: 'act',
      type: 'list',
      data: { reason: 'a sister came', act: { type: 'list', invoke: 'lesson', add: ['aliya'], drop: ['aru'] } },
      opened: [{ id: 'lesson:2:aliya' }],
      closed: [{ id: 'lesson:1:aru' }],
    });
    const misspelt = await act(id, { act: 'list', reason: 'moved', invoke: 'lesson', drop: ['dana', 'alia', 'aru'] });
    expect(misspelt).toMatchObject({ status: 409, body: { rule: 'keys-unknown', keys: ['alia', 'aru'] } });
    expect(misspelt.body.detail).toContain('alia, aru');
    const rest = { act: 'list', reason: 'all have moved away', invoke: 'lesson', drop: ['dana', 'aliya'] };
    expect((await act(id, rest)).body.state).toEqual({ open: { course: 'taught', papers: 'asked' } });
    expect(await act(id, rest)).toMatchObject({ status: 409, body: { code: 'act-not-possible' } });
  });

  it('are for those who may, with a reason, and only where there is such a list', async () => {
    const id = await aCase();
    const add = { act: 'list', reason: 'came later', invoke: 'lesson', add: ['aliya'] };
    expect(await act(id, add, 'lawyer')).toMatchObject({ status: 403, body: { code: 'no-right' } });
    expect(await act(id, { ...add, reason: '' })).toMatchObject({ status: 422, body: { code: 'reason-missing' } });
    expect(await act(id, { ...add, invoke: 'ask' })).toMatchObject({ status: 409, body: { code: 'act-not-possible' } });
    expect(await act(id, { ...add, add: ['dana'] })).toMatchObject({ status: 409, body: { rule: 'expression' } });
    expect((await api.get('supervisor', `/api/cases/${id}`)).body.revision).toBe(1);
  });
});

describe('a preview', () => {
  it('tells what would happen without a reason, and changes and writes nothing', async () => {
    const id = await aCase();
    const before = (await api.get('supervisor', `/api/cases/${id}`)).body;
    const target = ['open.papers.here', 'open.course.lessons'];
    const { status, body } = await act(id, { act: 'modify', target, context: { count: 3 }, preview: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      preview: {
        workflow: { key: 'lessons', version: before.workflow.version },
        state: { open: { course: 'lessons', papers: 'here' } },
        stages: ['teaching'],
        status: 'active',
        context: [{ name: 'count', from: 0, to: 3 }],
        timers: { starts: [], stops: [] },
      },
    });
    const named = (rows: { invoke: string }[]) => rows.map(({ invoke }) => invoke).sort();
    expect(named(body.preview.closes)).toEqual(['ask', 'lesson', 'lesson']);
    expect(named(body.preview.opens)).toEqual(['lesson', 'lesson']);
    expect(body.preview.closes).toContainEqual(expect.objectContaining({ invoke: 'ask', title: text('ask') }));
    expect((await api.get('supervisor', `/api/cases/${id}`)).body).toEqual(before);
    expect(await journal(id)).toHaveLength(1);
    expect(await act(id, { act: 'modify', target })).toMatchObject({ status: 422, body: { code: 'reason-missing' } });
    expect((await act(id, { act: 'modify', target, reason: 'papers came by post' })).body.state).toEqual(
      body.preview.state,
    );
  });

  it('is refused where the act would be, in the language of whoever asks', async () => {
    const id = await aCase();
    const stuck = { act: 'modify', target: 'stuck', preview: true };
    expect(await act(id, stuck)).toMatchObject({
      status: 409,
      body: {
        code: 'act-not-possible',
        rule: 'waits-for-ever',
        states: ['stuck'],
        detail: expect.stringContaining('stand still'),
      },
    });
    const { body } = await act(id, stuck, 'supervisor', { 'accept-language': 'ru' });
    expect(body.detail).toMatch(/состоянии stuck .*ждала бы бесконечно/);
    expect(await act(id, stuck, 'curator')).toMatchObject({ status: 403 });
    expect(await act(id, { ...stuck, act: 'cancel' })).toMatchObject({ status: 400 });
  });
});

describe('a context given by hand', () => {
  it('is refused with the places that do not fit', async () => {
    const id = await aCase();
    const context = { count: 'three', rom: '12' };
    const { status, body } = await act(id, { act: 'modify', target: 'end', reason: 'x', context });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'schema' });
    expect(body.errors.map(({ path }: { path: string }) => path).sort()).toEqual(['/context/count', '/context/rom']);
  });
});

describe('moving a live case to a newer version', () => {
  it('is previewed, carried out once, and leaves its tasks as they are', async () => {
    const id = await aCase();
    await api.deploy(workflow({ room: '12' }), { 'input.yaml': input });
    const newest = (await api.system.runtime.versions.current(ORGANISATION, 'lessons')).version;
    const { body: told } = await act(id, { act: 'migrate', preview: true });
    expect(told.preview).toMatchObject({
      workflow: { version: newest },
      opens: [],
      closes: [],
      context: [{ name: 'room', from: null, to: '12' }],
    });
    const migrate = { act: 'migrate', reason: 'the rooms are known' };
    const before = await tasksOf(id);
    const first = await act(id, migrate, 'supervisor', { 'idempotency-key': `migrate-${id}` });
    expect(first).toMatchObject({ status: 200, body: { workflow: { version: newest }, revision: 2, modified: false } });
    const again = await act(id, migrate, 'supervisor', { 'idempotency-key': `migrate-${id}` });
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await tasksOf(id)).toEqual(before);
    expect((await journal(id))[1]).toMatchObject({
      kind: 'migration',
      type: 'migrate',
      data: { reason: migrate.reason },
    });
    expect(await act(id, migrate)).toMatchObject({ status: 409, body: { rule: 'same-version', version: newest } });
    expect(await act(id, { ...migrate, version: 99 })).toMatchObject({
      status: 422,
      body: { code: 'unknown-workflow' },
    });
    expect(await act(id, migrate, 'curator')).toMatchObject({ status: 403 });
  });
});
