import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';

let api: ApiFixture;
let ids: { case: string };
beforeAll(async () => {
  api = await ApiFixture.create();
  const text = { kk: 'a', ru: 'a', en: 'a' };
  await api.deploy(
    {
      id: 'plain',
      title: text,
      context: {},
      initial: 'a',
      states: { a: { invoke: { id: 't', src: 'task', input: { form: 'f', role: 'curator' } } } },
    },
    { 'forms/f.yaml': { type: 'object' } },
  );
  ids = { case: (await api.post('supervisor', '/api/cases', { workflow: 'plain', input: {} })).body.id };
  for (const name of ['curator', 'supervisor', 'auditor']) await api.get(name, '/api/cases');
});
afterAll(() => api.close());

/** What somebody who breaks in would like to read. */
const INSIDE =
  /relation|column|select |insert |update |\bfrom\b .*qamqor|qamqor\.\w+|pg_|postgres|node_modules|\.[tj]s\b|\n\s+at |\/src\/|\d+\.\d+\.\d+/i;
const owner = (statement: string) => api.database.pool('owner').query(statement);

describe('A65: an error that nobody expected', () => {
  beforeAll(async () => {
    api.errors.length = 0;
    for (const table of ['cases', 'tasks', 'incidents'])
      await owner(`alter table qamqor.${table} rename to ${table}_gone`);
  });
  afterAll(async () => {
    for (const table of ['cases', 'tasks', 'incidents'])
      await owner(`alter table qamqor.${table}_gone rename to ${table}`);
  });

  it.each<[string, string, string, string, object | undefined]>([
    ['kk', 'curator', 'GET', '/api/cases', undefined],
    ['ru', 'curator', 'GET', '/api/cases', undefined],
    ['en', 'curator', 'GET', '/api/cases', undefined],
    ['en', 'curator', 'GET', '/api/tasks', undefined],
    ['en', 'supervisor', 'GET', '/api/incidents', undefined],
    ['en', 'supervisor', 'GET', '/api/board', undefined],
    ['en', 'supervisor', 'POST', '/api/cases', { workflow: 'plain', input: {} }],
  ])(
    'tells (in %s, %s: %s %s) a reference by which the log finds it, and nothing of the inside',
    async (language, as, method, url, body) => {
      const answer = await api.ask(as, method, url, {
        headers: { 'accept-language': language },
        ...(body ? { body } : {}),
      });
      expect(answer).toMatchObject({ status: 500, body: { code: 'internal', reference: expect.any(String) } });
      const { type, reference, ...words } = answer.body;
      expect(Object.keys(words).sort()).toEqual(['code', 'detail', 'status', 'title']);
      expect(words.detail).toContain(reference);
      expect(JSON.stringify(words).replaceAll(reference, '')).not.toMatch(INSIDE);
      expect(type).toBe('/api/errors#internal');
      for (const header of ['server', 'x-powered-by', 'via']) expect(answer.headers[header]).toBeUndefined();
      // Whoever runs it finds what happened.
      expect(
        api.errors.some(
          (line) => line.includes(reference) && line.includes('_gone') === false && /does not exist/.test(line),
        ),
      ).toBe(true);
    },
  );

  it('is not told by the health of the process either', async () => {
    const answer = await api.get(null, '/health/ready');
    expect(JSON.stringify(answer.body)).not.toMatch(INSIDE);
  });

  it('passes: what was there is there', async () => {
    // Renamed back by then, in whatever order the examples run.
    for (const table of ['cases', 'tasks', 'incidents'])
      await owner(`alter table qamqor.${table}_gone rename to ${table}`);
    expect((await api.get('curator', `/api/cases/${ids.case}`)).status).toBe(200);
    for (const table of ['cases', 'tasks', 'incidents'])
      await owner(`alter table qamqor.${table} rename to ${table}_gone`);
  });
});

describe('A65: what only some may read', () => {
  it.each([['/metrics'], ['/admin/queues'], ['/api/incidents'], ['/api/access-log']])(
    'is not for strangers: %s',
    async (url) => {
      const response = await api.app.inject({ method: 'GET', url });
      expect([401, 404]).toContain(response.statusCode);
      expect(response.payload).not.toMatch(/# HELP|bull/i);
    },
  );
});
