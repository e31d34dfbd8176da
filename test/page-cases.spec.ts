import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PHONE } from './browser.js';
import { cardOf, PageFixture } from './page-fixture.js';

const HANG = 60_000;
const title = (kk: string) => ({ kk, ru: kk, en: kk });

/** What a hand may open for a family: it asks for nothing else. */
const TALK = {
  id: 'talk',
  title: title('Әңгіме'),
  meta: { reopen: 'talking' },
  delays: { month: '30 days' },
  context: { familyId: '= input.familyId' },
  initial: 'talking',
  states: {
    talking: {
      meta: { title: title('Сөйлесу') },
      after: { month: 'over' },
      invoke: {
        id: 'talk',
        src: 'task',
        input: { form: 'talk', role: 'registrar', deadline: '4 hours', priority: 5 },
        onDone: 'over',
      },
    },
    over: { type: 'final' },
  },
};
/** What only another case opens: it asks for more. */
const TRACK = { ...TALK, id: 'track', title: title('Жол') };
const asksFor = (...required: string[]) => ({
  type: 'object',
  required,
  properties: Object.fromEntries(required.map((name) => [name, { type: 'string' }])),
});
const FORM = { 'x-version': 1, 'x-title': title('Әңгіме'), type: 'object', properties: {} };

let at: PageFixture;
beforeAll(async () => {
  at = await PageFixture.open();
  await at.api.deploy(TALK, { 'input.yaml': asksFor('familyId'), 'forms/talk.yaml': FORM });
  await at.api.deploy(TRACK, { 'input.yaml': asksFor('familyId', 'course'), 'forms/talk.yaml': FORM });
  await at.api.account('lawyer');
}, HANG);
afterAll(() => at?.close());

async function aCase(surname: string): Promise<{ id: string; number: string; subject: string }> {
  const input = { applicant: { surname, given: 'Айгүл' } };
  const { body } = await at.api.post('registrar', '/api/cases', { workflow: 'talk', input });
  return body;
}
const wide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
const caseOf = async (number: string) => (await at.api.get('supervisor', `/api/cases/${number}`)).body;

/** Presses the button of an act, fills in why, and does it. */
async function act(page: Page, name: string, why: string): Promise<void> {
  const form = page.locator('.acts form');
  if (!(await form.isVisible())) await page.getByRole('button', { name, exact: true }).click();
  await form.getByLabel('Себебі').fill(why);
  await form.getByRole('button', { name, exact: true }).click();
  await form.waitFor({ state: 'detached' });
}

describe('cases on the first page, in Kazakh', () => {
  it(
    'are opened for a new family by a registrar, who searches first; on a phone',
    async () => {
      const { page, errors, context } = await at.signedIn('registrar', PHONE);
      await page.getByRole('link', { name: 'Отбасылар' }).click();
      await page.getByLabel('Отбасының нөмірі, аты-жөні').fill('Жаңабаева');
      await page.getByRole('button', { name: 'Іздеу' }).click();
      await page.getByText('Ештеңе табылмады.').waitFor();
      expect(await page.getByRole('button', { name: /Жол$/ }).count()).toBe(0);
      await page.getByRole('button', { name: 'Жаңа отбасын тіркеп, іс ашу: Әңгіме' }).click();
      const form = page.locator('.acts form');
      await form.getByText('Алдымен іздеп көріңіз').waitFor();
      expect(await wide(page)).toBe(false);
      await form.getByRole('button', { name: 'Іс ашу' }).click();
      await form.getByText('тегін немесе атын жазыңыз').waitFor();
      await form.getByLabel('Тегі').fill('Жаңабаева');
      await form.getByLabel(/^Аты/).fill('Дана');
      await form.getByLabel('Телефоны').fill('8 702 613 52 41');
      await form.getByText('Аз қамтылған').click();
      await form.getByRole('button', { name: 'Іс ашу' }).click();
      await page.getByRole('heading', { name: /^Іс Q-/ }).waitFor();
      await page.locator('.family', { hasText: 'Жаңабаева Дана' }).getByText('+7 702 613 52 41').waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'are opened once, and so is their family, however often it is pressed: twice at once, or again after the answer was lost',
    async () => {
      const { page, errors, context } = await at.signedIn('registrar');
      const ofName = async (surname: string) =>
        (await at.api.get('registrar', `/api/cases?q=${encodeURIComponent(surname)}`)).body.items;
      const form = page.locator('.acts form');
      const open = form.getByRole('button', { name: 'Іс ашу' });
      const begin = async (surname: string) => {
        await page.goto(`${at.url}#/families`);
        await page.getByRole('button', { name: 'Жаңа отбасын тіркеп, іс ашу: Әңгіме' }).click();
        await form.getByLabel('Тегі').fill(surname);
      };
      const heading = page.getByRole('heading', { name: /^Іс Q-/ });
      let sent = 0;

      await begin('Екібасқан');
      await page.route('**/api/cases', async (route) => {
        sent += 1;
        // Whoever is impatient presses again before the answer is there.
        await open.click();
        await form.and(page.locator('[aria-busy="true"]')).waitFor();
        await route.continue();
      });
      await open.click();
      await heading.waitFor();
      expect([sent, (await ofName('Екібасқан')).length]).toEqual([1, 1]);

      await page.unroute('**/api/cases');
      await begin('Үзілген');
      await page.route('**/api/cases', async (route) => {
        await route.fetch();
        await route.abort();
      });
      await open.click();
      await form.getByText('Серверге қосылу мүмкін болмады.').waitFor();
      expect(await ofName('Үзілген')).toHaveLength(1);
      await page.unroute('**/api/cases');
      await open.click();
      await heading.waitFor();
      const [only, ...others] = await ofName('Үзілген');
      expect(others).toEqual([]);
      expect(await heading.textContent()).toBe(`Іс ${only.number}`);
      // The same name once more is another family.
      await begin('Үзілген');
      await open.click();
      await heading.waitFor();
      expect(await ofName('Үзілген')).toHaveLength(2);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'are found by an identity number or a telephone number of the family, which no address ever has',
    async () => {
      const [iin, phone] = ['880707400230', '8 702 613 00 17'];
      const input = { applicant: { surname: 'Құпиясы', given: 'Айгүл' }, phone };
      const { body } = await at.api.post('registrar', '/api/cases', { workflow: 'talk', input });
      const member = `/api/families/${body.subject}/members/1`;
      expect(await at.api.ask('registrar', 'PATCH', member, { body: { iin, revision: 1 } })).toMatchObject({
        status: 200,
      });

      const { page, errors, context } = await at.signedIn('registrar');
      const addresses: string[] = [];
      page.on('request', (request) => addresses.push(request.url()));
      page.on('framenavigated', (frame) => addresses.push(frame.url()));
      const found = page.getByRole('link', { name: 'Құпиясы Айгүл' });
      await page.getByRole('link', { name: 'Отбасылар' }).click();
      const asked = page.getByLabel('Отбасының нөмірі, аты-жөні');
      await asked.fill(iin);
      await page.getByRole('button', { name: 'Іздеу' }).click();
      await found.click();
      await page.getByRole('heading', { name: /^Отбасы / }).waitFor();
      await page.goBack();
      await found.waitFor();
      expect(await asked.inputValue()).toBe(iin);
      await asked.fill('900101300007');
      await page.getByRole('button', { name: 'Іздеу' }).click();
      await page.getByText('Ештеңе табылмады.').waitFor();
      await page.getByRole('link', { name: 'Отбасылар' }).click();
      await page.getByText('Отбасын аты-жөні, телефоны немесе нөмірі бойынша іздеңіз.').waitFor();
      expect(await asked.inputValue()).toBe('');

      await page.getByRole('link', { name: 'Істер', exact: true }).click();
      await page.getByLabel('Нөмірі, аты-жөні немесе телефоны').fill(phone);
      await page.getByRole('button', { name: 'Іздеу' }).click();
      await found.click();
      await page.getByRole('link', { name: body.number }).first().waitFor();
      expect(addresses.length).toBeGreaterThan(10);
      const bare = (address: string) => decodeURIComponent(address.replaceAll('+', ' ')).replace(/[\s()+-]/g, '');
      for (const secret of [iin, '900101300007', '7026130017'])
        expect(addresses.filter((address) => bare(address).includes(secret))).toEqual([]);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'are opened on the page of a family that has none open, where its earlier ones are listed',
    async () => {
      const { id, number } = await aCase('Қайтқан');
      await at.api.post('supervisor', `/api/cases/${id}/acts`, { act: 'cancel', reason: 'Көшті' });
      const { page, errors, context } = await at.signedIn('registrar');
      await page.goto(`${at.url}#/cases/${number}`);
      await page
        .locator('.family')
        .getByRole('link', { name: /^Отбасы / })
        .click();
      await page.getByRole('heading', { name: /^Отбасы / }).waitFor();
      await page.getByRole('link', { name: number }).waitFor();
      await page.getByRole('button', { name: 'Іс ашу: Әңгіме' }).click();
      await page.getByRole('button', { name: 'Іс ашу', exact: true }).click();
      await page.getByRole('heading', { name: /^Іс Q-/ }).waitFor();
      const opened = (await page.locator('h1').textContent())?.slice(3) ?? '';
      expect(await caseOf(opened)).toMatchObject({ status: 'active', subject: (await caseOf(number)).subject });
      await page
        .locator('.family')
        .getByRole('link', { name: /^Отбасы / })
        .click();
      await page.getByRole('heading', { name: 'Отбасының істері' }).waitFor();
      expect(await page.getByRole('button', { name: /^Іс ашу/ }).count()).toBe(0);
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );

  it(
    'are opened by nobody who may not',
    async () => {
      const { number } = await aCase('Көрінген');
      const { page, context } = await at.signedIn('lawyer');
      for (const place of ['families', `cases/${number}`]) {
        await page.goto(`${at.url}#/${place}`);
        await page.locator('h1').waitFor();
        expect(await page.getByRole('button', { name: /іс ашу|тоқтату/i }).count()).toBe(0);
      }
      await context.close();
    },
    HANG,
  );

  it(
    'are suspended, resumed, cancelled and reopened, each with a reason that the history keeps',
    async () => {
      const { number } = await aCase('Тоқтаған');
      const { page, errors, context } = await at.signedIn('supervisor');
      await page.goto(`${at.url}#/cases/${number}`);
      await page.getByRole('button', { name: 'Істі уақытша тоқтату' }).click();
      const form = page.locator('.acts form');
      await form.getByText('мерзімдері жүрмейді').waitFor();
      await form.getByRole('button', { name: 'Істі уақытша тоқтату' }).click();
      await form.getByText('Бұл өрісті толтырыңыз.').waitFor();
      await act(page, 'Істі уақытша тоқтату', 'Отбасы сапарда');
      expect(await caseOf(number)).toMatchObject({ status: 'suspended' });
      await act(page, 'Істі жалғастыру', 'Отбасы қайтты');
      expect(await caseOf(number)).toMatchObject({ status: 'active' });
      await act(page, 'Істі тоқтатып, жабу', 'Қате ашылған');
      expect(await caseOf(number)).toMatchObject({ status: 'cancelled' });
      await act(page, 'Істі қайта ашу', 'Қате емес екен');
      expect(await caseOf(number)).toMatchObject({ status: 'active' });
      for (const why of ['Отбасы сапарда', 'Отбасы қайтты', 'Қате ашылған', 'Қате емес екен'])
        await page.locator('.history').getByText(why, { exact: true }).waitFor();
      expect(errors).toEqual([]);
      await context.close();
    },
    HANG,
  );
});

it(
  'a task that goes before others is marked urgent, and says at what time it is due today',
  async () => {
    const { id, number } = await aCase('Асыққан');
    const { page, errors, context } = await at.signedIn('registrar', PHONE);
    const card = cardOf(page, number);
    await card.getByText('Шұғыл', { exact: true }).waitFor();
    expect(await card.locator('time').textContent()).toMatch(/^Мерзімі: \d{4} ж\. \d+ \S+, \d\d:\d\d$/);
    // At midnight as well, where what is not urgent would be due on the day before.
    const midnight = `update qamqor.tasks set due_at = '2099-12-31T00:00:00+05:00' where case_id = $1`;
    await at.api.database.pool('owner').query(midnight, [id]);
    await page.reload();
    await card.getByText('2099 ж. 31 жел., 00:00').waitFor();
    expect(errors).toEqual([]);
    await context.close();
  },
  HANG,
);
