import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { settled } from '../../test/partner.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const milestone = (name: unknown) => ({ type: 'milestone', params: { name } });
const course = {
  id: 'course',
  title: text('Course'),
  context: {},
  events: { PASS: { title: text('Pass'), roles: [] }, FAIL: { title: text('Fail'), roles: [] } },
  initial: 'learning',
  states: {
    learning: {
      entry: milestone('enrolled'),
      on: {
        PASS: { target: 'passed', actions: milestone('course-passed') },
        FAIL: { target: 'learning', reenter: true },
      },
    },
    passed: { type: 'final' },
  },
};
const nameless = { ...course, id: 'nameless', states: { ...course.states, learning: { entry: milestone('= null') } } };

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(course);
  await api.deploy(nameless);
});
afterAll(() => api.close());

const sql = async (statement: string, values: unknown[] = []) =>
  (await api.database.pool('owner').query(statement, values)).rows;
const milestonesOf = (id: string) =>
  sql('select * from qamqor.milestones where case_id = $1 order by at, name desc', [id]);
async function open(workflow: string): Promise<string> {
  const { body } = await api.post('supervisor', '/api/cases', { workflow, input: {} });
  await settled(api.system);
  return body.id;
}
const send = async (id: string, type: string) => {
  await api.post('supervisor', `/api/cases/${id}/events`, { type });
  await settled(api.system);
};

describe('a milestone', () => {
  it('is what a case reached, at the moment of the transition', async () => {
    const id = await open('course');
    await send(id, 'PASS');
    const { body } = await api.get('auditor', `/api/cases/${id}/journal`);
    expect((await milestonesOf(id)).map(({ name, at }) => [name, at.toISOString()])).toEqual([
      ['enrolled', body.items[0].at],
      ['course-passed', body.items[1].at],
    ]);
  });

  it('is reached again when the case comes back to it', async () => {
    const id = await open('course');
    await send(id, 'FAIL');
    expect((await milestonesOf(id)).map(({ name }) => name)).toEqual(['enrolled', 'enrolled']);
  });

  it('is counted once, however often it is delivered', async () => {
    const id = await open('course');
    const before = await milestonesOf(id);
    await sql(
      `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, payload, created_at, next_at)
       select id, organisation_id, case_id, 1, 'milestone', '{"name":"other"}', qamqor_now(), qamqor_now() from qamqor.milestones where case_id = $1`,
      [id],
    );
    await settled(api.system);
    expect(await milestonesOf(id)).toEqual(before);
  });

  it('without a name is an incident', async () => {
    const id = await open('nameless');
    expect(await milestonesOf(id)).toEqual([]);
    const { body } = await api.get('supervisor', `/api/incidents?caseId=${id}`);
    expect(body.items).toEqual([expect.objectContaining({ message: 'A milestone has no name.' })]);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
