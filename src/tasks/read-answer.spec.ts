import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';

const words = (text: string) => ({ kk: text, ru: text, en: text });
const form = {
  'x-version': 1,
  'x-title': words('Талқы'),
  type: 'object',
  additionalProperties: false,
  required: ['attendance'],
  properties: {
    attendance: { type: 'string', enum: ['present', 'no-show'] },
    note: { type: 'string', 'x-personal': true },
    closedNotes: { type: 'string', 'x-personal': true, 'x-closed': true },
  },
};
const talk = {
  id: 'talks',
  title: words('Talks'),
  context: { familyId: '= input.familyId' },
  initial: 'talking',
  states: {
    talking: {
      invoke: {
        id: 'talk',
        src: 'task',
        input: { form: 'talk', role: 'psychologist' },
        onDone: { target: 'talking', reenter: true },
      },
    },
  },
};
const input = { type: 'object', required: ['familyId'], properties: { familyId: { type: 'string' } } };
const GIVEN = { attendance: 'present', note: 'Ақбота келді', closedNotes: 'тек психологке' };

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(talk, { 'forms/talk.yaml': form, 'input.yaml': input });
  for (const name of ['madina', 'saule']) await api.account(name, ['psychologist']);
});
afterAll(() => api.close());

const owner = (text: string, values: unknown[]) => api.database.pool('owner').query(text, values);
const read = async (as: string, id: string) => (await api.get(as, `/api/tasks/${id}`)).body;

async function openCase(): Promise<{ caseId: string; subject: string }> {
  const applicant = { surname: 'Тілеуова', given: 'Әсел' };
  const { body } = await api.post('registrar', '/api/cases', {
    workflow: 'talks',
    input: { applicant, language: 'kk' },
  });
  return { caseId: body.id, subject: body.subject };
}

/** The open task of a case, answered. */
async function answered(caseId: string, as = 'madina', output: object = GIVEN): Promise<string> {
  const { body } = await api.get('supervisor', `/api/tasks?view=all&caseId=${caseId}`);
  const id: string = body.items[0].id;
  expect((await api.post(as, `/api/tasks/${id}/complete`, { output })).status).toBe(200);
  return id;
}

describe('what was answered in a task', () => {
  it('is nothing while nobody has, and stays away from lists', async () => {
    const { caseId } = await openCase();
    const { body } = await api.get('supervisor', `/api/tasks?view=all&caseId=${caseId}`);
    expect(body.items[0]).not.toHaveProperty('answer');
    expect(await read('madina', body.items[0].id)).toMatchObject({ status: 'open', answer: null });
  });

  it('is told whole to the role that it was for, whoever of it answered', async () => {
    const id = await answered((await openCase()).caseId);
    for (const as of ['madina', 'saule'])
      expect((await read(as, id)).answer).toEqual({ output: GIVEN, hidden: [], erased: [] });
  });

  it('is told to who leads cases, oversees or audits but for what is closed', async () => {
    const id = await answered((await openCase()).caseId);
    const { closedNotes, ...open } = GIVEN;
    expect(closedNotes).toBeDefined();
    for (const as of ['curator', 'supervisor', 'director', 'administrator', 'auditor'])
      expect((await read(as, id)).answer).toEqual({ output: open, hidden: ['/closedNotes'], erased: [] });
  });

  it('is told to others of the centre without its personal fields, which are named', async () => {
    const id = await answered((await openCase()).caseId);
    for (const as of ['registrar', 'lawyer'])
      expect((await read(as, id)).answer).toEqual({
        output: { attendance: 'present' },
        hidden: ['/closedNotes', '/note'],
        erased: [],
      });
  });

  it('is told whole to who answered in the place of that role', async () => {
    const id = await answered((await openCase()).caseId, 'supervisor');
    expect((await read('supervisor', id)).answer.output).toEqual(GIVEN);
  });

  it('is written down as a look at the task, its case and its family', async () => {
    const { caseId, subject } = await openCase();
    const id = await answered(caseId);
    await read('lawyer', id);
    const { body } = await api.get('auditor', `/api/access-log?subject=${subject}`);
    const look = body.items.find(({ route, ids }: { route: string; ids: string[] }) => {
      return route === 'GET /api/tasks/:id' && ids.includes(id);
    });
    expect(look).toMatchObject({ what: 'task', roles: ['lawyer'], ids: expect.arrayContaining([id, caseId, subject]) });
  });

  it('says which of its fields were erased, and that it was erased as a whole', async () => {
    const { caseId } = await openCase();
    const id = await answered(caseId);
    await owner(`delete from qamqor.personal_values where task_id = $1 and path = '/note'`, [id]);
    expect((await read('madina', id)).answer).toEqual({
      output: { attendance: 'present', closedNotes: GIVEN.closedNotes },
      hidden: [],
      erased: ['/note'],
    });
    await owner('delete from qamqor.payloads where case_id = $1', [caseId]);
    expect((await read('madina', id)).answer).toEqual({ output: null, hidden: [], erased: [''] });
  });
});

describe('the answered tasks of a case', () => {
  it('are listed, the newest first, in the language of the reader and without what was answered', async () => {
    const { caseId } = await openCase();
    const ids = [await answered(caseId), await answered(caseId, 'saule', { attendance: 'no-show' })];
    const { body } = await api.get('curator', `/api/cases/${caseId}/answers`, { 'accept-language': 'kk' });
    const about = { invocation: 'talk', item: null, form: 'talk', title: 'Талқы', at: expect.any(String) };
    expect(body.items).toEqual([
      { ...about, id: ids[1], by: 'saule' },
      { ...about, id: ids[0], by: 'madina' },
    ]);
    const { body: newest } = await api.get('curator', `/api/cases/${caseId}/answers?limit=1`);
    expect(newest.items.map((task: { id: string }) => task.id)).toEqual([ids[1]]);
  });

  it('are named by the history of the case', async () => {
    const { caseId } = await openCase();
    const id = await answered(caseId);
    const { body } = await api.get('curator', `/api/cases/${caseId}/history`);
    expect(body.items.map((row: { task: string | null }) => row.task)).toEqual([id, null]);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
