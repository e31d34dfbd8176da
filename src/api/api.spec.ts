import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const visit = {
  id: 'visit',
  title: text('Visit'),
  stages: { waiting: text('Waiting'), talking: text('Talking') },
  context: { count: 0, familyId: '= input.familyId' },
  events: {
    CALL: {
      title: text('Call'),
      roles: ['curator'],
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['room'],
        properties: { room: { type: 'integer' } },
      },
    },
    BREAK: { title: text('Break'), roles: [] },
    NEVER: { title: text('Never'), roles: [] },
    LEAVE: { title: text('Leave'), roles: [] },
  },
  meta: { reopen: 'waiting' },
  initial: 'waiting',
  states: {
    waiting: {
      meta: { stage: 'waiting' },
      on: {
        CALL: { target: 'talking', actions: { type: 'set', params: { count: '= event.data.room' } } },
        NEVER: { guard: '= context.count > 100', target: 'gone' },
        LEAVE: 'gone',
        BREAK: { guard: '= context.familyId', target: 'talking' },
      },
    },
    talking: { meta: { stage: 'talking' }, on: { LEAVE: 'gone' } },
    gone: { type: 'final' },
  },
};
const input = {
  type: 'object',
  additionalProperties: false,
  required: ['familyId'],
  properties: { familyId: { type: 'string' } },
};

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(visit, { 'input.yaml': input });
});
afterAll(() => api.close());

let families = 0;
const newcomer = () => {
  families += 1;
  return {
    applicant: { surname: `Тестова${families}`, given: 'Әлия' },
    categories: ['large'],
    interest: 'sewing',
    phone: '+77010000000',
    language: 'kk',
  };
};
const open = (headers?: Record<string, string>, given: unknown = newcomer()) =>
  api.post('registrar', '/api/cases', { workflow: 'visit', input: given }, headers);
const aCase = async () => {
  const { status, body } = await open();
  expect(status).toBe(201);
  return body as { id: string; number: string; revision: number; subject: string };
};
const send = (as: string, id: string, body: unknown, headers?: Record<string, string>) =>
  api.post(as, `/api/cases/${id}/events`, body, headers);

describe('a case', () => {
  it('opens for a newcomer, who is registered by it', async () => {
    const { status, body } = await open();
    expect(status).toBe(201);
    expect(body).toMatchObject({
      number: expect.stringMatching(/^Q-\d{6}$/),
      workflow: { key: 'visit', version: 1 },
      state: 'waiting',
      stage: 'waiting',
      stages: ['waiting'],
      status: 'active',
      revision: 1,
      incidents: 0,
      overdue: false,
      dueAt: null,
      can: { event: true, cancel: false },
    });
    expect(body.accepts.map((event: { type: string }) => event.type).sort()).toEqual(['BREAK', 'CALL', 'LEAVE']);
    expect(body.accepts.find((event: { type: string }) => event.type === 'CALL')).toEqual({
      type: 'CALL',
      title: text('Call'),
      roles: ['curator'],
      schema: visit.events.CALL.schema,
    });
    const { rows } = await api.database
      .pool('owner')
      .query('select categories, interest from qamqor.families where id = $1', [body.subject]);
    expect(rows).toEqual([{ categories: ['large'], interest: 'sewing' }]);
  });

  it('opens for a known family, by id; one at a time', async () => {
    const { id, subject } = await aCase();
    expect(await open({}, { familyId: subject })).toMatchObject({
      status: 409,
      body: { code: 'open-case-exists', caseId: id },
    });
    await send('curator', id, { type: 'LEAVE' });
    expect((await open({}, { familyId: subject })).status).toBe(201);
  });

  it('is read by id and by number, in any case of letters', async () => {
    const { id, number } = await aCase();
    for (const name of [id, id.toUpperCase(), number, number.toLowerCase()])
      expect((await api.get('lawyer', `/api/cases/${name}`)).body.id).toBe(id);
  });

  it('goes on by a public event, and says what it accepts then', async () => {
    const { id } = await aCase();
    const { status, body } = await send('curator', id, { type: 'CALL', data: { room: 7 } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'talking', stage: 'talking', revision: 2 });
    expect(body.accepts.map((event: { type: string }) => event.type)).toEqual(['LEAVE']);
    expect((await api.get('curator', `/api/cases/${id}`)).body).toEqual(body);
  });

  it('tells everything that happened to it, each row chained to the one before', async () => {
    const { id } = await aCase();
    const curator = await api.account('curator');
    await send('curator', id, { type: 'CALL', data: { room: 7 } }, { 'idempotency-key': `call-${id}` });
    const { body } = await api.get('auditor', `/api/cases/${id}/journal`);
    expect(body.items).toHaveLength(2);
    expect(body.items[1]).toMatchObject({
      seq: 2,
      kind: 'event',
      type: 'CALL',
      by: curator.account,
      commandId: `call-${id}`,
      state: 'talking',
      stages: ['talking'],
      prevHash: body.items[0].hash,
      data: { input: { data: { room: 7 } } },
    });
    expect(body.items[0].prevHash).toBe('0'.repeat(64));
    const first = await api.get('auditor', `/api/cases/${id}/journal?limit=1`);
    const second = await api.get('auditor', `/api/cases/${id}/journal?limit=1&cursor=${first.body.next}`);
    expect([...first.body.items, ...second.body.items]).toEqual(body.items);
    expect(second.body.next).toBeNull();
  });

  it('is cancelled, suspended, resumed, reopened and moved by hand, with a reason, by those who may', async () => {
    const { id } = await aCase();
    const act = (as: string, body: object) =>
      api.post(as, `/api/cases/${id}/acts`, { reason: 'the family asked', ...body });
    expect(await act('lawyer', { act: 'cancel' })).toMatchObject({ status: 403, body: { code: 'no-right' } });
    expect(await act('supervisor', { act: 'cancel', reason: ' ' })).toMatchObject({
      status: 422,
      body: { code: 'reason-missing' },
    });
    expect((await act('supervisor', { act: 'suspend' })).body).toMatchObject({
      status: 'suspended',
      accepts: [],
      can: { resume: true, suspend: false },
    });
    expect(await send('curator', id, { type: 'LEAVE' })).toMatchObject({
      status: 409,
      body: { code: 'case-suspended' },
    });
    expect((await act('supervisor', { act: 'resume' })).body).toMatchObject({ status: 'active' });
    expect((await act('supervisor', { act: 'modify', target: 'talking', context: { count: 5 } })).body).toMatchObject({
      state: 'talking',
      modified: true,
    });
    expect((await act('supervisor', { act: 'cancel' })).body).toMatchObject({
      status: 'cancelled',
      can: { reopen: true },
    });
    expect((await act('supervisor', { act: 'reopen' })).body).toMatchObject({ status: 'active', state: 'waiting' });
    expect(await act('supervisor', { act: 'resume' })).toMatchObject({
      status: 409,
      body: { code: 'act-not-possible' },
    });
    expect(await act('supervisor', { act: 'explode' })).toMatchObject({ status: 422, body: { code: 'schema' } });
    const { body } = await api.get('auditor', `/api/cases/${id}/journal`);
    expect(
      body.items
        .filter((row: { kind: string }) => row.kind === 'act')
        .map((row: { type: string; data: { reason: string } }) => [row.type, row.data.reason]),
    ).toEqual(['suspend', 'resume', 'modify', 'cancel', 'reopen'].map((type) => [type, 'the family asked']));
  });

  it('that cannot make a step stays where it is, with an incident that can be resolved', async () => {
    const { id } = await aCase();
    expect(await send('curator', id, { type: 'BREAK' })).toMatchObject({
      status: 409,
      body: { code: 'case-incident', state: 'waiting' },
    });
    expect((await api.get('supervisor', `/api/cases/${id}`)).body).toMatchObject({
      incidents: 1,
      state: 'waiting',
      revision: 1,
    });
    const { body } = await api.get('supervisor', `/api/incidents?caseId=${id}`);
    expect(body.items).toEqual([
      expect.objectContaining({ caseId: id, status: 'open', can: { retry: true, resolve: true } }),
    ]);
    const incident = `/api/incidents/${body.items[0].id}`;
    expect((await api.post('curator', `${incident}/resolve`, { reason: 'x' })).status).toBe(403);
    expect((await api.get('curator', '/api/incidents')).status).toBe(403);
    expect(
      (await api.post('supervisor', `${incident}/resolve`, { reason: 'the workflow was put right' })).body,
    ).toMatchObject({ id, incidents: 0 });
    expect(await api.post('supervisor', `${incident}/retry`, { reason: 'x' })).toMatchObject({
      status: 404,
      body: { code: 'incident-not-found' },
    });
    expect(await api.post('supervisor', '/api/incidents/nonsense/retry', { reason: 'x' })).toMatchObject({
      status: 404,
      body: { code: 'incident-not-found' },
    });
  });
});

describe('a list of cases', () => {
  it('is narrowed by stage, status, workflow, lateness and whatever somebody types', async () => {
    const { id, number, subject } = await aCase();
    await send('curator', id, { type: 'CALL', data: { room: 1 } });
    const ids = async (query: string) =>
      (await api.get('curator', `/api/cases?limit=200&${query}`)).body.items.map((item: { id: string }) => item.id);
    expect(await ids('stage=talking')).toContain(id);
    expect(await ids('stage=waiting')).not.toContain(id);
    expect(await ids('status=active&workflow=visit&overdue=false')).toContain(id);
    expect(await ids('status=done')).not.toContain(id);
    expect(await ids('overdue=true')).not.toContain(id);
    expect(await ids(`q=${number.toLowerCase()}`)).toEqual([id]);
    const { rows } = await api.database
      .pool('owner')
      .query('select number from qamqor.families where id = $1', [subject]);
    expect(await ids(`q=${rows[0].number}`)).toEqual([id]);
    expect(await ids(`q=${encodeURIComponent(`тестова${families} алия`)}`)).toEqual([id]);
    for (const nothing of ['%25', '_', '%27%20or%201%3D1%20--', encodeURIComponent('көк'.repeat(60))])
      expect(await ids(`q=${nothing}`)).not.toContain(id);
  });

  it('comes page by page, the newest first', async () => {
    for (let count = 0; count < 3; count += 1) await aCase();
    const whole = (await api.get('curator', '/api/cases?limit=200')).body.items.map((item: { id: string }) => item.id);
    expect(whole).toEqual([...whole].sort().reverse());
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.get('curator', `/api/cases?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...body.items.map((item: { id: string }) => item.id));
      cursor = body.next;
    }
    expect(seen).toEqual(whole);
  });

  it.each([
    ['partners', 'partner-atameken'],
    ['accounts without a role', 'nobody'],
  ])('is not for %s', async (_who, name) => {
    await api.account(name, name === 'nobody' ? [] : [name]);
    for (const url of ['/api/cases', `/api/cases/${(await aCase()).id}`, '/api/tasks', '/api/workflows'])
      expect(await api.get(name, url)).toMatchObject({ status: 403, body: { code: 'no-right' } });
  });
});

describe('an event', () => {
  it.each([
    ['that the state does not take', { type: 'NEVER' }, 409, 'guard-refused'],
    ['that the workflow does not know', { type: 'FLY' }, 409, 'event-not-accepted'],
    ['of the engine itself', { type: 'xstate.done.actor.read' }, 422, 'reserved-event'],
    ['of a timer', { type: 'xstate.after.patience.visit' }, 422, 'reserved-event'],
    ['called *', { type: '*' }, 422, 'reserved-event'],
    ['whose data does not fit', { type: 'CALL', data: { room: 'seven' } }, 422, 'schema'],
    ['whose data is missing', { type: 'CALL' }, 422, 'schema'],
    ['without a type', {}, 422, 'schema'],
    ['with an unknown field', { type: 'LEAVE', admin: true }, 400, 'unknown-field'],
    ['on an old revision', { type: 'LEAVE', revision: 0 }, 409, 'stale-revision'],
  ])('%s is refused, and nothing changes', async (_what, body, status, code) => {
    const { id } = await aCase();
    const before = (await api.get('curator', `/api/cases/${id}`)).body;
    const answer = await send('curator', id, body);
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect((await api.get('curator', `/api/cases/${id}`)).body).toEqual(before);
  });

  it('that is refused says what the case accepts', async () => {
    const { id } = await aCase();
    const { body } = await send('curator', id, { type: 'FLY' });
    expect(body).toMatchObject({ code: 'event-not-accepted', state: 'waiting' });
    expect([...body.accepts].sort()).toEqual(['BREAK', 'CALL', 'LEAVE']);
    const russian = await send('curator', id, { type: 'FLY' }, { 'accept-language': 'ru' });
    expect(russian.body.detail).toMatch(/^В нынешнем состоянии дело не принимает/);
    expect(russian.body.detail).toContain('LEAVE');
    const kazakh = await send('curator', id, { type: 'FLY' }, { 'accept-language': '' });
    expect(kazakh.body.detail).toMatch(/^Іс қазіргі күйінде/);
    expect(kazakh.headers['content-language']).toBe('kk');
  });

  it('belongs to the roles that the workflow names', async () => {
    const { id } = await aCase();
    expect(await send('lawyer', id, { type: 'CALL', data: { room: 1 } })).toMatchObject({
      status: 403,
      body: { code: 'no-right', roles: ['curator'] },
    });
  });

  it('to a case that is not there is not found', async () => {
    for (const id of ['Q-999999', '019f0000-0000-7000-8000-000000000000', 'x', '..%2f..%2fetc', "'"]) {
      expect(await send('curator', id, { type: 'LEAVE' })).toMatchObject({
        status: 404,
        body: { code: 'case-not-found' },
      });
    }
  });

  it('with If-Match goes through on the revision that was read', async () => {
    const { id } = await aCase();
    expect(await send('curator', id, { type: 'LEAVE' }, { 'if-match': 'W/"1"' })).toMatchObject({
      status: 400,
      body: { code: 'bad-header' },
    });
    expect(await send('curator', id, { type: 'LEAVE' }, { 'if-match': '"9"' })).toMatchObject({
      status: 409,
      body: { code: 'stale-revision', revision: 1 },
    });
    expect((await send('curator', id, { type: 'LEAVE' }, { 'if-match': '"1"' })).status).toBe(200);
  });
});

describe('a key', () => {
  it('gives one case however often it is sent, and the answer of the first time', async () => {
    const key = { 'idempotency-key': 'open-once' };
    const given = newcomer();
    const answers = await Promise.all([1, 2, 3, 4].map(() => open(key, given)));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true')).toHaveLength(3);
    await send('curator', answers[0]?.body.id, { type: 'LEAVE' });
    expect((await open(key, given)).body).toEqual(answers[0]?.body);
  });

  it('gives the same case when its kept answer was lost', async () => {
    const key = { 'idempotency-key': 'open-lost' };
    const given = newcomer();
    const first = await open(key, given);
    await api.database.pool('owner').query('delete from qamqor.idempotency_keys');
    const again = await open(key, given);
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  it('with another body, another address or another method is refused', async () => {
    const key = { 'idempotency-key': 'one-key' };
    const { id } = await aCase();
    expect((await send('curator', id, { type: 'CALL', data: { room: 1 } }, key)).status).toBe(200);
    expect(await send('curator', id, { type: 'LEAVE' }, key)).toMatchObject({
      status: 422,
      body: { code: 'key-reused' },
    });
    const other = await aCase();
    expect(await send('curator', other.id, { type: 'CALL', data: { room: 1 } }, key)).toMatchObject({
      status: 422,
      body: { code: 'key-reused' },
    });
    expect(await send('registrar', other.id, { type: 'LEAVE' }, key)).toMatchObject({ status: 200 });
  });

  it('of a refused command may be used again', async () => {
    const key = { 'idempotency-key': 'try-again' };
    const { id } = await aCase();
    expect((await send('curator', id, { type: 'FLY' }, key)).status).toBe(409);
    expect((await send('curator', id, { type: 'LEAVE' }, key)).status).toBe(200);
  });

  it.each(['', 'x'.repeat(129), 'with space', 'ключ'])('%p is refused', async (given) => {
    const { id } = await aCase();
    const answer = await api.app.inject({
      method: 'POST',
      url: `/api/cases/${id}/events`,
      headers: {
        authorization: 'Bearer test-key-0123456789abcdef',
        'idempotency-key': Buffer.from(given).toString('latin1'),
      },
      payload: { type: 'LEAVE' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'bad-header' });
  });
});

describe('a body', () => {
  const post = (raw: string | Buffer, headers: Record<string, string> = {}, url = '/api/cases') =>
    api.ask('registrar', 'POST', url, { raw, headers });
  const workflow = (inside: string) => `{"workflow":"visit","input":{"familyId":${inside}}}`;

  it.each([
    ['is not JSON', '{"workflow":', 400, 'malformed'],
    ['is empty', '', 400, 'malformed'],
    ['is a list', '[]', 400, 'malformed'],
    ['is null', 'null', 400, 'malformed'],
    ['is a text', '"x"', 400, 'malformed'],
    ['gives a field twice', '{"workflow":"visit","workflow":"other","input":{}}', 400, 'malformed'],
    ['holds a NUL', workflow('"a\\u0000"'), 400, 'malformed'],
    ['holds half a character pair', workflow('"\\ud800"'), 400, 'malformed'],
    ['reaches for a prototype', '{"workflow":"visit","input":{"__proto__":{"a":1}}}', 400, 'malformed'],
    ['is too deep', workflow(`${'['.repeat(40)}${']'.repeat(40)}`), 400, 'malformed'],
    ['is very deep', '['.repeat(200_000), 400, 'malformed'],
    ['holds a number beyond numbers', workflow('1e400'), 400, 'malformed'],
    ['is too large', workflow(`"${'x'.repeat(256 * 1024)}"`), 413, 'too-large'],
    ['has an unknown field', '{"workflow":"visit","input":{},"admin":true}', 400, 'unknown-field'],
    ['names an unknown workflow', '{"workflow":"nowhere","input":{}}', 422, 'unknown-workflow'],
    ['names a workflow by a number', '{"workflow":5,"input":{}}', 422, 'schema'],
    ['lacks the workflow', '{"input":{}}', 422, 'schema'],
    ['names an unknown family', workflow('"F-000000"'), 422, 'schema'],
    ['has a wrong input', '{"workflow":"visit","input":{"family":1}}', 422, 'schema'],
    [
      'has a nameless applicant',
      '{"workflow":"visit","input":{"applicant":{"surname":"","given":null}}}',
      422,
      'schema',
    ],
  ])('that %s is refused', async (_what, raw, status, code) => {
    const answer = await post(raw);
    expect(answer).toMatchObject({
      status,
      body: { status, code, type: `/api/errors#${code}`, title: expect.any(String), detail: expect.any(String) },
    });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts|at \w+ \(/);
  });

  it('that is not UTF-8 is refused', async () => {
    expect(await post(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({ status: 400, body: { code: 'malformed' } });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'nonsense',
  ])('of type %s is refused', async (type) => {
    expect(await post('{"workflow":"visit"}', { 'content-type': type })).toMatchObject({
      status: 415,
      body: { code: 'wrong-type' },
    });
  });

  it('says by path what does not fit', async () => {
    const { body } = await post(
      '{"workflow":"visit","input":{"applicant":{"surname":"А","given":"Б"},"categories":["rich"],"language":"de"}}',
    );
    expect(body.errors.map((error: { path: string }) => error.path).sort()).toEqual([
      '/input/categories/0',
      '/input/language',
    ]);
  });
});

describe('an address', () => {
  it.each([
    ['GET', '/api/nothing', 404, 'not-found'],
    ['GET', '/', 404, 'not-found'],
    ['DELETE', '/api/cases', 404, 'not-found'],
    ['TRACE', '/api/cases', 404, 'not-found'],
    ['GET', '/api/cases?limit=5&colour=red', 400, 'unknown-field'],
    ['GET', '/api/cases?limit=many', 400, 'bad-query'],
    ['GET', '/api/cases?limit=1&limit=2', 400, 'bad-query'],
    ['GET', '/api/cases?cursor=eyJh', 400, 'bad-query'],
    ['GET', '/api/cases/x?y=1', 400, 'unknown-field'],
    ['GET', '/api/cases/%00', 400, 'bad-text'],
    ['GET', '/api/cases/%ff', 400, 'malformed'],
    ['GET', `/api/cases/${'x'.repeat(300)}`, 404, 'not-found'],
    ['GET', '/api/workflows/nowhere', 404, 'workflow-not-found'],
  ])('%s %s gives %i %s', async (method, url, status, code) => {
    expect(await api.ask('curator', method, url)).toMatchObject({ status, body: { status, code } });
  });
});

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
    expect((await api.get(null, '/health/ready')).body).toEqual({
      status: 'ok',
      checks: { database: { status: 'ok' } },
    });
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
