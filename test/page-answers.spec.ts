import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { parse } from 'yaml';
import { projectPath } from '../src/platform/project-root.js';
import type { JsonObject } from '../src/statechart/types.js';
import { PHONE } from './browser.js';
import { PageFixture } from './page-fixture.js';

const HANG = 60_000;
const words = (text: string) => ({ kk: text, ru: text, en: text });
const shipped = async (name: string) =>
  parse(await readFile(projectPath('workflows', 'family-support', 'forms', `${name}.yaml`), 'utf8')) as JsonObject;

/** A plan, and somebody who approves it or sends it back. */
const PLANS = {
  id: 'plans',
  title: words('Жоспарлар'),
  context: { learners: 'Ахметова Айгүл, Кәсіпкерлік негіздері' },
  contextSchema: {
    type: 'object',
    properties: { learners: { type: 'string', 'x-title': words('Кім оқиды (отбасы тізіміндегі нөмірі бойынша)') } },
  },
  initial: 'assessing',
  states: {
    assessing: {
      meta: { title: words('Жоспар құру') },
      invoke: { id: 'plan', src: 'task', input: { form: 'plan', role: 'curator' }, onDone: 'approving' },
    },
    approving: {
      meta: { title: words('Бекіту') },
      invoke: {
        id: 'planApproval',
        src: 'task',
        input: { form: 'plan-approval', role: 'supervisor' },
        onDone: [{ guard: '= event.output.decision = "return"', target: 'assessing' }, { target: 'over' }],
      },
    },
    over: { type: 'final', meta: { title: words('Бекітілді') } },
  },
};
const PLAN = {
  attendance: 'present',
  goal: 'home-income',
  learners: [
    { member: 1, course: 'sewing' },
    { member: 2, course: 'cooking' },
  ],
  unclaimedBenefits: true,
  civilOffice: false,
  courtOn: '2026-11-22',
  needs: 'Тігін машинасы керек',
};

let at: PageFixture;
beforeAll(async () => {
  at = await PageFixture.open();
  await at.api.deploy(PLANS, {
    'forms/plan.yaml': await shipped('plan'),
    'forms/plan-approval.yaml': await shipped('plan-approval'),
  });
  for (const name of ['curator', 'lawyer']) await at.api.account(name);
}, HANG);
afterAll(() => at?.close());

async function planned(): Promise<{ id: string; number: string }> {
  const { body } = await at.api.post('supervisor', '/api/cases', { workflow: 'plans', input: {} });
  await answer('curator', body.id, PLAN);
  return body;
}

const widthOf = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);
const openTask = async (caseId: string): Promise<string> =>
  (await at.api.get('supervisor', `/api/tasks?view=all&caseId=${caseId}`)).body.items[0].id;

async function answer(as: string, caseId: string, output: object): Promise<void> {
  const { status } = await at.api.post(as, `/api/tasks/${await openTask(caseId)}/complete`, { output });
  expect(status).toBe(200);
}

describe('what was answered, on the first page in Kazakh', () => {
  it(
    'lies open before whoever approves a plan: its goal, its learners and its dates in words',
    async () => {
      const { id } = await planned();
      const { page, errors, context } = await at.signedIn('supervisor');
      await page.goto(`${at.url}#/tasks/${await openTask(id)}`);
      const plan = page.locator('.before .answered').first();
      await plan.getByText('Үй жағдайында табыс табу').waitFor();
      const said = (await plan.textContent()) ?? '';
      for (const word of ['Отбасының мақсаты', 'Тігін ісі', 'Аспаздық', 'Иә', 'Жоқ', '2026 ж. 22 қар.', PLAN.needs])
        expect(said).toContain(word);
      expect(said).not.toMatch(/home-income|sewing|2026-11-22|\$personal/);
      await page.getByText('Бекітемін').click();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Тапсырма аяқталды.').waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'fills the form again where a plan was returned, with its rows and personal fields',
    async () => {
      const { id } = await planned();
      await answer('supervisor', id, { decision: 'return' });
      await at.api.post('curator', `/api/tasks/${await openTask(id)}/claim`, {});
      const { page, errors, context } = await at.signedIn('curator', PHONE);
      await page.goto(`${at.url}#/tasks/${await openTask(id)}`);
      // Why it is here again is what the supervisor answered.
      await page.locator('.before').getByText('Толықтыруға қайтарамын').waitFor();
      await page.getByLabel('Жазба').fill('Қайта қаралды');
      await page.getByText('Соңғы жауап: Қажеттіліктерді бағалау').click();
      await page.getByRole('button', { name: 'Форманы осы жауаппен толтыру' }).click();
      await page.locator('form.answer .row').nth(1).waitFor();
      expect(await widthOf(page)).toBeLessThanOrEqual(PHONE.width);
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Тапсырма аяқталды.').waitFor();
      const { body } = await at.api.get('curator', `/api/cases/${id}/answers?limit=1`);
      const again = await at.api.get('curator', `/api/tasks/${body.items[0].id}`);
      // What was typed meanwhile stays.
      expect(again.body.answer.output).toMatchObject({ ...PLAN, note: 'Қайта қаралды' });
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'opens in the history of the case, and says what is not for the reader',
    async () => {
      const { number } = await planned();
      const { page, errors, context } = await at.signedIn('lawyer', PHONE);
      await page.goto(`${at.url}#/cases/${number}`);
      await page.getByText('Кәсіпкерлік негіздері').waitFor();
      const row = page.locator('.history li', { hasText: 'Орындалды: Жоспар құру' });
      expect(await row.locator('.answered').count()).toBe(0);
      await row.getByText('Жауабы').click();
      await row.getByText('Үй жағдайында табыс табу').waitFor();
      await row.getByText('Дербес дерек: сізге көрсетілмейді').waitFor();
      expect(await widthOf(page)).toBeLessThanOrEqual(PHONE.width);
      expect(await row.textContent()).not.toContain(PLAN.needs);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'stands on the page of the task that is over',
    async () => {
      const { id } = await planned();
      const { body } = await at.api.get('curator', `/api/cases/${id}/answers`);
      const { page, errors, context } = await at.signedIn('curator');
      await page.goto(`${at.url}#/tasks/${body.items[0].id}`);
      await page.locator('.finished .answered').getByText(PLAN.needs).waitFor();
      await at.api.database.pool('owner').query('delete from qamqor.personal_values where case_id = $1', [id]);
      await page.reload();
      await page.locator('.finished .answered').getByText('Өшірілген').waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});

it('nothing of all this was an error of ours', () => {
  expect(at.api.errors).toEqual([]);
});
