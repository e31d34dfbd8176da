import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import type { JsonObject } from '../statechart/types.js';
import { membersIn } from './members.js';

const TEXT = { kk: 'мәтін', ru: 'текст', en: 'text' };
const member = { type: 'integer', minimum: 1, 'x-member': true };
const FORM = {
  type: 'object',
  additionalProperties: false,
  properties: {
    learners: { type: 'array', items: { type: 'object', properties: { member, course: { type: 'string' } } } },
    applicants: { type: 'array', items: member },
    count: { type: 'integer' },
  },
};
const chart = (id: string, more: object) => ({
  id,
  title: TEXT,
  ...more,
  initial: 'asking',
  states: {
    asking: {
      invoke: { id: 'ask', src: 'task', input: { form: 'plan', role: 'curator', deadline: '1 day' }, onDone: 'over' },
    },
    over: { type: 'final' },
  },
});

it('the numbers that an answer names are found by the form, wherever they stand', () => {
  const answer = {
    learners: [
      { member: 2, course: 'a' },
      { member: 7, course: 'b' },
    ],
    applicants: [1],
    count: 9,
  };
  expect([...membersIn(FORM as unknown as JsonObject, answer)]).toEqual([
    ['/learners/0/member', 2],
    ['/learners/1/member', 7],
    ['/applicants/0', 1],
  ]);
});

describe('a task whose form asks for people of the family', () => {
  let api: ApiFixture;
  beforeAll(async () => {
    api = await ApiFixture.create();
    const input = { type: 'object', required: ['familyId'], properties: { familyId: { type: 'string' } } };
    await api.deploy(chart('planned', { context: { familyId: '= input.familyId' } }), {
      'forms/plan.yaml': FORM,
      'input.yaml': input,
    });
    await api.deploy(chart('nobodys', {}), { 'forms/plan.yaml': FORM });
    const track = {
      context: { familyId: '= input.familyId', learner: 2 },
      contextSchema: { type: 'object', properties: { familyId: { type: 'string' }, learner: member } },
    };
    await api.deploy(chart('track', track), { 'forms/plan.yaml': FORM, 'input.yaml': input });
  });
  afterAll(() => api.close());

  async function taskOf(workflow: string, input: object) {
    const opened = await api.post('curator', '/api/cases', { workflow, input });
    const { body } = await api.get('curator', `/api/tasks?view=available&caseId=${opened.body.id}`);
    return { task: `/api/tasks/${body.items[0].id}/complete`, family: `/api/families/${opened.body.subject}` };
  }
  const newcomer = { applicant: { surname: 'Ли', given: 'Анна' } };

  it('is refused with a number that nobody has, at its field, in words', async () => {
    const { task } = await taskOf('planned', newcomer);
    const output = { learners: [{ member: 1 }, { member: 2 }], applicants: [3, 1] };
    const said = async (language: string) => api.post('curator', task, { output }, { 'accept-language': language });
    const { status, body } = await said('en');
    expect([status, body.code]).toEqual([422, 'schema']);
    expect(body.errors).toEqual([
      { path: '/learners/1/member', message: expect.stringContaining('nobody has the number 2 in the family list') },
      { path: '/applicants/0', message: expect.stringContaining('which has: 1') },
    ]);
    expect((await said('kk')).body.errors[0].message).toContain('2 нөмірлі адам жоқ');
    expect((await said('ru')).body.errors[0].message).toContain('нет номера 2');
  });

  it('is taken once the person is entered', async () => {
    const { task, family } = await taskOf('planned', newcomer);
    const output = { learners: [{ member: 2 }] };
    expect((await api.post('curator', task, { output })).status).toBe(422);
    await api.post('registrar', `${family}/members`, { surname: 'Ли', given: 'Виктор', relation: 'spouse' });
    expect((await api.post('curator', task, { output })).status).toBe(200);
  });

  it('takes any number where the case is about no family', async () => {
    const { task } = await taskOf('nobodys', {});
    expect((await api.post('curator', task, { output: { applicants: [9] } })).status).toBe(200);
  });

  it.each([
    ['track', newcomer, 2],
    ['planned', newcomer, null],
    ['nobodys', {}, null],
  ])('says whom of the family its case is about: %s', async (workflow, input, about) => {
    const { task } = await taskOf(workflow, input);
    const { body } = await api.get('curator', task.replace('/complete', ''));
    expect(body.member).toBe(about);
    const { body: page } = await api.get('curator', `/api/tasks?view=available&caseId=${body.caseId}`);
    expect(page.items[0].member).toBe(about);
    expect((await api.get('curator', `/api/cases/${body.caseId}`)).body.member).toBe(about);
    const done = await api.post('curator', task, { output: { count: 1 } });
    expect([done.body.task.member, done.body.case.member]).toEqual([about, about]);
  });
});
