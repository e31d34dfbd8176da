import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { ApiFixture, PASSWORD } from './api.js';
import { openBrowser, visit } from './browser.js';
import { Partner } from './partner.js';
import { TWO_STEPS } from './two-steps.js';

const PAPER = TWO_STEPS.files['forms/paper.yaml'];
const title = (kk: string) => ({ kk, ru: kk, en: kk });
/** With lists: of records, which may be empty, and of numbers. */
const LISTS = {
  ...PAPER,
  required: [...PAPER.required, 'learners', 'applicants'],
  // Who is not ready says why.
  if: { required: ['ready'], properties: { ready: { const: false } } },
  // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
  then: { required: ['why'] },
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
    why: { type: 'string', 'x-title': title('Неліктен') },
    applicants: { type: 'array', 'x-title': title('Өтініш берушілер'), items: { type: 'integer', minimum: 1 } },
  },
};

/** `BREAK` cannot be decided: whoever sends it makes an incident. `LEAVE` is offered to everybody, and refused. */
const BREAKING = {
  ...TWO_STEPS.workflow,
  events: {
    ...TWO_STEPS.workflow.events,
    BREAK: { title: title('Бұзу'), roles: ['registrar'] },
    LEAVE: { title: title('Кету'), roles: ['registrar'], refused: title('Алдымен қағазды толтырыңыз.') },
  },
  states: {
    ...TWO_STEPS.workflow.states,
    first: {
      ...TWO_STEPS.workflow.states.first,
      on: {
        ...TWO_STEPS.workflow.states.first.on,
        BREAK: { guard: '= "maybe"', target: 'ended' },
        LEAVE: { guard: '= list contains(by.roles, "director")', target: 'ended' },
      },
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

/** Asks a partner, and is over whatever it says. */
export const REFERRAL = {
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

/** The first page in a browser, over an application with a partner and cases of its own. */
export class PageFixture {
  private constructor(
    readonly api: ApiFixture,
    readonly partner: Partner,
    readonly browser: Browser,
    readonly url: string,
  ) {}

  /** `shipped`: with the project's own workflows instead of small ones. */
  static async open({ shipped = false } = {}): Promise<PageFixture> {
    const partner = await Partner.start();
    const api = await ApiFixture.create({ partners: { atameken: { url: partner.url, secret: partner.secret } } });
    if (shipped) await api.system.deployFolder();
    else {
      await api.deploy(BREAKING, { 'forms/paper.yaml': LISTS });
      await api.deploy(CROWD, { 'forms/paper.yaml': PAPER });
      await api.deploy(REFERRAL);
    }
    for (const name of ['registrar', 'supervisor']) await api.account(name);
    await api.account('aigul', ['registrar']);
    await api.app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(api.app.getHttpServer().address() as AddressInfo).port}/`;
    return new PageFixture(api, partner, await openBrowser(), url);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.api.close();
    await this.partner.close();
  }

  async newCase(): Promise<{ id: string; number: string }> {
    const { body } = await this.api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    return body;
  }

  async signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
    await page.getByLabel('Электрондық пошта').fill(`${name}@test.qamqor`);
    await page.getByLabel('Құпиясөз').fill(password);
    await page.getByRole('button', { name: 'Кіру' }).click();
  }

  async signedIn(name: string, size?: { width: number; height: number }) {
    const visitor = await visit(this.browser, this.url, size);
    await this.signIn(visitor.page, name);
    await visitor.page.getByRole('button', { name: 'Шығу' }).waitFor();
    return visitor;
  }

  /** With an incident: it could not decide what to do. */
  async brokenCase(): Promise<{ id: string; number: string }> {
    const made = await this.newCase();
    const { body } = await this.api.post('registrar', `/api/cases/${made.id}/events`, { type: 'BREAK' });
    if (body.code !== 'case-incident') throw new Error(`The case is not broken: ${JSON.stringify(body)}`);
    return made;
  }

  async referred(): Promise<{ id: string; number: string; handoff: string }> {
    const { body } = await this.api.post('supervisor', '/api/cases', { workflow: 'referral', input: {} });
    const sent = `update qamqor.handoffs set status = 'sent', sent_at = opened_at where case_id = $1 returning id`;
    const { rows } = await this.api.database.pool('owner').query<{ id: string }>(sent, [body.id]);
    return { id: body.id, number: body.number, handoff: rows[0]?.id ?? '' };
  }
}

export async function claimed(page: Page, number: string): Promise<void> {
  await cardOf(page, number).getByRole('button', { name: 'Орындауға алу' }).click();
  await page.getByRole('button', { name: 'Аяқтау' }).waitFor();
}

export const cardOf = (page: Page, number: string) => page.locator('li.task', { hasText: number });
