import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { dueAt, parseDelay } from '../statechart/delay.js';
import { ORGANISATION } from '../system.js';
import { QUEUE_ORDER } from './task.statements.js';

const title = { kk: 'Кеңес', ru: 'Консультация', en: 'Consultation' };

/** One task, as the input says: how urgent, when to begin and when to end. */
const workflow = {
  id: 'slot',
  title,
  context: { startBy: '= input.startBy', deadline: '= input.deadline', urgency: '= input.urgency' },
  initial: 'waiting',
  states: {
    waiting: {
      invoke: {
        id: 'talk',
        src: 'task',
        input: {
          form: 'talk',
          role: 'lawyer',
          priority: '= context.urgency',
          startBy: '= context.startBy',
          deadline: '= context.deadline',
        },
        onDone: 'ended',
      },
    },
    ended: { type: 'final' },
  },
};
const files = {
  'input.yaml': {
    type: 'object',
    properties: {
      startBy: { type: ['string', 'null'] },
      deadline: { type: 'string' },
      urgency: { type: 'integer' },
    },
  },
  'forms/talk.yaml': {
    'x-version': 1,
    'x-title': title,
    type: 'object',
    additionalProperties: false,
    required: ['said'],
    properties: { said: { type: 'string' } },
  },
};
const spanned = structuredClone(workflow);
spanned.id = 'first-slot';
Object.assign(spanned.states.waiting.invoke.input, { startBy: '2 working days', deadline: '5 working days' });

/** Both tasks are due on a day; one should be begun after a span, the other on a day. */
const hearing = {
  id: 'hearing',
  title,
  context: { startBy: '= input.startBy', deadline: '= input.deadline' },
  initial: 'waiting',
  states: {
    waiting: {
      type: 'parallel',
      states: Object.fromEntries(
        Object.entries({ Span: '2 hours', Dated: { until: '= context.startBy' } }).map(([name, startBy], priority) => [
          name,
          {
            meta: { title: { kk: name, ru: name, en: name } },
            invoke: {
              id: name,
              src: 'task',
              input: { form: 'talk', role: 'lawyer', priority, startBy, deadline: { until: '= context.deadline' } },
            },
          },
        ]),
      ),
    },
  },
};

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(workflow, files);
  await api.deploy(spanned, files);
  await api.deploy(hearing, files);
  for (const name of ['anna', 'berik']) await api.account(name, ['lawyer']);
});
afterAll(() => api.close());

interface Task {
  id: string;
  caseId: string;
  openedAt: string;
  startBy: string | null;
  dueAt: string | null;
}

async function aTask(startBy: string | null = null, deadline = 'P9D', urgency = 0, key = 'slot'): Promise<Task> {
  const opened = await api.post('supervisor', '/api/cases', { workflow: key, input: { startBy, deadline, urgency } });
  expect(opened).toMatchObject({ status: 201 });
  return (await api.get('supervisor', `/api/tasks?view=all&caseId=${opened.body.id}`)).body.items[0];
}
const act = (as: string, id: string, what: string, body: object = {}) => api.post(as, `/api/tasks/${id}/${what}`, body);
const complete = (as: string, id: string, body: object = {}, headers?: Record<string, string>) =>
  api.post(as, `/api/tasks/${id}/complete`, { output: { said: 'yes' }, ...body }, headers);

describe('the day by which a task should be begun', () => {
  it('is counted in working days of the centre, from when it was opened', async () => {
    const { startBy, dueAt: due, openedAt } = await aTask(null, 'P9D', 0, 'first-slot');
    const scope = { now: openedAt, calendar: api.system.calendar };
    expect(startBy).toBe(dueAt(parseDelay('2 working days'), {}, scope));
    expect(Date.parse(startBy ?? '')).toBeLessThan(Date.parse(due ?? ''));
  });

  it('is nobody’s where the workflow names none', async () => {
    expect((await aTask()).startBy).toBeNull();
  });

  it('orders the queue with the due days, urgent ones first, until somebody begins', async () => {
    const later = await aTask(null, 'P5D', 7);
    const startsFirst = await aTask('P1D', 'P8D', 7);
    const startsNext = await aTask('P3D', 'P7D', 7);
    const urgent = await aTask(null, 'P9D', 8);
    const ours = [later, startsFirst, startsNext, urgent].map(({ id }) => id);
    const queue = async () => {
      const { body } = await api.get('supervisor', '/api/tasks?view=all&limit=200');
      return body.items.map(({ id }: Task) => id).filter((id: string) => ours.includes(id));
    };
    expect(await queue()).toEqual([urgent.id, startsFirst.id, startsNext.id, later.id]);
    await act('anna', startsFirst.id, 'claim');
    expect(await queue()).toEqual([urgent.id, startsNext.id, later.id, startsFirst.id]);
    await act('anna', startsFirst.id, 'release');
    expect(await queue()).toEqual([urgent.id, startsFirst.id, startsNext.id, later.id]);
  });

  it('moves with the due day when the case stood still', async () => {
    const task = await aTask('P1D', 'P3D');
    const hand = (what: string) =>
      api.post('supervisor', `/api/cases/${task.caseId}/acts`, { act: what, reason: 'The family is away.' });
    expect((await hand('suspend')).status).toBe(200);
    expect((await hand('resume')).status).toBe(200);
    const { body } = await api.get('anna', `/api/tasks/${task.id}`);
    const moved = Date.parse(body.dueAt) - Date.parse(task.dueAt ?? '');
    expect(moved).toBeGreaterThan(0);
    expect(Date.parse(body.startBy) - Date.parse(task.startBy ?? '')).toBe(moved);
  });

  it('moves by as long as the case stood also where the due day is a date, and stays where it is a date itself', async () => {
    const { body } = await api.post('supervisor', '/api/cases', {
      workflow: 'hearing',
      input: { startBy: '2030-05-20', deadline: '2030-06-01' },
    });
    const moments = async () => {
      const { items } = (await api.get('supervisor', `/api/tasks?view=all&caseId=${body.id}`)).body;
      const moment = ({ startBy, dueAt: due }: Task) => [startBy, due].map((at) => Date.parse(at ?? ''));
      return items
        .toSorted((one: { priority: number }, other: { priority: number }) => one.priority - other.priority)
        .map(moment);
    };
    const before = await moments();
    const hand = (what: string) =>
      api.post('supervisor', `/api/cases/${body.id}/acts`, { act: what, reason: 'The family is away.' });
    expect((await hand('suspend')).status).toBe(200);
    expect((await hand('resume')).status).toBe(200);
    const [span, dated] = await moments();
    expect(dated).toEqual(before[1]);
    expect(span[1]).toBe(before[0][1]);
    expect(span[0]).toBeGreaterThan(before[0][0]);
  });

  it('orders a role’s queue by an index, without sorting it', async () => {
    const client = await api.database.pool('owner').connect();
    try {
      await client.query('begin; set local enable_seqscan = off; set local enable_bitmapscan = off');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain select t.id from qamqor.tasks t where t.organisation_id = '${ORGANISATION}' and t.status = 'open' and t.role = 'lawyer'
          ${QUEUE_ORDER} limit 50`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('tasks_queue');
      expect(plan).not.toContain('Sort');
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});

describe('a task of a colleague who is away', () => {
  it('is answered by who oversees, on behalf of whose it is, and everybody can read both', async () => {
    const { id, caseId } = await aTask();
    const anna = await api.account('anna');
    const supervisor = await api.account('supervisor');
    await act('anna', id, 'claim');
    expect((await api.get('supervisor', `/api/tasks/${id}`)).body.can).toMatchObject({
      complete: false,
      completeOnBehalf: true,
    });
    const answer = await complete('supervisor', id, { onBehalfOf: anna.account });
    const both = {
      status: 'done',
      assignee: anna.account,
      assigneeName: 'anna',
      completedBy: supervisor.account,
      completedByName: 'supervisor',
      onBehalfOf: anna.account,
    };
    expect(answer).toMatchObject({ status: 200, body: { task: both, case: { status: 'done' } } });
    expect((await api.get('berik', `/api/tasks/${id}`)).body).toEqual({
      ...answer.body.task,
      can: expect.anything(),
      answer: { output: { said: 'yes' }, hidden: [], erased: [] },
    });
    const journal = (await api.get('anna', `/api/cases/${caseId}/journal`)).body.items;
    expect(journal.at(-1)).toMatchObject({ kind: 'answer', by: supervisor.account, onBehalfOf: anna.account });
    const words = {
      kk: 'supervisor (anna атынан)',
      ru: 'supervisor (от имени: anna)',
      en: 'supervisor, on behalf of anna',
    };
    for (const [language, by] of Object.entries(words)) {
      const { body } = await api.get('anna', `/api/cases/${caseId}/history`, { 'accept-language': language });
      expect(body.items[0].by).toBe(by);
    }
  });

  it('is answered for nobody else: not for who has it not, not for an account that is not there, not while it is free', async () => {
    const { id } = await aTask();
    const anna = await api.account('anna');
    const berik = await api.account('berik');
    expect(await complete('supervisor', id, { onBehalfOf: anna.account })).toMatchObject({
      status: 422,
      body: {
        code: 'not-their-task',
        detail: expect.stringContaining('nobody has it'),
        errors: [{ path: '/onBehalfOf' }],
      },
    });
    await act('anna', id, 'claim');
    for (const onBehalfOf of ['nobody', '', '019f0000-0000-7000-8000-000000000000'])
      expect(await complete('supervisor', id, { onBehalfOf })).toMatchObject({
        status: 422,
        body: { code: 'not-their-task', assigneeName: 'anna' },
      });
    for (const key of [undefined, { 'idempotency-key': `wrong-${id}` }])
      expect(await complete('supervisor', id, { onBehalfOf: berik.account }, key)).toMatchObject({
        status: 422,
        body: { code: 'not-their-task', assignee: anna.account, assigneeName: 'anna' },
      });
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({ status: 'claimed', completedBy: null });
  });

  it('is not answered by a colleague, nor by who looks after machines', async () => {
    const { id } = await aTask();
    const anna = await api.account('anna');
    await act('anna', id, 'claim');
    expect(await complete('berik', id, { onBehalfOf: anna.account })).toMatchObject({
      status: 403,
      body: { code: 'no-right', detail: expect.stringContaining('on behalf of') },
    });
    for (const as of ['administrator', 'auditor', 'curator'])
      expect(await complete(as, id, { onBehalfOf: anna.account })).toMatchObject({ status: 403 });
    expect(await complete('supervisor', id)).toMatchObject({ status: 409, body: { code: 'task-taken' } });
  });

  it('is had by one of both when both answer at once', async () => {
    const { id } = await aTask();
    const anna = await api.account('anna');
    await act('anna', id, 'claim');
    const answers = await Promise.all([complete('anna', id), complete('supervisor', id, { onBehalfOf: anna.account })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('that was answered twice with one key is answered once; for somebody else the key is another’s', async () => {
    const { id } = await aTask();
    const [anna, berik] = [await api.account('anna'), await api.account('berik')];
    await act('anna', id, 'claim');
    const key = { 'idempotency-key': `away-${id}` };
    const first = await complete('supervisor', id, { onBehalfOf: anna.account }, key);
    expect(first.status).toBe(200);
    expect((await complete('supervisor', id, { onBehalfOf: anna.account }, key)).body).toEqual(first.body);
    await api.database.pool('owner').query('delete from qamqor.idempotency_keys');
    expect(await complete('supervisor', id, { onBehalfOf: berik.account }, key)).toMatchObject({
      status: 422,
      body: { code: 'key-reused' },
    });
  });
});

describe('a task that is over or put aside', () => {
  it('says so to a second answer, the same or another, of whoever gives it', async () => {
    const { id } = await aTask();
    expect((await complete('anna', id)).status).toBe(200);
    for (const [as, output] of [
      ['anna', { said: 'yes' }],
      ['anna', { said: 'no' }],
      ['berik', { said: 'yes' }],
    ] as const)
      expect(await complete(as, id, { output })).toMatchObject({ status: 409, body: { code: 'task-closed' } });
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({
      completedByName: 'anna',
      onBehalfOf: null,
    });
  });

  it('is not put aside until a moment that is past, in three languages', async () => {
    const { id } = await aTask();
    await act('anna', id, 'claim');
    const until = new Date(Date.now() - 1000).toISOString();
    for (const [language, words] of [
      ['kk', /өтіп кеткен/],
      ['ru', /уже прошёл/],
      ['en', /is past/],
    ] as const)
      expect(
        await api.post('anna', `/api/tasks/${id}/hold`, { until, reason: 'x' }, { 'accept-language': language }),
      ).toMatchObject({
        status: 422,
        body: { code: 'hold-past', detail: expect.stringMatching(words), errors: [{ path: '/until' }] },
      });
    expect((await api.get('anna', `/api/tasks/${id}`)).body.status).toBe('claimed');
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});

describe('a task', () => {
  const overdue = async (id: string) => (await api.get('anna', `/api/tasks/${id}`)).body.overdue as boolean;
  const pass = async (days: number) => {
    const { clock } = api.system;
    await clock.advanceTo(new Date(Date.parse(await clock.now()) + days * 86_400_000).toISOString());
  };

  it('is overdue from its due moment until it is answered, as its case is', async () => {
    const { id, caseId } = await aTask(null, 'P2D');
    expect(await overdue(id)).toBe(false);
    await pass(3);
    expect(await overdue(id)).toBe(true);
    const { items } = (await api.get('anna', `/api/tasks?view=available&caseId=${caseId}`)).body;
    expect(items).toMatchObject([{ id, overdue: true }]);
    expect((await api.get('anna', `/api/cases/${caseId}`)).body.overdue).toBe(true);
    expect((await complete('anna', id)).body.task.overdue).toBe(false);
    expect(await overdue(id)).toBe(false);
  });

  it('is not overdue while its case is suspended', async () => {
    const { id, caseId } = await aTask(null, 'P2D');
    await api.post('supervisor', `/api/cases/${caseId}/acts`, { act: 'suspend', reason: 'The family is away.' });
    await pass(3);
    expect(await overdue(id)).toBe(false);
    await api.post('supervisor', `/api/cases/${caseId}/acts`, { act: 'resume', reason: 'The family is back.' });
    expect(await overdue(id)).toBe(false);
    await pass(3);
    expect(await overdue(id)).toBe(true);
  });
});
