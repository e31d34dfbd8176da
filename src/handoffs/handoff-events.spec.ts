import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { until } from '../../test/engine.js';
import { Partner, pass, type Say, say, settled } from '../../test/partner.js';
import { verify } from '../engine/verify.js';
import { ORGANISATION } from '../system.js';
import { taskWork } from '../tasks/task-work.js';
import { HandoffsService } from './handoffs.service.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const advice = (id: string, more: object = {}) => ({
  id,
  title: text('Advice'),
  context: { number: null, code: null, missing: null },
  events: { LEAVE: { title: text('Leave'), roles: [] } },
  meta: { reopen: 'asking' },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'otbasy-bank', service: 'housing-advice', deadline: '10 days' },
        onDone: {
          target: 'helped',
          actions: { type: 'set', params: { number: '= event.output.result.number' } },
        },
        onError: {
          target: 'refused',
          actions: { type: 'set', params: { code: '= event.error.code', missing: '= event.error.missing' } },
        },
        ...more,
      },
      on: { LEAVE: 'gone' },
    },
    helped: { type: 'final' },
    refused: { type: 'final' },
    gone: { type: 'final' },
  },
});

let api: ApiFixture;
let bank: Partner;
let office: Partner;
beforeAll(async () => {
  [bank, office] = await Promise.all([Partner.start(), Partner.start()]);
  api = await ApiFixture.create({
    partners: {
      'otbasy-bank': { url: bank.url, secret: bank.secret },
      'civil-office': { url: office.url, secret: office.secret },
    },
  });
  await api.deploy(advice('advice'));
  await api.deploy(advice('picky', { onDone: { guard: '= event.output.result.number = "right"', target: 'helped' } }));
  await api.app.listen(0, '127.0.0.1');
});
beforeEach(() => {
  bank.replies.length = 0;
});
afterAll(async () => {
  await api.close();
  await Promise.all([bank.close(), office.close()]);
});

async function open(workflow = 'advice'): Promise<{ id: string; handoff: string }> {
  const { status, body } = await api.post('integration', '/api/cases', { workflow, input: {} });
  expect({ status, body }).toMatchObject({ status: 201 });
  return { id: body.id, handoff: String((await handoffOf(body.id))['id']) };
}
async function sent(workflow?: string): Promise<{ id: string; handoff: string }> {
  const opened = await open(workflow);
  await settled(api.system);
  return opened;
}
const handoffOf = async (caseId: string) =>
  (await api.get('integration', `/api/handoffs?caseId=${caseId}`)).body.items[0] as Record<string, string | null>;
const caseOf = async (id: string) => (await api.get('integration', `/api/cases/${id}`)).body;
const contextOf = async (id: string) =>
  (await api.system.runtime.engine.read(ORGANISATION, id))?.chart.snapshot.context ?? null;
const rowsOf = async (id: string) =>
  (await api.get('integration', `/api/cases/${id}/journal?limit=200`)).body.items as { kind: string; type: string }[];
const sql = async (statement: string, values: unknown[] = []) =>
  (await api.database.pool('owner').query(statement, values)).rows;

const AT = '2026-11-22T10:00:00+05:00';
const acknowledged = (eventId = 'a') => ({ eventId, type: 'acknowledged', at: AT });
const papers = (eventId = 'p') => ({ eventId, type: 'papers_requested', at: AT, missing: ['identity-document'] });
const done = (eventId = 'd', number = '1207') => ({
  eventId,
  type: 'done',
  at: AT,
  result: { kind: 'advice', number, date: '2026-11-22' },
});
const rejected = (eventId = 'r', more: object = {}) => ({ eventId, type: 'rejected', at: AT, ...more });
const tell = (handoff: string, event: object, more?: Say) => say(api, bank, handoff, event, more);

describe('what a partner says', () => {
  it('leads from sent over acknowledged and papers to done, and on with the case', async () => {
    const { id, handoff } = await sent();
    expect(await handoffOf(id)).toMatchObject({ status: 'sent', revision: 2 });
    expect(await tell(handoff, acknowledged())).toMatchObject({ status: 200, body: { status: 'applied' } });
    expect(await handoffOf(id)).toMatchObject({ status: 'acknowledged', acknowledgedAt: '2026-11-22T05:00:00.000Z' });
    expect((await tell(handoff, papers())).body).toEqual({ status: 'applied' });
    expect(await handoffOf(id)).toMatchObject({ status: 'papers', pausedAt: expect.any(String) });
    expect(await caseOf(id)).toMatchObject({ state: 'asking', revision: 1 });
    expect((await tell(handoff, done())).body).toEqual({ status: 'applied' });
    expect(await caseOf(id)).toMatchObject({ state: 'helped', status: 'done', revision: 2 });
    expect(await contextOf(id)).toMatchObject({ number: '1207' });
    expect(await handoffOf(id)).toMatchObject({ status: 'done', reasonCode: null, closedAt: expect.any(String) });
  });

  it('is journaled under the partner for whom the engine writes it', async () => {
    const { id, handoff } = await sent();
    await tell(handoff, done('the-id'));
    expect((await rowsOf(id)).at(-1)).toMatchObject({
      kind: 'answer',
      type: 'done(ask)',
      onBehalfOf: 'partner-otbasy-bank',
      commandId: 'partner:otbasy-bank:the-id',
    });
  });

  it('may be no: the case hears the code and what was missing, not the words', async () => {
    const { id, handoff } = await sent();
    const no = { reasonCode: 'MISSING_DOCS', missing: ['income'], comment: 'Телефон соқпады' };
    expect((await tell(handoff, rejected('r', no))).body).toEqual({ status: 'applied' });
    expect(await caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await contextOf(id)).toMatchObject({ code: 'MISSING_DOCS', missing: ['income'] });
    expect(await handoffOf(id)).toMatchObject({ status: 'rejected', reasonCode: 'MISSING_DOCS' });
    expect(JSON.stringify(await rowsOf(id))).not.toContain('соқпады');
  });

  it('stays a rejection when it gives the code of our own clock', async () => {
    const { id, handoff } = await sent();
    await tell(handoff, rejected('r', { reasonCode: 'EXPIRED' }));
    expect(await handoffOf(id)).toMatchObject({ status: 'rejected', reasonCode: 'EXPIRED' });
  });

  it('about papers lets its clock stand still: the time it had is left when they are there', async () => {
    const { id, handoff } = await sent();
    const { dueAt } = (await handoffOf(id)) as { dueAt: string };
    await pass(api.system, { days: 4 });
    await tell(handoff, papers());
    const paused = (await handoffOf(id)) as { dueAt: string; pausedAt: string; pausedUntil: string };
    const days = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 86_400_000;
    expect(days(paused.pausedAt, paused.pausedUntil)).toBeCloseTo(30, 3);
    expect(days(dueAt, paused.dueAt)).toBeCloseTo(30, 3);
    await pass(api.system, { days: 31 });
    expect(await caseOf(id)).toMatchObject({ state: 'asking' });
    await pass(api.system, { days: 4 });
    expect(await caseOf(id)).toMatchObject({ state: 'asking' });
    await pass(api.system, { days: 1, hours: 1 });
    expect(await caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await handoffOf(id)).toMatchObject({ status: 'expired' });
  });

  it('about papers gives no more time when it is said again', async () => {
    const { id, handoff } = await sent();
    await tell(handoff, papers('first'));
    const before = await handoffOf(id);
    expect((await tell(handoff, papers('second'))).body).toEqual({ status: 'ignored', reason: 'out-of-order' });
    expect(await handoffOf(id)).toEqual(before);
  });

  it('that no transition takes is kept as an incident, and given again', async () => {
    const { id, handoff } = await sent('picky');
    expect((await tell(handoff, done())).body).toEqual({ status: 'applied', reason: 'incident' });
    expect(await caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
    expect(await handoffOf(id)).toMatchObject({ status: 'sent', closedAt: null });
    expect((await tell(handoff, done('better', 'right'))).body).toEqual({ status: 'applied' });
    expect(await caseOf(id)).toMatchObject({ state: 'helped' });
  });

  it('while the case is suspended waits with it', async () => {
    const { id, handoff } = await sent();
    const act = (name: string) => api.post('supervisor', `/api/cases/${id}/acts`, { act: name, reason: 'holiday' });
    await act('suspend');
    expect((await tell(handoff, done())).body).toEqual({ status: 'parked', reason: 'suspended' });
    expect((await tell(handoff, done())).body).toEqual({ status: 'duplicate' });
    await pass(api.system, { minutes: 5 });
    // It is parked once, not every time somebody sweeps.
    expect((await rowsOf(id)).filter(({ kind }) => kind === 'ignored')).toHaveLength(1);
    expect(await caseOf(id)).toMatchObject({ state: 'asking', status: 'suspended' });
    await act('resume');
    await settled(api.system);
    expect(await caseOf(id)).toMatchObject({ state: 'helped' });
    expect(await contextOf(id)).toMatchObject({ number: '1207' });
  });
});

describe('a message', () => {
  it('that comes a hundred times at once over the network is one transition', async () => {
    const { id, handoff } = await sent();
    const body = JSON.stringify(done('hundred'));
    const url = `${await api.app.getUrl()}/api/handoffs/${handoff}/events`;
    const { headers } = await signed(body);
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await fetch(url, { method: 'POST', body, headers });
        return { status: response.status, body: (await response.json()) as { status: string } };
      }),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const outcomes = Object.groupBy(answers, (answer) => answer.body.status);
    expect(outcomes['applied']).toHaveLength(1);
    expect(outcomes['duplicate']).toHaveLength(99);
    expect(await caseOf(id)).toMatchObject({ state: 'helped', revision: 2 });
    expect(await rowsOf(id)).toHaveLength(2);
    expect(await sql('select status from qamqor.handoff_events where handoff_id = $1', [handoff])).toEqual([
      { status: 'applied' },
    ]);
  });

  async function signed(body: string): Promise<{ headers: Record<string, string> }> {
    let headers: Record<string, string> = {};
    // Signed for an address that is nobody's: only the headers are wanted.
    await say(api, bank, 'none', {}, { raw: body, tamper: (made) => (headers = { ...made }) });
    return { headers: { ...headers, 'content-type': 'application/json' } };
  }

  it('is applied once, however much later it comes again', async () => {
    const { id, handoff } = await sent();
    await tell(handoff, acknowledged('once'));
    const before = await handoffOf(id);
    await pass(api.system, { seconds: 1 });
    expect((await tell(handoff, acknowledged('once'))).body).toEqual({ status: 'duplicate' });
    await pass(api.system, { minutes: 10 });
    expect((await tell(handoff, acknowledged('once'))).body).toEqual({ status: 'duplicate' });
    await pass(api.system, { days: 2 });
    expect((await tell(handoff, acknowledged('once'))).body).toEqual({ status: 'duplicate' });
    expect((await tell(handoff, done('once'))).body).toEqual({ status: 'duplicate' });
    expect(await handoffOf(id)).toEqual(before);
  });

  it('of two hand-offs may have one id', async () => {
    const [one, other] = [await sent(), await sent()];
    expect((await tell(one.handoff, done('same'))).body).toEqual({ status: 'applied' });
    expect((await tell(other.handoff, done('same'))).body).toEqual({ status: 'applied' });
    expect(await caseOf(other.id)).toMatchObject({ state: 'helped' });
  });

  it('that is faster than its own 202 waits for it', async () => {
    const early: unknown[] = [];
    let handoff = '';
    bank.replies.push(async ({ body }) => {
      handoff = JSON.parse(body).id;
      early.push((await tell(handoff, done())).body, (await tell(handoff, done())).body);
      early.push((await tell(handoff, acknowledged())).body);
      return { status: 202, body: '{"partnerRef":"FAST"}' };
    });
    const { id } = await open();
    await until(() => early.length === 3);
    await settled(api.system);
    expect(early).toEqual([
      { status: 'parked', reason: 'not-sent-yet' },
      { status: 'duplicate' },
      { status: 'parked', reason: 'not-sent-yet' },
    ]);
    expect(await caseOf(id)).toMatchObject({ state: 'helped' });
    expect(await handoffOf(id)).toMatchObject({ status: 'done', partnerRef: 'FAST' });
    expect(await contextOf(id)).toMatchObject({ number: '1207' });
    expect((await eventsOf(handoff)).map(({ event_id, status }) => [event_id, status])).toEqual([
      ['a', 'ignored'],
      ['d', 'applied'],
    ]);
  });

  it('that was parked is applied also when the process died before it did', async () => {
    bank.replies.push(async ({ body }) => {
      await tell(JSON.parse(body).id, done());
      return { status: 500 };
    });
    const { id, handoff } = await open();
    await settled(api.system);
    expect(await eventsOf(handoff)).toMatchObject([{ status: 'parked' }]);
    // The 202 was stored, and then nothing more.
    await sql(`update qamqor.handoffs set status = 'sent', sent_at = qamqor_now() where id = $1`, [handoff]);
    await pass(api.system, { seconds: 11 });
    expect(await caseOf(id)).toMatchObject({ state: 'helped' });
  });

  it('that was written down and not applied is taken up, once, by whoever sweeps', async () => {
    const { id, handoff } = await sent();
    const old = (seconds: number, eventId: string, event: object) =>
      sql(
        `insert into qamqor.handoff_events (handoff_id, event_id, organisation_id, case_id, type, at, received_at, tried_at, data, status)
         select id, $2, organisation_id, case_id, 'done', qamqor_now(), now, now, $3, 'received'
         from qamqor.handoffs, (select qamqor_now() - make_interval(secs => $4) as now) clock where id = $1`,
        [handoff, eventId, JSON.stringify(event), seconds],
      );
    await old(60, 'first', acknowledged('first'));
    await old(59, 'second', done('second'));
    await Promise.all([1, 2, 3, 4].map(() => api.system.runtime.sweeper.sweep()));
    expect(await caseOf(id)).toMatchObject({ state: 'helped', revision: 2 });
    expect((await eventsOf(handoff)).map(({ status }) => status)).toEqual(['applied', 'applied']);
  });

  it('after the end changes nothing; the case writes down what it was', async () => {
    const { id, handoff } = await sent();
    await tell(handoff, done());
    const before = await handoffOf(id);
    expect((await tell(handoff, rejected())).body).toEqual({ status: 'ignored', reason: 'done' });
    expect((await tell(handoff, acknowledged())).body).toEqual({ status: 'ignored', reason: 'done' });
    expect((await tell(handoff, rejected())).body).toEqual({ status: 'duplicate' });
    expect(await handoffOf(id)).toEqual(before);
    expect(await caseOf(id)).toMatchObject({ state: 'helped', incidents: 0 });
    expect((await rowsOf(id)).map(({ kind, type }) => [kind, type])).toEqual([
      ['event', expect.any(String)],
      ['answer', 'done(ask)'],
      ['ignored', 'failure'],
    ]);
  });

  it('after the family left, or after its time, is ignored and told why', async () => {
    const left = await sent();
    await api.post('integration', `/api/cases/${left.id}/events`, { type: 'LEAVE' });
    expect((await tell(left.handoff, done())).body).toEqual({ status: 'ignored', reason: 'recalled' });
    const late = await sent();
    await pass(api.system, { days: 11 });
    expect((await tell(late.handoff, done())).body).toEqual({ status: 'ignored', reason: 'expired' });
    expect(await caseOf(late.id)).toMatchObject({ state: 'refused' });
  });
});

const eventsOf = (handoff: string) =>
  sql('select event_id, status, reason from qamqor.handoff_events where handoff_id = $1 order by event_id', [
    handoff,
  ]) as Promise<{ event_id: string; status: string; reason: string | null }[]>;

describe('a message that cannot be believed', () => {
  let target: { id: string; handoff: string };
  let before: unknown;
  const traces = async () => [
    await handoffOf(target.id),
    await eventsOf(target.handoff),
    (await rowsOf(target.id)).length,
    (await caseOf(target.id)).revision,
  ];
  beforeAll(async () => {
    target = await sent();
    before = await traces();
  });

  const seconds = async (offset: number) =>
    new Date(Date.parse(await api.system.clock.now()) + offset * 1000).toISOString();
  const without = (name: string) => (headers: object) =>
    Object.fromEntries(Object.entries(headers).filter(([given]) => given !== name));
  const withHeader = (name: string, value: (was: string) => string) => (headers: object) => {
    const given = headers as Record<string, string>;
    return { ...given, [name]: value(given[name] ?? '') };
  };
  const body = JSON.stringify(done());

  it.each<[string, () => Say | Promise<Say>]>([
    ['without a signature', () => ({ tamper: without('webhook-signature') })],
    ['without an id', () => ({ tamper: without('webhook-id') })],
    ['without a stamp', () => ({ tamper: without('webhook-timestamp') })],
    ['signed by a stranger', () => ({ secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` })],
    ['with an empty list of signatures', () => ({ tamper: withHeader('webhook-signature', () => '') })],
    ['in another version', () => ({ tamper: withHeader('webhook-signature', (was) => was.replace('v1,', 'v1a,')) })],
    [
      'with a thousand signatures',
      () => ({ tamper: withHeader('webhook-signature', (was) => `${'v1,AAAA '.repeat(1000)}${was}`) }),
    ],
    ['with another id', () => ({ tamper: withHeader('webhook-id', () => 'msg_other') })],
    ['with a dot in its id', () => ({ tamper: withHeader('webhook-id', (was) => `${was}.x`) })],
    ['with another stamp', () => ({ tamper: withHeader('webhook-timestamp', (was) => String(Number(was) + 1)) })],
    ['from 301 seconds ago', async () => ({ at: await seconds(-301) })],
    ['from 302 seconds ahead', async () => ({ at: await seconds(302) })],
    ['with a stamp that is not a number', () => ({ tamper: withHeader('webhook-timestamp', (was) => `${was}abc`) })],
    ['with a stamp below zero', () => ({ tamper: withHeader('webhook-timestamp', (was) => `-${was}`) })],
    ['with a huge stamp', () => ({ tamper: withHeader('webhook-timestamp', () => '9'.repeat(30)) })],
  ])('%s is refused with 401', async (_what, how) => {
    expect(await tell(target.handoff, done(), await how())).toMatchObject({
      status: 401,
      body: { code: 'bad-signature' },
    });
    expect(await traces()).toEqual(before);
  });

  it.each([
    ['changed by one byte', body.replace('1207', '1208')],
    ['written anew', JSON.stringify(JSON.parse(body), null, 1)],
    ['empty', ''],
    ['not even JSON', '{"eventId":'],
    ['with a NUL, unsigned', '{"comment":"\\u0000"}'],
    ['very deep', '['.repeat(100_000)],
  ])('whose body is %s is refused with 401, whatever it says', async (_what, other) => {
    const { clock } = api.system;
    let headers: Record<string, string> = {};
    await say(api, bank, 'none', {}, { raw: body, at: await clock.now(), tamper: (made) => (headers = { ...made }) });
    const answer = await api.ask(null, 'POST', `/api/handoffs/${target.handoff}/events`, { raw: other, headers });
    expect(answer).toMatchObject({ status: 401, body: { code: 'bad-signature' } });
    expect(await traces()).toEqual(before);
  });

  it("with another partner's secret is answered as if there were no such hand-off", async () => {
    const foreign = await say(api, office, target.handoff, done());
    const unknown = await say(api, office, '019f0000-0000-7000-8000-000000000000', done());
    const nonsense = await say(api, office, 'nonsense', done());
    for (const { status, body: problem } of [foreign, unknown, nonsense])
      expect({ status, body: problem }).toMatchObject({ status: 404, body: { code: 'handoff-not-found' } });
    expect(Object.keys(foreign.body).sort()).toEqual(Object.keys(unknown.body).sort());
    expect(await traces()).toEqual(before);
  });

  it('is not read for its address: an unknown one is 401 to strangers too', async () => {
    const stranger = { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
    expect((await tell('019f0000-0000-7000-8000-000000000000', done(), stranger)).status).toBe(401);
  });
});

describe('a message that does not fit', () => {
  let target: { id: string; handoff: string };
  let before: unknown;
  const traces = async () => [await handoffOf(target.id), await rowsOf(target.id), await eventsOf(target.handoff)];
  beforeAll(async () => {
    target = await sent();
    before = await traces();
  });

  it.each<[string, unknown, number, string, string]>([
    ['holds a NUL', { ...acknowledged(), comment: 'a\0b' }, 422, 'schema', '/comment'],
    ['holds half a character pair', { ...acknowledged(), missing: ['ok', '\ud800'] }, 422, 'schema', '/missing/1'],
    ['holds a NUL deep inside', { ...done(), result: { a: [{ b: '\0' }] } }, 422, 'schema', '/result/a/0/b'],
    ['holds a NUL in a name', { ...done(), result: { 'a\0': 1 } }, 422, 'schema', '/result'],
    ['has no id', { type: 'done', at: AT }, 422, 'schema', '/eventId'],
    ['has an empty id', acknowledged(''), 422, 'schema', '/eventId'],
    ['has an endless id', acknowledged('x'.repeat(101)), 422, 'schema', '/eventId'],
    ['is of a kind that there is not', { ...acknowledged(), type: 'accepted' }, 422, 'schema', '/type'],
    ['gives a code that there is not', rejected('x', { reasonCode: 'BORED' }), 422, 'schema', '/reasonCode'],
    ['has no offset in its time', { ...acknowledged(), at: '2026-11-22T10:00:00' }, 422, 'schema', '/at'],
    ['is of a day that there is not', { ...acknowledged(), at: '2026-02-30T10:00:00Z' }, 422, 'schema', '/at'],
    ['is of the year 0', { ...acknowledged(), at: '0000-01-01T00:00:00Z' }, 422, 'schema', '/at'],
    ['is of the year 9999', { ...acknowledged(), at: '9999-12-31T23:59:59Z' }, 422, 'schema', '/at'],
    ['has a result that is no object', { ...done(), result: 'yes' }, 422, 'schema', '/result'],
    ['has a result as long as a book', { ...done(), result: { x: 'x'.repeat(9_000) } }, 422, 'schema', '/result'],
    ['has a field that there is not', { ...done(), status: 'done' }, 400, 'unknown-field', ''],
    ['is a list', [done()], 400, 'malformed', ''],
    ['is null', null, 400, 'malformed', ''],
  ])('%s is refused, and nothing changes', async (_what, event, status, code, path) => {
    const answer = await tell(target.handoff, {}, { raw: JSON.stringify(event) });
    expect(answer).toMatchObject({ status, body: { code } });
    if (path) expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(await traces()).toEqual(before);
  });

  it.each([
    ['is not JSON', '{"eventId":'],
    ['names a field twice', `{"eventId":"a","eventId":"b","type":"done","at":"${AT}"}`],
    ['reaches for a prototype', `{"eventId":"a","type":"done","at":"${AT}","result":{"__proto__":{}}}`],
  ])('%s is refused, and nothing changes', async (_what, raw) => {
    expect(await tell(target.handoff, {}, { raw })).toMatchObject({ status: 400, body: { code: 'malformed' } });
    expect(await traces()).toEqual(before);
  });

  it('may have any offset that there is', async () => {
    const { id, handoff } = await sent();
    expect((await tell(handoff, { ...acknowledged(), at: '2026-11-22T10:00:00+23:59' })).status).toBe(200);
    expect(await handoffOf(id)).toMatchObject({ acknowledgedAt: '2026-11-21T10:01:00.000Z' });
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', async () => {
  const openWork = { task: taskWork, handOff: HandoffsService.openWork };
  const { problems } = await verify(api.system.pool, api.system.runtime.versions, ORGANISATION, openWork);
  expect(problems).toEqual([]);
  expect(api.errors).toEqual([]);
});
