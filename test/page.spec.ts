import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PASSWORD } from './api.js';
import { PHONE, visit } from './browser.js';
import { cardOf, PageFixture } from './page-fixture.js';
import { settled } from './partner.js';

const HANG = 60_000;

let at: PageFixture;
beforeAll(async () => {
  at = await PageFixture.open();
}, HANG);
afterAll(() => at?.close());

describe('the first page, in Kazakh', () => {
  it(
    'says in Kazakh that a password is wrong',
    async () => {
      const { page, context } = await visit(at.browser, at.url);
      await at.signIn(page, 'registrar', 'not this one');
      const said = page.getByRole('alert').filter({ hasText: /\S/ });
      await said.waitFor();
      expect(await said.textContent()).toMatch(/[әғқңөұүһі]/i);
      await context.close();
    },
    HANG,
  );

  it(
    'lets whoever was given a password choose their own',
    async () => {
      await at.api.account('given', ['curator']);
      const { page, errors, context } = await at.signedIn('given', PHONE);
      await page.getByRole('link', { name: 'given' }).click();
      const change = async (current: string, fresh: string, again = fresh) => {
        await page.getByLabel('Қазіргі құпиясөз').fill(current);
        await page.getByLabel('Жаңа құпиясөз', { exact: true }).fill(fresh);
        await page.getByLabel('Жаңа құпиясөзді қайталаңыз').fill(again);
        await page.getByRole('button', { name: 'Құпиясөзді өзгерту' }).click();
      };
      await change(PASSWORD, 'менің жаңа сөзім', 'менің басқа сөзім');
      await page.getByText('екі жерде әртүрлі жазылған').waitFor();
      await change('not this one', 'менің жаңа сөзім');
      await page.getByText('Қазіргі құпиясөз қате').waitFor();
      await change(PASSWORD, 'менің жаңа сөзім');
      await page.getByText('Құпиясөз өзгертілді').waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
      // The session goes on; the next one begins with the new password alone.
      await page.getByRole('button', { name: 'Шығу' }).click();
      await at.signIn(page, 'given');
      await page.getByRole('alert').filter({ hasText: /\S/ }).waitFor();
      await at.signIn(page, 'given', 'менің жаңа сөзім');
      await page.getByRole('button', { name: 'Шығу' }).waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'leads from the queue through a form to the next step, and the board follows',
    async () => {
      const { number } = await at.newCase();
      const { page, errors, context } = await at.signedIn('registrar');
      const overseer = await at.signedIn('supervisor');
      const stage = (key: string) => overseer.page.locator(`[data-stage=${key}] .count`);
      await stage('first').waitFor();
      const before = Number.parseInt((await stage('first').textContent()) ?? '', 10);

      await cardOf(page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Бұл өрісті толтырыңыз.').waitFor();
      await page.getByText('Иә').click();
      await page.getByLabel('Өтініш берушілер').fill('1\n3');
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Тапсырма аяқталды.').waitFor();
      const answers = `select p.data::jsonb #> '{input,output}' as output from qamqor.payloads p join qamqor.cases c on c.id = p.case_id where c.number = $1`;
      const { rows } = await at.api.database.pool('owner').query<{ output: unknown }>(answers, [number]);
      expect(rows.map(({ output }) => output)).toContainEqual({ ready: true, learners: [], applicants: [1, 3] });

      await page.getByRole('link', { name: 'Істер', exact: true }).click();
      await page.getByRole('link', { name: number }).click();
      await page.getByText('Орындалды: Қағаз толтыру').waitFor();
      await page.getByRole('button', { name: 'Тоқтату' }).click();
      await page.getByRole('button', { name: 'Жіберу' }).click();
      await page.locator('svg .active', { hasText: 'Аяқталды' }).waitFor();
      expect(await page.locator('.case-facts').textContent()).toBe('СебебіТоқтатылды');

      // Nobody reloads the supervisor's page.
      await overseer.page.waitForFunction(
        (count) =>
          Number.parseInt(document.querySelector('[data-stage=first] .count')?.textContent ?? '', 10) === count,
        before - 1,
      );
      expect([...errors, ...overseer.errors]).toEqual([]);
      await Promise.all([context.close(), overseer.context.close()]);
    },
    HANG,
  );

  it(
    'says what somebody should have begun, and lets who oversees complete it for who has it',
    async () => {
      const { number, id } = await at.newCase();
      const late = `update qamqor.tasks set start_by = opened_at - interval '1 day' where case_id = $1 returning id`;
      const task = (await at.api.database.pool('owner').query<{ id: string }>(late, [id])).rows[0]?.id;
      const clerk = await at.signedIn('registrar');
      await cardOf(clerk.page, number).getByText('Басталуы кешікті').waitFor();
      await cardOf(clerk.page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await clerk.page.getByRole('button', { name: 'Аяқтау' }).waitFor();

      const overseer = await at.signedIn('supervisor');
      await overseer.page.goto(`${at.url}#/tasks/${task}`);
      await overseer.page.getByText('Иә').click();
      await overseer.page.getByRole('button', { name: 'Аяқтау (registrar атынан)' }).click();
      await overseer.page.getByText('Тапсырма аяқталды.').waitFor();
      await overseer.page.goto(`${at.url}#/cases/${number}`);
      await overseer.page.getByText('supervisor (registrar атынан)').waitFor();
      expect([...clerk.errors, ...overseer.errors]).toEqual([]);
      await Promise.all([clerk.context.close(), overseer.context.close()]);
    },
    HANG,
  );

  it(
    'tells who was quicker when two take one task',
    async () => {
      const { number } = await at.newCase();
      const [one, other] = [await at.signedIn('registrar'), await at.signedIn('aigul')];
      await cardOf(other.page, number).waitFor();
      // The other's page must not show it in between: its next look at the queue is never answered.
      await other.page.route('**/api/tasks?**', () => undefined);
      await cardOf(one.page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await one.page.getByRole('button', { name: 'Аяқтау' }).waitFor();
      await cardOf(other.page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await other.page.getByRole('status').filter({ hasText: 'registrar' }).waitFor();
      await Promise.all([one.context.close(), other.context.close()]);
    },
    HANG,
  );

  it(
    'tells whoever had a task that it is no longer needed, with the way to its case',
    async () => {
      const { number, id } = await at.newCase();
      const { page, errors, context } = await at.signedIn('aigul');
      await cardOf(page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await page.getByRole('button', { name: 'Аяқтау' }).waitFor();
      await at.api.post('registrar', `/api/cases/${id}/events`, { type: 'STOP' });
      await settled(at.api.system);
      await page.getByRole('link', { name: 'Хабарламалар' }).click();
      const notice = page.locator('[data-notice]', { hasText: number });
      await notice.getByText('Өзіңізге').waitFor();
      await notice.getByRole('link', { name: number }).click();
      await page.getByRole('heading', { name: number }).waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'leads from the number of stalled cases on the board to all of them, page by page',
    async () => {
      const ids: string[] = [];
      for (let n = 0; n < 12; n += 1) ids.push((await at.brokenCase()).id);
      const { page, errors, context } = await at.signedIn('supervisor');
      const number = page.locator('[data-stage=first] a[href*=stalled]');
      const count = Number(await number.textContent());
      expect(count).toBeGreaterThanOrEqual(ids.length);
      await number.click();
      const cards = page.locator('li.stalled');
      await cards.nth(9).waitFor();
      while (await page.getByRole('button', { name: 'Тағы көрсету' }).isVisible()) {
        const shown = await cards.count();
        await page.getByRole('button', { name: 'Тағы көрсету' }).click();
        await cards.nth(shown).waitFor();
      }
      expect(await cards.count()).toBe(count);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'says that there are more tasks than it shows, and shows them all when asked to',
    async () => {
      for (let n = 0; n < 102; n += 1) await at.api.post('registrar', '/api/cases', { workflow: 'crowd', input: {} });
      await at.api.account('lawyer');
      const { page, errors, context } = await at.signedIn('lawyer');
      const available = page.locator('section', { hasText: 'Алуға болады' });
      await available.locator('h2 .badge', { hasText: '100+' }).waitFor();
      await available.getByRole('button', { name: 'Тағы көрсету' }).click();
      await available.locator('h2 .badge', { hasText: /^102$/ }).waitFor();
      expect(await available.locator('li.task').count()).toBe(102);
      expect(await available.getByRole('button', { name: 'Тағы көрсету' }).isVisible()).toBe(false);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'tells who was told of a case that stands still, the head of a at.partner from its contact',
    async () => {
      const { id, number } = await at.newCase();
      const owner = at.api.database.pool('owner');
      await owner.query('update qamqor.cases set incidents = 1 where id = $1', [id]);
      const { rows } = await owner.query<{ id: string }>(
        `insert into qamqor.escalations (id, organisation_id, case_id, case_number, entry_id, what, name, title, ladder, step, due_at, at)
         select gen_random_uuid(), organisation_id, id, number, gen_random_uuid(), 'handOff', 'ask', '{}', 'hand-off', 4, opened_at, opened_at
         from qamqor.cases where id = $1 returning id`,
        [id],
      );
      for (const recipient of ['partner-otbasy-bank', 'partner-otbasy-bank:head'])
        await owner.query(
          `insert into qamqor.notifications (id, organisation_id, case_id, template, recipient, channels, text, created_at, about)
           select gen_random_uuid(), organisation_id, id, 'escalation', $2, '{in-app}', '{}', opened_at, $3
           from qamqor.cases where id = $1`,
          [id, recipient, rows[0]?.id],
        );
      const { page, errors, context } = await at.signedIn('supervisor');
      await page.goto(`${at.url}#/stalled?q=${number}`);
      const told = page.locator(`[data-case="${number}"] .told li`);
      await told.nth(1).waitFor();
      expect((await told.allTextContents()).map((text) => text.split(' · ')[1])).toEqual([
        expect.stringMatching(/Отбасы банк[^()]*$/),
        expect.stringMatching(/Отбасы банк.* \(ұйым басшысы\)$/),
      ]);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'shows somebody of a at.partner what awaits their answer, and nothing of another partner',
    async () => {
      await at.api.account('partner-atameken');
      await at.api.account('partner-otbasy-bank');
      const { number } = await at.referred();
      const { page, errors, context } = await at.signedIn('partner-atameken', PHONE);
      const card = page.locator('[data-status=sent] [data-handoff]', { hasText: number });
      await card.getByText('Мерзімі').waitFor();
      expect(await card.textContent()).toContain('Жіберілді: 20');
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
      await page.getByRole('link', { name: 'Хабарламалар' }).click();
      await page.getByText('Әзірге хабарлама жоқ.').waitFor();
      const other = await at.signedIn('partner-otbasy-bank');
      await other.page.getByText('Мұнда жолдама жоқ.').first().waitFor();
      expect(await other.page.locator('[data-handoff]').count()).toBe(0);
      expect([...errors, ...other.errors]).toEqual([]);
      await Promise.all([context.close(), other.context.close()]);
    },
    HANG,
  );

  it(
    'fits a phone: nothing is wider than the screen',
    async () => {
      const { id } = await at.newCase();
      const { page, errors, context } = await at.signedIn('supervisor', PHONE);
      for (const [view, sign] of [
        ['board', '[data-stage=first]'],
        ['queue', '.queue h2'],
        ['notices', 'h1'],
        ['stalled', 'h1'],
        ['cases', 'h1'],
        [`cases/${id}`, '.drawing svg'],
      ]) {
        await page.goto(`${at.url}#/${view}`);
        await page
          .locator(sign ?? '')
          .first()
          .waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
      }
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'speaks Russian when asked to, and remembers it',
    async () => {
      const { page, context } = await at.signedIn('registrar');
      await page.getByLabel('Тіл / Язык / Language').selectOption('ru');
      await page.getByRole('heading', { name: 'Можно взять' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Можно взять' }).waitFor();
      expect(await page.evaluate(() => document.documentElement.lang)).toBe('ru');
      await context.close();
    },
    HANG,
  );
});
