import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { ORGANISATION } from '../system.js';
import { ImportService } from './import.service.js';

const HEADER = 'family_no,surname,given_name,iin,birth_date,relation,categories,phone,address,language';

let api: ApiFixture;
let families = 0;
beforeAll(async () => {
  api = await ApiFixture.create();
});
afterAll(() => api.close());

/** A family of its own. */
async function aFamily(): Promise<string> {
  families += 1;
  const number = `T-${String(families).padStart(5, '0')}`;
  const line = `${number},Оспанова,Айгүл,,1991-03-03,applicant,large,87026135241,Төле би 1,kk`;
  const by = { organisation: ORGANISATION, actor: 'test' };
  await new ImportService(api.database.pool('app')).importFamilies(
    Readable.from([Buffer.from(`${HEADER}\n${line}`)]),
    by,
  );
  return `/api/families/${number}`;
}
const correct = (family: string, body: object, headers: Record<string, string> = {}, as = 'registrar') =>
  api.ask(as, 'PATCH', family, { body, headers });

describe('a family that is corrected', () => {
  it('has what was said and keeps the rest; the record says who did it, and the access log when', async () => {
    const family = await aFamily();
    const said = { phone: '8 (747) 460-29-50', address: ' Абай  12, 3 ', language: 'ru', revision: 1 };
    const { status, body } = await correct(family, said);
    expect([status, body.warnings]).toEqual([200, []]);
    expect(body.family).toMatchObject({
      phone: '+77474602950',
      address: 'Абай 12, 3',
      language: 'ru',
      categories: ['large'],
      revision: 2,
      can: { correct: true },
    });
    expect((await api.get('lawyer', family)).body).toMatchObject({ phone: '+77474602950', can: { correct: false } });
    const { rows } = await api.database
      .pool('owner')
      .query('select updated_by, created_by, search_key from qamqor.families where id = $1', [body.family.id]);
    const { account } = await api.account('registrar');
    expect(rows[0]).toMatchObject({
      updated_by: account,
      created_by: 'test',
      search_key: expect.stringContaining('osp'),
    });
    const { body: log } = await api.get('auditor', `/api/access-log?subject=${family.slice(-7)}`);
    expect(JSON.stringify(log)).toContain('PATCH /api/families/:id');
  });

  it('loses what is said not to be; its categories stand in their order, each once', async () => {
    const family = await aFamily();
    const categories = ['low-income', 'large', 'low-income'];
    const { body } = await correct(family, { phone: null, address: null, categories, revision: 1 });
    expect(body.family).toMatchObject({ phone: null, address: null, categories: ['large', 'low-income'] });
    const none = await correct(family, { categories: [], revision: 2 });
    expect(none.body.family.categories).toEqual([]);
    expect(none.body.warnings).toEqual([
      { field: 'categories', reason: 'no-category', message: expect.stringContaining('No category') },
    ]);
  });

  it('is what somebody has read: an older revision is refused, none is not enough, and nothing changes where nothing was said', async () => {
    const family = await aFamily();
    const unread = await correct(family, { phone: null });
    expect([unread.status, unread.body.errors]).toEqual([
      422,
      [{ path: '/revision', message: expect.stringContaining('required') }],
    ]);
    expect((await correct(family, { phone: '+7 702 613 52 41', revision: 1 })).body.family.revision).toBe(1);
    expect((await correct(family, { phone: null }, { 'if-match': '"1"' })).body.family.revision).toBe(2);
    const stale = await correct(family, { phone: null }, { 'if-match': '"1"' });
    expect(stale).toMatchObject({ status: 409, body: { code: 'stale-revision', revision: 2 } });
  });

  it('keeps a number that was written down as it was said, until another is said', async () => {
    const family = await aFamily();
    await api.database
      .pool('owner')
      .query("update qamqor.families set phone = 'көршісі арқылы' where number = $1", [family.slice(-7)]);
    const kept = await correct(family, { phone: 'көршісі арқылы', language: 'ru', revision: 1 });
    expect(kept.body.family).toMatchObject({ phone: 'көршісі арқылы', language: 'ru' });
  });

  it.each([
    ['a number that cannot be dialled', { phone: '87026' }, '/phone', 'not a telephone number: "87026"'],
    ['a category that there is not', { categories: ['rich'] }, '/categories/0', 'must be one of'],
    ['a language that nobody here writes', { language: 'de' }, '/language', 'must be one of'],
    ['an address without end', { address: 'а'.repeat(301) }, '/address', '300 characters'],
    ['damaged letters', { address: 'Абай \ufffd' }, '/address', 'damaged letter'],
  ])('is refused %s', async (_what, said, path, message) => {
    const { status, body } = await correct(await aFamily(), { ...said, revision: 1 });
    expect([status, body.code]).toEqual([422, 'schema']);
    expect(body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it('takes a number of an unknown range and says so, in the words of who reads it', async () => {
    const { body } = await correct(
      await aFamily(),
      { phone: '8 770 123 45 67', revision: 1 },
      { 'accept-language': 'ru' },
    );
    expect(body.family.phone).toBe('+77701234567');
    expect(body.warnings).toEqual([
      { field: 'phone', reason: 'phone-unusual', message: expect.stringContaining('проверьте звонком') },
    ]);
  });

  it('is one that there is', async () => {
    const answer = await correct('/api/families/K-9', { phone: null, revision: 1 });
    expect(answer).toMatchObject({ status: 404, body: { code: 'family-not-found' } });
  });
});
