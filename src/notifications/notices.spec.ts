import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { TWO_STEPS } from '../../test/two-steps.js';
import { NotificationsService } from './notifications.service.js';

const PARTNER = 'partner-atameken';
const saying = (words: string) => ({ kk: words, ru: words, en: words });

describe('who reads what they were told', () => {
  let api: ApiFixture;
  let about: { id: string; organisationId: string; caseId: string };
  let number: string;
  beforeAll(async () => {
    api = await ApiFixture.create();
    await api.deploy(TWO_STEPS.workflow, TWO_STEPS.files);
    const { body } = await api.post('supervisor', '/api/cases', { workflow: 'two-steps', input: {} });
    number = body.number;
    const { organisationId } = await api.account('supervisor');
    about = { id: body.id, organisationId, caseId: body.id };
  });
  afterAll(() => api.close());

  let told = 0;
  async function tell(recipient: string, words: string): Promise<void> {
    told += 1;
    const id = `019f0000-0000-7000-8000-${String(told).padStart(12, '0')}`;
    const notice = { about: { ...about, id }, template: 'escalation', recipient, text: saying(words) };
    await api.app.get(NotificationsService).tell(notice);
  }
  const read = async (as: string, query = '') => (await api.get(as, `/api/notifications${query}`)).body;
  const wordsOf = (page: { items: { text: { kk: string } }[] }) => page.items.map(({ text }) => text.kk);

  it('finds what was told to the account and to its roles, in three languages and with its case', async () => {
    const { account } = await api.account('anna', ['curator']);
    await tell(`account:${account}`, 'to Anna');
    await tell('curator', 'to curators');
    expect((await read('anna')).items).toMatchObject([
      {
        role: 'curator',
        text: saying('to curators'),
        caseId: about.caseId,
        caseNumber: number,
        template: 'escalation',
      },
      { role: null, text: saying('to Anna') },
    ]);
  });

  it('finds nothing that others were told, be it one who sees everything else', async () => {
    await api.account('berik', ['curator']);
    expect(wordsOf(await read('berik'))).toEqual(['to curators']);
    for (const other of ['lawyer', 'auditor', 'supervisor']) expect(wordsOf(await read(other))).toEqual([]);
  });

  it('nor what the family was told', async () => {
    await tell('family', 'to the family');
    for (const role of ['director', 'lawyer', PARTNER]) expect(wordsOf(await read(role))).toEqual([]);
  });

  it('of a partner finds also what its head was told, and nothing of another partner', async () => {
    await tell(PARTNER, 'to the partner');
    await tell(`${PARTNER}:head`, 'to its head');
    const items = [...(await read(PARTNER)).items];
    // Told in one moment, perhaps.
    expect(items.map(({ role, text }) => `${role} ${text.kk}`).sort()).toEqual([
      `${PARTNER} to its head`,
      `${PARTNER} to the partner`,
    ]);
    expect(wordsOf(await read('partner-otbasy-bank'))).toEqual([]);
  });

  it('pages through all of them once, the newest first, though several were told in one moment', async () => {
    for (let time = 1; time <= 7; time += 1) await tell('trainer', `notice ${time}`);
    await api.database
      .pool('owner')
      .query(`update qamqor.notifications set created_at = date_trunc('hour', created_at) where recipient = 'trainer'`);
    const all = wordsOf(await read('trainer'));
    expect(all).toHaveLength(7);
    const found: string[] = [];
    let cursor = '';
    do {
      const page = await read('trainer', `?limit=2${cursor}`);
      found.push(...wordsOf(page));
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    expect(found).toEqual(all);
  });

  it.each(['x', Buffer.from('["x"]').toString('base64url'), Buffer.from('[]').toString('base64url')])(
    'refuses a cursor that no list gave (%s)',
    async (cursor) => {
      const { status, body } = await api.get('trainer', `/api/notifications?cursor=${cursor}`);
      expect({ status, code: body.code }).toEqual({ status: 400, code: 'bad-query' });
    },
  );
});
