import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../test/engine.js';
import { givenUp, HandoffTown, referral } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';
import { OrphansService } from '../supervision/orphans.service.js';

const LONG_MS = 120_000;
/** Messages to one partner at once. */
const AT_ONCE = 4;

let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([
    referral('housing', 'otbasy-bank', 'housing-advice'),
    referral('legal', 'civil-office', 'free-legal-aid'),
    referral('course', 'atameken', 'course-enrolment'),
    referral('nobody', 'nobody', 'anything'),
    referral('nothing', 'otbasy-bank', 'constructor'),
    referral('termless', 'civil-office', 'free-legal-aid', {
      input: { partner: 'civil-office', service: 'free-legal-aid' },
    }),
  ]);
});
beforeEach(() => {
  for (const partner of [town.bank, town.office]) partner.replies.length = 0;
});
afterAll(() => town.close());

describe('a hand-off', () => {
  it('goes out signed, with exactly the fields of its service, and its 202 is remembered', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    const [delivery, ...more] = town.bank.about(handoff);
    expect(more).toEqual([]);
    if (!delivery) throw new Error('Nothing came.');
    expect(delivery.path).toBe('/handoffs');
    expect(town.bank.trusts(delivery, await town.api.system.clock.now())).toBe(true);
    expect(town.office.trusts(delivery, await town.api.system.clock.now())).toBe(false);
    expect(delivery.headers['webhook-id']).toBe(handoff);
    const { number } = await town.caseOf(id);
    const body = JSON.parse(delivery.body);
    expect(body).toEqual({
      id: handoff,
      service: 'housing-advice',
      sentAt: expect.any(String),
      dueAt: expect.any(String),
      // The town.bank does not need the identity number.
      person: {
        surname: expect.stringMatching(/^Қасымова/),
        given: 'Әсел',
        patronymic: null,
        phone: '+77011234567',
        language: 'kk',
      },
      consent: { id: expect.any(String), givenAt: expect.any(String) },
      request: { categories: ['large'], caseNumber: number },
      documents: [],
    });
    expect(Date.parse(body.dueAt) - Date.parse(body.sentAt)).toBeGreaterThan(9 * 24 * 3600_000);
    expect(await town.handoffs(id)).toEqual([
      expect.objectContaining({ status: 'sent', partnerRef: expect.stringMatching(/^REF-/), dueAt: body.dueAt }),
    ]);
  });

  it('F28, F29, F32: is sent again under the same id with the very same bytes, when it was told to wait or nothing came back', async () => {
    town.bank.replies.push(
      { status: 503, headers: { 'retry-after': '30' } },
      { status: 429, headers: { 'retry-after': '60' } },
      { status: 0 },
      { status: 202, body: 'we do not speak JSON' },
      { status: 500 },
    );
    const { id, handoff } = await town.open('housing');
    await town.settled();
    await town.sql('update qamqor.families set phone = null');
    await pass(town.api.system, { seconds: 25 });
    expect(town.bank.about(handoff)).toHaveLength(1);
    await pass(town.api.system, { seconds: 10 });
    expect(town.bank.about(handoff)).toHaveLength(2);
    for (let attempt = 0; attempt < 5; attempt += 1) await pass(town.api.system, { minutes: 2 });
    const deliveries = town.bank.about(handoff);
    expect(deliveries).toHaveLength(6);
    expect(new Set(deliveries.map(({ body }) => body)).size).toBe(1);
    expect(new Set(deliveries.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([handoff]));
    // Each attempt is stamped anew, so that a late one is still believed.
    expect(new Set(deliveries.map(({ headers }) => headers['webhook-timestamp'])).size).toBeGreaterThan(3);
    expect(await town.handoffs(id)).toMatchObject([{ status: 'sent' }]);
  });

  it('F28: that meets seven errors in a row goes out at the eighth time, once, under the id it had', async () => {
    town.bank.replies.push(...Array.from({ length: 7 }, () => ({ status: 500 })));
    const { id, handoff } = await town.open('housing');
    await town.settled();
    for (let hour = 0; hour < 24 && (await town.handoffOf(id))['status'] !== 'sent'; hour += 1)
      await pass(town.api.system, { minutes: 15 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
    const deliveries = town.bank.about(handoff);
    expect(deliveries).toHaveLength(8);
    expect(new Set(deliveries.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size).toBe(1);
    await pass(town.api.system, { hours: 3 });
    expect(town.bank.about(handoff)).toHaveLength(8);
    expect(await town.caseOf(id)).toMatchObject({ incidents: 0, state: 'asking' });
  });

  it('F29: that was told to come back in an hour does so, and no other partner has to wait for it', async () => {
    town.bank.replies.push({ status: 429, headers: { 'retry-after': '3600' } });
    const waiting = await town.open('housing');
    await town.settled();
    const other = await town.open('legal');
    await town.settled();
    expect(await town.handoffOf(other.id)).toMatchObject({ status: 'sent' });
    await pass(town.api.system, { minutes: 59 });
    expect(town.bank.about(waiting.handoff)).toHaveLength(1);
    await pass(town.api.system, { minutes: 2 });
    expect(town.bank.about(waiting.handoff)).toHaveLength(2);
    expect(await town.handoffOf(waiting.id)).toMatchObject({ status: 'sent' });
  });

  it(
    'F31: to a partner that takes all and answers none holds up no other partner, and goes out when it answers again',
    async () => {
      const again = Promise.withResolvers<void>();
      const mute = async () => {
        await again.promise;
        return { status: 503 };
      };
      town.bank.replies.push(...Array.from({ length: 100 }, () => mute));
      const waiting = await Promise.all(Array.from({ length: 34 }, () => town.open('housing')));
      await until(() => town.bank.received.length > 0);
      const others = await Promise.all(Array.from({ length: 10 }, () => town.open('legal')));
      const { sweeper } = town.api.system.runtime;
      await until(async () => {
        await sweeper.sweep();
        const statuses = await Promise.all(others.map(async ({ id }) => (await town.handoffOf(id))['status']));
        return statuses.every((status) => status === 'sent');
      });
      for (const { id } of waiting) expect(await town.handoffOf(id)).toMatchObject({ status: 'draft' });
      town.bank.replies.length = 0;
      again.resolve();
      for (let time = 0; time < 4; time += 1) await pass(town.api.system, { minutes: 30 });
      for (const { id, handoff } of waiting) {
        expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
        expect(new Set(town.bank.about(handoff).map(({ body }) => body)).size).toBe(1);
      }
    },
    LONG_MS,
  );

  it(
    'F37: to a partner that was down for a day is caught up carefully: one goes first, then no more at once than usual',
    async () => {
      town.office.replies.push(...Array.from({ length: 500 }, () => ({ status: 503 })));
      const waiting = await Promise.all(Array.from({ length: 12 }, () => town.open('legal')));
      await town.settled();
      for (let time = 0; time < 8; time += 1) await pass(town.api.system, { hours: 3 });
      town.office.replies.length = 0;
      const arrived: string[] = [];
      const first = Promise.withResolvers<void>();
      let [inside, most] = [0, 0];
      const reply = async ({ body }: { body: string }) => {
        inside += 1;
        most = Math.max(most, inside);
        if (arrived.push(JSON.parse(body).id) === 1) await first.promise;
        inside -= 1;
        return { status: 202, body: '{"partnerRef":"BACK"}' };
      };
      town.office.replies.push(...Array.from({ length: 100 }, () => reply));
      const passing = pass(town.api.system, { hours: 1 });
      await until(() => arrived.length === 1);
      // However often somebody looks: the others wait for what becomes of the first.
      for (let time = 0; time < 3; time += 1) await town.api.system.runtime.sweeper.sweep();
      expect(arrived).toHaveLength(1);
      first.resolve();
      await passing;
      for (let hour = 0; hour < 3; hour += 1) await pass(town.api.system, { hours: 1 });
      for (const { id } of waiting) expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
      expect([...arrived].sort()).toEqual(waiting.map(({ handoff }) => handoff).sort());
      expect(most).toBeLessThanOrEqual(AT_ONCE);
    },
    LONG_MS,
  );

  it.each([
    ['400', { status: 400 }],
    ['404', { status: 404 }],
    ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }],
  ])('F30: that is refused with %s is over, and the case goes on without it', async (_what, reply) => {
    town.bank.replies.push(reply);
    const { id, handoff } = await town.open('housing');
    await town.settled();
    expect(town.bank.about(handoff)).toHaveLength(1);
    expect(await town.caseOf(id)).toMatchObject({ status: 'done', state: 'refused', incidents: 0 });
    expect(await town.handoffs(id)).toMatchObject([{ status: 'rejected', reasonCode: 'TECHNICAL', sentAt: null }]);
  });

  it('F30: that meets a wrong secret (401) is an incident, and goes out when that is put right', async () => {
    town.bank.replies.push({ status: 401 });
    const { id, handoff } = await town.open('housing');
    await town.settled();
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
    const [incident] = await town.incidentsOf(id);
    expect(incident.message).toContain('otbasy-bank');
    expect(
      (await town.api.post('supervisor', `/api/incidents/${incident.id}/retry`, { reason: 'the secret was wrong' }))
        .status,
    ).toBe(200);
    await town.settled();
    expect(town.bank.about(handoff)).toHaveLength(2);
    expect(await town.handoffs(id)).toMatchObject([{ status: 'sent' }]);
  });

  it.each(['nobody', 'nothing'])(
    'to a partner or a service that there is not ("%s") waits for a newer process that knows it, and is an incident in the end',
    async (workflow) => {
      const { id } = await town.open(workflow);
      await town.settled();
      expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 0 });
      for (let look = 0; look < 12; look += 1) await pass(town.api.system, { minutes: 20 });
      expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
      expect(await town.handoffs(id)).toMatchObject([{ status: 'draft' }]);
    },
  );

  it('to a partner without an address waits, however long, and expires by its clock', async () => {
    const { id } = await town.open('course');
    await town.settled();
    for (let look = 0; look < 40; look += 1) await pass(town.api.system, { minutes: 2 });
    const [row] = await town.sql('select attempt, last_error from qamqor.outbox where case_id = $1', [id]);
    expect(row.attempt).toBeGreaterThan(30);
    expect(row.last_error).toContain('no-address: atameken');
    expect(await town.caseOf(id)).toMatchObject({ incidents: 0, state: 'asking' });
    await givenUp(town, id);
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await town.handoffs(id)).toMatchObject([{ status: 'expired', reasonCode: 'EXPIRED', sentAt: null }]);
  });

  it('F37: to a partner that is down for two days goes out when it is back; nobody else has to wait', async () => {
    const others = await town.open('housing');
    town.office.replies.push(...Array.from({ length: 200 }, () => ({ status: 503 })));
    const before = town.office.received.length;
    const waiting = await Promise.all(Array.from({ length: 12 }, () => town.open('legal')));
    await town.settled();
    expect(await town.handoffs(others.id)).toMatchObject([{ status: 'sent' }]);
    // Not every one of them knocks: after five times without an answer it is left in peace.
    expect(town.office.received.length - before).toBeLessThan(10);
    for (let hour = 0; hour < 48; hour += 1) await pass(town.api.system, { hours: 1 });
    const knocks = town.office.received.length;
    expect(knocks - before).toBeLessThan(60);
    town.office.replies.length = 0;
    for (let hour = 0; hour < 3; hour += 1) await pass(town.api.system, { hours: 1 });
    for (const { id, handoff } of waiting) {
      expect(await town.handoffs(id)).toMatchObject([{ status: 'sent' }]);
      expect(await town.caseOf(id)).toMatchObject({ incidents: 0 });
      expect(new Set(town.office.about(handoff).map(({ body }) => body)).size).toBe(1);
    }
    expect(town.office.received.length - knocks).toBe(12);
  });

  it('without a term does not knock for ever: somebody hears that it does not get through', async () => {
    town.office.replies.push(...Array.from({ length: 200 }, () => ({ status: 500 })));
    const { id } = await town.open('termless');
    await town.settled();
    for (let time = 0; time < 60 && (await town.caseOf(id)).incidents === 0; time += 1)
      await pass(town.api.system, { hours: 2 });
    const [incident] = await town.incidentsOf(id);
    expect(incident).toMatchObject({ rule: 'not-delivered', message: expect.stringMatching(/failures: http-500/) });
    town.office.replies.length = 0;
    await town.api.post('supervisor', `/api/incidents/${incident.id}/retry`, { reason: 'they are back' });
    for (let time = 0; time < 3; time += 1) await pass(town.api.system, { minutes: 11 });
    expect(await town.handoffs(id)).toMatchObject([{ status: 'sent', dueAt: null }]);
  });

  it('that was given up on and resolved is an orphan, and is sent when that is retried', async () => {
    town.bank.replies.push({ status: 401 });
    const { id, handoff } = await town.sent('housing');
    const act = async (what: string) => {
      const [incident] = await town.incidentsOf(id);
      const reason = { reason: 'It is settled.' };
      return await town.api.post('supervisor', `/api/incidents/${incident.id}/${what}`, reason);
    };
    // It has waited for something before.
    await town.sql(`update qamqor.handoffs set waiting_reason = 'partner-down' where id = $1`, [handoff]);
    expect((await act('resolve')).status).toBe(200);
    await town.api.app.get(OrphansService).look();
    expect(await town.incidentsOf(id)).toMatchObject([{ rule: 'orphan' }]);
    expect((await act('retry')).status).toBe(200);
    await pass(town.api.system, { minutes: 1 });
    expect(await town.handoffs(id)).toMatchObject([{ status: 'sent' }]);
    expect(await town.incidentsOf(id)).toEqual([]);
  });

  it('has one effect when the process dies after "sent" and before its outbox row is gone', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    // As if the delivery had not been settled: the row is there again.
    await town.sql(
      `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
       select gen_random_uuid(), organisation_id, case_id, 1, 'handOff.open', id, '{"entry":"ask:1"}', opened_at, opened_at from qamqor.handoffs where id = $1`,
      [handoff],
    );
    const [before] = await town.handoffs(id);
    await town.settled();
    expect(town.bank.about(handoff)).toHaveLength(1);
    expect(await town.handoffs(id)).toEqual([before]);
    expect(await town.sql('select from qamqor.outbox where case_id = $1', [id])).toEqual([]);
  });

  it('keeps its first bytes when two workers send it at once', async () => {
    const arrived: string[] = [];
    let both = () => {};
    const together = new Promise<void>((resolve) => {
      both = resolve;
    });
    const hold = async (delivery: { body: string }) => {
      if (arrived.push(delivery.body) === 2) both();
      await together;
      return { status: 202, body: '{"partnerRef":"TWICE"}' };
    };
    town.bank.replies.push(hold, hold);
    const { id, handoff } = await town.open('housing');
    const { rows } = await town.api.database.pool('owner').query(
      `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
         select gen_random_uuid(), organisation_id, case_id, 1, 'handOff.open', id, '{}', opened_at, opened_at from qamqor.handoffs where id = $1 returning id`,
      [handoff],
    );
    await town.api.system.runtime.worker.deliver([rows[0].id]);
    await town.settled();
    expect(new Set(arrived).size).toBe(1);
    expect(await town.handoffs(id)).toMatchObject([{ status: 'sent', partnerRef: 'TWICE' }]);
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
