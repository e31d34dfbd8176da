import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { parse } from 'yaml';
import { PHONE } from './browser.js';
import { PageFixture, REFERRAL } from './page-fixture.js';
import { settled } from './partner.js';

const HANG = 60_000;
const title = (kk: string) => ({ kk, ru: kk, en: kk });
const INPUT = { type: 'object', properties: { familyId: { type: 'string' } } };
const task = (form: string) => ({ src: 'task', input: { form, role: 'registrar' } });
const form = (kk: string, properties: object, more: object = {}) => ({
  'x-version': 1,
  'x-title': title(kk),
  type: 'object',
  additionalProperties: false,
  properties,
  ...more,
});

/** Sends a family to a partner, and says so when that came to nothing. */
const ENROLMENT = {
  ...REFERRAL,
  id: 'enrolment',
  title: title('Курсқа жолдама'),
  context: { familyId: '= input.familyId' },
};

const issuing = (target: string, more: object = {}) => ({
  invoke: {
    id: 'issueCertificate',
    src: 'service',
    input: { name: 'issueCertificate', familyId: '= context.familyId', course: 'sewing', deadline: '1 day', ...more },
    onDone: { target, actions: { type: 'set', params: { number: '= event.output.number' } } },
  },
});
/** Issues a certificate with a mistake, another in its place, and has that handed over. */
const COURSE = {
  id: 'course',
  title: title('Курс'),
  context: { familyId: '= input.familyId', number: null },
  initial: 'issuing',
  states: {
    issuing: issuing('correcting'),
    correcting: issuing('handing', { replaces: '= context.number' }),
    handing: {
      meta: { title: title('Сертификатты тапсыру') },
      invoke: { id: 'handOver', ...task('hand-over'), onDone: 'over' },
    },
    over: { type: 'final' },
  },
};
const PARENT = {
  id: 'parent',
  title: title('Отбасының ісі'),
  context: { familyId: '= input.familyId' },
  initial: 'learning',
  states: {
    learning: {
      meta: { title: title('Оқу') },
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

/** Asks again until the answer is yes. */
const ASKING = {
  id: 'asking',
  title: title('Сұрау'),
  initial: 'asked',
  states: {
    asked: {
      meta: { title: title('Сұрау') },
      invoke: {
        id: 'ask',
        ...task('evidence'),
        onDone: [
          { guard: '= event.output.decision = "eligible"', target: 'over' },
          { target: 'asked', reenter: true },
        ],
      },
    },
    over: { type: 'final' },
  },
};
const DECISIONS = { eligible: title('Сәйкес'), 'not-eligible': title('Сәйкес емес') };
const EVIDENCE = form(
  'Тексеру',
  {
    decision: { type: 'string', enum: Object.keys(DECISIONS), 'x-title': title('Шешім'), 'x-labels': DECISIONS },
    evidence: {
      type: 'array',
      'x-title': title('Растайтын құжаттар'),
      maxItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['paper'],
        properties: { paper: { type: 'string', maxLength: 100, 'x-title': title('Құжат') } },
      },
    },
    elsewhere: {
      type: 'array',
      minItems: 1,
      'x-title': title('Басқа қайда'),
      items: { type: 'string', enum: ['centre'] },
      'x-labels': { centre: title('Орталық') },
    },
  },
  {
    required: ['decision'],
    allOf: [
      {
        if: { required: ['decision'], properties: { decision: { const: 'eligible' } } },
        // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
        then: { required: ['evidence'], properties: { evidence: { minItems: 1 } } },
      },
      {
        if: { required: ['decision'], properties: { decision: { const: 'not-eligible' } } },
        // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
        then: { required: ['elsewhere'] },
      },
    ],
  },
);

let at: PageFixture;
beforeAll(async () => {
  at = await PageFixture.open();
  const handOver = form('Сертификатты тапсыру', { handed: { type: 'boolean', 'x-title': title('Тапсырылды') } });
  await at.api.deploy(ENROLMENT, { 'input.yaml': INPUT });
  await at.api.deploy(COURSE, {
    'input.yaml': INPUT,
    'forms/hand-over.yaml': handOver,
    'forms/offer.yaml': form('Курс', {
      course: { type: 'string', enum: ['sewing'], 'x-title': title('Курс'), 'x-labels': { sewing: title('Тігін') } },
    }),
    'documents/certificate.yaml': parse(
      readFileSync('workflows/course-track/documents/certificate.yaml', 'utf8'),
    ) as object,
  });
  await at.api.deploy(PARENT, { 'input.yaml': INPUT });
  await at.api.deploy(ASKING, { 'forms/evidence.yaml': EVIDENCE });
  await at.api.account('lawyer');
}, HANG);
afterAll(() => at?.close());

async function opened(workflow: string, input: object = {}): Promise<{ id: string; number: string }> {
  const { body } = await at.api.post('registrar', '/api/cases', { workflow, input });
  await settled(at.api.system);
  return body;
}
const ofFamily = (workflow: string) =>
  opened(workflow, { applicant: { surname: 'Сейітқызы', given: 'Дана' }, language: 'kk' });

const fits = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

describe("a family's consents on the page of its case, in Kazakh", () => {
  it(
    'are given by who records them, which sends what waited; others read them',
    async () => {
      const { id, number } = await ofFamily('enrolment');
      const status = async () =>
        (await at.api.get('supervisor', `/api/handoffs?caseId=${id}`)).body.items.map(
          (one: { status: string }) => one.status,
        );
      expect(await status()).toEqual(['draft']);

      const { page, errors, context } = await at.signedIn('registrar');
      await page.goto(`${at.url}#/cases/${number}`);
      await page.getByText('Отбасының келісімдері').click();
      const partner = page.locator('[data-partner=atameken]');
      await partner.getByText('Берілмеген').waitFor();
      await partner.getByRole('button', { name: 'Келісімді енгізу' }).click();
      const asked = partner.locator('form');
      await asked.getByText('Келісімді күтіп тұрған жолдамалар жіберіледі.').waitFor();
      await asked.getByRole('button', { name: 'Келісімді енгізу' }).click();
      await asked.getByText('Бұл өрісті толтырыңыз.').waitFor();
      await asked.getByText('қағаз жүзінде').click();
      await asked.getByRole('button', { name: 'Келісімді енгізу' }).click();
      // Drawn anew, and still unfolded.
      await partner.getByText('Берілген', { exact: true }).waitFor();
      expect(await partner.locator('.facts').textContent()).toMatch(/^Берілген\d{4} ж\. .*қағаз жүзінде$/);
      await page.getByText('берілгені: 1 / 5').waitFor();
      await settled(at.api.system);
      expect(await status()).toEqual(['sent']);

      const reader = await at.signedIn('lawyer', PHONE);
      await reader.page.goto(`${at.url}#/cases/${number}`);
      await reader.page.getByText('Отбасының келісімдері').click();
      await reader.page.locator('[data-partner=atameken]').getByText('қағаз жүзінде').waitFor();
      expect(await reader.page.locator('.consents button').count()).toBe(0);
      expect(await fits(reader.page)).toBe(true);
      expect([...errors, ...reader.errors]).toEqual([]);
      await Promise.all([context.close(), reader.context.close()]);
    },
    HANG,
  );

  it(
    'are withdrawn once it is said what follows: what was sent under one is recalled',
    async () => {
      const { id, number } = await ofFamily('enrolment');
      const { body: one } = await at.api.get('registrar', `/api/cases/${id}`);
      const consents = `/api/families/${one.subject}/consents`;
      await at.api.ask('registrar', 'PUT', consents, { body: { partner: 'atameken', given: true, how: 'phone' } });
      await settled(at.api.system);

      const { page, errors, context } = await at.signedIn('registrar', PHONE);
      await page.goto(`${at.url}#/cases/${number}`);
      await page.getByText('Отбасының келісімдері').click();
      const partner = page.locator('[data-partner=atameken]');
      const begun = partner.getByRole('button', { name: 'Келісімді қайтарып алу' }).first();
      await begun.click();
      const asked = partner.locator('form');
      await asked.getByText('Осы серіктестегі ашық жолдамалар кері қайтарылады').waitFor();
      expect(await fits(page)).toBe(true);
      await asked.getByRole('button', { name: 'Болдырмау' }).click();
      await asked.waitFor({ state: 'detached' });
      expect((await at.api.get('registrar', consents)).body.items).toMatchObject([{ inForce: true }]);

      await begun.click();
      await asked.getByText('телефон арқылы').click();
      await asked.getByRole('button', { name: 'Келісімді қайтарып алу' }).click();
      await partner.getByText('Қайтарып алынған').waitFor();
      await partner.getByRole('button', { name: 'Келісімді енгізу' }).waitFor();
      await settled(at.api.system);
      expect((await at.api.get('supervisor', `/api/handoffs?caseId=${id}`)).body.items).toMatchObject([
        { status: 'recalled' },
      ]);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});

describe('a certificate on the page, in Kazakh', () => {
  it(
    'is at hand for who hands it over, and on the cases that led to it; a revoked one is marked',
    async () => {
      const { id, number } = await ofFamily('parent');
      const { body } = await at.api.get('registrar', `/api/certificates?caseId=${id}`);
      const [revoked, valid] = body.items.map((one: { number: string }) => one.number);
      const { page, errors, context } = await at.signedIn('registrar');
      const { body: tasks } = await at.api.get('registrar', `/api/tasks?view=available&caseId=${body.items[0].caseId}`);
      for (const place of [`tasks/${tasks.items[0].id}`, `cases/${body.items[0].caseId}`, `cases/${number}`]) {
        await page.goto(`${at.url}#/${place}`);
        const good = page.locator(`[data-certificate="${valid}"]`);
        await good.getByText('Жарамды').waitFor();
        expect(await good.textContent()).toContain('Сейітқызы Дана');
        const bad = page.locator(`[data-certificate="${revoked}"]`);
        await bad.getByText('Күші жойылған').waitFor();
        expect(await bad.textContent()).toContain('орнына түзетілгені берілді');
        const download = page.waitForEvent('download');
        await good.getByRole('link', { name: `№ ${valid}` }).click();
        expect((await download).suggestedFilename()).toBe(`certificate-${valid}.pdf`);
        // So that the next place is not this one with another address.
        await page.goto(`${at.url}#/queue`);
        await good.waitFor({ state: 'detached' });
      }
      // A case that led to none says nothing of them.
      const other = await at.newCase();
      await page.goto(`${at.url}#/cases/${other.number}`);
      await page.locator('.drawing svg').waitFor();
      expect(await page.locator('.certificates').count()).toBe(0);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});

describe('a form with a list of records, in Kazakh', () => {
  it(
    'asks for a row where an answer makes one necessary, at the list, and only then; choices that nobody asks for are left out',
    async () => {
      const { id, number } = await opened('asking');
      const { body } = await at.api.get('registrar', `/api/tasks?view=available&caseId=${id}`);
      await at.api.post('registrar', `/api/tasks/${body.items[0].id}/claim`, {});
      const { page, errors, context } = await at.signedIn('registrar');
      await page.goto(`${at.url}#/tasks/${body.items[0].id}`);
      const list = page.locator('.field.group', { hasText: 'Растайтын құжаттар' });
      const star = list.locator('legend .must').first();
      await list.waitFor();
      expect(await star.isVisible()).toBe(false);
      await page.getByText('Сәйкес', { exact: true }).click();
      await star.waitFor();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await list.getByText('Кемінде бір жол қосыңыз.').waitFor();
      expect(await list.getByRole('button', { name: 'Қосу' }).evaluate((one) => one === document.activeElement)).toBe(
        true,
      );
      await list.getByRole('button', { name: 'Қосу' }).click();
      expect(await list.getByText('Кемінде бір жол қосыңыз.').count()).toBe(0);
      // What only the server knows of the list stands at the list, too.
      await list.getByRole('button', { name: 'Қосу' }).click();
      for (const place of [0, 1]) await list.getByLabel('Құжат').nth(place).fill('Анықтама');
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await list.getByText('тізімде 1 мәннен артық болмауы керек').waitFor();
      await page.getByText('Белгіленген өрістерді түзетіңіз.').waitFor();
      await list.getByRole('button', { name: 'Алып тастау' }).last().click();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Тапсырма аяқталды.').waitFor();
      expect((await at.api.get('registrar', `/api/cases/${number}`)).body.status).toBe('done');
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'says that an answered task came back at once, and leads to it',
    async () => {
      const { id } = await opened('asking');
      const { body } = await at.api.get('registrar', `/api/tasks?view=available&caseId=${id}`);
      const first = body.items[0].id;
      await at.api.post('registrar', `/api/tasks/${first}/claim`, {});
      const { page, errors, context } = await at.signedIn('registrar');
      await page.goto(`${at.url}#/tasks/${first}`);
      await page.getByText('Сәйкес емес').click();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.locator('.field.wrong', { hasText: 'Басқа қайда' }).getByText('Бұл өрісті толтырыңыз.').waitFor();
      await page.getByText('Орталық').click();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Бұл тапсырма осы іс бойынша қайта берілді.').waitFor();
      await page.getByText('Бұл тапсырма аяқталған.').waitFor();
      await page.getByRole('link', { name: 'Қайта жауап беру' }).click();
      await page.getByText('Сәйкес', { exact: true }).waitFor();
      expect(page.url()).not.toContain(first);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});

it('nothing of all this was an error of ours', () => {
  expect(at.api.errors).toEqual([]);
});
