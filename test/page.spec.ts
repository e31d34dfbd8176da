import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { OrphansService } from '../src/supervision/orphans.service.js';
import { ApiFixture, PASSWORD } from './api.js';
import { openBrowser, PHONE, visit } from './browser.js';
import { Partner, say, settled } from './partner.js';
import { TWO_STEPS } from './two-steps.js';

const HANG = 60_000;

const PAPER = TWO_STEPS.files['forms/paper.yaml'];
const title = (kk: string) => ({ kk, ru: kk, en: kk });
/** With lists: of records, which may be empty, and of numbers. */
const LISTS = {
  ...PAPER,
  required: [...PAPER.required, 'learners', 'applicants'],
  properties: {
    ...PAPER.properties,
    learners: {
      type: 'array',
      'x-title': title('Оқушылар'),
      items: {
        type: 'object',
        additionalProperties: false,
        properties: { member: { type: 'integer', minimum: 1, 'x-title': title('Мүше') } },
      },
    },
    applicants: { type: 'array', 'x-title': title('Өтініш берушілер'), items: { type: 'integer', minimum: 1 } },
  },
};

/** `BREAK` cannot be decided: whoever sends it makes an incident. */
const BREAKING = {
  ...TWO_STEPS.workflow,
  events: { ...TWO_STEPS.workflow.events, BREAK: { title: title('Бұзу'), roles: ['registrar'] } },
  states: {
    ...TWO_STEPS.workflow.states,
    first: {
      ...TWO_STEPS.workflow.states.first,
      on: { ...TWO_STEPS.workflow.states.first.on, BREAK: { guard: '= "maybe"', target: 'ended' } },
    },
  },
};

/** Of whose tasks there are more than fit one page. */
const CROWD = {
  id: 'crowd',
  title: title('Көп іс'),
  initial: 'asking',
  states: {
    asking: {
      meta: { title: title('Тексеру') },
      invoke: { id: 'look', src: 'task', input: { form: 'paper', role: 'lawyer' }, onDone: 'over' },
    },
    over: { type: 'final' },
  },
};

const REFERRAL = {
  id: 'referral',
  title: title('Жолдама'),
  initial: 'asking',
  states: {
    asking: {
      meta: { title: title('Жауап күту') },
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'atameken', service: 'course-enrolment', deadline: '10 days' },
        onDone: 'over',
        onError: 'over',
      },
    },
    over: { type: 'final' },
  },
};

describe('the first page, in Kazakh', () => {
  let api: ApiFixture;
  let partner: Partner;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    partner = await Partner.start();
    api = await ApiFixture.create({ partners: { atameken: { url: partner.url, secret: partner.secret } } });
    await api.deploy(BREAKING, { 'forms/paper.yaml': LISTS });
    await api.deploy(CROWD, { 'forms/paper.yaml': PAPER });
    await api.deploy(REFERRAL);
    for (const name of ['registrar', 'supervisor']) await api.account(name);
    await api.account('aigul', ['registrar']);
    await api.app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(api.app.getHttpServer().address() as AddressInfo).port}/`;
    browser = await openBrowser();
  }, HANG);
  afterAll(async () => {
    await browser?.close();
    await api?.close();
    await partner?.close();
  });

  async function newCase(): Promise<{ id: string; number: string }> {
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    return body;
  }

  async function signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
    await page.getByLabel('Электрондық пошта').fill(`${name}@test.qamqor`);
    await page.getByLabel('Құпиясөз').fill(password);
    await page.getByRole('button', { name: 'Кіру' }).click();
  }

  async function signedIn(name: string, size?: { width: number; height: number }) {
    const visitor = await visit(browser, url, size);
    await signIn(visitor.page, name);
    await visitor.page.getByRole('button', { name: 'Шығу' }).waitFor();
    return visitor;
  }

  /** With an incident: it could not decide what to do. */
  async function brokenCase(): Promise<{ id: string; number: string }> {
    const made = await newCase();
    const { body } = await api.post('registrar', `/api/cases/${made.id}/events`, { type: 'BREAK' });
    expect(body.code).toBe('case-incident');
    return made;
  }

  async function referred(): Promise<{ id: string; number: string; handoff: string }> {
    const { body } = await api.post('supervisor', '/api/cases', { workflow: 'referral', input: {} });
    const sent = `update qamqor.handoffs set status = 'sent', sent_at = opened_at where case_id = $1 returning id`;
    const { rows } = await api.database.pool('owner').query<{ id: string }>(sent, [body.id]);
    return { id: body.id, number: body.number, handoff: rows[0]?.id ?? '' };
  }

  async function claimed(page: Page, number: string): Promise<void> {
    await cardOf(page, number).getByRole('button', { name: 'Орындауға алу' }).click();
    await page.getByRole('button', { name: 'Аяқтау' }).waitFor();
  }

  const cardOf = (page: Page, number: string) => page.locator('li.task', { hasText: number });

  it(
    'says in Kazakh that a password is wrong',
    async () => {
      const { page, context } = await visit(browser, url);
      await signIn(page, 'registrar', 'not this one');
      const said = page.getByRole('alert').filter({ hasText: /\S/ });
      await said.waitFor();
      expect(await said.textContent()).toMatch(/[әғқңөұүһі]/i);
      await context.close();
    },
    HANG,
  );

  it(
    'leads from the queue through a form to the next step, and the board follows',
    async () => {
      const { number } = await newCase();
      const { page, errors, context } = await signedIn('registrar');
      const overseer = await signedIn('supervisor');
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
      const { rows } = await api.database.pool('owner').query<{ output: unknown }>(answers, [number]);
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
      const { number, id } = await newCase();
      const late = `update qamqor.tasks set start_by = opened_at - interval '1 day' where case_id = $1 returning id`;
      const task = (await api.database.pool('owner').query<{ id: string }>(late, [id])).rows[0]?.id;
      const clerk = await signedIn('registrar');
      await cardOf(clerk.page, number).getByText('Басталуы кешікті').waitFor();
      await cardOf(clerk.page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await clerk.page.getByRole('button', { name: 'Аяқтау' }).waitFor();

      const overseer = await signedIn('supervisor');
      await overseer.page.goto(`${url}#/tasks/${task}`);
      await overseer.page.getByText('Иә').click();
      await overseer.page.getByRole('button', { name: 'Аяқтау (registrar атынан)' }).click();
      await overseer.page.getByText('Тапсырма аяқталды.').waitFor();
      await overseer.page.goto(`${url}#/cases/${number}`);
      await overseer.page.getByText('supervisor (registrar атынан)').waitFor();
      expect([...clerk.errors, ...overseer.errors]).toEqual([]);
      await Promise.all([clerk.context.close(), overseer.context.close()]);
    },
    HANG,
  );

  it(
    'tells who was quicker when two take one task',
    async () => {
      const { number } = await newCase();
      const [one, other] = [await signedIn('registrar'), await signedIn('aigul')];
      await cardOf(other.page, number).waitFor();
      // The other's page must not hear of it in between.
      await other.page.route('**/api/tasks?**', (route) => route.abort());
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
      const { number, id } = await newCase();
      const { page, errors, context } = await signedIn('aigul');
      await cardOf(page, number).getByRole('button', { name: 'Орындауға алу' }).click();
      await page.getByRole('button', { name: 'Аяқтау' }).waitFor();
      await api.post('registrar', `/api/cases/${id}/events`, { type: 'STOP' });
      await settled(api.system);
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
      for (let n = 0; n < 12; n += 1) ids.push((await brokenCase()).id);
      const { page, errors, context } = await signedIn('supervisor');
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
    'reads out in Kazakh what a case could not do, on the list of what stands still and on its own page',
    async () => {
      const { number } = await brokenCase();
      const { page, errors, context } = await signedIn('supervisor');
      await page.goto(`${url}#/stalled?q=${number}`);
      const words = '«Бірінші кезең»: жолдың шарты «иә» де, «жоқ» та бермеді';
      const card = page.locator(`[data-case="${number}"]`);
      await card.waitFor();
      expect(await card.textContent()).toContain(words);
      await card.getByRole('link', { name: number }).click();
      const incident = page.locator('.one-case [data-incident]');
      await incident.getByText(words).waitFor();
      expect(await incident.locator('time').textContent()).toMatch(/^\d{4} ж\. /);
      // The page of somebody who does not oversee tells how many there are.
      const clerk = await signedIn('registrar');
      await clerk.page.goto(`${url}#/cases/${number}`);
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
      const { id, number } = await newCase();
      await api.database.pool('owner').query('delete from qamqor.timers where case_id = $1', [id]);
      await api.app.get(OrphansService, { strict: false }).look();
      const { page, errors, context } = await signedIn('supervisor');
      await page.goto(`${url}#/cases/${number}`);
      const incident = page.locator('[data-incident]');
      await incident.getByText('«Күту»: мерзім жоғалған').waitFor();
      await incident.getByRole('button', { name: 'Қайталау' }).click();
      await incident.getByLabel('Себебі').fill('Мерзім керек');
      await incident.locator('form').getByRole('button', { name: 'Қайталау' }).click();
      await incident.waitFor({ state: 'detached' });
      await page.getByText('Мерзім керек').waitFor();
      expect(await page.locator('.history').textContent()).toContain('Ақау анықталды · Жүйе«Күту»: мерзім жоғалған');
      expect((await api.get('supervisor', `/api/cases/${id}`)).body.incidents).toBe(0);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'puts a task on hold until a day, with what was begun, and gives it to a colleague',
    async () => {
      const { number, id } = await newCase();
      const { page, errors, context } = await signedIn('registrar');
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
      const { body } = await api.get('registrar', `/api/tasks?caseId=${id}`);
      expect(body.items).toMatchObject([
        { status: 'held', heldUntil: '2099-12-30T19:00:00.000Z', draft: { applicants: [7] } },
      ]);

      const overseer = await signedIn('supervisor');
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
    'brings a partner the papers that it asked for, and takes a hand-off back once that is confirmed',
    async () => {
      const { id, number, handoff } = await referred();
      const missing = ['Табыс туралы анықтама'];
      const asking = await say(api, partner, handoff, { eventId: 'papers', type: 'papers_requested', missing });
      expect(asking.body).toMatchObject({ status: 'applied' });
      // The registrar may supply, and may not recall.
      const clerk = await signedIn('registrar');
      await clerk.page.goto(`${url}#/cases/${number}`);
      await clerk.page.getByRole('button', { name: 'Құжаттарды беру' }).click();
      expect(await clerk.page.getByRole('button', { name: 'Жолдаманы кері қайтару' }).count()).toBe(0);
      const papers = clerk.page.locator('.acts form');
      expect(await papers.getByLabel('Құжат атауы').inputValue()).toBe('Табыс туралы анықтама');
      await papers.getByLabel('Нөмірі немесе қайдан алуға болады').fill('№ 17');
      await papers.getByRole('button', { name: 'Құжаттарды беру' }).click();
      await clerk.page.locator('.acts').waitFor({ state: 'detached' });
      await settled(api.system);
      expect(
        partner
          .about(handoff)
          .map(({ body }) => body)
          .join(),
      ).toContain('№ 17');

      const overseer = await signedIn('supervisor');
      await overseer.page.goto(`${url}#/cases/${number}`);
      await overseer.page.getByRole('button', { name: 'Жолдаманы кері қайтару' }).click();
      const form = overseer.page.locator('.acts form');
      await form.getByText('Мұны болдырмау мүмкін емес.').waitFor();
      await form.getByRole('button', { name: 'Болдырмау' }).click();
      await form.waitFor({ state: 'detached' });
      await overseer.page.getByRole('button', { name: 'Жолдаманы кері қайтару' }).click();
      await form.getByLabel('Себебі').fill('Отбасы бас тартты');
      await form.getByRole('button', { name: 'Жолдаманы кері қайтару' }).click();
      await overseer.page.getByText('Ештеңе күтілмейді.').waitFor();
      expect((await api.get('supervisor', `/api/handoffs?caseId=${id}`)).body.items).toMatchObject([
        { status: 'recalled' },
      ]);
      expect([...clerk.errors, ...overseer.errors]).toEqual([]);
      await Promise.all([clerk.context.close(), overseer.context.close()]);
    },
    HANG,
  );

  it(
    'says that there are more tasks than it shows, and shows them all when asked to',
    async () => {
      for (let n = 0; n < 102; n += 1) await api.post('registrar', '/api/cases', { workflow: 'crowd', input: {} });
      await api.account('lawyer');
      const { page, errors, context } = await signedIn('lawyer');
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
    'marks the very row that the server did not accept, also after another was taken out',
    async () => {
      const { number } = await newCase();
      const { page, errors, context } = await signedIn('registrar');
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

  it(
    'tells who was told of a case that stands still, the head of a partner from its contact',
    async () => {
      const { id, number } = await newCase();
      const owner = api.database.pool('owner');
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
      const { page, errors, context } = await signedIn('supervisor');
      await page.goto(`${url}#/stalled?q=${number}`);
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
    'shows somebody of a partner what awaits their answer, and nothing of another partner',
    async () => {
      await api.account('partner-atameken');
      await api.account('partner-otbasy-bank');
      const { number } = await referred();
      const { page, errors, context } = await signedIn('partner-atameken', PHONE);
      const card = page.locator('[data-status=sent] [data-handoff]', { hasText: number });
      await card.getByText('Мерзімі').waitFor();
      expect(await card.textContent()).toContain('Жіберілді: 20');
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
      await page.getByRole('link', { name: 'Хабарламалар' }).click();
      await page.getByText('Әзірге хабарлама жоқ.').waitFor();
      const other = await signedIn('partner-otbasy-bank');
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
      const { id } = await newCase();
      const { page, errors, context } = await signedIn('supervisor', PHONE);
      for (const [view, sign] of [
        ['board', '[data-stage=first]'],
        ['queue', '.queue h2'],
        ['notices', 'h1'],
        ['stalled', 'h1'],
        ['cases', 'h1'],
        [`cases/${id}`, '.drawing svg'],
      ]) {
        await page.goto(`${url}#/${view}`);
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
      const { page, context } = await signedIn('registrar');
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
