import type { Answer, ApiFixture } from './api.js';

const text = (en: string) => ({ kk: en, ru: en, en });

/** A small workflow that takes, refuses and stumbles over events. */
export const visit = {
  id: 'visit',
  title: text('Visit'),
  stages: { waiting: text('Waiting'), talking: text('Talking') },
  context: { count: 0, familyId: '= input.familyId' },
  events: {
    CALL: {
      title: text('Call'),
      roles: ['curator'],
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['room'],
        properties: { room: { type: 'integer' } },
      },
    },
    BREAK: { title: text('Break'), roles: [] },
    NEVER: { title: text('Never'), roles: [] },
    LEAVE: { title: text('Leave'), roles: [] },
  },
  meta: { reopen: 'waiting' },
  delays: { month: '30 days' },
  initial: 'waiting',
  states: {
    waiting: {
      after: { month: 'gone' },
      meta: { stage: 'waiting' },
      on: {
        CALL: { target: 'talking', actions: { type: 'set', params: { count: '= event.data.room' } } },
        NEVER: { guard: '= context.count > 100', target: 'gone' },
        LEAVE: 'gone',
        BREAK: { guard: '= context.familyId', target: 'talking' },
      },
    },
    talking: { meta: { stage: 'talking' }, after: { month: 'gone' }, on: { LEAVE: 'gone' } },
    gone: { type: 'final' },
  },
};
const input = {
  type: 'object',
  additionalProperties: false,
  required: ['familyId'],
  properties: { familyId: { type: 'string' } },
};

/** Deploy `visit` with this beside it; then cases of made-up families open by these. */
export const visitFiles = { 'input.yaml': input };

export function visitsOf(api: () => ApiFixture) {
  let families = 0;
  const newcomer = () => {
    families += 1;
    return {
      applicant: { surname: `Тестова${families}`, given: 'Әлия' },
      categories: ['large'],
      interest: 'sewing',
      phone: '+77010000000',
      language: 'kk',
    };
  };
  const open = (headers?: Record<string, string>, given: unknown = newcomer()): Promise<Answer> =>
    api().post('registrar', '/api/cases', { workflow: 'visit', input: given }, headers);
  const aCase = async () => {
    const { status, body } = await open();
    if (status !== 201) throw new Error(`The case was not opened: ${JSON.stringify(body)}`);
    return body as { id: string; number: string; revision: number; subject: string };
  };
  const send = (as: string, id: string, body: unknown, headers?: Record<string, string>): Promise<Answer> =>
    api().post(as, `/api/cases/${id}/events`, body, headers);
  return { newcomer, open, aCase, send, lastSurname: () => `Тестова${families}` };
}
