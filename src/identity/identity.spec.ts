import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { API_KEY, ApiFixture, PASSWORD } from '../../test/api.js';
import { ORGANISATION } from '../system.js';
import { AccountsService } from './accounts.service.js';
import { createDemoAccounts, demoEmail, removeDemoAccounts } from './demo-accounts.js';
import { SignInLimit } from './sign-in-limit.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
});
afterAll(() => api.close());

const signIn = (email: string, password: string, headers: Record<string, string> = {}) =>
  api.post(null, '/api/auth/sign-in/email', { email, password }, headers);
const cookieOf = (answer: Awaited<ReturnType<typeof signIn>>) =>
  [answer.headers['set-cookie']]
    .flat()
    .map((line) => String(line).split(';')[0])
    .join('; ');

/** Only what the process believes to be the time is changed. */
const ALL_BUT_DATE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

describe('signing in', () => {
  it('answers with who one is and a cookie that scripts cannot read', async () => {
    const { account } = await api.account('curator');
    const answer = await signIn('Curator@test.qamqor', PASSWORD);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ user: { id: account, email: 'curator@test.qamqor', roles: ['curator'] } });
    expect(JSON.stringify(answer.body)).not.toContain('token');
    expect(String(answer.headers['set-cookie'])).toMatch(/^qamqor\.session_token=.*HttpOnly.*SameSite=Lax/i);
  });

  it('answers the same for a wrong password and an unknown account', async () => {
    await api.account('curator');
    const wrong = await signIn('curator@test.qamqor', 'nonsense');
    const unknown = await signIn('nobody@test.qamqor', 'nonsense');
    expect(wrong.status).toBe(401);
    expect(wrong.body).toEqual(unknown.body);
    expect(wrong.body).toMatchObject({ code: 'wrong-credentials' });
    expect(wrong.headers['set-cookie']).toBeUndefined();
  });

  it('gives a new session each time, and the old one dies at sign-out', async () => {
    await api.account('lawyer');
    const [first, second] = [
      cookieOf(await signIn('lawyer@test.qamqor', PASSWORD)),
      cookieOf(await signIn('lawyer@test.qamqor', PASSWORD)),
    ];
    expect(first).not.toBe(second);
    expect((await api.ask(null, 'POST', '/api/auth/sign-out', { headers: { cookie: first } })).status).toBe(200);
    expect((await api.get(null, '/api/tasks', { cookie: first })).status).toBe(401);
    expect((await api.get(null, '/api/tasks', { cookie: second })).status).toBe(200);
  });

  it('slows down after ten wrong passwords from one address, for that account only', async () => {
    await api.account('trainer');
    for (let attempt = 0; attempt < 10; attempt += 1)
      expect((await signIn('trainer@test.qamqor', 'wrong')).status).toBe(401);
    const limited = await signIn('trainer@test.qamqor', PASSWORD);
    expect(limited.status).toBe(429);
    expect(limited.body).toMatchObject({ code: 'limited' });
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    await api.account('adviser');
    expect((await signIn('adviser@test.qamqor', PASSWORD)).status).toBe(200);
  });

  it('slows down as much when they come all at once', async () => {
    const tries = await Promise.all(Array.from({ length: 25 }, () => signIn('guessed@test.qamqor', 'wrong')));
    expect(tries.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(tries.filter(({ status }) => status === 429)).toHaveLength(15);
  });

  it('counts no right password against the address from which many sign in', async () => {
    const limit = api.app.get(SignInLimit);
    for (let sent = 0; sent < 105; sent += 1) {
      await limit.take('somebody@test.qamqor', '203.0.113.7');
      await limit.succeeded('somebody@test.qamqor', '203.0.113.7');
    }
    await expect(limit.take('somebody@test.qamqor', '203.0.113.7')).resolves.toBeUndefined();
  });

  it('counts them by the address of the connection, whatever X-Forwarded-For claims', async () => {
    await api.account('director');
    const claim = (address: number) => ({ 'x-forwarded-for': `203.0.113.${address}` });
    for (let attempt = 0; attempt < 10; attempt += 1) await signIn('director@test.qamqor', 'wrong', claim(attempt));
    expect((await signIn('director@test.qamqor', PASSWORD, claim(99))).status).toBe(429);
  });

  it('offers no way to sign up, and nothing else of the library', async () => {
    for (const path of ['sign-up/email', 'update-user', 'delete-user', 'list-sessions', 'sign-in/social', 'ok']) {
      expect(
        (await api.post(null, `/api/auth/${path}`, { email: 'x@y.kz', password: 'abcdefgh', name: 'x' })).status,
      ).toBe(404);
    }
  });

  it('refuses a request from another site, also with a right password', async () => {
    await api.account('curator');
    expect(await signIn('curator@test.qamqor', PASSWORD, { 'sec-fetch-site': 'cross-site' })).toMatchObject({
      status: 403,
      body: { code: 'cross-site' },
    });
    expect(await signIn('curator@test.qamqor', PASSWORD, { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
    });
  });

  it('tells who is signed in, and nobody where nobody is', async () => {
    expect((await api.get('curator', '/api/auth/get-session')).body).toMatchObject({
      user: { email: 'curator@test.qamqor' },
    });
    expect((await api.get(null, '/api/auth/get-session')).body).toEqual({ user: null, expiresAt: null });
  });

  it('takes a new password only with the old one, and ends the other sessions', async () => {
    await api.account('coordinator');
    const [mine, other] = [
      cookieOf(await signIn('coordinator@test.qamqor', PASSWORD)),
      cookieOf(await signIn('coordinator@test.qamqor', PASSWORD)),
    ];
    const change = (currentPassword: string) =>
      api.post(
        null,
        '/api/auth/change-password',
        { currentPassword, newPassword: 'a new long password' },
        { cookie: mine },
      );
    expect((await change('wrong')).status).toBe(401);
    expect((await change(PASSWORD)).status).toBe(200);
    expect((await api.get(null, '/api/tasks', { cookie: other })).status).toBe(401);
    expect((await signIn('coordinator@test.qamqor', 'a new long password')).status).toBe(200);
  });
});

describe('a session that is over', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it("is nobody's, and swept away", async () => {
    await api.account('psychologist');
    const cookie = cookieOf(await signIn('psychologist@test.qamqor', PASSWORD));
    const owner = api.database.pool('owner');
    const { rows: alive } = await owner.query('select id from qamqor.account_sessions');
    await owner.query(
      `update qamqor.account_sessions set expires_at = clock_timestamp() - interval '1 second'
        where user_id = (select id from qamqor.accounts where name = 'psychologist')`,
    );
    expect((await api.get(null, '/api/tasks', { cookie })).status).toBe(401);
    await api.system.runtime.sweeper.sweep();
    const { rows: left } = await owner.query('select user_id from qamqor.account_sessions');
    expect(left).toHaveLength(alive.length - 1);
    expect((await api.get('curator', '/api/tasks')).status).toBe(200);
  });

  it("F26: is nobody's by the database's clock, although this process's clock is a day behind", async () => {
    await api.account('night-shift', ['curator']);
    const cookie = cookieOf(await signIn('night-shift@test.qamqor', PASSWORD));
    expect((await api.get(null, '/api/tasks', { cookie })).status).toBe(200);
    await api.database.pool('owner').query(
      `update qamqor.account_sessions set expires_at = clock_timestamp() - interval '1 second'
        where user_id = (select id from qamqor.accounts where name = 'night-shift')`,
    );
    jest.useFakeTimers({ now: Date.now() - 24 * 3600_000, doNotFake: [...ALL_BUT_DATE] });
    expect(await api.get(null, '/api/tasks', { cookie })).toMatchObject({ status: 401, body: { code: 'no-session' } });
    const change = { currentPassword: PASSWORD, newPassword: 'a new long password' };
    expect((await api.post(null, '/api/auth/change-password', change, { cookie })).status).toBe(401);
    expect((await api.get(null, '/api/auth/get-session', { cookie })).body).not.toHaveProperty('user.id');
  });
});

describe('accounts of the demonstration', () => {
  const enter = () => signIn(demoEmail('curator'), 'qamqor-demo');

  it('are there for every role and partner while it is on, and gone with their sessions when it is off', async () => {
    const accounts = api.app.get(AccountsService);
    expect((await enter()).status).toBe(401);
    const demo = { accounts, organisationId: ORGANISATION, password: 'qamqor-demo', partners: ['otbasy-bank'] };
    await createDemoAccounts(demo);
    for (const role of [...api.system.roles.staff, 'partner-otbasy-bank']) {
      expect(await accounts.principalByEmail(demoEmail(role))).toMatchObject({ roles: [role] });
    }
    const cookie = cookieOf(await enter());
    expect((await api.get(null, '/api/cases', { cookie })).status).toBe(200);

    await removeDemoAccounts(api.system.pool);
    expect((await api.get(null, '/api/cases', { cookie })).status).toBe(401);
    expect((await enter()).status).toBe(401);

    await createDemoAccounts(demo);
    expect((await enter()).status).toBe(200);
  });
});

describe('every address', () => {
  it.each([
    ['GET', '/api/cases'],
    ['POST', '/api/cases'],
    ['GET', '/api/cases/Q-000001'],
    ['GET', '/api/cases/Q-000001/journal'],
    ['POST', '/api/cases/Q-000001/events'],
    ['POST', '/api/cases/Q-000001/acts'],
    ['GET', '/api/tasks'],
    ['POST', '/api/tasks/x/claim'],
    ['POST', '/api/tasks/x/complete'],
    ['PUT', '/api/tasks/x/draft'],
    ['GET', '/api/incidents'],
    ['POST', '/api/incidents/x/retry'],
    ['POST', '/api/workflows'],
    ['GET', '/api/workflows/x'],
  ])('%s %s is closed without a session', async (method, url) => {
    const answer = await api.ask(null, method, url, method === 'GET' ? {} : { body: {} });
    expect(answer).toMatchObject({ status: 401, body: { code: 'no-session' } });
  });

  it.each([
    '/api/cases/',
    '//api/cases',
    '/API/CASES',
    '/api/cases;x=1',
    '/api/%63ases',
    '/api/cases/%2e',
    '/api/./cases',
    '/api/cases?x=%00',
  ])('is not reached around its guard by %s', async (url) => {
    expect([400, 401, 404]).toContain((await api.get(null, url)).status);
  });

  it('takes the API key as the account integration, and no other', async () => {
    expect((await api.get('integration', '/api/cases')).status).toBe(200);
    for (const authorization of [
      `Bearer ${API_KEY}x`,
      `Bearer ${API_KEY.slice(1)}`,
      'Bearer',
      `Basic ${API_KEY}`,
      API_KEY,
    ]) {
      expect((await api.get(null, '/api/cases', { authorization })).status).toBe(401);
    }
  });

  it('is closed at the very next request for a role that was taken away and an account that was disabled', async () => {
    const { account } = await api.account('registrar');
    expect((await api.get('registrar', '/api/cases')).status).toBe(200);
    await api.database.pool('app').query('delete from qamqor.account_roles where account_id = $1', [account]);
    expect((await api.get('registrar', '/api/cases')).status).toBe(403);
    await api.app.get(AccountsService).disable(account);
    expect((await api.get('registrar', '/api/cases')).status).toBe(401);
    expect((await signIn('registrar@test.qamqor', PASSWORD)).status).toBe(401);
  });

  it('carries the headers that keep a browser safe, errors included', async () => {
    for (const url of ['/api/cases', '/api/nothing', '/api/errors', '/health/live']) {
      const { headers } = await api.get(null, url);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      if (url.startsWith('/api/')) expect(headers['cache-control']).toBe('no-store');
    }
  });
});
