import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PHONE } from './browser.js';
import { cardOf, claimed, PageFixture } from './page-fixture.js';
import { pass } from './partner.js';

const HANG = 60_000;

let at: PageFixture;
beforeAll(async () => {
  at = await PageFixture.open({ shipped: true });
  await at.api.account('curator');
}, HANG);
afterAll(() => at?.close());

let families = 0;
async function newFamily(): Promise<{ id: string; number: string }> {
  families += 1;
  const applicant = { surname: `Ахметова${families}`, given: 'Айгүл' };
  const input = { applicant, categories: ['large'], interest: 'sewing', phone: '+77011234567', language: 'kk' };
  const { body } = await at.api.post('registrar', '/api/cases', { workflow: 'family-support', input });
  return body;
}

const field = (page: Page, title: string) => page.getByRole('group', { name: title });
const choose = (page: Page, title: string, answer: string) =>
  field(page, title).getByText(answer, { exact: true }).click();
const widthOf = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);

async function completed(page: Page): Promise<void> {
  const answered = page.waitForResponse((response) => response.url().endsWith('/complete') && response.ok());
  await page.getByRole('button', { name: 'Аяқтау' }).click();
  await answered;
  await page.getByText('Тапсырма аяқталды.').first().waitFor();
}

/** As a registrar fills it in with the family at the desk. */
async function register(page: Page, number: string): Promise<void> {
  await claimed(page, number);
  await page.getByLabel('Алғаш қалай жүгінді').selectOption({ label: 'Өзі келді' });
  await page.getByLabel('Жүгіну себебі').selectOption({ label: 'Курс' });
  await choose(page, 'Жеке басты куәландыратын құжат көрсетілді', 'Қағаз құжат');
  await choose(page, 'Түркістан қаласында тіркелген', 'Иә');
  await choose(page, 'Мекенжай бойынша тіркелу керек', 'Жоқ');
  await choose(page, 'Санаттары', 'Көп балалы отбасы');
  await page.getByLabel('Қызықтыратын курс').selectOption({ label: 'Тігін ісі' });
  await choose(page, 'Деректерді серіктестерге беруге келісім', '«Отбасы банк»');
  await choose(page, 'Анықтамалар жетіспейді', 'Жоқ');
  await choose(page, 'Тұрғын үй мәселесі бойынша кеңес керек', 'Жоқ');
  await choose(page, 'Шұғыл қауіп (зорлық-зомбылық, бала қауіпсіздігі)', 'Жоқ');
  await completed(page);
}

async function findEligible(page: Page, number: string): Promise<void> {
  await claimed(page, number);
  await choose(page, 'Шешім', 'Сәйкес');
  await page.getByLabel('Негізі').selectOption({ label: 'Жоқ' });
  await page.getByRole('button', { name: 'Қосу', exact: true }).click();
  await choose(page, 'Санаты', 'Көп балалы отбасы');
  await page.locator('.row select').first().selectOption({ label: 'Балалар тізімі мен туу туралы куәліктер' });
  await completed(page);
}

describe('the journey of a family, on the first page in Kazakh', () => {
  it(
    'goes from a registrar to a curator on a phone, and the board follows; then the family takes back its consents and withdraws',
    async () => {
      const { id, number } = await newFamily();
      const overseer = await at.signedIn('supervisor');
      const stage = (key: string) => overseer.page.locator(`[data-stage=${key}] .count`);
      const stands = (key: string, count: number) =>
        overseer.page.waitForFunction(
          ([key, count]) =>
            Number.parseInt(document.querySelector(`[data-stage=${key}] .count`)?.textContent ?? '', 10) === count,
          [key, count] as const,
        );
      await stage('intake').waitFor();
      await stands('intake', 1);

      const registrar = await at.signedIn('registrar');
      await register(registrar.page, number);
      const curator = await at.signedIn('curator', PHONE);
      await cardOf(curator.page, number).waitFor();
      expect(await widthOf(curator.page)).toBeLessThanOrEqual(PHONE.width);
      await findEligible(curator.page, number);
      // Nobody reloads the supervisor's page.
      await stands('intake', 0);
      await stands('consultation', 1);

      await registrar.page.goto(`${at.url}#/cases/${number}`);
      await registrar.page.locator('svg .active', { hasText: 'Жеке жоспар құру' }).waitFor();
      await registrar.page.getByRole('button', { name: 'Өтінішті қайтарып алу' }).click();
      await choose(registrar.page, 'Себебі', 'Өз қалауы бойынша');
      await choose(registrar.page, 'Деректерді серіктестерге беруге келісім', 'Кері қайтарып алынды');
      await registrar.page.getByRole('button', { name: 'Жіберу' }).click();
      await registrar.page.locator('svg .active', { hasText: 'Келісімдерді' }).waitFor();
      await registrar.page.getByRole('link', { name: 'Тапсырмаларым' }).click();
      await claimed(registrar.page, number);
      await completed(registrar.page);

      const { body } = await at.api.get('supervisor', `/api/cases/${id}`);
      expect(body).toMatchObject({ status: 'done', stage: null });
      const kept = 'select partner from qamqor.consents where withdrawn_at is null';
      expect((await at.api.database.pool('owner').query(kept)).rows).toEqual([]);
      await stands('consultation', 0);
      expect([...overseer.errors, ...registrar.errors, ...curator.errors]).toEqual([]);
      await Promise.all([overseer.context.close(), registrar.context.close(), curator.context.close()]);
    },
    HANG,
  );

  it(
    'stands on the board by numbers that equal the lists they lead to, also in English',
    async () => {
      for (let n = 0; n < 3; n += 1) await newFamily();
      // More than any holidays put the end of a working day off.
      await pass(at.api.system, { days: 8 });
      await newFamily();
      const { page, errors, context } = await at.signedIn('supervisor');
      await page.locator('[data-stage=intake] .count').waitFor();
      for (const link of ['.count', 'a[href*="overdue=true"]', 'a[href*=stalled]']) {
        await page.goto(`${at.url}#/board`);
        const number = page.locator(`[data-stage=intake] ${link}`);
        const count = Number.parseInt((await number.textContent()) ?? '', 10);
        expect(count).toBeGreaterThan(0);
        await number.click();
        const cases = page.locator('main a[href^="#/cases/"]', { hasText: /Q-/ });
        await cases.first().waitFor();
        expect(await cases.count()).toBe(count);
      }
      await page.getByRole('combobox').selectOption('en');
      await page.getByRole('link', { name: 'Board of stages' }).click();
      await page.getByText('Intake', { exact: true }).waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});
