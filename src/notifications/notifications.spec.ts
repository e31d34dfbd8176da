import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { settled } from '../../test/partner.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const telling = (id: string, params: object) => ({
  id,
  title: text('Telling'),
  context: { what: null },
  events: {
    TELL: {
      title: text('Tell'),
      roles: [],
      schema: { type: 'object', required: ['what'], properties: { what: {} } },
    },
  },
  initial: 'quiet',
  states: { quiet: { on: { TELL: { target: 'told', actions: { type: 'notify', params } } } }, told: {} },
});
const message = (languages: Record<string, string>, more: object = {}) => ({ text: languages, ...more });
const inThree = message(
  { kk: '{caseNumber} ісі: {what}', ru: 'Дело {caseNumber}: {what}', en: 'Case {caseNumber}: {what}' },
  { channels: ['sms', 'in-app'] },
);

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  const what = { what: '= event.data.what' };
  await api.deploy(telling('told', { template: 'news', to: 'family', ...what }), { 'messages/news.yaml': inThree });
  await api.deploy(telling('quietly', { template: 'news', ...what }), {
    'messages/news.yaml': message(text('It is {what}.')),
  });
  await api.deploy(telling('unwritten', { template: 'nowhere', ...what }));
  await api.deploy(telling('half', { template: 'news', ...what }), {
    'messages/news.yaml': message({ kk: 'Жаңалық', ru: 'Новость' }),
  });
  await api.deploy(telling('gap', { template: 'news', ...what }), {
    'messages/news.yaml': message({ ...text('Fine: {what}'), ru: 'Срок {dedline}' }),
  });
});
afterAll(() => api.close());

async function tell(workflow: string, what: unknown) {
  const { body } = await api.post('supervisor', '/api/cases', { workflow, input: {} });
  const answer = await api.post('supervisor', `/api/cases/${body.id}/events`, { type: 'TELL', data: { what } });
  expect(answer.status).toBe(200);
  await settled(api.system);
  return { id: body.id as string, number: body.number as string };
}
const sql = async (statement: string, values: unknown[] = []) =>
  (await api.database.pool('owner').query(statement, values)).rows;
const noticesOf = async (id: string) =>
  (await sql('select * from qamqor.notifications where case_id = $1', [id])).map((row) => ({
    ...row,
    text: JSON.parse(row.text),
  }));

describe('a notification', () => {
  it('is written down in three languages, filled with what the case said then', async () => {
    const { id, number } = await tell('told', 'сертификат дайын');
    expect(await noticesOf(id)).toEqual([
      expect.objectContaining({
        template: 'news',
        recipient: 'family',
        channels: ['sms', 'in-app'],
        text: {
          kk: `${number} ісі: сертификат дайын`,
          ru: `Дело ${number}: сертификат дайын`,
          en: `Case ${number}: сертификат дайын`,
        },
      }),
    ]);
  });

  it('is told to the family inside the application where nothing else is said', async () => {
    const { id } = await tell('quietly', 'news');
    expect(await noticesOf(id)).toMatchObject([{ recipient: 'family', channels: ['in-app'] }]);
  });

  it('is written once, however often it is delivered', async () => {
    const { id } = await tell('told', 'once');
    const [notice] = await noticesOf(id);
    const payload = JSON.stringify({ template: 'news', to: 'family', what: 'twice' });
    for (let time = 0; time < 3; time += 1) {
      await sql(
        `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, payload, created_at, next_at)
         values ($1, $2, $3, 2, 'notify', $4, qamqor_now(), qamqor_now())`,
        [notice.id, notice.organisation_id, id, payload],
      );
      await settled(api.system);
    }
    expect(await noticesOf(id)).toEqual([notice]);
  });

  it.each([
    '{{7*7}}',
    '{caseNumber}',
    '{what}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what an attacker types
    '${7*7}',
    '<%= 7*7 %>',
    '#{7*7}',
    "$& $1 $' $`",
    '<script>alert(1)</script>',
    '{constructor}',
  ])('takes %s as a text, not as a template', async (attack) => {
    const { id } = await tell('quietly', attack);
    expect((await noticesOf(id))[0].text).toEqual(text(`It is ${attack}.`));
  });

  it.each([
    [5, 'It is 5.'],
    [null, 'It is .'],
    [['a', 1], 'It is ["a",1].'],
  ])('writes %p as a person would', async (what, expected) => {
    const { id } = await tell('quietly', what);
    expect((await noticesOf(id))[0].text.en).toBe(expected);
  });

  it.each([
    ['unwritten', 'messages/nowhere.yaml'],
    ['half', 'messages/news.yaml'],
    ['gap', '{dedline}'],
  ])('that cannot be written ("%s") is an incident, and nothing half is told', async (workflow, why) => {
    const { id } = await tell(workflow, 'x');
    expect(await noticesOf(id)).toEqual([]);
    const { body } = await api.get('supervisor', `/api/incidents?caseId=${id}`);
    // The sweep may have found by now that nothing moves such a case.
    expect(body.items.filter(({ rule }: { rule: string }) => rule !== 'orphan')).toEqual([
      expect.objectContaining({ rule: 'not-delivered', message: expect.stringContaining(why) }),
    ]);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
