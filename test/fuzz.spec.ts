import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { PROBLEMS } from '../src/api/errors.js';
import type { ApiFixture, Ask } from './api.js';
import { HandoffTown, referral } from './handoffs.js';
import { type Partner, say } from './partner.js';

const full = process.env.QAMQOR_TEST === 'full';
const REQUESTS = full ? 50_000 : 5_000;
const LONG_MS = full ? 3_600_000 : 240_000;
const SEED = Number(process.env.QAMQOR_TEST_SEED ?? Date.now() % 2 ** 31);

const text = (en: string) => ({ kk: en, ru: en, en });
const chart = {
  id: 'fuzzed',
  title: text('Fuzzed'),
  meta: { reopen: 'asking' },
  context: { count: 0 },
  events: {
    TELL: { title: text('Tell'), roles: ['supervisor'] },
    GO: { title: text('Go'), roles: [], schema: { type: 'object', properties: { by: { type: 'number' } } } },
    BACK: { title: text('Back'), roles: ['curator'] },
  },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'ask',
        src: 'task',
        input: { form: 'answer', role: 'curator', deadline: '1 day' },
        onDone: { guard: '= event.output.ok = true', target: 'asked' },
      },
      on: {
        GO: { actions: { type: 'set', params: { count: '= context.count + 1' } } },
        TELL: { actions: { type: 'notify', params: { template: 'not-written-yet' } } },
      },
    },
    asked: { on: { BACK: 'asking' } },
  },
};
const form = {
  type: 'object',
  additionalProperties: false,
  properties: { ok: { type: 'boolean' }, note: { type: 'string', 'x-personal': true } },
};

const certified = {
  id: 'certified',
  title: text('Certified'),
  context: { familyId: '= input.familyId' },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'issue',
        src: 'service',
        input: { name: 'issueCertificate', familyId: '= context.familyId', course: 'sewing' },
        onDone: 'issued',
      },
    },
    issued: { type: 'final' },
  },
};

const offer = {
  'x-title': text('Offer'),
  type: 'object',
  properties: {
    course: { type: 'string', enum: ['sewing'], 'x-title': text('Course'), 'x-labels': { sewing: text('Sewing') } },
  },
};

let town: HandoffTown;
let api: ApiFixture;
let bank: Partner;
/** What is there, by the noun before its `:id`. */
const known: Record<string, string[]> = {};
const unhandled: unknown[] = [];
const hear = (error: unknown) => void unhandled.push(error);
beforeAll(async () => {
  process.on('unhandledRejection', hear);
  town = await HandoffTown.create([referral('asked', 'otbasy-bank', 'housing-advice')]);
  ({ api, bank } = town);
  await api.deploy(chart, { 'forms/answer.yaml': form });
  await api.deploy(certified, {
    'forms/offer.yaml': offer,
    'input.yaml': { type: 'object', properties: { familyId: { type: 'string' } } },
    'documents/certificate.yaml': parse(
      readFileSync('workflows/course-track/documents/certificate.yaml', 'utf8'),
    ) as object,
  });
  known.families = [await town.family(), await town.family()];
  const [familyId] = known.families;
  const open = async (workflow: string, input: object) =>
    (await api.post('supervisor', '/api/cases', { workflow, input })).body.id as string;
  known.cases = ['Q-000001', await open('certified', { familyId })];
  for (let count = 0; count < 40; count += 1) known.cases.push(await open('fuzzed', {}));
  for (const id of known.cases.slice(-10)) await api.post('supervisor', `/api/cases/${id}/events`, { type: 'TELL' });
  for (let count = 0; count < 20; count += 1) known.cases.push((await town.open('asked')).id);
  await town.settled();
  const ids = async (path: string, name = 'id') =>
    (await api.get('supervisor', path)).body.items.map((item: Record<string, string>) => item[name]);
  known.tasks = await ids('/api/tasks?view=all&limit=200');
  known.incidents = await ids('/api/incidents');
  known.handoffs = await ids('/api/handoffs?limit=200');
  known.certificates = await ids(`/api/certificates?caseId=${known.cases[1]}`, 'number');
  known.workflows = await ids('/api/workflows', 'key');
}, 60_000);
afterAll(async () => {
  process.off('unhandledRejection', hear);
  await town.close();
});

/** Texts that broke somebody's software once. */
const nasty = fc.constantFrom(
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '﷽',
  '‮abc',
  'Ә́́́',
  "' or 1=1 --",
  '"; drop table cases; --',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
  '${7*7}',
  '{{7*7}}',
  '<script>',
  '../../etc/passwd',
  '%00',
  '%ff',
  '\r\nX: y',
  'null',
  'undefined',
  'NaN',
  '__proto__',
  'constructor',
  '2024-02-30',
  '9999999999999999',
  '-1',
  '1e400',
  '0',
  'x'.repeat(10_000),
  '(a+)+$',
  '= 1 + 1',
  '{"$ne":null}',
  'xstate.done.actor.ask',
  '*',
);
const anyText = fc.oneof(
  { weight: 2, arbitrary: nasty },
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 30 }),
);
const anyJson = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  fc.record({ a: anyText, b: fc.double(), c: fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(Number) }),
  fc
    .integer({ min: 30, max: 60 })
    .map((depth) => Array.from({ length: depth }).reduce<unknown>((inside) => [inside], null)),
);

const nounOf = (route: string) => /\/(\w+)\/:id/.exec(route)?.[1] ?? '';

/** Mostly one that is there. */
const anId = (route: string) => {
  const ids = known[nounOf(route)] ?? [];
  return fc.oneof(...(ids.length > 0 ? [{ weight: 8, arbitrary: fc.constantFrom(...ids) }] : []), fc.uuid(), anyText);
};
const optional = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const revision = optional(fc.oneof(fc.integer({ min: 0, max: 4 }), anyJson));

/** Bodies that are right, or nearly: each field right, odd, or missing. */
const near = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.oneof(
    fc.record(fields),
    fc.record(
      Object.fromEntries(
        Object.entries(fields).map(([name, right]) => [
          name,
          fc.oneof({ weight: 4, arbitrary: right }, anyJson, anyText),
        ]),
      ),
      { requiredKeys: [] },
    ),
  );

/** What a partner says; half of it is signed by it. */
const CALLBACK = 'POST /api/handoffs/:id/events';
const message = {
  eventId: fc.integer({ min: 0, max: 4 }).map(String),
  type: fc.constantFrom('acknowledged', 'papers_requested', 'done', 'rejected'),
  at: fc.constant(null).map(() => new Date().toISOString()),
  reasonCode: fc.constantFrom('NO_CAPACITY', 'MISSING_DOCS', 'EXPIRED'),
  missing: fc.constantFrom([], ['identity-document']),
  result: fc.constantFrom({}, { kind: 'advice', number: '7', date: '2026-11-22' }),
  comment: fc.string({ maxLength: 30 }),
};

const bodies: Record<string, fc.Arbitrary<unknown>> = {
  'POST /api/cases': near({
    workflow: fc.constant('fuzzed'),
    input: fc.constantFrom({}, { familyId: 'x' }),
    extra: fc.constant(undefined),
  }),
  'POST /api/cases/:id/events': near({
    type: fc.constantFrom('GO', 'BACK', 'GONE', 'xstate.init'),
    data: fc.record({ by: fc.integer() }),
    revision,
  }),
  'POST /api/cases/:id/acts': near({
    act: fc.constantFrom('suspend', 'resume', 'cancel', 'reopen', 'modify', 'migrate', 'list'),
    reason: anyText,
    target: fc.constantFrom('asked', 'asking', 'nowhere', ['asked', 'asking'], [], { a: 'b' }),
    preview: fc.boolean(),
    version: fc.constantFrom(1, 2, 99),
    invoke: anyText,
    context: fc.dictionary(anyText, anyJson),
    add: fc.array(anyJson, { maxLength: 3 }),
    drop: fc.array(anyText, { maxLength: 3 }),
    revision,
  }),
  'POST /api/tasks/:id/claim': near({ revision }),
  'POST /api/tasks/:id/release': near({ revision }),
  'POST /api/tasks/:id/assign': near({ assignee: fc.oneof(fc.uuid(), anyText), revision }),
  'POST /api/tasks/:id/hold': near({
    until: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    reason: anyText,
    revision,
  }),
  'PUT /api/tasks/:id/draft': near({ data: anyJson, revision }),
  'POST /api/tasks/:id/complete': near({
    output: fc.oneof(near({ ok: fc.boolean(), note: anyText }), anyJson),
    revision,
  }),
  'POST /api/incidents/:id/retry': near({ reason: anyText }),
  'POST /api/incidents/:id/resolve': near({ reason: anyText }),
  'POST /api/workflows': near({
    files: fc.oneof(
      fc.dictionary(fc.constantFrom('workflow.yaml', 'input.yaml', 'forms/x.yaml', '../x'), anyText),
      fc.constant({ 'workflow.yaml': JSON.stringify(chart) }),
      anyJson.map((value) => ({ 'workflow.yaml': JSON.stringify(value) })),
    ),
  }),
  [CALLBACK]: near(message),
  'POST /api/auth/sign-in/email': near({ email: anyText, password: anyText }),
  'POST /api/auth/sign-out': fc.constant({}),
  'GET /api/cases': fc.constant(undefined),
  'GET /api/cases/:id': fc.constant(undefined),
  'GET /api/cases/:id/journal': fc.constant(undefined),
  'GET /api/tasks': fc.constant(undefined),
  'GET /api/tasks/:id': fc.constant(undefined),
  'GET /api/tasks/:id/assignees': fc.constant(undefined),
  'GET /api/incidents': fc.constant(undefined),
  'GET /api/handoffs': fc.constant(undefined),
  'GET /api/partners': fc.constant(undefined),
  'POST /api/handoffs/:id/supply': near({
    documents: fc.array(near({ title: anyText, reference: anyText }), { maxLength: 3 }),
    note: anyText,
    revision,
  }),
  'POST /api/handoffs/:id/recall': near({ reason: anyText, revision }),
  'GET /api/families/:id/consents': fc.constant(undefined),
  'PUT /api/families/:id/consents': near({
    partner: fc.oneof(fc.constantFrom('otbasy-bank', 'atameken'), anyText),
    given: fc.boolean(),
    how: fc.constantFrom('paper', 'phone'),
  }),
  'PATCH /api/families/:id': near({
    phone: fc.oneof(anyText, fc.constantFrom('8 702 613 52 41', null)),
    language: fc.constantFrom('kk', 'ru'),
    address: fc.oneof(anyText, fc.constant(null)),
    categories: fc.array(fc.constantFrom('large', 'low-income'), { maxLength: 3 }),
    revision,
  }),
  'POST /api/families/:id/members': near({
    surname: anyText,
    given: anyText,
    patronymic: anyText,
    relation: fc.constantFrom('spouse', 'child', 'applicant'),
    iin: fc.oneof(fc.constantFrom('850612300003', '900101300007', '9001013'), anyText),
    birthDate: fc.oneof(fc.constantFrom('1985-06-12', '0000-00-00', '0001-01-01', null), anyText),
  }),
  'PATCH /api/families/:id/members/:id': near({
    surname: fc.oneof(anyText, fc.constant(null)),
    given: anyText,
    iin: fc.oneof(fc.constantFrom('850612300003', '900101300007', null), anyText),
    birthDate: fc.oneof(fc.constantFrom('1985-06-12', null), anyText),
    revision,
  }),
  'GET /api/board': fc.constant(undefined),
  'GET /api/escalations': fc.constant(undefined),
  'GET /api/workflows': fc.constant(undefined),
  'GET /api/workflows/:id': fc.constant(undefined),
  'GET /api/errors': fc.constant(undefined),
  'GET /api/auth/get-session': fc.constant(undefined),
  'POST /api/auth/change-password': near({ currentPassword: anyText, newPassword: anyText }),
  'GET /api/access-log': fc.constant(undefined),
  'GET /api/roles': fc.constant(undefined),
  'GET /api/cases/:id/waits': fc.constant(undefined),
  'GET /api/cases/:id/history': fc.constant(undefined),
  'GET /api/cases/:id/answers': fc.constant(undefined),
  'GET /api/cases/:id/drawing': fc.constant(undefined),
  'GET /api/notifications': fc.constant(undefined),
  'GET /api/families': fc.constant(undefined),
  'POST /api/families/search': near({ q: fc.constantFrom('Тестова', 'F-000001', '880707400230') }),
  'GET /api/families/:id': fc.constant(undefined),
  'GET /certificates/:id': fc.constant(undefined),
  'GET /api/certificates': fc.constant(undefined),
  'GET /api/certificates/:id': fc.constant(undefined),
  'GET /api/certificates/:id/pdf': fc.constant(undefined),
  'POST /api/certificates/:id/revoke': near({ reason: anyText }),
  'GET /api/live': fc.constant(undefined),
  'GET /health/live': fc.constant(undefined),
  'GET /health/ready': fc.constant(undefined),
  'GET /metrics': fc.constant(undefined),
  'DELETE /api/cases/:id': fc.constant(undefined),
  'PATCH /api/tasks/:id': anyJson,
};

const query = fc.dictionary(
  fc.oneof(
    fc.constantFrom('limit', 'cursor', 'q', 'stage', 'status', 'overdue', 'view', 'caseId', 'workflow', 'case', 'mine'),
    fc.constantFrom('stalled', 'partner', 'ids', 'code', 'before', 'whole', 'account', 'subject', 'from', 'to', 'role'),
    anyText,
  ),
  fc.oneof(
    fc.constantFrom(
      '1',
      '200',
      'true',
      'open',
      'active',
      'mine',
      'all',
      'WyIwMTlmMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiXQ',
    ),
    anyText,
  ),
  { maxKeys: 3 },
);
const headers = fc.record(
  {
    'idempotency-key': fc.oneof(fc.integer({ min: 0, max: 20 }).map(String), anyText),
    'if-match': fc.oneof(
      fc.integer({ min: 0, max: 4 }).map((n) => `"${n}"`),
      anyText,
    ),
    'accept-language': fc.oneof(fc.constantFrom('kk', 'ru', 'en'), anyText),
    'content-type': fc.oneof(
      { weight: 6, arbitrary: fc.constant('application/json') },
      fc.constantFrom('text/plain', 'application/json; charset=utf-16', 'application/x-www-form-urlencoded'),
      anyText,
    ),
    authorization: fc.oneof(fc.constant('Bearer x'), anyText),
    'sec-fetch-site': fc.constantFrom('same-origin', 'cross-site'),
    'x-http-method-override': fc.constant('DELETE'),
  },
  { requiredKeys: [] },
);

interface Shot {
  /** By the partner whose hand-off it mostly is. */
  signed: boolean;
  as: string | null;
  route: string;
  id: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: unknown;
  raw: string | undefined;
}

/** Partners speak as often as five routes are asked. */
const routes = [...Object.keys(bodies), ...Array.from({ length: 4 }, () => CALLBACK)];
const shot: fc.Arbitrary<Shot> = fc.constantFrom(...routes).chain((route) =>
  fc.record({
    signed: route === CALLBACK ? fc.boolean() : fc.constant(false),
    as: fc.constantFrom(
      'curator',
      'curator',
      'supervisor',
      'administrator',
      'integration',
      'auditor',
      'partner-atameken',
      null,
    ),
    route: fc.constant(route),
    id: anId(route),
    query: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, query),
    headers: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, headers),
    body: bodies[route] ?? fc.constant(undefined),
    raw: fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      anyText,
      fc.json({ maxDepth: 3 }).map((json) => `${json}${json}`),
      fc.constantFrom('{"a":1,"a":2}', '[', '{"a":"\\ud800"}', '{"__proto__":1}'),
    ),
  }),
);

/** What a client can put into a header at all; the rest never leaves it. */
const sendable = (value: string) => value.replace(/[^\x20-\x7e]/g, '?');

async function fire({ signed, as, route, id, query, headers, body, raw }: Shot) {
  const [method = '', pattern = ''] = route.split(' ');
  // Signing out for real would leave the rest of the run outside.
  const sender = pattern.endsWith('sign-out') ? null : as;
  // What stands second is one of a family, by number.
  const path = pattern.replace(':id', encodeURIComponent(id.toWellFormed())).replace(':id', String(id.length % 3));
  const names = new URLSearchParams(
    Object.entries({ ...query, ...(pattern === '/api/live' ? { once: 'true' } : {}) }).map(([name, value]) => [
      name.toWellFormed(),
      value.toWellFormed(),
    ]),
  ).toString();
  const ask: Ask = {
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, sendable(value)])),
  };
  if (method !== 'GET') {
    if (raw !== undefined) ask.raw = raw;
    else if (body !== undefined) ask.body = body;
  }
  if (signed) {
    const words = raw ?? JSON.stringify(body);
    return { method, path, answer: await say(api, bank, encodeURIComponent(id.toWellFormed()), {}, { raw: words }) };
  }
  return { method, path, answer: await api.ask(sender, method, names ? `${path}?${names}` : path, ask) };
}

const AT_ONCE = 8;

/** What was answered to partners who signed, and of what is there. */
const heard = new Set<string>();

async function judge(one: Shot, index: number): Promise<number> {
  const { method, path, answer } = await fire(one);
  const where = `request ${index}: ${method} ${path} → ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
  if (answer.status >= 500) throw new Error(`${where}\n${api.errors.at(-1)}\n${JSON.stringify(one)}`);
  if (one.signed) {
    if (answer.status === 401) throw new Error(where);
    heard.add(`signed ${answer.body.status}`);
  }
  if (answer.status < 400 || answer.status === 409) heard.add(`${nounOf(one.route)} found`);
  if (answer.status < 400) return answer.status;
  // The page that anybody may open to check a certificate.
  if (path.startsWith('/certificates/') && answer.headers['content-type']?.includes('text/html')) {
    if (/<script|alert\(|7\*7/i.test(answer.body)) throw new Error(where);
    return answer.status;
  }
  const { code, status, detail } = answer.body;
  if (PROBLEMS[code]?.status !== answer.status || status !== answer.status) throw new Error(where);
  if (/node_modules|\.ts:|at \w+ \(/.test(detail)) throw new Error(where);
  return answer.status;
}

describe(`A69: ${REQUESTS} requests of all kinds (seed ${SEED}; again with QAMQOR_TEST_SEED=${SEED})`, () => {
  it('go to every route of the document', () => {
    const routes = Object.entries(api.contract.document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, ':id')}`),
    );
    expect(routes.filter((route) => !Object.hasOwn(bodies, route))).toEqual([]);
    expect(routes.filter((route) => route.includes('/:id') && !known[nounOf(route)]?.length)).toEqual([]);
  });

  it(
    'never find an error of ours, and each refusal is one of the table, in the form of the contract',
    async () => {
      const statuses = new Map<string, number>();
      const shots = fc.sample(shot, { seed: SEED, numRuns: REQUESTS });
      // Several at once: they also meet each other.
      for (let first = 0; first < shots.length; first += AT_ONCE) {
        const answers = await Promise.all(
          shots.slice(first, first + AT_ONCE).map((one, index) => judge(one, first + index)),
        );
        for (const status of answers) statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1);
      }
      expect(api.errors).toEqual([]);
      // A run that only ever gets refused at the door tests the door.
      for (const status of ['200', '400', '401', '403', '404', '409', '415', '422'])
        expect({ status, seen: (statuses.get(status) ?? 0) > 0 }).toEqual({ status, seen: true });
      const told = ['applied', 'duplicate', 'ignored', 400, 404, 422].map((what) => `signed ${what}`);
      const found = Object.keys(known).map((noun) => `${noun} found`);
      expect([...told, ...found].filter((what) => !heard.has(what))).toEqual([]);
      expect(unhandled).toEqual([]);
    },
    LONG_MS,
  );

  it('leave the application as it was: it answers and its cases are whole', async () => {
    const { body } = await api.get('supervisor', '/health/ready');
    expect(body.status).toBe('ok');
    const opened = await api.post('supervisor', '/api/cases', { workflow: 'fuzzed', input: {} });
    expect(opened.status).toBe(201);
    expect((await api.get('supervisor', `/api/cases/${opened.body.id}/journal`)).body.items).toHaveLength(1);
  });
});
