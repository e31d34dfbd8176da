import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { until } from '../../test/engine.js';
import { Partner, pass, say, settled } from '../../test/partner.js';
import { verify } from '../engine/verify.js';
import { ORGANISATION } from '../system.js';
import { taskWork } from '../tasks/task-work.js';
import { HandoffsService } from './handoffs.service.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const input = { type: 'object', properties: { familyId: { type: 'string' } } };
const save = (params: object) => ({ type: 'set', params });
const referral = (id: string, partner: string, service: string, more: object = {}) => ({
  id,
  title: text('Referral'),
  context: { familyId: '= input.familyId', result: null, code: null },
  events: { LEAVE: { title: text('Leave'), roles: [] }, AGAIN: { title: text('Again'), roles: [] } },
  meta: { reopen: 'asking' },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner, service, deadline: '10 days', request: { categories: ['large'] } },
        onDone: { target: 'helped', actions: save({ result: '= event.output.result.number' }) },
        onError: { target: 'refused', actions: save({ code: '= event.error.code' }) },
        ...more,
      },
      on: { LEAVE: 'gone', AGAIN: { target: 'asking', reenter: true } },
    },
    helped: { type: 'final' },
    refused: { type: 'final' },
    gone: { type: 'final' },
  },
});

let api: ApiFixture;
let corporation: Partner;
let bank: Partner;
let office: Partner;
beforeAll(async () => {
  [corporation, bank, office] = await Promise.all([Partner.start(), Partner.start(), Partner.start()]);
  api = await ApiFixture.create({
    partners: {
      'state-corporation': { url: corporation.url, secret: corporation.secret },
      'otbasy-bank': { url: bank.url, secret: bank.secret },
      'civil-office': { url: office.url, secret: office.secret },
    },
  });
  for (const workflow of [
    referral('papers', 'state-corporation', 'missing-certificates'),
    referral('housing', 'otbasy-bank', 'housing-advice'),
    referral('legal', 'civil-office', 'free-legal-aid'),
    referral('course', 'atameken', 'course-enrolment'),
    referral('nobody', 'nobody', 'anything'),
    referral('nothing', 'state-corporation', 'constructor'),
    referral('several', '', '', {
      each: '= [{ partner: "otbasy-bank", service: "housing-advice" }, { partner: "civil-office", service: "free-legal-aid" }]',
      key: '= item.partner',
      until: 'any',
      input: { partner: '= item.partner', service: '= item.service', deadline: '5 days' },
      onDone: 'helped',
    }),
    referral('termless', 'civil-office', 'free-legal-aid', {
      input: { partner: 'civil-office', service: 'free-legal-aid' },
    }),
    referral('unheard', 'otbasy-bank', 'housing-advice', { onError: undefined }),
  ])
    await api.deploy(workflow, { 'input.yaml': input });
});
beforeEach(() => {
  for (const partner of [corporation, bank, office]) partner.replies.length = 0;
});
afterAll(async () => {
  await api.close();
  await Promise.all([corporation, bank, office].map((partner) => partner.close()));
});

let families = 0;
async function refer(workflow: string): Promise<{ id: string; handoff: string }> {
  families += 1;
  const { status, body } = await api.post('integration', '/api/cases', {
    workflow,
    input: {
      applicant: { surname: `Қасымова${families}`, given: 'Әсел', patronymic: null },
      categories: ['large', 'single-parent'],
      interest: 'sewing',
      phone: '+77011234567',
      language: 'kk',
    },
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  const [{ id: handoff }] = (await handoffs(body.id)) as [{ id: string }];
  return { id: body.id, handoff };
}
const handoffs = async (caseId: string) =>
  (await api.get('integration', `/api/handoffs?caseId=${caseId}`)).body.items as Record<string, string | null>[];
const caseOf = async (id: string) => (await api.get('integration', `/api/cases/${id}`)).body;
const incidentsOf = async (id: string) => (await api.get('integration', `/api/incidents?caseId=${id}`)).body.items;
const leave = (id: string, type = 'LEAVE') => api.post('integration', `/api/cases/${id}/events`, { type });
const now = () => api.system.clock.now();
const done = (eventId: string) => ({ eventId, type: 'done', at: '2026-11-22T10:00:00+05:00', result: { number: '7' } });
const sql = async (statement: string, values: unknown[] = []) =>
  (await api.database.pool('owner').query(statement, values)).rows;

describe('a hand-off', () => {
  it('goes out signed, with exactly the fields of its service, and its 202 is remembered', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    const [delivery, ...more] = bank.about(handoff);
    expect(more).toEqual([]);
    if (!delivery) throw new Error('Nothing came.');
    expect(delivery.path).toBe('/handoffs');
    expect(bank.trusts(delivery, await now())).toBe(true);
    expect(corporation.trusts(delivery, await now())).toBe(false);
    expect(delivery.headers['webhook-id']).toBe(handoff);
    const { number } = await caseOf(id);
    const body = JSON.parse(delivery.body);
    expect(body).toEqual({
      id: handoff,
      service: 'housing-advice',
      sentAt: expect.any(String),
      dueAt: expect.any(String),
      // The bank does not need the identity number.
      person: {
        surname: `Қасымова${families}`,
        given: 'Әсел',
        patronymic: null,
        phone: '+77011234567',
        language: 'kk',
      },
      consent: null,
      request: { categories: ['large'], caseNumber: number },
      documents: [],
    });
    expect(Date.parse(body.dueAt) - Date.parse(body.sentAt)).toBeGreaterThan(9 * 24 * 3600_000);
    expect(await handoffs(id)).toEqual([
      expect.objectContaining({ status: 'sent', partnerRef: expect.stringMatching(/^REF-/), dueAt: body.dueAt }),
    ]);
  });

  it('is sent again under the same id with the very same bytes, when it was told to wait or nothing came back', async () => {
    bank.replies.push(
      { status: 503, headers: { 'retry-after': '30' } },
      { status: 429, headers: { 'retry-after': '60' } },
      { status: 0 },
      { status: 202, body: 'we do not speak JSON' },
      { status: 500 },
    );
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    await sql('update qamqor.families set phone = null');
    await pass(api.system, { seconds: 25 });
    expect(bank.about(handoff)).toHaveLength(1);
    await pass(api.system, { seconds: 10 });
    expect(bank.about(handoff)).toHaveLength(2);
    for (let attempt = 0; attempt < 5; attempt += 1) await pass(api.system, { minutes: 2 });
    const deliveries = bank.about(handoff);
    expect(deliveries).toHaveLength(6);
    expect(new Set(deliveries.map(({ body }) => body)).size).toBe(1);
    expect(new Set(deliveries.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([handoff]));
    // Each attempt is stamped anew, so that a late one is still believed.
    expect(new Set(deliveries.map(({ headers }) => headers['webhook-timestamp'])).size).toBeGreaterThan(3);
    expect(await handoffs(id)).toMatchObject([{ status: 'sent' }]);
  });

  it.each([
    ['400', { status: 400 }],
    ['404', { status: 404 }],
    ['410', { status: 410 }],
    ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }],
  ])('that is refused with %s is over, and the case goes on without it', async (_what, reply) => {
    bank.replies.push(reply);
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    expect(bank.about(handoff)).toHaveLength(1);
    expect(await caseOf(id)).toMatchObject({ status: 'done', state: 'refused', incidents: 0 });
    expect(await handoffs(id)).toMatchObject([{ status: 'rejected', reasonCode: 'TECHNICAL', sentAt: null }]);
  });

  it('that meets a wrong secret is an incident, and goes out when that is put right', async () => {
    bank.replies.push({ status: 401 });
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    expect(await caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
    const [incident] = await incidentsOf(id);
    expect(incident.message).toContain('otbasy-bank');
    expect(
      (await api.post('supervisor', `/api/incidents/${incident.id}/retry`, { reason: 'the secret was wrong' })).status,
    ).toBe(200);
    await settled(api.system);
    expect(bank.about(handoff)).toHaveLength(2);
    expect(await handoffs(id)).toMatchObject([{ status: 'sent' }]);
  });

  it.each(['nobody', 'nothing'])(
    'to a partner or a service that there is not ("%s") is an incident',
    async (workflow) => {
      const { id } = await refer(workflow);
      await settled(api.system);
      expect(await caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
      expect(await handoffs(id)).toMatchObject([{ status: 'draft' }]);
    },
  );

  it('to a partner without an address waits, however long, and expires by its clock', async () => {
    const { id } = await refer('course');
    await settled(api.system);
    for (let look = 0; look < 40; look += 1) await pass(api.system, { minutes: 2 });
    const [row] = await sql('select attempt, last_error from qamqor.outbox where case_id = $1', [id]);
    expect(row.attempt).toBeGreaterThan(30);
    expect(row.last_error).toContain('atameken has no address');
    expect(await caseOf(id)).toMatchObject({ incidents: 0, state: 'asking' });
    await pass(api.system, { days: 10 });
    expect(await caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await handoffs(id)).toMatchObject([{ status: 'expired', reasonCode: 'EXPIRED', sentAt: null }]);
  });

  it('to a partner that is down for two days goes out when it is back; nobody else has to wait', async () => {
    const others = await refer('papers');
    office.replies.push(...Array.from({ length: 200 }, () => ({ status: 503 })));
    const waiting = await Promise.all(Array.from({ length: 12 }, () => refer('legal')));
    await settled(api.system);
    expect(await handoffs(others.id)).toMatchObject([{ status: 'sent' }]);
    // Not every one of them knocks: after five times without an answer it is left in peace.
    expect(office.received.length).toBeLessThan(10);
    for (let hour = 0; hour < 48; hour += 1) await pass(api.system, { hours: 1 });
    const knocks = office.received.length;
    expect(knocks).toBeLessThan(60);
    office.replies.length = 0;
    for (let hour = 0; hour < 3; hour += 1) await pass(api.system, { hours: 1 });
    for (const { id, handoff } of waiting) {
      expect(await handoffs(id)).toMatchObject([{ status: 'sent' }]);
      expect(await caseOf(id)).toMatchObject({ incidents: 0 });
      expect(new Set(office.about(handoff).map(({ body }) => body)).size).toBe(1);
    }
    expect(office.received.length - knocks).toBe(12);
  });

  it('without a term does not knock for ever: somebody hears that it does not get through', async () => {
    office.replies.push(...Array.from({ length: 200 }, () => ({ status: 500 })));
    const { id } = await refer('termless');
    await settled(api.system);
    for (let time = 0; time < 60 && (await caseOf(id)).incidents === 0; time += 1) await pass(api.system, { hours: 2 });
    const [incident] = await incidentsOf(id);
    expect(incident).toMatchObject({ rule: 'not-delivered', message: expect.stringMatching(/attempts: http-500/) });
    office.replies.length = 0;
    await api.post('supervisor', `/api/incidents/${incident.id}/retry`, { reason: 'they are back' });
    for (let time = 0; time < 3; time += 1) await pass(api.system, { minutes: 11 });
    expect(await handoffs(id)).toMatchObject([{ status: 'sent', dueAt: null }]);
  });

  it('has one effect when the process dies after "sent" and before its outbox row is gone', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    // As if the delivery had not been settled: the row is there again.
    await sql(
      `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
       select gen_random_uuid(), organisation_id, case_id, 1, 'handOff.open', id, '{"entry":"ask:1"}', opened_at, opened_at from qamqor.handoffs where id = $1`,
      [handoff],
    );
    const [before] = await handoffs(id);
    await settled(api.system);
    expect(bank.about(handoff)).toHaveLength(1);
    expect(await handoffs(id)).toEqual([before]);
    expect(await sql('select from qamqor.outbox where case_id = $1', [id])).toEqual([]);
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
    bank.replies.push(hold, hold);
    const { id, handoff } = await refer('housing');
    const { rows } = await api.database.pool('owner').query(
      `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
         select gen_random_uuid(), organisation_id, case_id, 1, 'handOff.open', id, '{}', opened_at, opened_at from qamqor.handoffs where id = $1 returning id`,
      [handoff],
    );
    await api.system.runtime.worker.deliver([rows[0].id]);
    await settled(api.system);
    expect(new Set(arrived).size).toBe(1);
    expect(await handoffs(id)).toMatchObject([{ status: 'sent', partnerRef: 'TWICE' }]);
  });
});

describe('the end of a hand-off', () => {
  it('comes by the clock, once, when the partner stays silent', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    await pass(api.system, { days: 9 });
    expect(await caseOf(id)).toMatchObject({ state: 'asking' });
    await pass(api.system, { days: 1 });
    expect(await caseOf(id)).toMatchObject({ status: 'done', state: 'refused', incidents: 0 });
    await Promise.all([1, 2, 3].map(() => api.system.runtime.sweeper.sweep()));
    const { body } = await api.get('auditor', `/api/cases/${id}/journal`);
    expect(body.items.filter(({ type }: { type: string }) => type === 'error(ask)')).toHaveLength(1);
    expect(await handoffs(id)).toMatchObject([{ status: 'expired', reasonCode: 'EXPIRED' }]);
    // Nothing is left to tell the partner: it let the time run out.
    expect(bank.about(handoff)).toHaveLength(1);
  });

  it('of which nobody takes the error is one incident, and no more', async () => {
    const { id } = await refer('unheard');
    await settled(api.system);
    await pass(api.system, { days: 11 });
    await pass(api.system, { days: 1 });
    expect(await caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
    expect(await handoffs(id)).toMatchObject([{ status: 'sent' }]);
  });

  it('is told to a partner that has it, when its state is left', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    await leave(id);
    await settled(api.system);
    const [, recall, ...more] = bank.about(handoff);
    expect(more).toEqual([]);
    expect(recall?.path).toBe(`/handoffs/${handoff}/recall`);
    expect(JSON.parse(recall?.body ?? '')).toEqual({ id: handoff, reason: 'recalled', at: expect.any(String) });
    expect(recall && bank.trusts(recall, await now())).toBe(true);
    expect(await handoffs(id)).toMatchObject([{ status: 'recalled', closedAt: expect.any(String) }]);
  });

  it('is told to nobody when nothing had gone out', async () => {
    const { id } = await refer('course');
    await leave(id);
    await settled(api.system);
    expect(await handoffs(id)).toMatchObject([{ status: 'recalled', sentAt: null }]);
    await pass(api.system, { minutes: 2 });
    expect(await sql('select from qamqor.outbox where case_id = $1', [id])).toEqual([]);
  });

  it('is told also when a hand cancels the case', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    await api.post('supervisor', `/api/cases/${id}/acts`, { act: 'cancel', reason: 'opened twice' });
    await settled(api.system);
    expect(bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
    expect(await handoffs(id)).toMatchObject([{ status: 'recalled' }]);
  });

  it('of one of several asked at once, of which one answer is enough, recalls the others', async () => {
    const { id } = await refer('several');
    await settled(api.system);
    const asked = await handoffs(id);
    expect(asked.map(({ partner, status }) => [partner, status]).sort()).toEqual([
      ['civil-office', 'sent'],
      ['otbasy-bank', 'sent'],
    ]);
    const of = (key: string) => String(asked.find(({ partner }) => partner === key)?.['id']);
    expect((await say(api, office, of('civil-office'), done('we'))).body).toEqual({ status: 'applied' });
    await settled(api.system);
    expect(await caseOf(id)).toMatchObject({ state: 'helped' });
    expect(bank.about(of('otbasy-bank')).map(({ path }) => path)).toEqual([
      '/handoffs',
      `/handoffs/${of('otbasy-bank')}/recall`,
    ]);
    expect(office.about(of('civil-office'))).toHaveLength(1);
    expect((await say(api, bank, of('otbasy-bank'), done('we too'))).body).toEqual({
      status: 'ignored',
      reason: 'recalled',
    });
  });

  it('is told to a partner that does not know recalls, and that is that', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    bank.replies.push({ status: 404 });
    await leave(id);
    await settled(api.system);
    expect(bank.about(handoff)).toHaveLength(2);
    expect(await sql('select from qamqor.outbox where case_id = $1', [id])).toEqual([]);
    expect(await caseOf(id)).toMatchObject({ incidents: 0 });
  });

  it('never overtakes the hand-off itself on its way', async () => {
    let release = () => {};
    const arrived = new Promise<void>((isThere) => {
      bank.replies.push(async () => {
        const answered = new Promise<void>((resolve) => {
          release = resolve;
        });
        isThere();
        await answered;
        return { status: 202, body: '{"partnerRef":"SLOW"}' };
      });
    });
    const { id, handoff } = await refer('housing');
    await arrived;
    await leave(id);
    await until(async () => {
      const close = `select attempt > 0 and leased_until is null as tried from qamqor.outbox where case_id = $1 and topic = 'handOff.close'`;
      const [row] = await sql(close, [id]);
      return row?.tried !== false;
    });
    expect(bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs']);
    release();
    await settled(api.system);
    await pass(api.system, { seconds: 2 });
    expect(bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
  });

  it('is followed by a new one, under a new id, when its state is entered again', async () => {
    const { id, handoff } = await refer('housing');
    await settled(api.system);
    await leave(id, 'AGAIN');
    await settled(api.system);
    const [second, first] = await handoffs(id);
    expect(first).toMatchObject({ id: handoff, status: 'recalled' });
    expect(second).toMatchObject({ status: 'sent' });
    expect(second?.['id']).not.toBe(handoff);
    // A late answer to the first is not taken for the second's.
    expect((await say(api, bank, handoff, done('late'))).body).toEqual({ status: 'ignored', reason: 'recalled' });
    expect(await caseOf(id)).toMatchObject({ state: 'asking' });
    expect((await say(api, bank, String(second?.['id']), done('in time'))).body).toEqual({ status: 'applied' });
    expect(await caseOf(id)).toMatchObject({ state: 'helped' });
  });

  it('waits while the case is suspended, and moves by as long as that stood still', async () => {
    const { id } = await refer('housing');
    await settled(api.system);
    const act = (name: string) => api.post('supervisor', `/api/cases/${id}/acts`, { act: name, reason: 'holiday' });
    expect((await act('suspend')).status).toBe(200);
    await pass(api.system, { days: 20 });
    expect(await caseOf(id)).toMatchObject({ status: 'suspended', state: 'asking' });
    expect((await act('resume')).status).toBe(200);
    await pass(api.system, { days: 9 });
    expect(await caseOf(id)).toMatchObject({ status: 'active', state: 'asking' });
    await pass(api.system, { days: 1, minutes: 1 });
    expect(await caseOf(id)).toMatchObject({ state: 'refused' });
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', async () => {
  const openWork = { task: taskWork, handOff: HandoffsService.openWork };
  const { problems } = await verify(api.system.pool, api.system.runtime.versions, ORGANISATION, openWork);
  expect(problems).toEqual([]);
  expect(api.errors).toEqual([]);
});
