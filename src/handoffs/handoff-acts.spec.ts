import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { acknowledged, done, HandoffTown, papersRequested, referral, rejected } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';
import { ORGANISATION } from '../system.js';
import { HandoffErasure } from './handoff-erasure.js';

let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([
    referral('housing', 'otbasy-bank', 'housing-advice'),
    referral('deaf', 'otbasy-bank', 'housing-advice', { onError: undefined }),
  ]);
});
beforeEach(() => {
  town.bank.replies.length = 0;
});
afterAll(() => town.close());

const supply = (handoff: string, body: object = {}, as = 'curator', headers?: Record<string, string>) =>
  town.api.post(as, `/api/handoffs/${handoff}/supply`, body, headers);
const recall = (handoff: string, as = 'supervisor', headers?: Record<string, string>) =>
  town.api.post(as, `/api/handoffs/${handoff}/recall`, { reason: 'Отбасы көшіп кетті' }, headers);

describe('papers that a partner asked for', () => {
  const papers = { documents: [{ title: 'Identity card', reference: '012345' }], note: 'Екінші бетінде' };

  it('are brought by the staff; the partner is told, and the time that it had goes on', async () => {
    const { id, handoff } = await town.sent('housing');
    const { dueAt, givesUpAt } = await town.handoffOf(id);
    await town.tell(handoff, acknowledged());
    await pass(town.api.system, { days: 2 });
    await town.tell(handoff, papersRequested());
    await pass(town.api.system, { days: 5 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'papers', can: { supply: false, recall: false } });
    const { status, body } = await supply(handoff, papers);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'acknowledged', suppliedAt: expect.any(String) },
    });
    // Five days of the thirty were needed: ten days of term, and these five.
    const moved = Date.parse(body.dueAt) - Date.parse(String(dueAt));
    expect(moved / 86_400_000).toBeCloseTo(5, 3);
    expect(Date.parse(body.givesUpAt) - Date.parse(String(givesUpAt))).toBe(moved);
    await town.settled();
    const [, told, ...more] = town.bank.about(handoff);
    expect(more).toEqual([]);
    expect(told?.path).toBe(`/handoffs/${handoff}/papers`);
    expect(told && town.bank.trusts(told, await town.api.system.clock.now())).toBe(true);
    expect(JSON.parse(told?.body ?? '')).toEqual({ id: handoff, suppliedAt: body.suppliedAt, ...papers });
    // It may ask again, and it may answer.
    expect((await town.tell(handoff, papersRequested('again'))).body).toEqual({ status: 'applied' });
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'applied' });
  });

  it('go out again with the same bytes until they arrive', async () => {
    const { handoff } = await town.sent('housing');
    await town.tell(handoff, papersRequested());
    town.bank.replies.push({ status: 503 }, { status: 0 });
    await supply(handoff, papers);
    for (let time = 0; time < 4; time += 1) await pass(town.api.system, { minutes: 5 });
    const told = town.bank.about(handoff).slice(1);
    expect(told).toHaveLength(3);
    expect(new Set(told.map(({ body }) => body)).size).toBe(1);
    expect(new Set(told.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('are refused where nobody asked for them, and after the end; nothing is half done', async () => {
    const { id, handoff } = await town.sent('housing');
    expect(await supply(handoff, papers)).toMatchObject({ status: 409, body: { code: 'no-papers-asked' } });
    await town.tell(handoff, papersRequested());
    expect(await supply(handoff, papers, 'curator', { 'if-match': '"1"' })).toMatchObject({
      status: 409,
      body: { code: 'stale-revision' },
    });
    expect(await supply(handoff, papers, 'trainer')).toMatchObject({ status: 403, body: { code: 'no-right' } });
    await town.leave(id);
    expect(await supply(handoff, papers)).toMatchObject({ status: 409, body: { code: 'handoff-closed' } });
    expect(await supply('nonsense', papers)).toMatchObject({ status: 404, body: { code: 'handoff-not-found' } });
    expect(await town.sql('select from qamqor.handoff_supplies where handoff_id = $1', [handoff])).toEqual([]);
  });
});

describe('a hand-off that is taken back by hand', () => {
  it('is told to the partner, and the case goes on without it', async () => {
    const { id, handoff } = await town.sent('housing');
    expect(await recall(handoff)).toMatchObject({
      status: 200,
      body: { status: 'recalled', reasonCode: 'RECALLED', can: { supply: false, recall: false } },
    });
    await town.settled();
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await town.contextOf(id)).toMatchObject({ code: 'RECALLED' });
    expect(JSON.stringify(await town.journalOf(id))).not.toContain('көшіп');
    expect(await recall(handoff)).toMatchObject({ status: 409, body: { code: 'handoff-closed' } });
  });

  it('is taken back once by two who press at once, and the same key gives the same answer', async () => {
    const { id, handoff } = await town.sent('housing');
    const [one, other] = await Promise.all([
      recall(handoff, 'supervisor', { 'idempotency-key': 'k1' }),
      recall(handoff, 'curator'),
    ]);
    expect([one.status, other.status].sort()).toEqual([200, 409]);
    expect((await town.journalOf(id)).filter(({ type }) => type === 'error(ask)')).toHaveLength(1);
    const again = await town.sent('housing');
    const first = await recall(again.handoff, 'curator', { 'idempotency-key': 'k2' });
    const second = await recall(again.handoff, 'curator', { 'idempotency-key': 'k2' });
    expect(second.body).toEqual(first.body);
  });

  it('stays where the case would not know how to go on', async () => {
    const { id, handoff } = await town.sent('deaf');
    expect(await recall(handoff)).toMatchObject({ status: 409 });
    await town.settled();
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
    expect(town.bank.about(handoff)).toHaveLength(1);
  });

  it('is not for everybody', async () => {
    const { handoff } = await town.sent('housing');
    expect(await recall(handoff, 'lawyer')).toMatchObject({ status: 403 });
    const { body } = await town.api.get('curator', '/api/handoffs?limit=1');
    expect(body.items[0].can).toEqual({ supply: false, recall: true });
  });
});

describe('the result of a partner', () => {
  it('reaches the case as far as its service names it; the rest is kept apart', async () => {
    const { id, handoff } = await town.sent('housing');
    await town.tell(handoff, { ...done('d', '9', { diagnosis: 'F32' }), comment: 'жеке сөз' });
    expect(await town.contextOf(id)).toMatchObject({ result: { kind: 'advice', number: '9', date: '2026-11-22' } });
    expect(JSON.stringify(await town.journalOf(id))).not.toContain('F32');
    const [{ data }] = await town.sql('select data from qamqor.handoff_events where handoff_id = $1', [handoff]);
    expect(data).toContain('F32');
  });

  it('of another kind than its service gives is refused with its place, and nothing changes', async () => {
    const { id, handoff } = await town.sent('housing');
    const before = await town.handoffOf(id);
    const answer = await town.tell(handoff, { ...done(), result: { number: 7, date: 'soon' } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'schema' } });
    expect(answer.body.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
      '/result/date',
      '/result/number',
    ]);
    expect(await town.eventsOf(handoff)).toEqual([]);
    expect(await town.handoffOf(id)).toEqual(before);
  });
});

describe('thirty days after its end', () => {
  const contents = async (handoff: string) => {
    const [row] = await town.sql(`select body, result, recall_reason, body_digest from qamqor.handoffs where id = $1`, [
      handoff,
    ]);
    const events = await town.sql('select data, data_digest from qamqor.handoff_events where handoff_id = $1', [
      handoff,
    ]);
    const supplies = await town.sql('select documents, note from qamqor.handoff_supplies where handoff_id = $1', [
      handoff,
    ]);
    return { row, events, supplies };
  };
  const ofPeople = /Қасымова|жеке|бетінде|көшіп/;

  it('F36: nothing about people is left of a hand-off but what it was sealed with, whatever comes later', async () => {
    const [answered, recalled, open] = [
      await town.sent('housing'),
      await town.sent('housing'),
      await town.sent('housing'),
    ];
    await town.tell(answered.handoff, papersRequested());
    await supply(answered.handoff, { note: 'Екінші бетінде' });
    await town.tell(answered.handoff, rejected('r', { comment: 'жеке сөз' }));
    await recall(recalled.handoff);
    await town.tell(open.handoff, papersRequested());
    await pass(town.api.system, { days: 29 });
    expect(JSON.stringify(await contents(answered.handoff))).toMatch(ofPeople);
    await pass(town.api.system, { days: 2 });
    for (const { handoff } of [answered, recalled]) {
      const left = await contents(handoff);
      expect(JSON.stringify(left)).not.toMatch(ofPeople);
      expect(left.row).toMatchObject({ body: null, body_digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    }
    expect((await contents(open.handoff)).row.body).toMatch(ofPeople);
    // What is said later does not stay either.
    const late = await town.tell(answered.handoff, done('late', '1', { secret: 'жеке' }));
    expect(late).toMatchObject({ status: 200, body: { status: 'ignored', reason: 'rejected' } });
    await town.settled();
    expect(JSON.stringify(await contents(answered.handoff))).not.toMatch(ofPeople);
  });

  it('or at once, when somebody asks for it', async () => {
    const { id, handoff } = await town.sent('housing');
    await recall(handoff);
    await new HandoffErasure(town.api.system.relayPool).eraseCases(ORGANISATION, [id]);
    expect(JSON.stringify(await contents(handoff))).not.toMatch(ofPeople);
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
