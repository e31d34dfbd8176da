import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { visit, visitFiles, visitsOf } from '../../test/visits.js';
import { ORGANISATION } from '../system.js';
import { ImportService } from './import.service.js';

const IIN = '880707400230';
const LINES = [
  'family_no,surname,given_name,patronymic,iin,birth_date,relation,categories,phone,address',
  `K-00001,Қожахметова,Әсел,Бауыржанқызы,${IIN},1988-07-07,applicant,large,87026135241,Төле би 1`,
  'K-00001,Қожахметов,Нұрлан,,900101300007,1990-01-01,spouse,,,',
];
const ASEL = { surname: 'Қожахметова', given: 'Әсел', patronymic: 'Бауыржанқызы' };
const NURLAN = { surname: 'Қожахметов', given: 'Нұрлан', patronymic: null };

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(visit, visitFiles);
  const by = { organisation: ORGANISATION, actor: 'test' };
  await new ImportService(api.database.pool('app')).importFamilies(Readable.from([Buffer.from(LINES.join('\n'))]), by);
});
afterAll(() => api.close());
const { aCase } = visitsOf(() => api);

describe('a family', () => {
  it('is shown with its people and how to reach it, by number or id, and never with an identity number', async () => {
    const { status, body } = await api.get('psychologist', '/api/families/k-00001');
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.any(String),
      number: 'K-00001',
      applicant: ASEL,
      phone: '+77026135241',
      language: expect.any(String),
      address: 'Төле би 1',
      categories: ['large'],
      interest: null,
      members: [
        { number: 1, ...ASEL, relation: 'applicant', birthYear: 1988, revision: 1 },
        { number: 2, ...NURLAN, relation: 'spouse', birthYear: 1990, revision: 1 },
      ],
      openCase: null,
      revision: 1,
      can: { correct: false, enterPeople: false },
    });
    expect((await api.get('psychologist', `/api/families/${body.id}`)).body).toEqual(body);
    expect(JSON.stringify(body)).not.toContain(IIN.slice(6));
  });

  it('names its open case, and no case once that is over', async () => {
    const { id, number, subject } = await aCase();
    const openCase = async () => (await api.get('curator', `/api/families/${subject}`)).body.openCase;
    expect(await openCase()).toEqual({ id, number });
    await api.post('curator', `/api/cases/${id}/events`, { type: 'LEAVE' });
    expect(await openCase()).toBeNull();
  });

  it.each(['K-99999', '019f0000-0000-7000-8000-000000000000', '%'])(
    'that there is not (%s) is not found',
    async (id) => {
      const answer = await api.get('curator', `/api/families/${encodeURIComponent(id)}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'family-not-found' } });
    },
  );
});

describe('families in short', () => {
  it('are those that were asked for, by number; who looked is written down', async () => {
    const [one, other] = [await aCase(), await aCase()];
    const nobody = '019f0000-0000-7000-8000-000000000000';
    const { body } = await api.get(
      'lawyer',
      `/api/families?ids=${other.subject},${nobody},${one.subject.toUpperCase()}`,
    );
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([one.subject, other.subject]);
    expect(body.items[0]).toEqual({
      id: one.subject,
      number: expect.any(String),
      applicant: { surname: expect.stringMatching(/^Тестова/), given: 'Әлия', patronymic: null },
      phone: '+77010000000',
      members: [{ number: 1, ...body.items[0].applicant }],
    });
    const { body: log } = await api.get('auditor', `/api/access-log?subject=${other.subject}`);
    expect(JSON.stringify(log)).toContain('GET /api/families');
  });

  it('are found by what somebody says: a name in any spelling, a number, a part of the telephone number', async () => {
    const numbers = async (q: string) => {
      const { status, body } = await api.post('registrar', '/api/families/search', { q });
      expect(status).toBe(200);
      return body.items.map(({ number }: { number: string }) => number);
    };
    for (const said of ['кожахметова асел', 'нұрлан', 'k-00001', '613 52 41', IIN])
      expect([said, await numbers(said)]).toEqual([said, ['K-00001']]);
    expect(await numbers('ешкім')).toEqual([]);
    const { body: log } = await api.get('auditor', '/api/access-log');
    expect(JSON.stringify(log)).toContain('POST /api/families/search');
  });

  it('are not looked for in an address, which logs and browsers keep; nor are cases, by an identity number', async () => {
    const answer = await api.get('registrar', `/api/families?q=${IIN}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'unknown-field' } });
    const { body: family } = await api.get('registrar', '/api/families/K-00001');
    const opened = await api.post('registrar', '/api/cases', { workflow: 'visit', input: { familyId: family.id } });
    expect(opened.status).toBe(201);
    const cases = async (q: string) => (await api.get('registrar', `/api/cases?q=${q}`)).body.items;
    expect(await cases(family.number)).toMatchObject([{ id: opened.body.id }]);
    expect(await cases(IIN)).toEqual([]);
  });

  it('are a question: the same key asks again, and nothing of the answer is kept', async () => {
    const ask = (q: string) =>
      api.ask('registrar', 'POST', '/api/families/search', { body: { q }, headers: { 'idempotency-key': 'one-key' } });
    expect((await ask(IIN)).body.items).toHaveLength(1);
    expect(await ask('ешкім')).toMatchObject({ status: 200, body: { items: [] } });
    const kept = `select 1 from qamqor.idempotency_keys where key = 'one-key'`;
    expect((await api.database.pool('owner').query(kept)).rowCount).toBe(0);
  });

  it('are asked for by at most a hundred ids', async () => {
    const id = '019f0000-0000-7000-8000-000000000000';
    const asked = (ids: string) => api.get('lawyer', `/api/families?ids=${ids}`);
    expect(await asked(Array(100).fill(id).join(','))).toMatchObject({ status: 200, body: { items: [] } });
    for (const wrong of [Array(101).fill(id).join(','), '', 'K-00001', `${id},`])
      expect(await asked(wrong)).toMatchObject({ status: 400 });
    expect(await api.get('lawyer', '/api/families')).toMatchObject({ status: 400, body: { code: 'bad-query' } });
  });
});
