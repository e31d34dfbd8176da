import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture, PASSWORD } from '../../test/api.js';
import { visit, visitFiles, visitsOf } from '../../test/visits.js';
import { sessionCookie } from '../identity/auth.js';

const text = (en: string) => ({ kk: en, ru: en, en });

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(visit, visitFiles);
});
afterAll(() => api.close());
const { open, send } = visitsOf(() => api);

describe('a workflow', () => {
  const files = (workflow: object, more: Record<string, string> = {}) => ({
    files: { 'workflow.yaml': JSON.stringify(workflow), ...more },
  });
  const small = {
    id: 'small',
    title: text('Small'),
    stages: { first: text('First') },
    events: { GO: { title: text('Go'), roles: ['curator'] } },
    delays: { patience: '3 days' },
    initial: 'a',
    states: {
      a: { meta: { stage: 'first', title: text('A') }, on: { GO: 'b' }, after: { patience: 'b' } },
      b: { type: 'final' },
    },
  };

  it('is deployed once, is the same version for the same content, and a new one for another', async () => {
    const first = await api.post('integration', '/api/workflows', files(small));
    expect(first).toMatchObject({
      status: 201,
      body: { key: 'small', version: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(await api.post('administrator', '/api/workflows', files(small))).toMatchObject({
      status: 200,
      body: first.body,
    });
    expect(
      await api.post('administrator', '/api/workflows', files({ ...small, title: text('Smaller') })),
    ).toMatchObject({ status: 201, body: { version: 2 } });
    expect((await api.get('curator', '/api/workflows/small')).body).toMatchObject({
      key: 'small',
      version: 2,
      title: text('Smaller'),
      events: [{ type: 'GO' }],
    });
    expect((await api.get('curator', '/api/workflows')).body.items).toContainEqual({ key: 'small', version: 2 });
  });

  it('that is broken, huge or cyclic is refused with findings', async () => {
    const broken = await api.post(
      'administrator',
      '/api/workflows',
      files({ ...small, states: { a: { on: { GO: 'nowhere' } } } }),
    );
    expect(broken).toMatchObject({ status: 422, body: { code: 'workflow-refused' } });
    expect(broken.body.findings.length).toBeGreaterThan(0);
    expect(
      await api.post('administrator', '/api/workflows', { files: { 'workflow.yaml': 'a: &a [*a]' } }),
    ).toMatchObject({ status: 422, body: { code: 'workflow-refused' } });
    expect(await api.post('administrator', '/api/workflows', { files: {} })).toMatchObject({ status: 422 });
    expect(
      await api.post('administrator', '/api/workflows', { files: { 'workflow.yaml': 'x'.repeat(1024 * 1024) } }),
    ).toMatchObject({ status: 413, body: { code: 'too-large' } });
    const half = await api.post('administrator', '/api/workflows', {
      files: { 'workflow.yaml': `# ${'x'.repeat(600 * 1024)}\n${JSON.stringify(small)}` },
    });
    expect([200, 201]).toContain(half.status);
  });

  it.each([
    ['is misspelt', '= context.tyes', /tyes/],
    ['cannot be read', '= context.yes and (', /context\.yes/],
    ['calls what is not there', '= shout(context.yes)', /shout/],
    ['calls itself', '= {f: function(n) f(n), yes: f(1)}.yes', /function/i],
  ])(
    'with an expression that %s is refused, says which and where, and nothing is deployed',
    async (_what, guard, word) => {
      const chart = {
        ...small,
        id: 'guarded',
        context: { yes: true },
        contextSchema: { type: 'object', additionalProperties: false, properties: { yes: { type: 'boolean' } } },
        states: { a: { on: { GO: { guard, target: 'b' } } }, b: { type: 'final' } },
      };
      const refused = await api.post('administrator', '/api/workflows', files(chart));
      expect(refused).toMatchObject({ status: 422, body: { code: 'workflow-refused' } });
      const found = refused.body.findings as { state: string; message: string; hint: string }[];
      expect(found.filter(({ state, message }) => state === 'a' && word.test(message))).not.toEqual([]);
      expect((await api.get('curator', '/api/workflows/guarded')).status).toBe(404);
    },
  );

  it('that comes twice with one key is answered as the first time: new', async () => {
    const key = { 'idempotency-key': 'deploy-once' };
    const once = files({ ...small, id: 'once' });
    const first = await api.post('administrator', '/api/workflows', once, key);
    const second = await api.post('administrator', '/api/workflows', once, key);
    expect(first.status).toBe(201);
    expect(second).toMatchObject({ status: 201, body: first.body, headers: { 'idempotency-replayed': 'true' } });
    expect((await api.post('administrator', '/api/workflows', once)).status).toBe(200);
  });

  it('is not for a curator to deploy', async () => {
    expect(await api.post('curator', '/api/workflows', files(small))).toMatchObject({
      status: 403,
      body: { code: 'no-right' },
    });
  });

  it('whose always never ends stops its own case with an incident, and others go on', async () => {
    // Past the check, as if it had known no better.
    await api.deploy({
      ...small,
      id: 'endless',
      states: { a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
    });
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'endless', input: {} });
    expect(await send('curator', body.id, { type: 'GO' })).toMatchObject({
      status: 409,
      body: { code: 'case-incident', rule: 'endless', state: 'a' },
    });
    expect((await open()).status).toBe(201);
  });

  it('that ends and names no state to reopen from is not reopened', async () => {
    await api.deploy({ ...small, id: 'brief' });
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'brief', input: {} });
    expect((await send('curator', body.id, { type: 'GO' })).body.status).toBe('done');
    const reopen = { act: 'reopen', reason: 'There is more to do.' };
    expect(await api.post('supervisor', `/api/cases/${body.id}/acts`, reopen)).toMatchObject({
      status: 409,
      body: { code: 'not-reopenable' },
    });
  });

  it('that stumbles at its very start opens no case', async () => {
    await api.deploy({ ...small, id: 'stumbling', states: { a: { always: 'b' }, b: { always: 'a' } } });
    const stumbling = { workflow: 'stumbling', input: {} };
    expect(await api.post('registrar', '/api/cases', stumbling)).toMatchObject({
      status: 422,
      body: { code: 'workflow-cannot-start' },
    });
    expect((await api.get('curator', '/api/cases?workflow=stumbling')).body.items).toEqual([]);
  });

  it('in which a family could wait for ever is refused, and says where', async () => {
    const answer = await api.post(
      'administrator',
      '/api/workflows',
      files({ ...small, id: 'forever', states: { a: { on: { GO: 'b' } }, b: { type: 'final' } } }),
    );
    expect(answer).toMatchObject({ status: 422, body: { code: 'workflow-refused' } });
    expect(answer.body.findings[0]).toMatchObject({
      severity: 'error',
      state: 'a',
      message: expect.any(String),
      hint: expect.any(String),
    });
    expect((await api.get('curator', '/api/workflows/forever')).status).toBe(404);
  });
});

describe('what everybody may read', () => {
  it('the errors, with their texts', async () => {
    const { status, body } = await api.get(null, '/api/errors');
    expect(status).toBe(200);
    expect(body.items).toContainEqual(expect.objectContaining({ code: 'task-taken', status: 409 }));
  });

  it('whether the process is alive and ready', async () => {
    expect((await api.get(null, '/health/live')).body).toEqual({ status: 'ok' });
    expect((await api.get(null, '/health/ready')).body).toMatchObject({
      status: 'ok',
      checks: { database: { status: 'ok' } },
    });
  });

  it('how one signs in: by a cookie in a browser, by the API key in a program', async () => {
    const { body } = await api.get(null, '/api/openapi.json');
    expect(body.security).toEqual([{ session: [] }, { apiKey: [] }]);
    const { session, apiKey } = body.components.securitySchemes;
    expect(session).toMatchObject({ type: 'apiKey', in: 'cookie', name: 'qamqor.session_token' });
    expect(apiKey).toEqual({ type: 'http', scheme: 'bearer', description: expect.stringContaining('QAMQOR_API_KEY') });
    const signedIn = await api.post(null, '/api/auth/sign-in/email', {
      email: (await api.account('trainer')).email,
      password: PASSWORD,
    });
    expect(String(signedIn.headers['set-cookie'])).toMatch(new RegExp(`^${session.name}=`));
    expect(sessionCookie('https://qamqor.example.kz')).toBe(`__Secure-${session.name}`);
  });

  it('the description of the API, and a page for it that needs nobody else', async () => {
    const { body } = await api.get(null, '/api/openapi.json');
    expect(body).toMatchObject({
      openapi: '3.1.0',
      paths: { '/api/cases': { post: expect.anything() }, '/api/tasks/{id}/claim': { post: expect.anything() } },
    });
    const page = await api.get(null, '/api/docs');
    expect(page.status).toBe(200);
    expect(String(page.body)).not.toMatch(/(src|href)=["']https?:/);
    const assets = [...String(page.body).matchAll(/(?:src|href)="(\.[^"]+)"/g)].map(([, path]) => path);
    expect(assets.length).toBeGreaterThan(2);
    for (const asset of assets)
      expect((await api.get(null, new URL(String(asset), 'http://x/api/docs').pathname)).status).toBe(200);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
