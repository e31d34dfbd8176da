import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { parse } from 'yaml';
import { PROBLEMS } from '../src/api/errors.js';
import { projectPath } from '../src/platform/project-root.js';
import { type Answer, ApiFixture, PASSWORD } from './api.js';
import { Partner, say, settled } from './partner.js';

const text = (en: string) => ({ kk: en, ru: en, en });
/** One case that has everything at once: a task, a hand-off, a certificate, an incident. */
const workflow = {
  id: 'everything',
  title: text('Everything'),
  stages: { all: text('All') },
  context: { familyId: '= input.familyId' },
  events: { GO: { title: text('Go'), roles: [] }, BREAK: { title: text('Break'), roles: [] } },
  meta: { reopen: 'working' },
  delays: { month: '30 days' },
  initial: 'working',
  states: {
    working: {
      type: 'parallel',
      meta: { stage: 'all' },
      after: { month: 'over' },
      on: {
        GO: { actions: { type: 'notify', params: { template: 'not-written-yet' } } },
        BREAK: { guard: '= context.familyId', target: 'over' },
      },
      onDone: 'over',
      states: {
        reading: asking('task', { form: 'offer', role: 'curator', deadline: '3 days' }),
        housing: asking('handOff', { partner: 'otbasy-bank', service: 'housing-advice', deadline: '10 days' }),
        paper: asking('service', { name: 'issueCertificate', familyId: '= context.familyId', course: 'sewing' }),
      },
    },
    over: { type: 'final' },
  },
};
function asking(src: string, input: object) {
  const states = {
    open: { invoke: { id: src, src, input, onDone: 'shut', onError: 'shut' } },
    shut: { type: 'final' },
  };
  return { initial: 'open', states };
}
const offer = {
  'x-version': 1,
  'x-title': text('Offer'),
  type: 'object',
  properties: {
    course: { type: 'string', enum: ['sewing'], 'x-title': text('Course'), 'x-labels': { sewing: text('Sewing') } },
  },
};

let api: ApiFixture;
let bank: Partner;
beforeAll(async () => {
  bank = await Partner.start();
  api = await ApiFixture.create({ partners: { 'otbasy-bank': { url: bank.url, secret: bank.secret } } });
  await api.deploy(workflow, {
    'forms/offer.yaml': offer,
    'input.yaml': { type: 'object', required: ['familyId'], properties: { familyId: { type: 'string' } } },
    'documents/certificate.yaml': parse(
      readFileSync(projectPath('workflows', 'course-track', 'documents', 'certificate.yaml'), 'utf8'),
    ) as object,
  });
});
afterAll(async () => {
  await api.close();
  await bank.close();
});

interface Routes {
  printRoutes(options: { commonPrefix: false }): string;
  hasRoute(route: { method: string; url: string }): boolean;
}
const router = () => api.app.getHttpAdapter().getInstance() as unknown as Routes;

/** What Fastify answers to, from its own picture of it: a tree of parts, each with its methods. */
function routes(): string[] {
  const parts: string[] = [];
  return router()
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, before = '', part = '', methods = ''] = /^([\s│├└─]*)(\S+) \(([A-Z, ]+)\)$/.exec(line) ?? [];
      if (!part) return [];
      const depth = before.length / 4 - 1;
      parts.splice(depth, parts.length, part);
      return methods.split(', ').map((method) => `${method} ${parts.join('')}`);
    });
}

/** Addresses that tell about the API, or are the page that uses it, and are no part of it. */
const ABOUT = /^\w+ \/(api\/(docs|openapi\.(json|yaml)$)|page\/|$|\*$)/;
const operations = () =>
  Object.entries(api.contract.document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
const NOTHING = '019f0000-0000-7000-8000-000000000000';

describe('the document', () => {
  it('is an OpenAPI 3.1 description by the rules of that', async () => {
    const { body } = await api.get(null, '/api/openapi.json');
    const { valid, errors } = await new Validator().validate(body);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    const named = new Set(Object.keys(body.components.schemas).map((name) => `#/components/schemas/${name}`));
    const used = [...JSON.stringify(body).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => String(ref));
    expect(used.filter((ref) => !named.has(ref))).toEqual([]);
  });

  it('says of which operations nobody needs to sign in, and that partners sign instead', () => {
    const { paths } = api.contract.document as unknown as {
      paths: Record<string, Record<string, { security?: object[]; parameters: { name: string; required: boolean }[] }>>;
    };
    const open = operations().filter((operation) => {
      const [method = '', path = ''] = operation.split(' ');
      return paths[path]?.[method.toLowerCase()]?.security?.some((scheme) => Object.keys(scheme).length === 0);
    });
    expect(open).toContain('POST /api/handoffs/{id}/events');
    expect(open).toContain('POST /api/auth/sign-in/email');
    expect(open).not.toContain('GET /api/handoffs');
    const needed = paths['/api/handoffs/{id}/events']?.['post']?.parameters.filter(({ required }) => required);
    expect(needed?.map(({ name }) => name).sort()).toEqual([
      'id',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
    ]);
  });

  it('names every route that there is', () => {
    const answered = routes().filter((route) => !route.startsWith('HEAD ') && !ABOUT.test(route));
    expect(answered.length).toBeGreaterThan(30);
    expect(answered.map((route) => route.replace(/:(\w+)/g, '{$1}')).sort()).toEqual(operations().sort());
  });

  it('names no route that there is not', () => {
    for (const operation of operations()) {
      const [method = '', path = ''] = operation.split(' ');
      const url = path.replace(/\{(\w+)\}/g, ':$1');
      expect({ operation, there: router().hasRoute({ method, url }) }).toEqual({ operation, there: true });
    }
  });

  it('keeps every promise it makes: each success that it names was seen, in the form that it says', async () => {
    await everySuccess();
    expect(api.contract.promised.filter((promise) => !api.contract.seen.has(promise))).toEqual([]);
  });
});

/** One way to each success of the document. */
async function everySuccess(): Promise<void> {
  const ok = async (answer: Promise<Answer>) => {
    const { status, body } = await answer;
    expect(status < 300 ? 'a success' : { status, body }).toBe('a success');
    return body;
  };
  const applicant = { surname: 'Өмірзақова', given: 'Әсем' };
  const { id, subject } = await ok(
    api.post('registrar', '/api/cases', { workflow: 'everything', input: { applicant, language: 'kk' } }),
  );
  await settled(api.system);

  const [task] = (await ok(api.get('curator', '/api/tasks?view=available'))).items;
  await ok(api.get('curator', `/api/tasks/${task.id}`));
  await ok(api.get('supervisor', `/api/tasks/${task.id}/assignees`));
  const curator = await api.account('curator');
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const act = (name: string, body: object = {}) => ok(api.post('curator', `/api/tasks/${task.id}/${name}`, body));
  await act('claim');
  await ok(api.ask('curator', 'PUT', `/api/tasks/${task.id}/draft`, { body: { data: { course: 'sewing' } } }));
  await act('hold', { until, reason: 'The family is away.' });
  await act('claim');
  await act('release');
  await ok(api.post('supervisor', `/api/tasks/${task.id}/assign`, { assignee: curator.account }));

  expect((await api.post('curator', `/api/cases/${id}/events`, { type: 'BREAK' })).body.code).toBe('case-incident');
  const onlyIncident = async () =>
    (await ok(api.get('supervisor', `/api/incidents?caseId=${id}&status=open`))).items[0];
  const reason = 'It was put right.';
  await ok(api.post('supervisor', `/api/incidents/${(await onlyIncident()).id}/resolve`, { reason }));
  await ok(api.post('curator', `/api/cases/${id}/events`, { type: 'GO' }));
  await settled(api.system);
  await ok(api.post('supervisor', `/api/incidents/${(await onlyIncident()).id}/retry`, { reason }));

  await ok(api.get('lawyer', `/api/families?ids=${subject}`));
  await ok(api.post('lawyer', '/api/families/search', { q: 'Өмірзақова' }));
  await ok(api.get('lawyer', `/api/families/${subject}`));
  const correction = { phone: '8 701 000 00 01', categories: ['large'], revision: 1 };
  await ok(api.ask('curator', 'PATCH', `/api/families/${subject}`, { body: correction }));
  const members = `/api/families/${subject}/members`;
  await ok(api.post('registrar', members, { given: 'Дана', relation: 'child' }));
  await ok(api.ask('curator', 'PATCH', `${members}/2`, { body: { birthDate: '2015-04-03', revision: 1 } }));
  const families = `/api/families/${subject}/consents`;
  const consent = { partner: 'otbasy-bank', given: true, how: 'in-person' };
  await ok(api.ask('curator', 'PUT', families, { body: consent }));
  await ok(api.get('lawyer', families));
  await ok(api.get('auditor', '/api/partners'));
  await settled(api.system);
  const [handoff] = (await ok(api.get('adviser', '/api/handoffs'))).items;
  await ok(say(api, bank, handoff.id, { eventId: 'a', type: 'acknowledged' }));
  await ok(say(api, bank, handoff.id, { eventId: 'p', type: 'papers_requested' }));
  await ok(api.post('adviser', `/api/handoffs/${handoff.id}/supply`, { note: 'They are on the desk.' }));
  await ok(say(api, bank, handoff.id, { eventId: 'd', type: 'done', result: { number: '7' } }));

  const other = { applicant: { surname: 'Сейітқызы', given: 'Дана' }, language: 'ru' };
  const left = await ok(api.post('registrar', '/api/cases', { workflow: 'everything', input: other }));
  const [draft] = (await ok(api.get('curator', `/api/handoffs?caseId=${left.id}`))).items;
  await ok(api.post('curator', `/api/handoffs/${draft.id}/recall`, { reason: 'They have moved away.' }));

  const [certificate] = (await ok(api.get('trainer', `/api/certificates?caseId=${id}`))).items;
  await ok(api.get(null, `/api/certificates/${certificate.number}`));
  await ok(api.get(null, `/certificates/${certificate.number}`));
  await ok(api.get('trainer', `/api/certificates/${certificate.number}/pdf`));
  await ok(api.post('director', `/api/certificates/${certificate.number}/revoke`, { reason: 'A name is misspelt.' }));

  await act('complete', { output: { course: 'sewing' } });
  const pages = ['journal', 'waits', 'history', 'answers', 'drawing'].map((page) => `/${id}/${page}`);
  for (const path of ['', `/${id}`, ...pages]) await ok(api.get('auditor', `/api/cases${path}`));
  await ok(api.get('auditor', '/api/access-log'));
  await ok(api.post('supervisor', `/api/cases/${id}/acts`, { act: 'reopen', reason: 'There is more to do.' }));

  for (const path of ['board?workflow=everything', 'escalations', 'notifications', 'live?once=true', 'roles'])
    await ok(api.get('auditor', `/api/${path}`));

  const small = { id: 'small', title: text('Small'), initial: 'a', states: { a: { type: 'final' } } };
  const files = { 'workflow.yaml': JSON.stringify(small) };
  for (const status of [201, 200])
    expect(await api.post('integration', '/api/workflows', { files })).toMatchObject({ status });
  for (const path of ['/api/workflows', '/api/workflows/small']) await ok(api.get('integration', path));

  await ok(api.get('integration', '/metrics'));
  for (const path of ['/api/errors', '/health/live', '/health/ready', '/api/auth/get-session'])
    await ok(api.get(null, path));
  const { email } = await api.account('lawyer');
  await ok(api.post(null, '/api/auth/sign-in/email', { email, password: PASSWORD }));
  await ok(
    api.post('lawyer', '/api/auth/change-password', { currentPassword: PASSWORD, newPassword: `${PASSWORD} anew` }),
  );
  await ok(api.post('psychologist', '/api/auth/sign-out'));
}

describe('a refusal', () => {
  it.each(['kk', 'ru', 'en'] as const)(
    'of every operation has its code in the list, and says it in %s',
    async (language) => {
      await api.account('anybody', ['supervisor', 'administrator']);
      for (const operation of operations()) {
        const [method = '', path = ''] = operation.split(' ');
        const url = `${path.replace(/\{\w+\}/, NOTHING)}?nonsense=1`;
        const answer = await api.ask('anybody', method, url, { headers: { 'accept-language': language } });
        const { status, headers, body } = answer;
        expect({ operation, status, code: body.code }).toEqual({ operation, status: 400, code: 'unknown-field' });
        expect(headers['content-type']).toMatch(/^application\/problem\+json/);
        expect(headers['content-language']).toBe(language);
        expect(body.title).toBe(PROBLEMS['unknown-field']?.title[language]);
      }
    },
  );
});

describe('a closed door', () => {
  it.each([
    '/api/cases/',
    '//api/cases',
    '/api//cases',
    '/API/cases',
    '/api/Cases',
    '/api/cases/%2e',
    '/api/cases/..%2fcases',
    '/api/cases;x=1',
    '/api/cases%2f',
    '/api/./cases',
    '/api/docs/../cases',
    '/api/cases?_method=GET',
  ])('stays closed when it is written as %s', async (url) => {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const answer = await api.ask(null, method, url, {
        headers: { 'x-http-method-override': 'GET', 'x-forwarded-for': '127.0.0.1', 'x-original-url': '/health/live' },
      });
      expect([400, 401, 404, 405]).toContain(answer.status);
    }
  });

  it('is closed to HEAD as well', async () => {
    for (const route of routes()) {
      const [method = '', path = ''] = route.split(' ');
      if (method !== 'HEAD' || ABOUT.test(route)) continue;
      const url = path.replace(/:\w+/, NOTHING);
      const [get, head] = [await api.get(null, url), await api.ask(null, 'HEAD', url)];
      expect({ route, status: head.status }).toEqual({ route, status: get.status });
    }
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
