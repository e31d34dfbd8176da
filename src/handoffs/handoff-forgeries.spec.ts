import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acknowledged, done, HandoffTown, referral, rejected } from '../../test/handoffs.js';
import { pass, type Say, say } from '../../test/partner.js';

/** Whether it can be so is looked at last. */
const AT = '2026-11-22T10:00:00+05:00';
let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([referral('advice', 'otbasy-bank', 'housing-advice')]);
});
afterAll(() => town.close());

describe('a message that cannot be believed', () => {
  let target: { id: string; handoff: string };
  let before: unknown;
  const traces = async () => [
    await town.handoffOf(target.id),
    await town.eventsOf(target.handoff),
    (await town.journalOf(target.id)).length,
    (await town.caseOf(target.id)).revision,
  ];
  beforeAll(async () => {
    target = await town.sent('advice');
    before = await traces();
  });

  const seconds = async (offset: number) =>
    new Date(Date.parse(await town.api.system.clock.now()) + offset * 1000).toISOString();
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
    expect(await town.tell(target.handoff, done(), await how())).toMatchObject({
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
    const { clock } = town.api.system;
    let headers: Record<string, string> = {};
    await say(
      town.api,
      town.bank,
      'none',
      {},
      { raw: body, at: await clock.now(), tamper: (made) => (headers = { ...made }) },
    );
    const answer = await town.api.ask(null, 'POST', `/api/handoffs/${target.handoff}/events`, { raw: other, headers });
    expect(answer).toMatchObject({ status: 401, body: { code: 'bad-signature' } });
    expect(await traces()).toEqual(before);
  });

  it('with a thousand real signatures is refused with 401 also where it comes over the network', async () => {
    await town.api.app.listen(0, '127.0.0.1');
    let headers: Record<string, string> = {};
    const tamper = withHeader('webhook-signature', (was) => Array.from({ length: 1_000 }, () => was).join(' '));
    await town.tell('none', {}, { raw: body, tamper: (made) => (headers = tamper(made)) });
    const url = `${await town.api.app.getUrl()}/api/handoffs/${target.handoff}/events`;
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: { ...headers, 'content-type': 'application/json' },
    });
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 401,
      body: { code: 'bad-signature' },
    });
    expect(await traces()).toEqual(before);
  });

  it("F36: with another partner's secret, or about what there is not, is answered as if there were no such hand-off", async () => {
    const foreign = await say(town.api, town.office, target.handoff, done());
    const unknown = await say(town.api, town.office, '019f0000-0000-7000-8000-000000000000', done());
    const nonsense = await say(town.api, town.office, 'nonsense', done());
    for (const { status, body: problem } of [foreign, unknown, nonsense])
      expect({ status, body: problem }).toMatchObject({ status: 404, body: { code: 'handoff-not-found' } });
    expect(Object.keys(foreign.body).sort()).toEqual(Object.keys(unknown.body).sort());
    expect(await traces()).toEqual(before);
    // Whoever runs it hears who tried what, for it may be a secret in wrong hands.
    expect(town.api.warnings.filter((warning) => warning.includes(target.handoff))).toEqual([
      `civil-office signed a message about hand-off ${target.handoff}, which is of otbasy-bank. It was refused.`,
    ]);
  });

  it('is not read for its address: an unknown one is 401 to strangers too', async () => {
    const stranger = { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
    expect((await town.tell('019f0000-0000-7000-8000-000000000000', done(), stranger)).status).toBe(401);
  });
});

describe('a message that does not fit', () => {
  let target: { id: string; handoff: string };
  let before: unknown;
  const traces = async () => [
    await town.handoffOf(target.id),
    await town.journalOf(target.id),
    await town.eventsOf(target.handoff),
  ];
  beforeAll(async () => {
    target = await town.sent('advice');
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
    const dated = event instanceof Object && 'eventId' in event ? { at: AT, ...event } : event;
    const answer = await town.tell(target.handoff, {}, { raw: JSON.stringify(dated) });
    expect(answer).toMatchObject({ status, body: { code } });
    if (path) expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(await traces()).toEqual(before);
  });

  it.each([
    ['is not JSON', '{"eventId":'],
    ['names a field twice', `{"eventId":"a","eventId":"b","type":"done","at":"${AT}"}`],
    ['reaches for a prototype', `{"eventId":"a","type":"done","at":"${AT}","result":{"__proto__":{}}}`],
  ])('%s is refused, and nothing changes', async (_what, raw) => {
    expect(await town.tell(target.handoff, {}, { raw })).toMatchObject({ status: 400, body: { code: 'malformed' } });
    expect(await traces()).toEqual(before);
  });

  it('may have any offset that there is on Earth, and no other', async () => {
    const { id, handoff } = await town.sent('advice');
    const sentAt = String((await town.handoffOf(id))['sentAt']);
    const with14 = new Date(Date.parse(sentAt) + 14 * 3600_000).toISOString().replace('Z', '+14:00');
    const with23 = with14.replace('+14:00', '+23:59');
    expect((await town.tell(handoff, { ...acknowledged(), at: with23 })).status).toBe(422);
    expect((await town.tell(handoff, { ...acknowledged(), at: with14 })).status).toBe(200);
    expect(await town.handoffOf(id)).toMatchObject({ acknowledgedAt: sentAt });
  });
});

describe('what a partner says happened', () => {
  let target: { id: string; handoff: string };
  const minutes = async (offset: number, from?: string) =>
    new Date(Date.parse(from ?? (await town.api.system.clock.now())) + offset * 60_000).toISOString();
  beforeAll(async () => {
    target = await town.sent('advice');
    // Time enough for a moment to lie before it went out.
    await pass(town.api.system, { hours: 2 });
  });

  it.each([
    ['in 2099', async () => '2099-01-01T00:00:00Z', /^это время ещё не наступило, сейчас \d{4}-/],
    ['in six minutes', () => minutes(6), /^это время ещё не наступило/],
    ['before it was asked', () => minutes(-127), /^это время раньше, чем направление было отправлено \(\d{4}-/],
  ])('%s did not happen then: 422 says what to do, and nothing changes', async (_when, at, sentence) => {
    const before = await town.handoffOf(target.id);
    const language = { 'accept-language': 'ru' };
    const tamper = (headers: object) => ({ ...headers, ...language });
    const answer = await town.tell(target.handoff, { ...acknowledged(), at: await at() }, { tamper });
    expect(answer).toMatchObject({ status: 422, body: { code: 'schema' } });
    expect(answer.body.errors).toEqual([{ path: '/at', message: expect.stringMatching(sentence) }]);
    expect(await town.handoffOf(target.id)).toEqual(before);
    expect(await town.eventsOf(target.handoff)).toEqual([]);
  });

  it('may have happened four minutes ahead, or before, by clocks that differ', async () => {
    const early = await town.sent('advice');
    const sentAt = String((await town.handoffOf(early.id))['sentAt']);
    expect((await town.tell(early.handoff, { ...acknowledged(), at: await minutes(-4, sentAt) })).status).toBe(200);
    expect((await town.tell(target.handoff, { ...acknowledged(), at: await minutes(4) })).status).toBe(200);
  });

  it('may have happened after our first attempt, although a later one was the first that was answered', async () => {
    town.bank.replies.push({ status: 503, headers: { 'retry-after': '3600' } });
    const { id, handoff } = await town.sent('advice');
    const first = await town.api.system.clock.now();
    await pass(town.api.system, { hours: 2 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
    expect((await town.tell(handoff, { ...acknowledged(), at: first })).status).toBe(200);
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
