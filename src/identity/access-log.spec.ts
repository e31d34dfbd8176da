import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { TcpProxy } from '../../test/proxy.js';
import { openPool } from '../platform/database.js';
import { ORGANISATION } from '../system.js';
import { verifySystem } from '../verify-system.js';
import { AccessLog, type Look } from './access-log.js';
import { verifyAccessLog } from './access-log-verify.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const talk = {
  id: 'talk',
  title: text('Talk'),
  stages: { all: text('All') },
  context: { familyId: '= input.familyId' },
  initial: 'talking',
  states: {
    talking: {
      meta: { stage: 'all' },
      invoke: { id: 'talk', src: 'task', input: { form: 'note', role: 'curator', deadline: '3 days' }, onDone: 'over' },
    },
    over: { type: 'final' },
  },
};
const note = { 'x-version': 1, 'x-title': text('Note'), type: 'object', properties: { note: { type: 'string' } } };
const input = { type: 'object', required: ['familyId'], properties: { familyId: { type: 'string' } } };

let api: ApiFixture;
let theCase: { id: string; number: string; subject: string };
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(talk, { 'forms/note.yaml': note, 'input.yaml': input });
  const applicant = { surname: 'Тілеуова', given: 'Әсел' };
  const { body } = await api.post('registrar', '/api/cases', {
    workflow: 'talk',
    input: { applicant, language: 'kk' },
  });
  theCase = body;
});
afterAll(() => api.close());

const looks = async (query: Record<string, string> = {}) =>
  (await api.get('auditor', `/api/access-log?${new URLSearchParams({ limit: '200', ...query })}`)).body.items;

describe('a look', () => {
  it('at a case, its journal and its tasks is written down: who, in which role, when, at what', async () => {
    const lawyer = await api.account('lawyer');
    await api.get('lawyer', `/api/cases/${theCase.number}`);
    await api.get('lawyer', `/api/cases/${theCase.number.toLowerCase()}/journal`);
    await api.get('curator', '/api/tasks?view=available');
    await api.get('lawyer', '/api/cases');
    const items = await looks({ subject: theCase.id });
    expect(items.map((look: { what: string; route: string }) => [look.what, look.route])).toEqual([
      ['case', 'GET /api/cases'],
      ['task', 'GET /api/tasks'],
      ['journal', 'GET /api/cases/:id/journal'],
      ['case', 'GET /api/cases/:id'],
    ]);
    expect(items.at(-1)).toMatchObject({
      account: lawyer.account,
      accountName: 'lawyer',
      roles: ['lawyer'],
      ids: expect.arrayContaining([theCase.id, theCase.number, theCase.subject]),
    });
    expect(Math.abs(Date.now() - Date.parse(items[0].at))).toBeLessThan(60_000);
  });

  it('that was refused, or that saw nothing, is none', async () => {
    const before = (await looks()).length;
    await api.get('lawyer', '/api/cases/Q-999999');
    await api.get('lawyer', '/api/cases?status=cancelled');
    await api.get(null, `/api/cases/${theCase.id}`);
    expect(await looks()).toHaveLength(before);
  });

  it('is found by who looked, by the family, by the number and by the span', async () => {
    await api.get('trainer', `/api/cases/${theCase.id}`);
    const { account, email } = await api.account('trainer');
    const [mine] = await looks({ account });
    expect(await looks({ account: email.toUpperCase() })).toEqual([mine]);
    expect(await looks({ account: email, subject: theCase.subject })).toEqual([mine]);
    expect(await looks({ account: email, subject: theCase.number.toLowerCase() })).toEqual([mine]);
    expect(await looks({ account: email, subject: randomUUID() })).toEqual([]);
    expect(await looks({ account: email, from: mine.at })).toEqual([mine]);
    expect(await looks({ account: email, to: mine.at })).toEqual([]);
    expect(await looks({ account: 'nobody@test.qamqor' })).toEqual([]);
  });

  it('is shown page by page to those who inspect, and to nobody else', async () => {
    const whole = await looks();
    const seen: object[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.get('director', `/api/access-log?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...body.items);
      cursor = body.next;
    }
    expect(seen).toEqual(whole);
    for (const role of ['curator', 'supervisor', 'integration'])
      expect(await api.get(role, '/api/access-log')).toMatchObject({ status: 403 });
    for (const query of ['cursor=eyJh', 'from=yesterday', 'colour=red'])
      expect((await api.get('auditor', `/api/access-log?${query}`)).status).toBe(400);
  });
});

describe('the log', () => {
  it('can be added to and read by the application, within its organisation, and never changed', async () => {
    const app = api.database.pool('app');
    expect((await app.query('select from qamqor.access_log')).rowCount).toBe(0);
    for (const change of [
      'update qamqor.access_log set seq = 1',
      'delete from qamqor.access_log',
      'truncate qamqor.access_log',
    ])
      await expect(app.query(change)).rejects.toMatchObject({ code: '42501' });
    for (const change of ['update qamqor.access_log_heads set seq = 1', 'delete from qamqor.access_log_heads'])
      await expect(app.query(change)).rejects.toMatchObject({ code: '42501' });
    for (const role of ['engine', 'relay'] as const)
      await expect(api.database.pool(role).query('select from qamqor.access_log')).rejects.toMatchObject({
        code: '42501',
      });
  });

  describe('that was changed by SQL', () => {
    const owner = () => api.database.pool('owner');
    beforeAll(async () => {
      for (let count = 0; count < 4; count += 1) await api.get('curator', `/api/cases/${theCase.id}`);
      await looks();
      await owner().query(
        'create table public.kept_log as table qamqor.access_log; create table public.kept_heads as table qamqor.access_log_heads',
      );
    });
    afterEach(async () => {
      await owner().query(`truncate qamqor.access_log, qamqor.access_log_heads;
        alter table qamqor.access_log disable trigger user;
        insert into qamqor.access_log table public.kept_log; insert into qamqor.access_log_heads table public.kept_heads;
        alter table qamqor.access_log enable trigger user`);
    });
    const last = '(select max(seq) from public.kept_log)';

    it('is found whole as long as nobody did', async () => {
      expect(await verifyAccessLog(api.system.pool, ORGANISATION)).toEqual([]);
      expect(await verifySystem(api.system)).toMatchObject({ ok: true, problems: [] });
    });

    it.each([
      [
        'another account',
        `update qamqor.access_log set account = '${randomUUID()}' where seq = 2`,
        'access-log-row-changed',
        2,
      ],
      [
        'another time',
        `update qamqor.access_log set at = at + interval '1 ms' where seq = 2`,
        'access-log-row-changed',
        2,
      ],
      ['one id taken out', 'update qamqor.access_log set ids = ids[2:] where seq = 2', 'access-log-row-changed', 2],
      [
        'another role',
        `update qamqor.access_log set roles = '{curator,auditor}' where seq = 2`,
        'access-log-row-changed',
        2,
      ],
      ['another kind', `update qamqor.access_log set what = 'family' where seq = 2`, 'access-log-row-changed', 2],
      ['a row deleted', 'delete from qamqor.access_log where seq = 2', 'access-log-row-missing', 2],
      ['the first row deleted', 'delete from qamqor.access_log where seq = 1', 'access-log-row-missing', 1],
      ['every row deleted', 'delete from qamqor.access_log', 'access-log-row-missing', 1],
      ['the head taken away', 'delete from qamqor.access_log_heads', 'access-log-head-missing', null],
      ['the head set back', 'update qamqor.access_log_heads set seq = 1', 'access-log-head-changed', null],
      [
        'two rows exchanged',
        'update qamqor.access_log set seq = -seq where seq in (2, 3); update qamqor.access_log set seq = 5 + seq where seq < 0',
        'access-log-row-changed',
        2,
      ],
    ])('is found by row: %s', async (_what, change, rule, seq) => {
      await owner().query(change);
      const { ok, problems } = await verifySystem(api.system);
      expect(ok).toBe(false);
      expect(problems).toEqual([{ case: null, seq: seq ?? expect.any(Number), rule, message: expect.any(String) }]);
    });

    it('is found by row: the last row deleted', async () => {
      await owner().query(`delete from qamqor.access_log where seq = ${last}`);
      const { rows } = await owner().query(`select ${last} as seq`);
      expect((await verifySystem(api.system)).problems).toMatchObject([
        { rule: 'access-log-row-missing', seq: rows[0].seq },
      ]);
    });
  });
});

describe('while the database is away', () => {
  it('looks are kept until no more can be; then nothing is shown; afterwards each is there once', async () => {
    const { proxy, url } = await TcpProxy.before(api.database.url);
    const pool = openPool(url, 'app', { max: 1 });
    const warnings: string[] = [];
    const writer = randomUUID();
    const log = new AccessLog({
      pool,
      clock: api.system.clock,
      writer,
      elapsed: () => performance.now(),
      warn: (message) => warnings.push(message),
      capacity: 3,
    });
    const look = (route: string): Look => ({
      organisationId: ORGANISATION,
      account: randomUUID(),
      roles: ['curator'],
      what: 'family',
      ids: ['көктем "\\', ''],
      route,
    });
    log.record(look('first'));
    await log.flush();
    proxy.refuse();
    log.record(look('second'));
    await expect(log.flush()).rejects.toThrow();
    log.record(look('third'));
    log.record(look('fourth'));
    expect(() => log.record(look('fifth'))).toThrow(expect.objectContaining({ code: 'unavailable', status: 503 }));
    proxy.restore();
    await log.flush();
    log.record(look('sixth'));
    await log.close();
    const { rows } = await api.database
      .pool('owner')
      .query('select route from qamqor.access_log where writer = $1 order by seq', [writer]);
    expect(rows.map(({ route }) => route)).toEqual(['first', 'second', 'third', 'fourth', 'sixth']);
    expect(await verifyAccessLog(api.system.pool, ORGANISATION)).toEqual([]);
    await pool.end();
    await proxy.close();
  });

  it('what cannot be written at the end is told', async () => {
    const warnings: string[] = [];
    const log = new AccessLog({
      pool: api.system.pool,
      clock: { now: () => Promise.reject(new Error('away')) },
      writer: randomUUID(),
      elapsed: () => 0,
      warn: (message) => warnings.push(message),
    });
    log.record({ organisationId: ORGANISATION, account: randomUUID(), roles: [], what: 'case', ids: ['x'], route: '' });
    await log.close();
    expect(warnings).toEqual(['1 looks at records could not be written down.']);
  });
});

it('looks of two days lie in two chains', async () => {
  let now = '2026-03-01T23:59:59.900Z';
  let elapsed = 0;
  const writer = randomUUID();
  const log = new AccessLog({
    pool: api.system.pool,
    clock: { now: () => Promise.resolve(now) },
    writer,
    elapsed: () => elapsed,
    warn: () => undefined,
  });
  const record = (route: string) =>
    log.record({ organisationId: ORGANISATION, account: randomUUID(), roles: [], what: 'case', ids: ['x'], route });
  record('a');
  elapsed = 200;
  record('b');
  now = '2026-03-02T00:00:00.100Z';
  await log.flush();
  const { rows } = await api.database
    .pool('owner')
    .query('select day::text, seq, route from qamqor.access_log where writer = $1 order by day, seq', [writer]);
  expect(rows).toEqual([
    { day: '2026-03-01', seq: 1, route: 'a' },
    { day: '2026-03-02', seq: 1, route: 'b' },
  ]);
  expect(await verifyAccessLog(api.system.pool, ORGANISATION)).toEqual([]);
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
