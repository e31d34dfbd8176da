import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture, PASSWORD } from '../../test/api.js';
import { TcpProxy } from '../../test/proxy.js';

let api: ApiFixture;
let proxy: TcpProxy;
beforeAll(async () => {
  api = await ApiFixture.create({}, async (url) => {
    const detour = await TcpProxy.before(url);
    proxy = detour.proxy;
    return detour.url;
  });
  await api.account('curator');
  expect((await api.get('curator', '/api/cases')).status).toBe(200);
});
afterAll(async () => {
  await api.close();
  await proxy.close();
});

describe('while the database is away', () => {
  beforeAll(() => proxy.refuse());
  afterAll(() => proxy.restore());

  it.each([
    ['curator', 'GET', '/api/cases', undefined],
    ['curator', 'POST', '/api/cases', { workflow: 'x', input: {} }],
    ['curator', 'GET', '/api/tasks', undefined],
    ['integration', 'GET', '/api/workflows', undefined],
    [null, 'POST', '/api/auth/sign-in/email', { email: 'curator@test.qamqor', password: PASSWORD }],
    ['curator', 'GET', '/api/auth/get-session', undefined],
  ])('%s is told 503 at %s %s, when to come back, and nothing else', async (as, method, url, body) => {
    const answer = await api.ask(as, method, url, body ? { body } : {});
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable', status: 503 } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|postgres|127\.0\.0\.1/);
  });

  it('the process says that it lives and is not ready', async () => {
    expect((await api.get(null, '/health/live')).status).toBe(200);
    expect(await api.get(null, '/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'away', checks: { database: { status: 'away' } } },
    });
  });

  it('the figures are there, and say that they are not all', async () => {
    const figures = await api.get('integration', '/metrics');
    expect(figures.status).toBe(200);
    expect(String(figures.body)).toMatch(/^qamqor_figures_complete(\{[^}]*\})? 0$/m);
    expect((await api.get(null, '/metrics')).status).toBe(401);
  });

  it('what needs no database is answered', async () => {
    expect((await api.get(null, '/api/errors')).status).toBe(200);
    expect((await api.get(null, '/api/nothing')).status).toBe(404);
  });
});

it('everything is as before when it is back', async () => {
  expect((await api.get('curator', '/api/cases')).status).toBe(200);
  expect((await api.get(null, '/health/ready')).body.status).toBe('ok');
});
