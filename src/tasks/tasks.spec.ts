import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { verify } from '../engine/verify.js';
import { ORGANISATION } from '../system.js';
import { taskWork } from './task-work.js';

const form = (properties: object, required: string[] = []) => ({
  'x-version': 2,
  'x-title': { kk: 'Тексеру', ru: 'Проверка', en: 'Review' },
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

const review = {
  id: 'review',
  title: { kk: 'Тексеру', ru: 'Проверка', en: 'Review' },
  context: { decision: null },
  events: { AGAIN: { title: { en: 'Again' }, roles: [] }, SKIP: { title: { en: 'Skip' }, roles: [] } },
  initial: 'reading',
  states: {
    reading: {
      invoke: {
        id: 'read',
        src: 'task',
        input: { form: 'verdict', role: 'curator', deadline: '3 days', priority: 2 },
        onDone: [
          {
            guard: '= event.output.decision = "yes"',
            target: 'done',
            actions: { type: 'set', params: { decision: '= event.output.decision' } },
          },
          { guard: '= event.output.decision = "again"', target: 'reading', reenter: true },
        ],
      },
      on: { AGAIN: { target: 'reading', reenter: true }, SKIP: 'done' },
    },
    done: { type: 'final' },
  },
};

const verdict = form(
  {
    decision: { type: 'string', enum: ['yes', 'again', 'nowhere'] },
    on: { type: 'string', format: 'date' },
    note: { type: 'string', 'x-personal': true },
  },
  ['decision'],
);

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(review, { 'forms/verdict.yaml': verdict });
  for (const name of ['anna', 'berik']) await api.account(name, ['curator']);
});
afterAll(() => api.close());

async function aTask() {
  const opened = await api.post('supervisor', '/api/cases', { workflow: 'review', input: {} });
  expect(opened.status).toBe(201);
  const { body } = await api.get('supervisor', `/api/tasks?view=all&caseId=${opened.body.id}`);
  return body.items[0] as { id: string; caseId: string; revision: number };
}
const act = (as: string, id: string, what: string, body: object = {}, headers?: Record<string, string>) =>
  api.post(as, `/api/tasks/${id}/${what}`, body, headers);
const complete = (as: string, id: string, output: unknown, headers?: Record<string, string>) =>
  act(as, id, 'complete', { output }, headers);

describe('a task', () => {
  it('is opened with the transition that asks for it, with its form, due time and priority', async () => {
    const { id, caseId } = await aTask();
    const { body } = await api.get('anna', `/api/tasks/${id}`);
    expect(body).toMatchObject({
      id,
      caseId,
      subject: null,
      invocation: 'read',
      form: { name: 'verdict', version: 2, schema: { required: ['decision'] } },
      title: { kk: 'Тексеру', ru: 'Проверка', en: 'Review' },
      role: 'curator',
      status: 'open',
      assignee: null,
      priority: 2,
      draft: null,
      can: { claim: true, complete: true, release: false, assign: false },
    });
    expect(Date.parse(body.dueAt)).toBeGreaterThan(Date.now());
  });

  it('is had by one of two who claim at once, and the other is told who', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await aTask();
      const answers = await Promise.all([act('anna', id, 'claim'), act('berik', id, 'claim')]);
      expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
      const [winner, loser] = answers[0].status === 200 ? answers : [answers[1], answers[0]];
      expect(loser.body).toMatchObject({
        code: 'task-taken',
        assignee: winner.body.assignee,
        assigneeName: winner.body.assigneeName,
      });
      expect(loser.body.detail).toContain(winner.body.assigneeName);
    }
  });

  it('is had by one of two who answer at once', async () => {
    const { id } = await aTask();
    const answers = await Promise.all([
      complete('anna', id, { decision: 'yes' }),
      complete('berik', id, { decision: 'yes' }),
    ]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    expect(answers.find((answer) => answer.status === 409)?.body.code).toMatch(/task-(taken|closed)/);
  });

  it('is not answered by one while another claims it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await aTask();
      const [claimed, answered] = await Promise.all([
        act('anna', id, 'claim'),
        complete('berik', id, { decision: 'yes' }),
      ]);
      expect([claimed.status, answered.status].sort()).toEqual([200, 409]);
    }
  });

  it('stays with who has it when it is claimed again', async () => {
    const { id } = await aTask();
    const first = await act('anna', id, 'claim');
    const again = await act('anna', id, 'claim');
    expect(again.body).toEqual(first.body);
  });

  it('is claimed by its answer, and the case goes on', async () => {
    const { id } = await aTask();
    const { account } = await api.account('anna');
    const answer = await complete('anna', id, { decision: 'yes', on: '2026-11-22' });
    expect(answer).toMatchObject({
      status: 200,
      body: { task: { id, status: 'done', assignee: account }, case: { status: 'done', state: 'done' } },
    });
    // What was answered is told to who reads the task; the answer's own reply may be kept with its key.
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toEqual({
      ...answer.body.task,
      answer: { output: { decision: 'yes', on: '2026-11-22' }, hidden: [], erased: [] },
    });
  });

  it('refuses who has not its role', async () => {
    const { id } = await aTask();
    for (const as of ['lawyer', 'administrator', 'auditor']) {
      expect(await act(as, id, 'claim')).toMatchObject({ status: 403, body: { code: 'no-right' } });
      expect(await complete(as, id, { decision: 'yes' })).toMatchObject({ status: 403, body: { code: 'no-right' } });
    }
    await api.account('partner-atameken');
    expect((await act('partner-atameken', id, 'claim')).status).toBe(403);
    expect((await api.get('integration', `/api/tasks/${id}`)).status).toBe(403);
  });

  it('is had by a supervisor who stands in, or by whose role it is, never by both', async () => {
    const { id } = await aTask();
    const answers = await Promise.all([act('anna', id, 'claim'), act('supervisor', id, 'claim')]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    expect(answers.find((answer) => answer.status === 409)?.body.code).toBe('task-taken');
  });

  it('is not there for an id that is not there', async () => {
    for (const id of ['019f0000-0000-7000-8000-000000000000', 'nonsense', "' or 1=1 --"]) {
      expect(await act('anna', encodeURIComponent(id), 'claim')).toMatchObject({
        status: 404,
        body: { code: 'task-not-found' },
      });
    }
  });
});

describe('an answer', () => {
  it('that does not fit its form is refused with paths, and the task stays open', async () => {
    const { id } = await aTask();
    expect(await complete('anna', id, { on: 'yesterday', extra: 1 })).toMatchObject({
      status: 422,
      body: { code: 'schema' },
    });
    const { body } = await complete('anna', id, { decision: 'perhaps', on: '2026-02-30' });
    expect(body.errors.map((error: { path: string }) => error.path).sort()).toEqual(['/decision', '/on']);
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({ status: 'open', revision: 1 });
  });

  it('that no transition takes is refused, and the task stays open', async () => {
    const { id } = await aTask();
    expect(await complete('anna', id, { decision: 'nowhere' })).toMatchObject({
      status: 409,
      body: { code: 'answer-not-taken' },
    });
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({ status: 'open' });
    expect((await complete('anna', id, { decision: 'yes' })).status).toBe(200);
  });

  it('to a task that is over is refused', async () => {
    const { id, caseId } = await aTask();
    await api.post('supervisor', `/api/cases/${caseId}/events`, { type: 'SKIP' });
    expect(await complete('anna', id, { decision: 'yes' })).toMatchObject({
      status: 409,
      body: { code: 'task-closed' },
    });
    expect(await act('anna', id, 'claim')).toMatchObject({ status: 409, body: { code: 'task-closed' } });
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({ status: 'cancelled' });
  });

  it('to a task that somebody else has is refused', async () => {
    const { id } = await aTask();
    await act('berik', id, 'claim');
    expect(await complete('anna', id, { decision: 'yes' })).toMatchObject({
      status: 409,
      body: { code: 'task-taken', assigneeName: 'berik' },
    });
  });

  it('on an old revision is refused', async () => {
    const { id, revision } = await aTask();
    await act('anna', id, 'claim');
    expect(await complete('anna', id, { decision: 'yes' }, { 'if-match': `"${revision}"` })).toMatchObject({
      status: 409,
      body: { code: 'stale-revision', revision: revision + 1 },
    });
    expect((await complete('anna', id, { decision: 'yes' }, { 'if-match': `"${revision + 1}"` })).status).toBe(200);
  });

  it('keeps personal fields out of context, journal and payloads, and in the family records', async () => {
    const { id, caseId } = await aTask();
    const note = 'Ана телефонын 87010000000 айтты';
    expect((await complete('anna', id, { decision: 'yes', note })).status).toBe(200);
    const owner = api.database.pool('owner');
    for (const table of [
      'cases',
      'journal',
      'payloads',
      'commands',
      'outbox',
      'incidents',
      'tasks',
      'idempotency_keys',
    ]) {
      const { rows } = await owner.query(`select count(*)::int as found from qamqor.${table} t where t::text like $1`, [
        `%${note}%`,
      ]);
      expect({ table, found: rows[0].found }).toEqual({ table, found: 0 });
    }
    const { rows } = await owner.query('select path, value, case_id from qamqor.personal_values where task_id = $1', [
      id,
    ]);
    expect(rows).toEqual([{ path: '/note', value: JSON.stringify(note), case_id: caseId }]);
    const journal = await api.get('anna', `/api/cases/${caseId}/journal`);
    expect(JSON.stringify(journal.body)).toContain('$personal');
  });

  it('leaves nothing personal behind when it is refused', async () => {
    const { id } = await aTask();
    await complete('anna', id, { decision: 'nowhere', note: 'secret' });
    const { rows } = await api.database
      .pool('owner')
      .query('select from qamqor.personal_values where task_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  it('sent twice with one key is given once, and the second answer equals the first', async () => {
    const { id, caseId } = await aTask();
    const key = { 'idempotency-key': `answer-${id}` };
    const answers = await Promise.all([1, 2, 3].map(() => complete('anna', id, { decision: 'yes', note: 'x' }, key)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(answers.map((answer) => answer.body)).toEqual([answers[0]?.body, answers[0]?.body, answers[0]?.body]);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true')).toHaveLength(2);
    expect((await api.get('anna', `/api/cases/${caseId}/journal`)).body.items).toHaveLength(2);
    expect(await complete('anna', id, { decision: 'again' }, key)).toMatchObject({
      status: 422,
      body: { code: 'key-reused' },
    });
  });

  it('is known to the engine by its key even when the kept answer was lost', async () => {
    const { id } = await aTask();
    const key = { 'idempotency-key': `lost-${id}` };
    const first = await complete('anna', id, { decision: 'yes', note: 'x' }, key);
    await api.database.pool('owner').query('delete from qamqor.idempotency_keys');
    const again = await complete('anna', id, { decision: 'yes', note: 'x' }, key);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-replayed']).toBe('true');
    await api.database.pool('owner').query('delete from qamqor.idempotency_keys');
    expect(await complete('anna', id, { decision: 'yes', note: 'y' }, key)).toMatchObject({
      status: 422,
      body: { code: 'key-reused' },
    });
  });
});

describe('what one does with a task', () => {
  it('released, it is open to others again', async () => {
    const { id } = await aTask();
    await act('anna', id, 'claim');
    expect(await act('berik', id, 'release')).toMatchObject({ status: 409, body: { code: 'task-taken' } });
    expect((await act('anna', id, 'release')).body).toMatchObject({ status: 'open', assignee: null });
    expect((await act('berik', id, 'claim')).status).toBe(200);
    expect((await act('supervisor', id, 'release')).body).toMatchObject({ status: 'open' });
  });

  it('assigned by a supervisor, it is had by somebody of its role', async () => {
    const { id } = await aTask();
    const berik = await api.account('berik');
    const lawyer = await api.account('lawyer');
    expect((await act('anna', id, 'assign', { assignee: berik.account })).status).toBe(403);
    for (const assignee of [lawyer.account, 'nobody', '019f0000-0000-7000-8000-000000000000']) {
      expect(await act('supervisor', id, 'assign', { assignee })).toMatchObject({
        status: 422,
        body: { code: 'account-not-found' },
      });
    }
    expect((await act('supervisor', id, 'assign', { assignee: berik.account })).body).toMatchObject({
      status: 'claimed',
      assignee: berik.account,
    });
  });

  it('can be given to who has its role and who stands in for it; only who oversees is told who they are', async () => {
    const { id } = await aTask();
    const { body } = await api.get('supervisor', `/api/tasks/${id}/assignees`);
    const names = body.items.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['anna', 'berik', 'supervisor']));
    expect(names).not.toContain('lawyer');
    for (const { id: assignee } of body.items)
      expect((await act('supervisor', id, 'assign', { assignee })).body).toMatchObject({ status: 'claimed', assignee });
    expect((await api.get('anna', `/api/tasks/${id}/assignees`)).status).toBe(403);
  });

  it('held, it comes back to its owner by itself', async () => {
    const { id } = await aTask();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await act('anna', id, 'hold', { until, reason: 'waits for a paper' })).toMatchObject({
      status: 409,
      body: { code: 'task-not-yours' },
    });
    await act('anna', id, 'claim');
    expect((await act('anna', id, 'hold', { until, reason: 'waits for a paper' })).body).toMatchObject({
      status: 'held',
      heldUntil: until,
      holdReason: 'waits for a paper',
    });
    await api.system.runtime.sweeper.sweep();
    expect((await api.get('anna', `/api/tasks/${id}`)).body.status).toBe('held');
    await api.database
      .pool('owner')
      .query(`update qamqor.tasks set held_until = clock_timestamp() - interval '1 second' where id = $1`, [id]);
    await api.system.runtime.sweeper.sweep();
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({ status: 'claimed', heldUntil: null });
  });

  it('its draft is for its owner only, and is offered to them when the state is entered again', async () => {
    const { id, caseId } = await aTask();
    const anna = await api.account('anna');
    await act('anna', id, 'claim');
    expect((await api.ask('berik', 'PUT', `/api/tasks/${id}/draft`, { body: { data: {} } })).status).toBe(409);
    expect(
      (await api.ask('anna', 'PUT', `/api/tasks/${id}/draft`, { body: { data: { note: 'half' } } })).body.draft,
    ).toEqual({ note: 'half' });
    expect((await api.get('berik', `/api/tasks/${id}`)).body.draft).toBeNull();

    expect((await api.post('supervisor', `/api/cases/${caseId}/events`, { type: 'AGAIN' })).status).toBe(200);
    const { body } = await api.get('anna', `/api/tasks?caseId=${caseId}`);
    expect(body.items).toHaveLength(1);
    expect(body.items[0]).toMatchObject({ status: 'open', assignee: anna.account, draft: { note: 'half' } });
    expect(body.items[0].id).not.toBe(id);
    expect((await api.get('anna', `/api/tasks/${id}`)).body.status).toBe('cancelled');
    expect((await act('berik', body.items[0].id, 'claim')).status).toBe(200);
  });

  it('is offered to whoever answered it, though nobody had claimed it, when the answer asks for another', async () => {
    const { id, caseId } = await aTask();
    const anna = await api.account('anna');
    expect((await complete('anna', id, { decision: 'again' })).status).toBe(200);
    const { body } = await api.get('anna', `/api/tasks?caseId=${caseId}`);
    expect(body.items).toMatchObject([{ status: 'open', assignee: anna.account }]);
  });

  it('a late answer to the first opening does not answer the second', async () => {
    const { id, caseId } = await aTask();
    await api.post('supervisor', `/api/cases/${caseId}/events`, { type: 'AGAIN' });
    expect(await complete('anna', id, { decision: 'yes' })).toMatchObject({
      status: 409,
      body: { code: 'task-closed' },
    });
    expect((await api.get('anna', `/api/cases/${caseId}`)).body.status).toBe('active');
  });

  it('its draft stays with who wrote it when somebody else takes the task over', async () => {
    const { id } = await aTask();
    await act('anna', id, 'claim');
    await api.ask('anna', 'PUT', `/api/tasks/${id}/draft`, { body: { data: { note: 'closed' } } });
    const { account } = await api.account('supervisor');
    const taken = await api.post('supervisor', `/api/tasks/${id}/assign`, { assignee: account });
    expect(taken).toMatchObject({ status: 200, body: { assignee: account, draft: null } });
    expect((await api.get('supervisor', `/api/tasks/${id}`)).body.draft).toBeNull();
  });

  it('drafts are erased 30 days after the task ended', async () => {
    const { id } = await aTask();
    await act('anna', id, 'claim');
    await api.ask('anna', 'PUT', `/api/tasks/${id}/draft`, { body: { data: { note: 'x' } } });
    await complete('anna', id, { decision: 'yes' });
    // Kept for a while, but shown no more: there is nothing left to answer.
    expect((await api.get('anna', `/api/tasks/${id}`)).body).toMatchObject({ status: 'done', draft: null });
    const owner = api.database.pool('owner');
    const left = async () =>
      (await owner.query('select erase_at from qamqor.task_drafts where task_id = $1', [id])).rows;
    await api.system.runtime.sweeper.sweep();
    expect((await left())[0].erase_at.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    await owner.query(
      `update qamqor.task_drafts set erase_at = clock_timestamp() - interval '1 second' where task_id = $1`,
      [id],
    );
    await api.system.runtime.sweeper.sweep();
    expect(await left()).toEqual([]);
  });
});

describe('what the answer says one may do', () => {
  const acts = {
    claim: (as: string, id: string) => act(as, id, 'claim'),
    release: (as: string, id: string) => act(as, id, 'release'),
    assign: async (as: string, id: string) => act(as, id, 'assign', { assignee: (await api.account('berik')).account }),
    hold: (as: string, id: string) => act(as, id, 'hold', { until: '2030-01-01T00:00:00Z', reason: 'x' }),
    draft: (as: string, id: string) => api.ask(as, 'PUT', `/api/tasks/${id}/draft`, { body: { data: {} } }),
    complete: (as: string, id: string) => complete(as, id, { decision: 'yes' }),
    completeOnBehalf: async (as: string, id: string) =>
      act(as, id, 'complete', { output: { decision: 'yes' }, onBehalfOf: (await api.account('anna')).account }),
  };
  const situations: Record<string, (id: string, caseId: string) => Promise<unknown>> = {
    open: () => Promise.resolve(),
    claimed: (id) => act('anna', id, 'claim'),
    held: async (id) => [await act('anna', id, 'claim'), await acts.hold('anna', id)],
    done: (id) => acts.complete('anna', id),
    cancelled: (_id, caseId) => api.post('supervisor', `/api/cases/${caseId}/events`, { type: 'SKIP' }),
  };
  // Doing again what is done already changes nothing and is not refused.
  const repeats = [
    'claimed anna claim',
    'open anna release',
    'open berik release',
    'open supervisor release',
    'open lawyer release',
  ];

  it.each(Object.keys(situations))('with a task that is %s is what one may do', async (situation) => {
    for (const as of ['anna', 'berik', 'supervisor', 'lawyer']) {
      for (const name of Object.keys(acts) as (keyof typeof acts)[]) {
        const { id, caseId } = await aTask();
        await situations[situation]?.(id, caseId);
        const { can } = (await api.get(as, `/api/tasks/${id}`)).body;
        const { status } = await acts[name](as, id);
        const allowed = can[name] || repeats.includes(`${situation} ${as} ${name}`);
        expect({ situation, as, name, done: status === 200 }).toEqual({ situation, as, name, done: allowed });
      }
    }
  });
});

describe('a list of tasks', () => {
  it('shows mine, those I could take, those of my cases, and all to who oversees', async () => {
    await api.account('carla', ['curator']);
    const { id } = await aTask();
    await act('carla', id, 'claim');
    expect((await api.get('carla', '/api/tasks?view=mine')).body.items.map((task: { id: string }) => task.id)).toEqual([
      id,
    ]);
    const available = (await api.get('carla', '/api/tasks?view=available&limit=200')).body.items;
    expect(
      available.every((task: { status: string; role: string }) => task.status === 'open' && task.role === 'curator'),
    ).toBe(true);
    expect((await api.get('lawyer', '/api/tasks?view=available')).body.items).toEqual([]);
    expect((await api.get('carla', '/api/tasks?view=all')).status).toBe(403);
    expect((await api.get('auditor', '/api/tasks?view=all')).status).toBe(200);
    expect((await api.get('carla', '/api/tasks?view=cases')).body.items.map((task: { id: string }) => task.id)).toEqual(
      [id],
    );
  });

  it('comes page by page, each task once, in the order of the queue', async () => {
    for (let count = 0; count < 3; count += 1) await aTask();
    const whole = (await api.get('supervisor', '/api/tasks?view=all&limit=200')).body.items.map(
      (task: { id: string }) => task.id,
    );
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.get('supervisor', `/api/tasks?view=all&limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...body.items.map((task: { id: string }) => task.id));
      cursor = body.next;
    }
    expect(seen).toEqual(whole);
  });

  it.each([
    'view=everything',
    'limit=0',
    'limit=201',
    'limit=1e9',
    'cursor=nonsense',
    'cursor=WzEsMiwzXQ',
    'caseId=1',
    'view=mine&view=all',
  ])('refuses ?%s', async (query) => {
    expect(await api.get('anna', `/api/tasks?${query}`)).toMatchObject({ status: 400, body: { code: 'bad-query' } });
  });
});

it('verify finds a task whose status was changed by hand, open or closed', async () => {
  const { id, caseId } = await aTask();
  const { runtime } = api.system;
  const owner = api.database.pool('owner');
  const setStatus = (status: string) => owner.query('update qamqor.tasks set status = $2 where id = $1', [id, status]);
  const run = () => verify(runtime, ORGANISATION, { task: taskWork });
  const changed = [expect.objectContaining({ case: caseId, rule: 'task-changed', seq: 1 })];
  expect((await run()).problems).toEqual([]);
  await setStatus('done');
  expect((await run()).problems).toEqual(changed);
  await setStatus('open');
  expect(await complete('anna', id, { decision: 'yes' })).toMatchObject({ status: 200 });
  expect((await run()).problems).toEqual([]);
  await setStatus('cancelled');
  expect((await run()).problems).toEqual(changed);
  await setStatus('done');
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
