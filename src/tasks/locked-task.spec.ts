import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { TWO_STEPS } from '../../test/two-steps.js';

const ANSWER = { ready: true };

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(TWO_STEPS.workflow, TWO_STEPS.files);
  await api.account('registrar');
});
afterAll(() => api.close());

async function aTask(): Promise<string> {
  const { body } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
  const { body: tasks } = await api.get('registrar', `/api/tasks?view=available&caseId=${body.id}`);
  return tasks.items[0].id;
}

it('a task that somebody holds locked refuses its answer for now, and delays nobody else for long', async () => {
  const tasks: string[] = [];
  while (tasks.length < 24) tasks.push(await aTask());
  const [locked] = tasks.slice(3);
  const lock = await api.database.pool('owner').connect();
  try {
    await lock.query('begin');
    await lock.query('select from qamqor.tasks where id = $1 for update', [locked]);
    // The first two keep the engine busy, so that the others travel together.
    const answers = await Promise.all(
      tasks.map((id) => api.post('registrar', `/api/tasks/${id}/complete`, { output: ANSWER })),
    );
    for (const [at, { status, body }] of answers.entries())
      expect({ task: tasks[at], status, code: body.code }).toEqual(
        tasks[at] === locked
          ? { task: locked, status: 503, code: 'case-busy' }
          : { task: tasks[at], status: 200, code: undefined },
      );
  } finally {
    await lock.query('rollback');
    lock.release();
  }
  const after = await api.post('registrar', `/api/tasks/${locked}/complete`, { output: ANSWER });
  expect(after.status).toBe(200);
});
