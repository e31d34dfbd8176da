import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../../test/database.js';
import { givenUp, HandoffTown, referral } from '../../test/handoffs.js';
import { Partner, pass } from '../../test/partner.js';

const WORKFLOWS = [
  referral('housing', 'otbasy-bank', 'housing-advice'),
  referral('legal', 'civil-office', 'free-legal-aid'),
];
const GONE = { status: 410 };

let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create(WORKFLOWS);
});
/** Nothing waits for the next rule. */
afterEach(async () => {
  town.bank.replies.length = 0;
  const { items } = (await town.api.get('supervisor', '/api/incidents?limit=200')).body;
  for (const { caseId } of items) await act(caseId, 'retry');
  await pass(town.api.system, { minutes: 3 });
});
afterAll(() => town.close());

async function act(id: string, what: 'retry' | 'resolve') {
  const [incident] = await town.incidentsOf(id);
  const reason = { reason: 'The bank takes them again.' };
  expect((await town.api.post('supervisor', `/api/incidents/${incident.id}/${what}`, reason)).status).toBe(200);
}
async function goneSince(at = town, key = 'otbasy-bank') {
  const { body } = await at.api.get('supervisor', '/api/partners');
  return body.items.find((partner: { key: string }) => partner.key === key).goneSince;
}
/** The one case of these whose incident tells of the partner. */
async function tellerOf(cases: { id: string }[]): Promise<string> {
  const told = (await Promise.all(cases.map(({ id }) => town.incidentsOf(id)))).flat();
  expect(told).toMatchObject([{ rule: 'partner-gone' }]);
  return told[0].caseId;
}
const waits = { status: 'draft', waitingReason: 'partner-gone', sentAt: null };

describe('a partner that says 410', () => {
  it('F30: gets nothing more, of any hand-off and however long; one incident tells it, and other partners have theirs', async () => {
    town.bank.replies.push(GONE);
    const met = await town.sent('housing');
    const before = town.bank.received.length;
    const later = [await town.sent('housing'), await town.sent('housing')];
    const other = await town.sent('legal');
    for (let hour = 0; hour < 24; hour += 1) await pass(town.api.system, { hours: 1 });
    expect(town.bank.received).toHaveLength(before);
    for (const { id } of [met, ...later]) expect(await town.handoffOf(id)).toMatchObject(waits);
    expect(await town.caseOf(met.id)).toMatchObject({ state: 'asking', incidents: 1 });
    for (const { id } of later) expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 0 });
    expect(await town.incidentsOf(met.id)).toMatchObject([
      { rule: 'partner-gone', message: expect.stringContaining('otbasy-bank answered 410') },
    ]);
    expect(await town.handoffOf(other.id)).toMatchObject({ status: 'sent' });
    expect(await goneSince()).toEqual(expect.any(String));
    expect(await goneSince(town, 'civil-office')).toBeNull();
  });

  it('F30: gets all that waits, each once, when a person retries the incident', async () => {
    town.bank.replies.push(GONE);
    const met = await town.sent('housing');
    const later = await town.sent('housing');
    await act(met.id, 'retry');
    expect(await goneSince()).toBeNull();
    await town.settled();
    await pass(town.api.system, { minutes: 2 });
    expect(town.bank.about(met.handoff)).toHaveLength(2);
    expect(town.bank.about(later.handoff)).toHaveLength(1);
    for (const { id } of [met, later]) {
      expect(await town.handoffOf(id)).toMatchObject({ status: 'sent', waitingReason: null });
      expect(await town.caseOf(id)).toMatchObject({ incidents: 0 });
    }
  });

  it('F30: is told of anew when it says so again after a retry, and was asked once', async () => {
    town.bank.replies.push(GONE, GONE);
    const met = await town.sent('housing');
    await act(met.id, 'retry');
    await town.settled();
    await pass(town.api.system, { hours: 1 });
    expect(town.bank.about(met.handoff)).toHaveLength(2);
    expect(await town.incidentsOf(met.id)).toMatchObject([{ rule: 'partner-gone' }]);
  });

  it('F30: is told of once by hand-offs that meet it at the same moment', async () => {
    const both = Promise.withResolvers<void>();
    let arrived = 0;
    const together = async () => {
      arrived += 1;
      if (arrived === 2) both.resolve();
      await both.promise;
      return GONE;
    };
    town.bank.replies.push(together, together);
    const met = await Promise.all([town.open('housing'), town.open('housing')]);
    await town.settled();
    const cases = await Promise.all(met.map(({ id }) => town.caseOf(id)));
    expect(cases.map(({ incidents }) => incidents).sort()).toEqual([0, 1]);
    for (const { id } of met) expect(await town.handoffOf(id)).toMatchObject(waits);
  });

  it('F30: still gets nothing when the incident is resolved instead; one of those that wait tells it again', async () => {
    town.bank.replies.push(GONE);
    const met = await town.sent('housing');
    const later = await town.sent('housing');
    await act(met.id, 'resolve');
    await pass(town.api.system, { minutes: 3 });
    expect(town.bank.about(later.handoff)).toEqual([]);
    expect(town.bank.about(met.handoff)).toHaveLength(1);
    await act(await tellerOf([met, later]), 'retry');
    await pass(town.api.system, { minutes: 3 });
    // Settled or not, what met it is sent as soon as the partner takes it.
    for (const { id } of [met, later]) expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
  });

  it('F30: is told of although the process that met it died before it could', async () => {
    town.bank.replies.push(GONE);
    const met = await town.open('housing');
    await town.settled();
    // As if its incident had not been stored.
    await act(met.id, 'resolve');
    await town.sql(`update qamqor.partner_circuits set gone_told_at = qamqor.qamqor_now()`);
    const later = await town.sent('housing');
    expect(await town.incidentsOf(later.id)).toEqual([]);
    await pass(town.api.system, { minutes: 3 });
    await tellerOf([met, later]);
  });

  it('F30: stops no clock: who waits for it, and who met it, expires in its time', async () => {
    town.bank.replies.push(GONE);
    const met = await town.sent('housing');
    const later = await town.sent('housing');
    await givenUp(town, met.id);
    await givenUp(town, later.id);
    for (const { id } of [met, later]) {
      expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
      expect(await town.handoffOf(id)).toMatchObject({ status: 'expired', reasonCode: 'EXPIRED', sentAt: null });
    }
    // The incident stays: by it the partner is sent to again.
    await act(met.id, 'retry');
    const next = await town.sent('housing');
    expect(await town.handoffOf(next.id)).toMatchObject({ status: 'sent' });
    expect(town.bank.about(met.handoff)).toHaveLength(1);
  });

  it('F30: gets neither papers nor recalls meanwhile, and both when it is sent to again', async () => {
    const [asks, left] = [await town.sent('housing'), await town.sent('housing')];
    await town.tell(asks.handoff, { eventId: 'p', type: 'papers_requested', missing: ['identity-document'] });
    town.bank.replies.push(GONE);
    const met = await town.sent('housing');
    expect((await town.api.post('curator', `/api/handoffs/${asks.handoff}/supply`, {})).status).toBe(200);
    await town.leave(left.id);
    await pass(town.api.system, { hours: 1 });
    expect(town.bank.about(asks.handoff)).toHaveLength(1);
    expect(town.bank.about(left.handoff)).toHaveLength(1);
    await act(met.id, 'retry');
    await pass(town.api.system, { minutes: 2 });
    expect(town.bank.about(asks.handoff)).toHaveLength(2);
    expect(town.bank.about(left.handoff)).toHaveLength(2);
  });

  it('F30: loses one hand-off only, where 410 is said of papers or a recall', async () => {
    const left = await town.sent('housing');
    town.bank.replies.push(GONE);
    await town.leave(left.id);
    await town.settled();
    expect(town.bank.about(left.handoff)).toHaveLength(2);
    expect(await goneSince()).toBeNull();
    const next = await town.sent('housing');
    expect(await town.handoffOf(next.id)).toMatchObject({ status: 'sent' });
  });
});

describe('a partner that said 410 and has another address', () => {
  it('F30: gets all that waits there, each once, without anybody retrying', async () => {
    const [database, moved] = [await createDatabase(), await Partner.start()];
    const before = await HandoffTown.create(WORKFLOWS, { fixture: { database } });
    before.bank.replies.push(GONE);
    const [met, later] = [await before.sent('housing'), await before.sent('housing')];
    expect(await before.incidentsOf(met.id)).toHaveLength(1);
    const knocks = before.bank.received.length;
    await before.api.app.close();
    await before.api.system.close();
    const after = await HandoffTown.create([], {
      fixture: { database },
      partners: [before.bank, before.office],
      bank: { url: `${moved.url}/` },
    });
    try {
      expect(await goneSince(after)).toBeNull();
      await after.settled();
      await pass(after.api.system, { minutes: 2 });
      for (const { id, handoff } of [met, later]) {
        expect(moved.about(handoff)).toHaveLength(1);
        expect(await after.handoffOf(id)).toMatchObject({ status: 'sent' });
        expect(await after.caseOf(id)).toMatchObject({ incidents: 0 });
      }
      expect(before.bank.received).toHaveLength(knocks);
      const { body } = await after.api.get('curator', `/api/cases/${met.id}/history`);
      expect(JSON.stringify(body)).toContain('The partner has another address.');
      await after.expectSound();
    } finally {
      await after.close();
      await moved.close();
    }
  });
});
