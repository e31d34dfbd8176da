import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { ORGANISATION } from '../system.js';
import { ImportService } from './import.service.js';

const LINES = [
  'family_no,surname,given_name,patronymic,iin,birth_date,relation,categories',
  'K-00001,Қожахметова,Әсел,Бауыржанқызы,880707400230,1988-07-07,applicant,large',
  'K-00002,Сейтов,Нұрлан,,900101300007,1990-01-01,applicant,large',
];
/** Nobody else has it. */
const IIN = '850612300003';

let api: ApiFixture;
let families = 0;
beforeAll(async () => {
  api = await ApiFixture.create();
  await importing(...LINES.slice(1));
});
afterAll(() => api.close());

async function importing(...lines: string[]) {
  const file = Readable.from([Buffer.from([LINES[0], ...lines].join('\n'))]);
  return new ImportService(api.database.pool('app')).importFamilies(file, {
    organisation: ORGANISATION,
    actor: 'test',
  });
}

/** A family of its own, with one person in it. */
async function aFamily(surname = 'Оспанова'): Promise<string> {
  families += 1;
  const number = `T-${String(families).padStart(5, '0')}`;
  await importing(`${number},${surname},Айгүл,,,1991-03-03,applicant,large`);
  return `/api/families/${number}`;
}
const enter = (family: string, person: object, headers?: Record<string, string>) =>
  api.post('registrar', `${family}/members`, person, headers);
const send = (family: string, number: number | string, body: object, headers?: Record<string, string>) =>
  api.ask('curator', 'PATCH', `${family}/members/${number}`, { body, ...(headers ? { headers } : {}) });
const membersOf = async (family: string) => (await api.get('curator', family)).body.members ?? [];
/** As it is now. */
async function correct(family: string, number: number | string, said: object) {
  const members: { number: number; revision: number }[] = await membersOf(family);
  const revision = members.find((member) => String(member.number) === String(number))?.revision ?? 1;
  return send(family, number, { ...said, revision });
}
const kept = async (surname: string) =>
  (await api.database.pool('owner').query('select * from qamqor.persons where surname = $1', [surname])).rows[0];

describe('a person who is entered into a family', () => {
  it('gets the next number, is kept as an import keeps people, and is found by name', async () => {
    const family = await aFamily();
    const husband = { surname: 'АХМЕТОВ', given: 'ерлан', patronymic: '-', relation: 'spouse', iin: '850612 300003' };
    const { status, body } = await enter(family, husband);
    expect(status).toBe(201);
    expect(body).toEqual({
      member: {
        number: 2,
        surname: 'Ахметов',
        given: 'Ерлан',
        patronymic: null,
        relation: 'spouse',
        birthYear: 1985,
        revision: 1,
      },
      warnings: [
        { field: 'birthDate', reason: 'birth-date-from-iin', message: expect.stringContaining('Compare it with') },
      ],
    });
    expect(await membersOf(family)).toHaveLength(2);
    const { account } = await api.account('registrar');
    expect(await kept('Ахметов')).toMatchObject({ iin: IIN, sex: 'm', place: 1, created_by: account });
    expect(
      (await enter(family, { given: 'Дана', relation: 'child', birthDate: '2015-04-03' })).body.member,
    ).toMatchObject({
      number: 3,
      surname: null,
      birthYear: 2015,
    });
    const { rows } = await api.database
      .pool('owner')
      .query(`select search_key from qamqor.families where number = $1`, [family.slice(-7)]);
    expect(rows[0].search_key).toContain(' ahmetov');
  });

  it('may have neither birth date nor identity number yet, and is somebody else of the family where it is not said', async () => {
    const { body } = await enter(await aFamily(), { surname: 'Жаңа', given: 'Адам' });
    expect(body).toMatchObject({ member: { relation: 'other', birthYear: null }, warnings: [] });
  });

  it.each([
    ['without a name', { given: ' - ' }, '/surname', 'surname or a given name'],
    ['with a name of no letters', { surname: '12', given: 'Дана' }, '/surname', 'not a name: "12"'],
    ['with a mistyped identity number', { given: 'Дана', iin: '850612300004' }, '/iin', 'check digit'],
    ['with half an identity number', { given: 'Дана', iin: '8506' }, '/iin', 'has 12 digits'],
    ['of no calendar', { given: 'Дана', birthDate: '1001-01-01' }, '/birthDate', 'nobody was born on 1001-01-01'],
    ['who is in another family', { given: 'Нұрлан', iin: '900101300007' }, '/iin', 'recorded in family K-00002'],
    [
      'who is in the family already',
      { surname: 'Оспанова', given: 'айгуль', birthDate: '1991-03-03' },
      '/surname',
      'number 1',
    ],
    ['as a second applicant', { given: 'Дана', relation: 'applicant' }, '/relation', 'must be one of'],
  ])('is refused %s', async (_what, person, path, message) => {
    const { status, body } = await enter(await aFamily(), person);
    expect([status, body.code]).toEqual([422, 'schema']);
    expect(body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it('is refused in Kazakh and Russian words where somebody else reads them', async () => {
    const family = await aFamily();
    const said = async (language: string) =>
      (await enter(family, { given: 'Нұрлан', iin: '900101300007' }, { 'accept-language': language })).body.errors[0]
        .message;
    expect(await said('kk')).toContain('K-00002 отбасында бұрыннан тіркелген');
    expect(await said('ru')).toContain('уже записан в семье K-00002');
  });

  it('is entered once, however often it is sent with one key, and also without one', async () => {
    const family = await aFamily();
    const key = { 'idempotency-key': 'husband-1' };
    const first = await enter(family, { surname: 'Бір', given: 'Рет' }, key);
    const again = await enter(family, { surname: 'Бір', given: 'Рет' }, key);
    expect(again).toMatchObject({ status: 201, body: first.body, headers: { 'idempotency-replayed': 'true' } });
    expect(await enter(family, { surname: 'Бір', given: 'Рет' })).toMatchObject({ status: 422 });
    expect(await membersOf(family)).toHaveLength(2);
  });

  it('and another who is entered at the same moment have numbers of their own', async () => {
    const family = await aFamily();
    const names = ['Бірінші', 'Екінші', 'Үшінші', 'Төртінші'];
    const entered = await Promise.all(names.map((given) => enter(family, { given })));
    expect(entered.map(({ body }) => body.member.number).sort()).toEqual([2, 3, 4, 5]);
  });

  it('is the last of fifty', async () => {
    const family = await aFamily();
    const number = family.slice(-7);
    const children = Array.from({ length: 48 }, (_none, index) => {
      const birthday = `2015-${String((index % 12) + 1).padStart(2, '0')}-${10 + Math.floor(index / 12)}`;
      return `${number},Оспан,Дана,,,${birthday},child,`;
    });
    await importing(`${number},Оспанова,Айгүл,,,1991-03-03,applicant,large`, ...children);
    expect((await enter(family, { given: 'Соңғы' })).body.member.number).toBe(50);
    const { body } = await enter(family, { given: 'Артық' });
    expect(body.errors).toEqual([{ path: '/surname', message: expect.stringContaining('more than 50 people') }]);
  });
});

describe('a person who is corrected', () => {
  it('has what was said and keeps the rest; the record says who did it, and the access log when', async () => {
    const family = await aFamily('Қате');
    const { status, body } = await correct(family, 1, { surname: 'Дұрысова', patronymic: 'Ерланқызы' });
    expect(status).toBe(200);
    expect(body.member).toEqual({
      number: 1,
      surname: 'Дұрысова',
      given: 'Айгүл',
      patronymic: 'Ерланқызы',
      relation: 'applicant',
      birthYear: 1991,
      revision: 2,
    });
    const { account } = await api.account('curator');
    expect(await kept('Дұрысова')).toMatchObject({ updated_by: account, created_by: 'test', place: 0 });
    expect((await api.get('curator', family)).body.applicant.surname).toBe('Дұрысова');
    const { body: log } = await api.get('auditor', `/api/access-log?subject=${family.slice(-7)}`);
    expect(JSON.stringify(log)).toContain('PATCH /api/families/:id/members/:number');
  });

  it('is to the applicant what is said now; the applicant stays', async () => {
    const family = await aFamily();
    await enter(family, { given: 'Дана', relation: 'child' });
    expect((await correct(family, 2, { relation: 'ward' })).body.member).toMatchObject({ number: 2, relation: 'ward' });
    expect((await correct(family, 2, { given: 'Айна' })).body.member.relation).toBe('ward');
    expect((await correct(family, 2, { relation: 'applicant' })).body.errors[0].path).toBe('/relation');
    const { status, body } = await correct(family, 1, { relation: 'spouse' });
    expect([status, body.errors]).toEqual([
      422,
      [{ path: '/relation', message: expect.stringContaining('whose relation stays') }],
    ]);
    expect((await membersOf(family)).map(({ relation }: { relation: string }) => relation)).toEqual([
      'applicant',
      'ward',
    ]);
  });

  it('loses what is said not to be: null erases', async () => {
    const family = await aFamily();
    await correct(family, 1, { patronymic: 'Артық' });
    expect((await correct(family, 1, { patronymic: null })).body.member.patronymic).toBeNull();
    expect((await correct(family, 1, { given: null, surname: null })).body.errors[0].path).toBe('/surname');
  });

  it('gets an identity number, which is compared with the birth date and says the sex', async () => {
    const family = await aFamily('Нөмірова');
    const { body } = await correct(family, 1, { iin: '900202400002' });
    expect(body.warnings).toEqual([
      { field: 'birthDate', reason: 'birth-date-differs', message: expect.stringContaining('differs') },
    ]);
    expect(await kept('Нөмірова')).toMatchObject({ iin: '900202400002', sex: 'f' });
    const other = await aFamily();
    expect((await correct(other, 1, { iin: '900202400002' })).body.errors[0].path).toBe('/iin');
  });

  it('is what somebody has read: an older revision is refused, and nothing changes where nothing was said', async () => {
    const family = await aFamily();
    await correct(family, 1, { given: 'Гүл' });
    const stale = await send(family, 1, { given: 'Ай' }, { 'if-match': '"1"' });
    expect(stale).toMatchObject({ status: 409, body: { code: 'stale-revision', revision: 2 } });
    expect(await send(family, 1, { given: 'Ай', revision: 1 })).toMatchObject({ status: 409 });
    expect((await send(family, 1, { given: 'Гүл', revision: 2 })).body.member.revision).toBe(2);
    expect((await send(family, 1, { given: 'Ай' }, { 'if-match': '"2"' })).body.member).toMatchObject({
      given: 'Ай',
      revision: 3,
    });
  });

  it('is not corrected by whoever does not say which revision they have read', async () => {
    const { status, body } = await send(await aFamily(), 1, { given: 'Ай' });
    expect([status, body.code]).toEqual([422, 'schema']);
    expect(body.errors).toEqual([{ path: '/revision', message: expect.stringContaining('required') }]);
  });

  it.each(['2', '0', 'x', '99999999999999999999'])(
    'is not found under a number that nobody has (%s)',
    async (number) => {
      const { status, body } = await correct(await aFamily(), number, { given: 'Дана' });
      expect([status, body.code]).toEqual([404, 'member-not-found']);
    },
  );

  it('is in a family that there is', async () => {
    for (const answer of [await correct('/api/families/K-9', 1, {}), await enter('/api/families/K-9', { given: 'А' })])
      expect(answer).toMatchObject({ status: 404, body: { code: 'family-not-found' } });
  });
});

it('a family says whether the account may enter its people', async () => {
  const may = async (role: string) => (await api.get(role, '/api/families/K-00001')).body.can.enterPeople;
  expect([await may('registrar'), await may('curator'), await may('trainer')]).toEqual([true, true, false]);
});
