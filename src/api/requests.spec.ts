import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { visit, visitFiles, visitsOf } from '../../test/visits.js';

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(visit, visitFiles);
});
afterAll(() => api.close());
const { newcomer, open, aCase, send } = visitsOf(() => api);

describe('an event', () => {
  it.each([
    ['that the state does not take', { type: 'NEVER' }, 409, 'guard-refused'],
    ['that the workflow does not know', { type: 'FLY' }, 409, 'event-not-accepted'],
    ['of the engine itself', { type: 'xstate.done.actor.read' }, 422, 'reserved-event'],
    ['of a timer', { type: 'xstate.after.patience.visit' }, 422, 'reserved-event'],
    ['called *', { type: '*' }, 422, 'reserved-event'],
    ['whose data does not fit', { type: 'CALL', data: { room: 'seven' } }, 422, 'schema'],
    ['whose data is missing', { type: 'CALL' }, 422, 'schema'],
    ['that carries data although its workflow describes none', { type: 'LEAVE', data: { a: 1 } }, 422, 'schema'],
    ['that carries a text although its workflow describes none', { type: 'LEAVE', data: 'moved' }, 422, 'schema'],
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

  it.each([[{}], [null]])('without a description of its data may come with nothing: %j', async (data) => {
    const { id } = await aCase();
    expect((await send('curator', id, { type: 'LEAVE', data })).status).toBe(200);
  });

  it('to a case that is not there is not found', async () => {
    for (const id of ['Q-999999', '019f0000-0000-7000-8000-000000000000', 'x', '..%2f..%2fetc', "'"]) {
      expect(await send('curator', id, { type: 'LEAVE' })).toMatchObject({
        status: 404,
        body: { code: 'case-not-found' },
      });
    }
  });

  it('takes If-Match: * on any revision, and the header before the body', async () => {
    const { id } = await aCase();
    expect(await send('curator', id, { type: 'LEAVE', revision: 1 }, { 'if-match': '"0"' })).toMatchObject({
      status: 409,
      body: { code: 'stale-revision' },
    });
    expect((await send('curator', id, { type: 'CALL', data: { room: 1 } }, { 'if-match': '*' })).status).toBe(200);
    expect((await send('curator', id, { type: 'LEAVE', revision: 2 })).status).toBe(200);
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

describe('an event that every guard refuses', () => {
  const refused = {
    kk: 'Грант төленген. Отбасы көшсе, оны белгілеңіз.',
    ru: 'Грант выплачен. Если семья переехала, отметьте это.',
    en: 'The grant was paid. If the family has moved away, record that.',
  };
  const title = { kk: 'Шығу', ru: 'Выйти', en: 'Leave' };
  const paid = {
    id: 'paid',
    title,
    context: { paid: true },
    delays: { month: '30 days' },
    events: { LEAVE: { title, roles: ['curator'], refused }, REST: { title, roles: ['curator'] } },
    initial: 'followed',
    states: {
      followed: {
        on: { LEAVE: { guard: '= not(context.paid)', target: 'rested' }, REST: 'rested' },
        after: { month: 'gone' },
      },
      rested: { after: { month: 'gone' } },
      gone: { type: 'final' },
    },
  };
  const aPaidCase = async () =>
    (await api.post('registrar', '/api/cases', { workflow: 'paid', input: {} })).body as { id: string };
  beforeAll(() => api.deploy(paid));

  it.each(Object.entries(refused))(
    'says in %s why, and what to do instead, as the workflow has it',
    async (language, detail) => {
      const { id } = await aPaidCase();
      const answer = await send('curator', id, { type: 'LEAVE' }, { 'accept-language': language });
      expect(answer).toMatchObject({
        status: 409,
        headers: { 'content-language': language },
        body: { code: 'guard-refused', detail, state: 'followed', revision: 1, accepts: ['REST'] },
      });
      expect(answer.body).not.toHaveProperty('words');
    },
  );

  it('is answered as any other where nothing listens to it', async () => {
    const { id } = await aPaidCase();
    await send('curator', id, { type: 'REST' });
    const { body } = await send('curator', id, { type: 'LEAVE' }, { 'accept-language': 'ru' });
    expect(body).toMatchObject({ code: 'event-not-accepted', detail: expect.stringMatching(/^В нынешнем состоянии/) });
  });

  it('is told of in general words where its workflow has none', async () => {
    const { id } = await aCase();
    const { body } = await send('curator', id, { type: 'NEVER' }, { 'accept-language': 'ru' });
    expect(body).toMatchObject({ code: 'guard-refused', detail: expect.stringMatching(/^Условия этого события/) });
  });

  it('has its words in the description of the workflow', async () => {
    const { body } = await api.get('curator', '/api/workflows/paid');
    expect(body.events).toMatchObject([{ type: 'LEAVE', refused }, { type: 'REST' }]);
  });
});

describe('F39: two people who act on one case at once', () => {
  const WHO = ['curator', 'curator-too'] as const;

  it('on the revision that both have read: one is heard, the other is told what is true now', async () => {
    await api.account('curator-too', ['curator']);
    for (let round = 0; round < 20; round += 1) {
      const { id } = await aCase();
      const answers = await Promise.all(
        WHO.map((who, room) => send(who, id, { type: 'CALL', data: { room } }, { 'if-match': '"1"' })),
      );
      const now = (await api.get('curator', `/api/cases/${id}`)).body;
      const [heard, refused] = answers.toSorted((one, other) => one.status - other.status);
      expect(heard).toMatchObject({ status: 200, body: { state: 'talking', revision: 2 } });
      expect(refused).toMatchObject({
        status: 409,
        body: { code: 'stale-revision', state: now.state, revision: now.revision },
      });
      // The one who was refused looks, and can go on from there.
      expect((await send('curator', id, { type: 'LEAVE' }, { 'if-match': `"${now.revision}"` })).status).toBe(200);
      const { body } = await api.get('auditor', `/api/cases/${id}/journal`);
      expect(body.items.map((row: { type: string }) => row.type)).toEqual(['start', 'CALL', 'LEAVE']);
    }
  });
});

describe('a refusal', () => {
  it.each([
    ['kk', /^Аудитор барлық істі көреді/],
    ['ru', /^Аудитор видит все дела/],
    ['en', /^An auditor sees every case and sends no events/],
  ])('of an event by the auditor says in %s what an auditor is for', async (language, words) => {
    const { id } = await aCase();
    expect(await send('auditor', id, { type: 'LEAVE' }, { 'accept-language': language })).toMatchObject({
      status: 403,
      body: { code: 'no-right', because: 'inspects-only', detail: expect.stringMatching(words) },
    });
  });

  const russian = { 'accept-language': 'ru' };
  it('says to a clerk what does not fit: in data, in a body, in an input, in a query', async () => {
    const { id } = await aCase();
    const errors = async (answer: Promise<{ body: { errors: object[] } }>) => (await answer).body.errors;
    expect(await errors(send('curator', id, { type: 'CALL', data: { room: 'seven', colour: 1 } }, russian))).toEqual([
      { path: '/colour', message: 'поля «colour» здесь нет, уберите его' },
      { path: '/room', message: 'нужно: целое число' },
    ]);
    expect(await errors(send('curator', id, { type: 'CALL', data: {} }, russian))).toEqual([
      { path: '/room', message: 'заполните поле «room», оно обязательно' },
    ]);
    expect(await errors(send('curator', id, { type: 'LEAVE', data: { a: 1 } }, russian))).toEqual([
      { path: '', message: 'это событие не несёт данных; уберите data' },
    ]);
    expect(await errors(send('curator', id, {}, russian))).toEqual([
      { path: '/type', message: 'заполните поле «type», оно обязательно' },
    ]);
    const applicant = { surname: '', given: null };
    expect(await errors(open(russian, { applicant, language: 'de' }))).toEqual([
      { path: '/input/applicant', message: 'укажите фамилию или имя' },
      { path: '/input/language', message: 'выберите одно из: kk, ru, en' },
    ]);
    expect(await errors(open(russian, { familyId: 'F-000000' }))).toEqual([
      { path: '/input/familyId', message: 'такой семьи нет' },
    ]);
    expect(await errors(api.get('curator', '/api/cases?limit=0&status=open', russian))).toEqual([
      { path: '/status', message: 'выберите одно из: active, suspended, done, cancelled' },
      { path: '/limit', message: 'должно быть не меньше 1' },
    ]);
    expect(await errors(api.get('curator', '/api/cases?cursor=x', russian))).toEqual([
      { path: '/cursor', message: 'это не отметка этого списка; уберите её и начните сначала' },
    ]);
  });
});

describe('a key', () => {
  it('gives the answer of the first time for an act too, though the case has gone on', async () => {
    const { id } = await aCase();
    const key = { 'idempotency-key': 'suspend-once' };
    const suspend = () => api.post('supervisor', `/api/cases/${id}/acts`, { act: 'suspend', reason: 'x' }, key);
    const first = await suspend();
    expect(first).toMatchObject({ status: 200, body: { status: 'suspended' } });
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    await api.post('supervisor', `/api/cases/${id}/acts`, { act: 'resume', reason: 'x' });
    expect(await suspend()).toMatchObject({
      status: 200,
      body: first.body,
      headers: { 'idempotency-replayed': 'true' },
    });
    expect((await api.get('curator', `/api/cases/${id}`)).body.status).toBe('active');
  });

  it('belongs to the account, and is free for others', async () => {
    const key = { 'idempotency-key': 'mine' };
    const [one, other] = [await aCase(), await aCase()];
    for (const [as, id] of [
      ['curator', one.id],
      ['lawyer', other.id],
    ] as const) {
      const answer = await send(as, id, { type: 'LEAVE' }, key);
      expect(answer).toMatchObject({ status: 200, body: { id } });
      expect(answer.headers['idempotency-replayed']).toBeUndefined();
    }
  });

  it('of a write to a case is kept as long as the case, with the command itself', async () => {
    const { id } = await aCase();
    const key = { 'idempotency-key': 'kept' };
    const first = await send('curator', id, { type: 'LEAVE' }, key);
    const { rowCount } = await api.database
      .pool('owner')
      .query(`select from qamqor.commands c where c.case_id = $1 and c.id = 'kept'`, [id]);
    expect(rowCount).toBe(1);
    const again = { status: 200, body: first.body, headers: { 'idempotency-replayed': 'true' } };
    expect(await send('curator', id, { type: 'LEAVE' }, key)).toMatchObject(again);
  });

  it('of another write is forgotten after thirty days, not before', async () => {
    const key = { 'idempotency-key': 'old' };
    const files = {
      'workflow.yaml': JSON.stringify({
        id: 'kept',
        title: { kk: 'а', ru: 'а', en: 'a' },
        initial: 'a',
        states: { a: { type: 'final' } },
      }),
    };
    expect((await api.post('integration', '/api/workflows', { files }, key)).status).toBe(201);
    const owner = api.database.pool('owner');
    const kept = async (days: number) => {
      const old = `update qamqor.idempotency_keys set at = clock_timestamp() - interval '${days} days' where key = 'old'`;
      await owner.query(old);
      await api.system.runtime.sweeper.sweep();
      return (await owner.query(`select from qamqor.idempotency_keys where key = 'old'`)).rowCount;
    };
    expect(await kept(29)).toBe(1);
    expect(await kept(31)).toBe(0);
  });

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

  it('that stands for something else registers nobody', async () => {
    const key = { 'idempotency-key': 'no-family' };
    const { id } = await aCase();
    expect((await send('registrar', id, { type: 'LEAVE' }, key)).status).toBe(200);
    const families = async () =>
      (await api.database.pool('owner').query('select count(*)::int as count from qamqor.families')).rows[0].count;
    const before = await families();
    expect(await open(key, newcomer())).toMatchObject({ status: 422, body: { code: 'key-reused' } });
    expect(await families()).toBe(before);
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

  it.each([1, 10])('F44: of %s MiB is refused', async (mebibytes) => {
    const answer = await post(workflow(`"${'x'.repeat(mebibytes * 1024 * 1024)}"`));
    expect(answer).toMatchObject({ status: 413, body: { code: 'too-large' } });
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

describe('a place or a moment in a query that a database would choke on', () => {
  const id = '00000000-0000-7000-8000-000000000000';
  const forged = (...key: unknown[]) => `cursor=${Buffer.from(JSON.stringify(key)).toString('base64url')}`;

  it.each([
    ['handoffs', forged('0', id)],
    ['escalations', forged('+275760-09-13T00:00:00.000Z', id)],
    ['incidents', forged('Tue Mar 01 2022 GMT+0100 (CET)', id)],
    ['access-log', forged('2026-02-30', id, 1)],
    ['access-log', forged('2026-01-01T00:00:00.000Z', id, 2 ** 31)],
    ['access-log', 'from=0000-01-01T00:00:00Z'],
    ['access-log', 'to=2026-01-01T00:00:00%2B23:59'],
  ])('of %s is refused: %s', async (list, query) => {
    expect(await api.get('director', `/api/${list}?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'bad-query' },
    });
  });

  it('of the journal and the history of a case is refused', async () => {
    const { id: caseId } = await aCase();
    for (const query of [`journal?${forged(-(2 ** 31) - 1)}`, `history?before=${2 ** 31}`])
      expect((await api.get('curator', `/api/cases/${caseId}/${query}`)).status).toBe(400);
  });

  it('of an act is refused: a version that no integer holds', async () => {
    const { id: caseId } = await aCase();
    const act = { act: 'migrate', reason: 'x', version: 2 ** 31 };
    expect((await api.post('supervisor', `/api/cases/${caseId}/acts`, act)).status).toBe(422);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
