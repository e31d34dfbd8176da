import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OrphansService } from '../src/supervision/orphans.service.js';
import { cardOf, claimed, PageFixture } from './page-fixture.js';
import { say, settled } from './partner.js';

const HANG = 60_000;

let at: PageFixture;
beforeAll(async () => {
  at = await PageFixture.open();
}, HANG);
afterAll(() => at?.close());

describe('what people do on the first page, in Kazakh', () => {
  it(
    'reads out in Kazakh what a case could not do, on the list of what stands still and on its own page',
    async () => {
      const { number } = await at.brokenCase();
      const { page, errors, context } = await at.signedIn('supervisor');
      await page.goto(`${at.url}#/stalled?q=${number}`);
      const words = '«Бірінші кезең»: жолдың шарты «иә» де, «жоқ» та бермеді';
      const card = page.locator(`[data-case="${number}"]`);
      await card.waitFor();
      expect(await card.textContent()).toContain(words);
      await card.getByRole('link', { name: number }).click();
      const incident = page.locator('.one-case [data-incident]');
      await incident.getByText(words).waitFor();
      expect(await incident.locator('time').textContent()).toMatch(/^\d{4} ж\. /);
      // The page of somebody who does not oversee tells how many there are.
      const clerk = await at.signedIn('registrar');
      await clerk.page.goto(`${at.url}#/cases/${number}`);
      await clerk.page.getByText('Ақаулар: 1').waitFor();
      expect(await clerk.page.locator('[data-incident]').count()).toBe(0);
      // What was put right otherwise is settled by hand.
      await incident.getByRole('button', { name: 'Жойылды деп белгілеу' }).click();
      await incident.getByLabel('Себебі').fill('Процесс түзетілді');
      await incident.locator('form').getByRole('button', { name: 'Жойылды деп белгілеу' }).click();
      await incident.waitFor({ state: 'detached' });
      expect([...errors, ...clerk.errors]).toEqual([]);
      await Promise.all([context.close(), clerk.context.close()]);
    },
    HANG,
  );

  it(
    'tries again what a case could not do',
    async () => {
      const { id, number } = await at.newCase();
      await at.api.database.pool('owner').query('delete from qamqor.timers where case_id = $1', [id]);
      await at.api.app.get(OrphansService, { strict: false }).look();
      const { page, errors, context } = await at.signedIn('supervisor');
      await page.goto(`${at.url}#/cases/${number}`);
      const incident = page.locator('[data-incident]');
      await incident.getByText('«Күту»: мерзім жоғалған').waitFor();
      await incident.getByRole('button', { name: 'Қайталау' }).click();
      await incident.getByLabel('Себебі').fill('Мерзім керек');
      await incident.locator('form').getByRole('button', { name: 'Қайталау' }).click();
      await incident.waitFor({ state: 'detached' });
      await page.getByText('Мерзім керек').waitFor();
      expect(await page.locator('.history').textContent()).toContain('Ақау анықталды · Жүйе«Күту»: мерзім жоғалған');
      expect((await at.api.get('supervisor', `/api/cases/${id}`)).body.incidents).toBe(0);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'says in the words of the workflow why an action is refused, and what to do instead',
    async () => {
      const { number } = await at.newCase();
      const { page, errors, context } = await at.signedIn('registrar');
      await page.goto(`${at.url}#/cases/${number}`);
      await page.getByRole('button', { name: 'Кету' }).click();
      const form = page.locator('.acts form');
      await form.getByRole('button', { name: 'Жіберу' }).click();
      await form.getByRole('alert').getByText('Алдымен қағазды толтырыңыз.', { exact: true }).waitFor();
      // The browser's own line about the status of an answer.
      expect(errors.filter((error) => !error.includes('409'))).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'puts a task on hold until a day, with what was begun, and gives it to a colleague',
    async () => {
      const { number, id } = await at.newCase();
      const { page, errors, context } = await at.signedIn('registrar');
      await claimed(page, number);
      const task = page.url();
      expect(await page.getByRole('button', { name: 'Басқа қызметкерге тапсыру' }).count()).toBe(0);
      await page.getByLabel('Өтініш берушілер').fill('7');
      await page.getByRole('button', { name: 'Кейінге қалдыру' }).click();
      const form = page.locator('.acts form');
      await form.getByRole('button', { name: 'Кейінге қалдыру' }).click();
      await form.getByText('Бұл өрісті толтырыңыз.').first().waitFor();
      await form.getByLabel('Қай күнге дейін').fill('2001-01-01');
      await form.getByLabel('Себебі').fill('Отбасы сапарда');
      await form.getByRole('button', { name: 'Кейінге қалдыру' }).click();
      await form.getByText('алдағы уақыт болуы керек').waitFor();
      await form.getByLabel('Қай күнге дейін').fill('2099-12-31');
      await form.getByRole('button', { name: 'Кейінге қалдыру' }).click();
      await cardOf(page, number).getByText('Кейінге қалдырылған').waitFor();
      const { body } = await at.api.get('registrar', `/api/tasks?caseId=${id}`);
      expect(body.items).toMatchObject([
        { status: 'held', heldUntil: '2099-12-30T19:00:00.000Z', draft: { applicants: [7] } },
      ]);

      const overseer = await at.signedIn('supervisor');
      await overseer.page.goto(task);
      await overseer.page.getByText('2099 ж. 31 жел. дейін кейінге қалдырылған. Отбасы сапарда').waitFor();
      await overseer.page.getByText('Орындаушы: registrar').waitFor();
      await overseer.page.getByRole('button', { name: 'Басқа қызметкерге тапсыру' }).click();
      await overseer.page.locator('.acts form').getByText('aigul (Тіркеуші)').click();
      expect(await overseer.page.locator('.acts form').getByText('registrar').count()).toBe(0);
      await overseer.page.locator('.acts form').getByRole('button', { name: 'Басқа қызметкерге тапсыру' }).click();
      await overseer.page.getByText('Орындаушы: aigul').waitFor();
      expect([...errors, ...overseer.errors]).toEqual([]);
      await Promise.all([context.close(), overseer.context.close()]);
    },
    HANG,
  );

  it(
    'brings a at.partner the papers that it asked for, and takes a hand-off back once that is confirmed',
    async () => {
      const { id, number, handoff } = await at.referred();
      const missing = ['Табыс туралы анықтама'];
      const asking = await say(at.api, at.partner, handoff, { eventId: 'papers', type: 'papers_requested', missing });
      expect(asking.body).toMatchObject({ status: 'applied' });
      // The registrar may supply, and may not recall.
      const clerk = await at.signedIn('registrar');
      await clerk.page.goto(`${at.url}#/cases/${number}`);
      await clerk.page.getByRole('button', { name: 'Құжаттарды беру' }).click();
      expect(await clerk.page.getByRole('button', { name: 'Жолдаманы кері қайтару' }).count()).toBe(0);
      const papers = clerk.page.locator('.acts form');
      expect(await papers.getByLabel('Құжат атауы').inputValue()).toBe('Табыс туралы анықтама');
      await papers.getByLabel('Нөмірі немесе қайдан алуға болады').fill('№ 17');
      await papers.getByRole('button', { name: 'Құжаттарды беру' }).click();
      await clerk.page.locator('.acts').waitFor({ state: 'detached' });
      await settled(at.api.system);
      expect(
        at.partner
          .about(handoff)
          .map(({ body }) => body)
          .join(),
      ).toContain('№ 17');

      const overseer = await at.signedIn('supervisor');
      await overseer.page.goto(`${at.url}#/cases/${number}`);
      await overseer.page.getByRole('button', { name: 'Жолдаманы кері қайтару' }).click();
      const form = overseer.page.locator('.acts form');
      await form.getByText('Мұны болдырмау мүмкін емес.').waitFor();
      await form.getByRole('button', { name: 'Болдырмау' }).click();
      await form.waitFor({ state: 'detached' });
      await overseer.page.getByRole('button', { name: 'Жолдаманы кері қайтару' }).click();
      await form.getByLabel('Себебі').fill('Отбасы бас тартты');
      await form.getByRole('button', { name: 'Жолдаманы кері қайтару' }).click();
      await overseer.page.getByText('Ештеңе күтілмейді.').waitFor();
      expect((await at.api.get('supervisor', `/api/handoffs?caseId=${id}`)).body.items).toMatchObject([
        { status: 'recalled' },
      ]);
      expect([...clerk.errors, ...overseer.errors]).toEqual([]);
      await Promise.all([clerk.context.close(), overseer.context.close()]);
    },
    HANG,
  );

  it(
    'asks for what an answer makes necessary, and only then',
    async () => {
      const { number } = await at.newCase();
      const { page, errors, context } = await at.signedIn('registrar');
      await claimed(page, number);
      const why = page.locator('.field', { hasText: 'Неліктен' });
      expect(await why.locator('.must').isVisible()).toBe(false);
      await page.getByText('Жоқ').click();
      await why.locator('.must').waitFor();
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await why.getByText('Бұл өрісті толтырыңыз.').waitFor();
      await page.getByText('Иә').click();
      await why.locator('.must').waitFor({ state: 'hidden' });
      await page.getByLabel('Өтініш берушілер').fill('1');
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.getByText('Тапсырма аяқталды.').waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'marks the very row that the server did not accept, also after another was taken out',
    async () => {
      const { number } = await at.newCase();
      const { page, errors, context } = await at.signedIn('registrar');
      await claimed(page, number);
      const rows = page.locator('.row');
      for (let n = 0; n < 3; n += 1) await page.getByRole('button', { name: 'Қосу' }).click();
      await rows.first().getByRole('button', { name: 'Алып тастау' }).click();
      await page.getByRole('button', { name: 'Қосу' }).click();
      for (const [place, value] of ['1', '0', '2'].entries()) await rows.nth(place).getByLabel('Мүше').fill(value);
      await page.getByText('Иә').click();
      await page.getByLabel('Өтініш берушілер').fill('1');
      await page.getByRole('button', { name: 'Аяқтау' }).click();
      await page.locator('.row .wrong').waitFor();
      const marked = await rows.evaluateAll((all) => all.map((row) => row.querySelector('.wrong') !== null));
      expect(marked).toEqual([false, true, false]);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});

it('nothing of all this was an error of ours', () => {
  expect(at.api.errors).toEqual([]);
});
