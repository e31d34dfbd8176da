import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture, PASSWORD } from '../test/api.js';
import { openBrowser, visit } from '../test/browser.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create({}, undefined, undefined, { queues: true });
});
afterAll(() => api.close());

const look = (as: string | null, url: string) => api.ask(as, 'GET', url);

describe('the board of the queues', () => {
  it('is shown to administrators, with every queue and nothing to change it by', async () => {
    const { status, body } = await look('administrator', '/admin/queues/api/queues');
    expect(status).toBe(200);
    const queues = body.queues as { name: string; readOnlyMode: boolean }[];
    expect(queues.map(({ name }) => name).sort()).toEqual(['handoffs', 'outbox', 'services']);
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
    const page = await look('administrator', '/admin/queues/');
    expect(page.status).toBe(200);
    expect(page.body).toContain('<title>Qamqor</title>');
  });

  it.each(['/admin/queues', '/admin/queues/', '/admin/queues/api/queues', '/admin/queues/static/js/main.js'])(
    'belongs to nobody else: %s',
    async (url) => {
      expect(await look(null, url)).toMatchObject({ status: 401, body: { code: 'no-session' } });
      for (const role of ['director', 'curator', 'partner-atameken'])
        expect(await look(role, url)).toMatchObject({ status: 403, body: { code: 'no-right' } });
    },
  );

  it('cannot be used to change anything', async () => {
    for (const [method, url] of [
      ['PUT', '/admin/queues/api/queues/outbox/pause'],
      ['PUT', '/admin/queues/api/queues/outbox/clean/wait'],
      ['PUT', '/admin/queues/api/queues/outbox/obliterate'],
      ['POST', '/admin/queues/api/queues/outbox/add'],
    ] as const)
      expect((await api.ask('administrator', method, url, { body: {} })).status).toBe(404);
    expect(await api.system.queues?.queue('outbox').isPaused()).toBe(false);
  });

  it('works in a browser, under our own rules of what a page may load', async () => {
    await api.account('administrator');
    await api.app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(api.app.getHttpServer().address() as AddressInfo).port}`;
    const browser = await openBrowser();
    try {
      const { page, errors } = await visit(browser, url);
      await page.request.post(`${url}/api/auth/sign-in/email`, {
        data: { email: 'administrator@test.qamqor', password: PASSWORD },
      });
      await page.goto(`${url}/admin/queues`);
      for (const queue of ['handoffs', 'outbox', 'services']) await page.getByText(queue).first().waitFor();
      // Its letters from elsewhere are the one thing that is refused.
      expect(errors.filter((error) => !error.includes('fonts.googleapis.com'))).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 60_000);
});
