import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { parse } from 'yaml';
import { API_KEY, ApiFixture } from '../../test/api.js';
import { until } from '../../test/engine.js';
import type { Act } from '../engine/types.js';
import { FamiliesService } from '../families/families.service.js';
import { withTransaction } from '../platform/database.js';
import { ORGANISATION } from '../system.js';
import { CertificatesService } from './certificates.service.js';

const DOCUMENT = parse(readFileSync('workflows/course-track/documents/certificate.yaml', 'utf8')) as object;
const TEXT = { kk: 'мәтін', ru: 'текст', en: 'text' };
const LABELS = { sewing: { kk: 'Тігін', ru: 'Шитьё', en: 'Sewing' } };

/** Asks for a certificate, then waits for a word. */
const WORKFLOW = {
  id: 'course',
  title: TEXT,
  stages: { certificate: TEXT },
  context: { familyId: '= input.familyId', number: null },
  contextSchema: { type: 'object', properties: { familyId: { type: 'string' }, number: { type: ['string', 'null'] } } },
  events: { CLOSE: { title: TEXT, roles: ['director'] } },
  initial: 'issuing',
  states: {
    issuing: {
      meta: { stage: 'certificate', title: TEXT, deadline: '5 days', escalation: 'stage' },
      invoke: {
        id: 'issueCertificate',
        src: 'service',
        input: {
          name: 'issueCertificate',
          familyId: '= context.familyId',
          course: 'sewing',
          deadline: '1 day',
          escalation: 'task',
        },
        onDone: { target: 'issued', actions: { type: 'set', params: { number: '= event.output.number' } } },
      },
    },
    issued: { meta: { stage: 'certificate', title: TEXT }, on: { CLOSE: 'closed' }, after: { term: 'closed' } },
    closed: { type: 'final' },
  },
  delays: { term: '30 days' },
};
/** Asks for the certificate of the second in the family list, and at once for another in its place. */
const CORRECTED = {
  ...WORKFLOW,
  id: 'corrected',
  states: {
    issuing: asking('again', {}),
    again: asking('issued', { replaces: '= context.number' }),
    issued: WORKFLOW.states.issued,
    closed: { type: 'final' },
  },
};

/** Opens a case of its own for the course. */
const FAMILY = {
  id: 'family',
  title: TEXT,
  context: { familyId: '= input.familyId' },
  initial: 'learning',
  states: {
    learning: {
      invoke: {
        id: 'track',
        src: 'case',
        input: { workflow: 'course', input: { familyId: '= context.familyId' }, familyId: '= context.familyId' },
        onDone: 'over',
      },
    },
    over: { type: 'final' },
  },
};

/** Asks for the certificate of the second in the family list; somebody may ask for another in its place. */
const REISSUED = {
  ...WORKFLOW,
  id: 'reissued',
  events: { ...WORKFLOW.events, REISSUE: { title: TEXT, roles: ['director'] } },
  states: {
    issuing: asking('shown', {}),
    shown: { ...WORKFLOW.states.issued, on: { REISSUE: 'again' } },
    again: asking('issued', { replaces: '= context.number' }),
    issued: WORKFLOW.states.issued,
    closed: { type: 'final' },
  },
};

function asking(target: string, more: object) {
  const { meta, invoke } = WORKFLOW.states.issuing;
  const input = { ...invoke.input, member: 2, ...more };
  return { meta, invoke: { ...invoke, input, onDone: { ...invoke.onDone, target } } };
}

const FILES = {
  'documents/certificate.yaml': DOCUMENT,
  'input.yaml': { type: 'object', required: ['familyId'], properties: { familyId: { type: 'string' } } },
  'forms/offer.yaml': {
    'x-version': 1,
    'x-title': TEXT,
    type: 'object',
    properties: { course: { type: 'string', enum: ['sewing'], 'x-title': TEXT, 'x-labels': LABELS } },
  },
};

describe('a certificate', () => {
  let api: ApiFixture;
  let families: FamiliesService;
  let number: string;
  let caseId: string;
  let code: string;

  beforeAll(async () => {
    api = await ApiFixture.create({ publicUrl: 'https://qamqor.example.kz' });
    families = new FamiliesService(api.system.orm.em);
    await api.deploy(WORKFLOW, FILES);
    await api.deploy(CORRECTED, FILES);
    await api.deploy(FAMILY, { 'input.yaml': FILES['input.yaml'] });
    await api.deploy(REISSUED, FILES);
    await api.system.work();
    ({ number, caseId } = await passed('Өмірзақова', 'Әсем', 'Қайратқызы'));
    code = await codeOf(number);
  }, 60_000);
  afterAll(() => api.close());

  it('is issued under the next number, and its case learns the number and no name', async () => {
    const next = await passed('Ли', 'Анна', null);
    expect(next.number).toBe(number.replace(/\d+$/, (serial) => String(Number(serial) + 1).padStart(4, '0')));
    const { body } = await api.get('auditor', `/api/cases/${next.caseId}/journal`);
    expect(JSON.stringify(body)).toContain(next.number);
    expect(JSON.stringify(body)).not.toMatch(/Ли|Анна/);
  });

  it('has one number, whether ten are issued together or one after the other', async () => {
    const issued = await Promise.all(
      Array.from({ length: 10 }, (_none, index) => passed(`Оқушы${index}`, 'Айгүл', null)),
    );
    const rows = await sql<{ serial: number }>(
      'select serial from qamqor.certificates where serial is not null order by serial',
    );
    expect(rows.map(({ serial }) => serial)).toEqual(rows.map((_row, index) => index + 1));
    expect(new Set(issued.map((one) => one.number)).size).toBe(10);
  });

  it('whose case is suspended before it is issued takes the number that is next when the case goes on', async () => {
    const by = { organisation: ORGANISATION, actor: 'test' };
    const { familyId } = await families.registerApplicant(
      { surname: 'Сабыр', given: 'Дана', patronymic: null, language: 'kk', categories: [] },
      by,
    );
    // The worker waits before it can prepare anything, so that its answer finds the case suspended.
    const id = await withTransaction(api.database.pool('owner'), async (tx) => {
      await tx.query('lock table qamqor.certificates in exclusive mode');
      const { body } = await api.post('integration', '/api/cases', { workflow: 'course', input: { familyId } });
      await act(body.id, { type: 'suspend' });
      return String(body.id);
    });
    await until(async () => (await sql('select 1 from qamqor.parked where case_id = $1', [id])).length === 1);
    const issued = () => sql<{ number: string }>('select number from qamqor.certificates where case_id = $1', [id]);
    expect(await issued()).toEqual([{ number: null }]);
    const between = await passed('Оспан', 'Лала', null);

    // However long the case stood still.
    await sql(`update qamqor.certificates set prepared_at = prepared_at - interval '31 days' where case_id = $1`, [id]);
    await api.system.runtime.sweeper.sweep();
    await act(id, { type: 'resume' });
    await until(async () => (await api.system.runtime.engine.read(ORGANISATION, id))?.state === 'issued');
    const next = between.number.replace(/\d+$/, (serial) => String(Number(serial) + 1).padStart(4, '0'));
    expect(await issued()).toEqual([{ number: next }]);
    expect((await pdf(next)).status).toBe(200);
    expect((await passed('Соң', 'Ең', null)).number).toBe(
      next.replace(/\d+$/, (serial) => String(Number(serial) + 1).padStart(4, '0')),
    );
  });

  it('is for whom of the family the case names, and revokes the one that it replaces', async () => {
    const by = { organisation: ORGANISATION, actor: 'test' };
    const applicant = { surname: 'Бекова', given: 'Роза', patronymic: null, language: 'kk' as const, categories: [] };
    const { familyId } = await families.registerApplicant(applicant, by);
    await sql(
      `insert into qamqor.persons (id, organisation_id, family_id, place, relation, surname, given, created_at, created_by, updated_at, updated_by)
       values ($1, $2, $3, 1, 'spouse', 'Беков', 'Нұрлан', now(), 'test', now(), 'test')`,
      [api.system.ids.next(), ORGANISATION, familyId],
    );
    const { body } = await api.post('integration', '/api/cases', { workflow: 'corrected', input: { familyId } });
    await until(async () => (await api.system.runtime.engine.read(ORGANISATION, body.id))?.state === 'issued');
    const issued = await sql<{ given: string; revoked: boolean }>(
      'select given, revoked_at is not null as revoked from qamqor.certificates where case_id = $1 order by serial',
      [body.id],
    );
    expect(issued).toEqual([
      { given: 'Нұрлан', revoked: true },
      { given: 'Нұрлан', revoked: false },
    ]);
  });

  it('with a misspelt name is issued again with the right one once the person is corrected, and the old one is revoked', async () => {
    const applicant = {
      surname: 'Серікова',
      given: 'Жанар',
      patronymic: null,
      language: 'kk' as const,
      categories: [],
    };
    const { familyId } = await families.registerApplicant(applicant, { organisation: ORGANISATION, actor: 'test' });
    const husband = { surname: 'Серікоф', given: 'Мұрат', relation: 'spouse' };
    await api.post('registrar', `/api/families/${familyId}/members`, husband);
    const { body } = await api.post('integration', '/api/cases', { workflow: 'reissued', input: { familyId } });
    const comesTo = (state: string) =>
      until(async () => (await api.system.runtime.engine.read(ORGANISATION, body.id))?.state === state);
    await comesTo('shown');

    const corrected = { body: { surname: 'Серіков', revision: 1 } };
    expect(await api.ask('registrar', 'PATCH', `/api/families/${familyId}/members/2`, corrected)).toMatchObject({
      status: 200,
    });
    await api.post('director', `/api/cases/${body.id}/events`, { type: 'REISSUE' });
    await comesTo('issued');
    const issued = await sql<{ number: string; surname: string; revoked: boolean }>(
      `select number, surname, revoked_at is not null as revoked from qamqor.certificates where case_id = $1 order by serial`,
      [body.id],
    );
    expect(issued).toMatchObject([
      { surname: 'Серікоф', revoked: true },
      { surname: 'Серіков', revoked: false },
    ]);
    expect(await readText((await pdf(issued[1]?.number ?? '')).body)).toContain('Серіков Мұрат');
  });

  it('is printed with the name of the identity document and the course in the language of the family', async () => {
    const { status, headers, body } = await pdf(number);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-disposition': `attachment; filename="certificate-${number}.pdf"`,
    });
    const text = await readText(body);
    for (const words of ['Өмірзақова Әсем Қайратқызы', '«Тігін»', number]) expect(text).toContain(words);
    expect((await pdf(number)).body.equals(body)).toBe(true);
  });

  it('may be checked by anybody, who learns whose it is only from the paper', async () => {
    const without = await api.get(null, `/api/certificates/${number}`);
    expect(without).toMatchObject({
      status: 200,
      body: { number, status: 'valid', course: 'Тігін', holder: null, revokedAt: null },
    });
    for (const wrong of ['', 'x', code.slice(1), `${code}x`, 'ә'])
      expect(
        (await api.get(null, `/api/certificates/${number}?code=${encodeURIComponent(wrong)}`)).body.holder,
      ).toBeNull();
    const withCode = await api.get(null, `/api/certificates/${number}?code=${code}`);
    expect(withCode.body.holder).toEqual({ surname: 'Өмірзақова', given: 'Әсем', patronymic: 'Қайратқызы' });
    expect(JSON.stringify(without.body) + JSON.stringify(withCode.body)).not.toContain(code);
  });

  it('has a page for people, in their language, which nothing on the paper can turn into a script', async () => {
    const page = await api.get(null, `/certificates/${number}?code=${code}`, { 'accept-language': 'ru' });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.body).toContain('Сертификат действителен');
    expect(page.body).toContain('Өмірзақова Әсем Қайратқызы');
    expect((await api.get(null, `/certificates/${number}`)).body).not.toContain('Өмірзақова');

    const odd = await passed('<script>alert(1)</script>', '"&\'', null);
    const { body } = await api.get(null, `/certificates/${odd.number}?code=${await codeOf(odd.number)}`);
    expect(body).not.toContain('<script');
    expect(body).toContain('&#60;');
  });

  it.each(['2026-9999', '1999-0001', 'nothing', '%00', '..%2F..', `2026-${'1'.repeat(90)}`])(
    'is not found under %s',
    async (wrong) => {
      for (const [as, path] of [
        [null, `/api/certificates/${wrong}`],
        ['coordinator', `/api/certificates/${wrong}/pdf`],
        [null, `/certificates/${wrong}`],
      ] as const) {
        const { status, body } = await api.get(as, path);
        expect([400, 404]).toContain(status);
        expect(JSON.stringify(body)).not.toMatch(/ at .*:\d+/);
      }
    },
  );

  it('is listed with its case, for the staff of the centre only', async () => {
    const { body } = await api.get('curator', `/api/certificates?caseId=${caseId}`);
    expect(body.items).toEqual([
      expect.objectContaining({
        number,
        caseId,
        status: 'valid',
        course: 'sewing',
        courseTitle: 'Тігін',
        holder: { surname: 'Өмірзақова', given: 'Әсем', patronymic: 'Қайратқызы' },
      }),
    ]);
    expect((await api.get(null, `/api/certificates?caseId=${caseId}`)).status).toBe(401);
    expect((await api.get(null, `/api/certificates/${number}/pdf`)).status).toBe(401);
  });

  it('is listed with the case that opened its case, too', async () => {
    const by = { organisation: ORGANISATION, actor: 'test' };
    const applicant = { surname: 'Ана', given: 'Дана', patronymic: null, language: 'kk' as const, categories: [] };
    const { familyId } = await families.registerApplicant(applicant, by);
    const { body: parent } = await api.post('integration', '/api/cases', { workflow: 'family', input: { familyId } });
    const listed = async () => (await api.get('curator', `/api/certificates?caseId=${parent.id}`)).body.items;
    await until(async () => (await listed()).length === 1);
    expect(await listed()).toEqual([
      expect.objectContaining({ familyId, caseId: expect.not.stringMatching(parent.id) }),
    ]);
  });

  it('that was revoked stays in the register, and whoever checks it is told', async () => {
    const { number: misspelt } = await passed('Қате', 'Жазылған', null);
    const revoke = (as: string, of: string) =>
      api.post(as, `/api/certificates/${of}/revoke`, { reason: 'Аты қате жазылған' });
    expect((await revoke('trainer', misspelt)).status).toBe(403);
    expect(await revoke('director', misspelt)).toMatchObject({
      status: 200,
      body: { status: 'revoked', revokeReason: 'Аты қате жазылған' },
    });
    expect((await revoke('director', misspelt)).status).toBe(200);
    expect((await revoke('director', '2026-9999')).body.code).toBe('certificate-not-found');
    expect((await api.get(null, `/api/certificates/${misspelt}`)).body).toMatchObject({
      status: 'revoked',
      revokedAt: expect.any(String),
    });
    expect((await api.get(null, `/certificates/${misspelt}`)).body).toContain('The certificate was revoked');
    expect((await passed('Дұрыс', 'Жазылған', null)).number > misspelt).toBe(true);
  });

  it('of which the name was erased keeps its number and can be checked, and not printed', async () => {
    const { number: erased } = await passed('Ұмытылған', 'Үміт', null);
    await withTransaction(api.system.pool, async (client) => {
      await client.query(`select set_config('qamqor.organisation', $1, true)`, [ORGANISATION]);
      await client.query(
        'update qamqor.certificates set surname = null, given = null, patronymic = null where number = $1',
        [erased],
      );
    });
    expect((await api.get(null, `/api/certificates/${erased}?code=${await codeOf(erased)}`)).body).toMatchObject({
      status: 'valid',
    });
    expect((await api.get('coordinator', `/api/certificates/${erased}/pdf`)).status).toBe(404);
  });

  it('takes a name that was corrected before it had a number, and none after', async () => {
    const service = api.app.get(CertificatesService);
    const holder = {
      personId: api.system.ids.next(),
      surname: 'Кате',
      given: null,
      patronymic: null,
      language: 'kk' as const,
    };
    const prepared = {
      id: api.system.ids.next(),
      organisationId: ORGANISATION,
      caseId,
      familyId: caseId,
      holder,
      course: 'sewing',
      courseTitle: 'Тігін',
      workflow: { key: 'course', version: 1 },
    };
    const surname = async (id: string) =>
      (await sql<{ surname: string }>('select surname from qamqor.certificates where id = $1', [id]))[0]?.surname;
    await service.prepare(prepared);
    await service.prepare({ ...prepared, holder: { ...holder, surname: 'Қате' } });
    expect(await surname(prepared.id)).toBe('Қате');
    const [issued] = await sql<{ id: string; surname: string }>(
      'select id, surname from qamqor.certificates where number = $1',
      [number],
    );
    await service.prepare({ ...prepared, id: issued?.id ?? '' });
    expect(await surname(issued?.id ?? '')).toBe(issued?.surname);
  });

  it('that a case never came to is forgotten after a month, and no other', async () => {
    const before = await sql('select id from qamqor.certificates where serial is not null order by id');
    await sql(`update qamqor.certificates set prepared_at = prepared_at - interval '31 days'`);
    await until(async () => (await sql('select 1 from qamqor.certificates where serial is null')).length === 0);
    expect(await sql('select id from qamqor.certificates order by id')).toEqual(before);
  });

  async function act(id: string, what: Act): Promise<void> {
    const sender = { account: 'director', roles: ['director'] };
    const base = { organisationId: ORGANISATION, caseId: id, id: `${what.type}:${id}`, keep: true, sender };
    await api.system.runtime.engine.submit({ ...base, lane: 'people', kind: 'act', act: what, reason: 'because' });
  }

  async function passed(
    surname: string,
    given: string,
    patronymic: string | null,
  ): Promise<{ number: string; caseId: string }> {
    const by = { organisation: ORGANISATION, actor: 'test' };
    const { familyId } = await families.registerApplicant(
      { surname, given, patronymic, language: 'kk', categories: [] },
      by,
    );
    const { body } = await api.post('integration', '/api/cases', { workflow: 'course', input: { familyId } });
    const read = async () =>
      (await api.system.runtime.engine.read(ORGANISATION, body.id))?.chart.snapshot.context['number'];
    await until(async () => typeof (await read()) === 'string');
    return { number: String(await read()), caseId: body.id };
  }

  async function codeOf(of: string): Promise<string> {
    const [row] = await sql<{ check_code: string }>('select check_code from qamqor.certificates where number = $1', [
      of,
    ]);
    return row?.check_code ?? '';
  }

  async function sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await api.database.pool('owner').query(text, values)).rows as Row[];
  }

  /** Past the fixture, which reads every answer as text. */
  async function pdf(of: string) {
    const headers = { authorization: `Bearer ${API_KEY}` };
    const answer = await api.app.inject({ method: 'GET', url: `/api/certificates/${of}/pdf`, headers });
    return { status: answer.statusCode, headers: answer.headers, body: answer.rawPayload };
  }
});

async function readText(pdf: Buffer): Promise<string> {
  const document = await getDocument({ data: new Uint8Array(pdf), verbosity: 0 }).promise;
  const { items } = await (await document.getPage(1)).getTextContent();
  await document.loadingTask.destroy();
  return items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? ' ' : ''}` : '')).join('');
}
