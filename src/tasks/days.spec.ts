import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { dayAt } from './past.js';

const TEXT = { kk: 'мәтін', ru: 'текст', en: 'text' };
const day = { type: 'string', format: 'date' };
const FORM = {
  type: 'object',
  additionalProperties: false,
  properties: {
    closesOn: day,
    bornOn: { ...day, formatMinimum: '1900-01-01' },
    paidOn: { ...day, 'x-past': true },
    visits: { type: 'array', items: { type: 'object', properties: { heldOn: { ...day, 'x-past': true } } } },
  },
};
const CHART = {
  id: 'days',
  title: TEXT,
  initial: 'asking',
  states: {
    asking: {
      on: { MOVED: '.' },
      invoke: { id: 'ask', src: 'task', input: { form: 'days', role: 'curator', deadline: '1 day' }, onDone: 'over' },
    },
    over: { type: 'final' },
  },
  events: {
    MOVED: { title: TEXT, roles: ['curator'], schema: { type: 'object', properties: { on: day } } },
  },
};

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(CHART, { 'forms/days.yaml': FORM });
});
afterAll(() => api.close());

async function aTask(): Promise<{ id: string; caseId: string }> {
  const { body } = await api.post('curator', '/api/cases', { workflow: 'days', input: {} });
  const { body: tasks } = await api.get('curator', `/api/tasks?view=available&caseId=${body.id}`);
  return tasks.items[0];
}
const answer = async (output: object, language = 'en') =>
  api.post('curator', `/api/tasks/${(await aTask()).id}/complete`, { output }, { 'accept-language': language });
/** Days from the one that it is at the centre now. */
async function inDays(days: number): Promise<string> {
  const now = Date.parse(await api.system.clock.now());
  return dayAt(new Date(now + days * 86_400_000).toISOString(), 'Asia/Almaty');
}

describe('a day that a form asks for', () => {
  it.each([
    [{ closesOn: '9999-12-31' }, '/closesOn', 'must be 2100-12-31 or earlier'],
    [{ closesOn: '1999-12-31' }, '/closesOn', 'must be 2000-01-01 or later'],
    [{ bornOn: '1899-12-31' }, '/bornOn', 'must be 1900-01-01 or later'],
    [{ closesOn: '2026-02-30' }, '/closesOn', 'must be a date like'],
  ])('is one that people mean: %j is refused', async (output, path, message) => {
    const { status, body } = await answer(output);
    expect([status, body.errors]).toEqual([422, [{ path, message: expect.stringContaining(message) }]]);
  });

  it('may be the first or the last of its time, and a birthday where the form says so', async () => {
    for (const output of [{ closesOn: '2000-01-01' }, { closesOn: '2100-12-31' }, { bornOn: '1985-06-12' }])
      expect(await answer(output)).toMatchObject({ status: 200 });
  });

  it('has come, where it is about what has happened: today has, tomorrow has not', async () => {
    const [today, tomorrow] = [await inDays(0), await inDays(1)];
    expect(await answer({ paidOn: today, visits: [{ heldOn: today }], closesOn: tomorrow })).toMatchObject({
      status: 200,
    });
    const { status, body } = await answer(
      { paidOn: tomorrow, visits: [{ heldOn: today }, { heldOn: tomorrow }] },
      'kk',
    );
    const said = { message: `бұл күн әлі келген жоқ, бүгін ${today}: оқиға болған күнді жазыңыз` };
    expect([status, body.errors]).toEqual([
      422,
      [
        { path: '/paidOn', ...said },
        { path: '/visits/1/heldOn', ...said },
      ],
    ]);
  });

  it('is one that people mean in an event, too', async () => {
    const { caseId } = await aTask();
    const send = (on: string) => api.post('curator', `/api/cases/${caseId}/events`, { type: 'MOVED', data: { on } });
    expect((await send('9999-01-01')).body.errors).toEqual([
      { path: '/on', message: expect.stringContaining('2100-12-31') },
    ]);
    expect(await send('2027-01-01')).toMatchObject({ status: 200 });
  });
});
