import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { visit, visitFiles, visitsOf } from '../../test/visits.js';

const text = (en: string) => ({ kk: en, ru: en, en });

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(visit, visitFiles);
});
afterAll(() => api.close());
const { open, aCase, send, lastSurname } = visitsOf(() => api);

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
      expect.objectContaining({
        caseId: id,
        status: 'open',
        text: expect.stringContaining('Tell the administrator'),
        can: { retry: true, resolve: true },
      }),
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

it('a closed case may be reopened only where its workflow says from where', async () => {
  const states = { waiting: { after: { month: 'over' } }, over: { type: 'final' } };
  await api.deploy({ id: 'once', title: text('Once'), delays: { month: '30 days' }, initial: 'waiting', states });
  const { body } = await api.post('supervisor', '/api/cases', { workflow: 'once', input: {} });
  const cancel = { act: 'cancel', reason: 'It was a mistake.' };
  const closed = await api.post('supervisor', `/api/cases/${body.id}/acts`, cancel);
  expect(closed.body).toMatchObject({ status: 'cancelled', can: { reopen: false } });
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
    expect(await ids(`subject=${subject}`)).toEqual([id]);
    const { rows } = await api.database
      .pool('owner')
      .query('select number from qamqor.families where id = $1', [subject]);
    expect(await ids(`q=${rows[0].number}`)).toEqual([id]);
    expect(await ids(`q=${encodeURIComponent(`${lastSurname().toLowerCase()} алия`)}`)).toEqual([id]);
    for (const nothing of ['%25', '_', '%27%20or%201%3D1%20--', encodeURIComponent('көк'.repeat(60))])
      expect(await ids(`q=${nothing}`)).not.toContain(id);
    expect(await ids(`q=${number.replace(/-0*/, '-').toLowerCase()}`)).toContain(id);
    for (const nothing of ['zzzz', 'qqq', '-', '%E2%80%8B', '%25', 'nobody-of-this-name'])
      expect(await ids(`q=${nothing}`)).toEqual([]);
  });

  it('F42: shows the others, on every page, beside one whose stored state cannot be read', async () => {
    const [one, broken, other] = [await aCase(), await aCase(), await aCase()].map(({ id }) => id);
    const owner = api.database.pool('owner');
    const { rows } = await owner.query('select chart from qamqor.cases where id = $1', [broken]);
    await owner.query(`update qamqor.cases set chart = '{"snap' where id = $1`, [broken]);
    try {
      const shown: string[] = [];
      for (let cursor: string | null = ''; cursor !== null && shown.length < 10; ) {
        const { status, body } = await api.get('curator', `/api/cases?limit=1${cursor ? `&cursor=${cursor}` : ''}`);
        expect(status).toBe(200);
        shown.push(...body.items.map((item: { id: string }) => item.id));
        cursor = body.next;
      }
      expect(shown.slice(0, 2)).toEqual([other, one]);
    } finally {
      await owner.query('update qamqor.cases set chart = $2 where id = $1', [broken, rows[0].chart]);
    }
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

  it('comes by what is due, page by page: first what has been due for longest, last what is never due', async () => {
    const cases = await Promise.all(Array.from({ length: 5 }, () => aCase()));
    const [never, late, latest, soon, alsoSoon] = cases.map(({ id }) => id);
    const due = 'update qamqor.cases set due_at = $2 where id = $1';
    for (const [id, at] of [
      [late, '2026-01-02T00:00:00Z'],
      [latest, '2026-01-01T00:00:00.123Z'],
      [soon, '2099-01-01T00:00:00Z'],
      [alsoSoon, '2099-01-01T00:00:00Z'],
    ])
      await api.database.pool('owner').query(due, [id, at]);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.get('curator', `/api/cases?order=due&limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...body.items.map((item: { id: string }) => item.id));
      cursor = body.next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(0, 4)).toEqual([latest, late, ...[soon, alsoSoon].sort()]);
    expect(seen.slice(4)).toContain(never);
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

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
