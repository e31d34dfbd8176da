import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../test/engine.js';
import { done, givenUp, HandoffTown, papersRequested, referral } from '../../test/handoffs.js';
import { pass, say } from '../../test/partner.js';

let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([
    referral('housing', 'otbasy-bank', 'housing-advice'),
    referral('course', 'atameken', 'course-enrolment'),
    referral('several', '', '', {
      each: '= [{ partner: "otbasy-bank", service: "housing-advice" }, { partner: "civil-office", service: "free-legal-aid" }]',
      key: '= item.partner',
      until: 'any',
      input: { partner: '= item.partner', service: '= item.service', deadline: '5 days' },
      onDone: 'helped',
    }),
    referral('unheard', 'otbasy-bank', 'housing-advice', { onError: undefined }),
  ]);
});
beforeEach(() => {
  for (const partner of [town.bank, town.office]) partner.replies.length = 0;
});
afterAll(() => town.close());

async function momentsOf(caseId: string): Promise<{ due: number; givesUp: number }> {
  const { dueAt, givesUpAt } = await town.handoffOf(caseId);
  return { due: Date.parse(String(dueAt)), givesUp: Date.parse(String(givesUpAt)) };
}

/** As the list of partners counts, without what another example has left open. */
async function overdueAtBank(): Promise<number> {
  const { items } = (await town.api.get('curator', '/api/partners')).body;
  const others = await town.sql(`select from qamqor.handoffs h join qamqor.cases c on c.id = h.case_id
    where c.workflow_key = 'unheard' and h.partner = 'otbasy-bank' and h.closed_at is null`);
  return items.find(({ key }: { key: string }) => key === 'otbasy-bank').overdue - others.length;
}

/** The bank has the next hand-off, and takes its time to say so. */
function slowReply(): { arrived: Promise<void>; release: () => void } {
  const [there, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  town.bank.replies.push(async () => {
    there.resolve();
    await answer.promise;
    return { status: 202, body: '{"partnerRef":"SLOW"}' };
  });
  return { arrived: there.promise, release: answer.resolve };
}

describe('the end of a hand-off', () => {
  it('comes by the clock, once, when the partner stays silent', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    await pass(town.api.system, { days: 9 });
    expect(await town.handoffOf(id)).toMatchObject({ overdue: false });
    await pass(town.api.system, { days: 1 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent', overdue: true });
    await givenUp(town, id, -60_000);
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking' });
    await givenUp(town, id);
    expect(await town.caseOf(id)).toMatchObject({ status: 'done', state: 'refused', incidents: 0 });
    await Promise.all([1, 2, 3].map(() => town.api.system.runtime.sweeper.sweep()));
    const { body } = await town.api.get('auditor', `/api/cases/${id}/journal`);
    expect(body.items.filter(({ type }: { type: string }) => type === 'error(ask)')).toHaveLength(1);
    expect(await town.handoffs(id)).toMatchObject([{ status: 'expired', reasonCode: 'EXPIRED' }]);
    // Nothing is left to tell the partner: it let the time run out.
    expect(town.bank.about(handoff)).toHaveLength(1);
  });

  it('of which nobody takes the error is one incident, and no more', async () => {
    const { id } = await town.open('unheard');
    await town.settled();
    await givenUp(town, id);
    await pass(town.api.system, { days: 1 });
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
    expect(await town.handoffs(id)).toMatchObject([{ status: 'sent' }]);
  });

  it('is told to a partner that has it, when its state is left', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    await town.leave(id);
    await town.settled();
    const [, recall, ...more] = town.bank.about(handoff);
    expect(more).toEqual([]);
    expect(recall?.path).toBe(`/handoffs/${handoff}/recall`);
    expect(JSON.parse(recall?.body ?? '')).toEqual({ id: handoff, reason: 'recalled', at: expect.any(String) });
    expect(recall && town.bank.trusts(recall, await town.api.system.clock.now())).toBe(true);
    expect(await town.handoffs(id)).toMatchObject([{ status: 'recalled', closedAt: expect.any(String) }]);
  });

  it('is told to nobody when nothing had gone out', async () => {
    const { id } = await town.open('course');
    await town.leave(id);
    await town.settled();
    expect(await town.handoffs(id)).toMatchObject([{ status: 'recalled', sentAt: null }]);
    // If it was looked at before its state was left, it waits for the consent that is missing, and is looked at again.
    await pass(town.api.system, { minutes: 15 });
    // The recall gives way for a second while that happens.
    await until(async () => {
      await town.settled();
      return (await town.sql('select from qamqor.outbox where case_id = $1', [id])).length === 0;
    });
    expect(await town.caseOf(id)).toMatchObject({ incidents: 0 });
  });

  it('is told also when a hand cancels the case', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    await town.api.post('supervisor', `/api/cases/${id}/acts`, { act: 'cancel', reason: 'opened twice' });
    await town.settled();
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
    expect(await town.handoffs(id)).toMatchObject([{ status: 'recalled' }]);
  });

  it('of one of several asked at once, of which one answer is enough, recalls the others', async () => {
    const { id } = await town.open('several');
    await town.settled();
    const asked = await town.handoffs(id);
    expect(asked.map(({ partner, status }) => [partner, status]).sort()).toEqual([
      ['civil-office', 'sent'],
      ['otbasy-bank', 'sent'],
    ]);
    const of = (key: string) => String(asked.find(({ partner }) => partner === key)?.['id']);
    expect((await say(town.api, town.office, of('civil-office'), done('we'))).body).toEqual({ status: 'applied' });
    await town.settled();
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
    expect(town.bank.about(of('otbasy-bank')).map(({ path }) => path)).toEqual([
      '/handoffs',
      `/handoffs/${of('otbasy-bank')}/recall`,
    ]);
    expect(town.office.about(of('civil-office'))).toHaveLength(1);
    expect((await say(town.api, town.bank, of('otbasy-bank'), done('we too'))).body).toEqual({
      status: 'ignored',
      reason: 'recalled',
    });
  });

  it('is told to a partner that does not know recalls, and that is that', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    town.bank.replies.push({ status: 404 });
    await town.leave(id);
    await town.settled();
    expect(town.bank.about(handoff)).toHaveLength(2);
    expect(await town.sql('select from qamqor.outbox where case_id = $1', [id])).toEqual([]);
    expect(await town.caseOf(id)).toMatchObject({ incidents: 0 });
  });

  it('never overtakes the hand-off itself on its way', async () => {
    const { arrived, release } = slowReply();
    const { id, handoff } = await town.open('housing');
    await arrived;
    await town.leave(id);
    await until(async () => {
      const close = `select attempt > 0 and leased_until is null as tried from qamqor.outbox where case_id = $1 and topic = 'handOff.close'`;
      const [row] = await town.sql(close, [id]);
      return row?.tried !== false;
    });
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs']);
    release();
    await town.settled();
    await pass(town.api.system, { seconds: 2 });
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
  });

  it('that a worker has sent which was paused meanwhile is told to the partner again', async () => {
    const { arrived, release } = slowReply();
    // Its recall comes first, and to this partner means nothing yet.
    town.bank.replies.push({ status: 404 });
    const { id, handoff } = await town.open('housing');
    await arrived;
    await town.sql(
      `update qamqor.outbox set leased_until = qamqor.qamqor_now() - interval '1 second', parked = true where case_id = $1`,
      [id],
    );
    await town.leave(id);
    const close = `select id from qamqor.outbox where case_id = $1 and topic = 'handOff.close'`;
    await until(async () => town.bank.about(handoff).length === 2 && (await town.sql(close, [id])).length === 0);
    release();
    await town.settled();
    await pass(town.api.system, { seconds: 2 });
    const [, ...recalls] = town.bank.about(handoff);
    expect(recalls.map(({ path }) => path)).toEqual([`/handoffs/${handoff}/recall`, `/handoffs/${handoff}/recall`]);
    await town.sql(`delete from qamqor.outbox where case_id = $1 and parked`, [id]);
  });

  it('F30: of which the partner cannot be told with our secret (401) is an incident, and is told when that is put right', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    town.bank.replies.push({ status: 401 });
    await town.leave(id);
    await town.settled();
    expect(town.bank.about(handoff)).toHaveLength(2);
    const [incident] = await town.incidentsOf(id);
    const retried = await town.api.post('supervisor', `/api/incidents/${incident.id}/retry`, { reason: 'put right' });
    expect(retried.status).toBe(200);
    await town.settled();
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual([
      '/handoffs',
      `/handoffs/${handoff}/recall`,
      `/handoffs/${handoff}/recall`,
    ]);
  });

  it('is followed by a new one, under a new id, when its state is entered again', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    await town.leave(id, 'AGAIN');
    await town.settled();
    const [second, first] = await town.handoffs(id);
    expect(first).toMatchObject({ id: handoff, status: 'recalled' });
    expect(second).toMatchObject({ status: 'sent' });
    expect(second?.['id']).not.toBe(handoff);
    // A late answer to the first is not taken for the second's.
    expect((await say(town.api, town.bank, handoff, done('late'))).body).toEqual({
      status: 'ignored',
      reason: 'recalled',
    });
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking' });
    expect((await say(town.api, town.bank, String(second?.['id']), done('in time'))).body).toEqual({
      status: 'applied',
    });
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
  });

  it('goes on waiting for papers when the case is suspended meanwhile: the pause moves, too, and its rest is given back', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    const before = await momentsOf(id);
    await town.tell(handoff, papersRequested());
    const asked = await town.handoffOf(id);
    expect((await town.act(id, 'suspend')).status).toBe(200);
    await pass(town.api.system, { days: 60 });
    expect((await town.act(id, 'resume')).status).toBe(200);
    const resumed = await town.handoffOf(id);
    const later = (moment: 'pausedAt' | 'pausedUntil') =>
      (Date.parse(String(resumed[moment])) - Date.parse(String(asked[moment]))) / 86_400_000;
    expect([later('pausedAt'), later('pausedUntil')]).toEqual([expect.closeTo(60, 3), expect.closeTo(60, 3)]);
    const supplied = await town.api.post('curator', `/api/handoffs/${handoff}/supply`, { documents: [], note: 'here' });
    expect(supplied.status).toBe(200);
    const after = await momentsOf(id);
    expect((after.givesUp - before.givesUp) / 86_400_000).toBeCloseTo(60, 2);
  });

  it('loses no time to papers that the partner asks for while the case is suspended', async () => {
    const { id, handoff } = await town.open('housing');
    await town.settled();
    const before = await momentsOf(id);
    expect((await town.act(id, 'suspend')).status).toBe(200);
    await pass(town.api.system, { days: 50 });
    await town.tell(handoff, papersRequested());
    await pass(town.api.system, { days: 10 });
    expect((await town.act(id, 'resume')).status).toBe(200);
    await pass(town.api.system, { days: 1 });
    const supplied = await town.api.post('curator', `/api/handoffs/${handoff}/supply`, { documents: [], note: 'here' });
    expect(supplied.status).toBe(200);
    // For as long as the case stood, and the day that the papers took then.
    expect(((await momentsOf(id)).givesUp - before.givesUp) / 86_400_000).toBeCloseTo(61, 2);
  });

  it('waits while the case is suspended, and moves by as long as that stood still', async () => {
    const { id } = await town.open('housing');
    await town.settled();
    const before = await momentsOf(id);
    expect((await town.act(id, 'suspend')).status).toBe(200);
    await pass(town.api.system, { days: 60 });
    expect(await town.caseOf(id)).toMatchObject({ status: 'suspended', state: 'asking' });
    // Nobody is to answer now.
    expect(await town.handoffOf(id)).toMatchObject({ overdue: false });
    expect((await town.api.get('curator', `/api/handoffs?caseId=${id}&overdue=true`)).body.items).toEqual([]);
    expect(await overdueAtBank()).toBe(0);
    expect((await town.act(id, 'resume')).status).toBe(200);
    const after = await momentsOf(id);
    expect((after.due - before.due) / 86_400_000).toBeCloseTo(60, 3);
    expect(after.givesUp - before.givesUp).toBe(after.due - before.due);
    await pass(town.api.system, { days: 9 });
    expect(await town.handoffOf(id)).toMatchObject({ overdue: false });
    await pass(town.api.system, { days: 1, minutes: 1 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent', overdue: true });
    expect(await overdueAtBank()).toBe(1);
    await givenUp(town, id);
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
