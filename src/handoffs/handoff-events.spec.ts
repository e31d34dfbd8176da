import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../test/engine.js';
import { acknowledged, done, givenUp, HandoffTown, papersRequested, referral, rejected } from '../../test/handoffs.js';
import { pass, say } from '../../test/partner.js';

let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([
    referral('advice', 'otbasy-bank', 'housing-advice'),
    referral('picky', 'otbasy-bank', 'housing-advice', {
      onDone: { guard: '= event.output.result.number = "right"', target: 'helped' },
    }),
  ]);
  await town.api.app.listen(0, '127.0.0.1');
});
beforeEach(() => {
  for (const partner of [town.bank, town.office]) partner.replies.length = 0;
});
afterAll(() => town.close());

describe('what a partner says', () => {
  it('leads from sent over acknowledged and papers to done, and on with the case', async () => {
    const { id, handoff } = await town.sent('advice');
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent', revision: 2 });
    const at = await town.api.system.clock.now();
    const answer = await town.tell(handoff, { ...acknowledged(), at });
    expect(answer).toMatchObject({ status: 200, body: { status: 'applied' } });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'acknowledged', acknowledgedAt: at });
    expect((await town.tell(handoff, papersRequested())).body).toEqual({ status: 'applied' });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'papers', pausedAt: expect.any(String) });
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking', revision: 1 });
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'applied' });
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped', status: 'done', revision: 2 });
    expect(await town.contextOf(id)).toMatchObject({ number: '1207' });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'done', reasonCode: null, closedAt: expect.any(String) });
  });

  it('names the papers it wants to whoever looks at the case, until they are supplied', async () => {
    const { id, handoff } = await town.sent('advice');
    const wait = async () => (await town.api.get('curator', `/api/cases/${id}/waits`)).body.items[0];
    expect(await wait()).toMatchObject({ status: 'sent', asked: null });
    await town.tell(handoff, { ...papersRequested(), comment: 'Екі жағын да көрсетіңіз' });
    const asked = { missing: ['identity-document'], comment: 'Екі жағын да көрсетіңіз' };
    expect(await wait()).toMatchObject({ status: 'papers', asked });
    await town.tell(handoff, { ...papersRequested('again'), missing: undefined });
    expect(await wait()).toMatchObject({ asked });
  });

  it('is journaled under the partner for whom the engine writes it', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.tell(handoff, done('the-id'));
    expect((await town.journalOf(id)).at(-1)).toMatchObject({
      kind: 'answer',
      type: 'done(ask)',
      onBehalfOf: 'partner-otbasy-bank',
      commandId: 'partner:otbasy-bank:the-id',
    });
  });

  it('may be no: the case hears the code and what was missing, not the words', async () => {
    const { id, handoff } = await town.sent('advice');
    const no = { reasonCode: 'MISSING_DOCS', missing: ['income'], comment: 'Телефон соқпады' };
    expect((await town.tell(handoff, rejected('r', no))).body).toEqual({ status: 'applied' });
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await town.contextOf(id)).toMatchObject({ code: 'MISSING_DOCS', missing: ['income'] });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'rejected', reasonCode: 'MISSING_DOCS' });
    expect(JSON.stringify(await town.journalOf(id))).not.toContain('соқпады');
  });

  it('stays a rejection when it gives the code of our own clock', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.tell(handoff, rejected('r', { reasonCode: 'EXPIRED' }));
    expect(await town.handoffOf(id)).toMatchObject({ status: 'rejected', reasonCode: 'EXPIRED' });
  });

  it('about papers lets its clock stand still: the time it had is left when they are there', async () => {
    const { id, handoff } = await town.sent('advice');
    const before = (await town.handoffOf(id)) as { dueAt: string; givesUpAt: string };
    await pass(town.api.system, { days: 4 });
    await town.tell(handoff, papersRequested());
    const paused = (await town.handoffOf(id)) as typeof before & { pausedAt: string; pausedUntil: string };
    const days = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 86_400_000;
    expect(days(paused.pausedAt, paused.pausedUntil)).toBeCloseTo(30, 3);
    expect(days(before.dueAt, paused.dueAt)).toBeCloseTo(30, 3);
    expect(days(before.givesUpAt, paused.givesUpAt)).toBeCloseTo(30, 3);
    await pass(town.api.system, { days: 31 });
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking' });
    await pass(town.api.system, { days: 4 });
    expect(await town.handoffOf(id)).toMatchObject({ overdue: false });
    await pass(town.api.system, { days: 1, hours: 1 });
    expect(await town.handoffOf(id)).toMatchObject({ overdue: true });
    await givenUp(town, id);
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'expired' });
  });

  it('F35: about papers gives no more time when it is said again', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.tell(handoff, papersRequested('first'));
    const before = await town.handoffOf(id);
    expect((await town.tell(handoff, papersRequested('second'))).body).toEqual({
      status: 'ignored',
      reason: 'out-of-order',
    });
    expect(await town.handoffOf(id)).toEqual(before);
  });

  it('about other papers while it waits is what it waits for: told once more, and no second pause', async () => {
    const { id, handoff } = await town.sent('advice');
    const ask = (eventId: string, missing: string[]) =>
      town.tell(handoff, { ...papersRequested(eventId), missing }).then(({ body }) => body);
    const asked = async () => (await town.api.get('curator', `/api/cases/${id}/waits`)).body.items[0].asked.missing;
    const notices = async () => {
      await town.settled();
      const text = `select recipient from qamqor.notifications where case_id = $1 and template = 'papers-asked' and recipient = 'curator'`;
      return (await town.sql(text, [id])).length;
    };
    await ask('first', ['identity-document']);
    const { dueAt, givesUpAt, pausedAt, pausedUntil } = await town.handoffOf(id);
    expect(await notices()).toBe(1);
    await pass(town.api.system, { days: 3 });
    // Of many that say the same at once, one is taken.
    const outcomes = await Promise.all(
      ['b', 'c', 'd', 'e'].map((eventId) => ask(eventId, ['income', 'birth-certificate'])),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['applied', 'ignored', 'ignored', 'ignored']);
    expect(await asked()).toEqual(['income', 'birth-certificate']);
    expect(await notices()).toBe(2);
    expect(await ask('other order', ['birth-certificate', 'income'])).toEqual({
      status: 'ignored',
      reason: 'out-of-order',
    });
    expect(await ask('nothing named', [])).toEqual({ status: 'ignored', reason: 'out-of-order' });
    expect(await asked()).toEqual(['income', 'birth-certificate']);
    expect(await notices()).toBe(2);
    expect(await town.handoffOf(id)).toMatchObject({ status: 'papers', dueAt, givesUpAt, pausedAt, pausedUntil });
  });

  it('about two lists of papers at once loses neither: one lets the clock stand still, the other is shown', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id, handoff } = await town.sent('advice');
      const lists = ['income', 'birth-certificate'];
      const answers = await Promise.all(
        lists.map((paper) => town.tell(handoff, { ...papersRequested(paper), missing: [paper] })),
      );
      expect(answers.map(({ body }) => body)).toEqual([{ status: 'applied' }, { status: 'applied' }]);
      const { pausedAt, pausedUntil } = (await town.handoffOf(id)) as { pausedAt: string; pausedUntil: string };
      expect((Date.parse(pausedUntil) - Date.parse(pausedAt)) / 86_400_000).toBeCloseTo(30, 3);
    }
  });

  it('that it has it counts also after it asked for papers, and shows once they are there', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.tell(handoff, papersRequested());
    const at = await town.api.system.clock.now();
    expect((await town.tell(handoff, { ...acknowledged(), at })).body).toEqual({ status: 'applied' });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'papers', acknowledgedAt: at });
    expect((await town.tell(handoff, acknowledged('again'))).body).toEqual({
      status: 'ignored',
      reason: 'out-of-order',
    });
    expect((await town.api.post('curator', `/api/handoffs/${handoff}/supply`, {})).status).toBe(200);
    expect(await town.handoffOf(id)).toMatchObject({ status: 'acknowledged', acknowledgedAt: at });
  });

  it('that no transition takes is kept as an incident, and given again', async () => {
    const { id, handoff } = await town.sent('picky');
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'applied', reason: 'incident' });
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent', closedAt: null });
    expect((await town.tell(handoff, done('better', 'right'))).body).toEqual({ status: 'applied' });
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
  });

  it('while the case is suspended waits with it', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.act(id, 'suspend');
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'parked', reason: 'suspended' });
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'duplicate' });
    await pass(town.api.system, { minutes: 5 });
    // It is parked once, not every time somebody sweeps.
    expect((await town.journalOf(id)).filter(({ kind }) => kind === 'ignored')).toHaveLength(1);
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking', status: 'suspended' });
    await town.act(id, 'resume');
    await town.settled();
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
    expect(await town.contextOf(id)).toMatchObject({ number: '1207' });
  });
});

describe('F35: what comes in any order', () => {
  const said = { acknowledged: acknowledged(), papers: papersRequested(), done: done(), rejected: rejected() };
  type Saying = keyof typeof said;
  const orders = (rest: Saying[]): Saying[][] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((one) => orders(rest.filter((each) => each !== one)).map((more) => [one, ...more]));

  it('is answered each time, ends the case once, by the first that ends it, and is written down', async () => {
    for (const order of orders(['acknowledged', 'papers', 'done', 'rejected'])) {
      const { id, handoff } = await town.sent('advice');
      const outcomes = [];
      for (const one of order) {
        const answer = await town.tell(handoff, said[one]);
        expect(answer.status).toBe(200);
        outcomes.push(answer.body.status);
      }
      const ended = Math.min(order.indexOf('done'), order.indexOf('rejected'));
      const end = order[ended];
      expect({ order, outcomes: outcomes.slice(ended) }).toEqual({
        order,
        outcomes: ['applied', ...order.slice(ended + 1).map(() => 'ignored')],
      });
      expect(await town.caseOf(id)).toMatchObject({
        status: 'done',
        state: end === 'done' ? 'helped' : 'refused',
        incidents: 0,
      });
      expect(await town.handoffOf(id)).toMatchObject({ status: end });
      expect((await town.journalOf(id)).filter(({ kind }) => kind === 'answer')).toHaveLength(1);
      const kept = await town.eventsOf(handoff);
      expect(kept.map(({ event_id }) => event_id).sort()).toEqual(['a', 'd', 'p', 'r']);
      expect(kept.every(({ status }) => status === 'applied' || status === 'ignored')).toBe(true);
    }
  });
});

describe('a message', () => {
  it('F33: that comes a hundred times at once over the network is one transition, and all are answered 200', async () => {
    const { id, handoff } = await town.sent('advice');
    const body = JSON.stringify({ ...done('hundred'), at: await town.api.system.clock.now() });
    const url = `${await town.api.app.getUrl()}/api/handoffs/${handoff}/events`;
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
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped', revision: 2 });
    expect(await town.journalOf(id)).toHaveLength(2);
    expect(await town.sql('select status from qamqor.handoff_events where handoff_id = $1', [handoff])).toEqual([
      { status: 'applied' },
    ]);
  });

  async function signed(body: string): Promise<{ headers: Record<string, string> }> {
    let headers: Record<string, string> = {};
    // Signed for an address that is nobody's: only the headers are wanted.
    await say(town.api, town.bank, 'none', {}, { raw: body, tamper: (made) => (headers = { ...made }) });
    return { headers: { ...headers, 'content-type': 'application/json' } };
  }

  it('is applied once, however much later it comes again', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.tell(handoff, acknowledged('once'));
    const before = await town.handoffOf(id);
    await pass(town.api.system, { seconds: 1 });
    expect((await town.tell(handoff, acknowledged('once'))).body).toEqual({ status: 'duplicate' });
    await pass(town.api.system, { minutes: 10 });
    expect((await town.tell(handoff, acknowledged('once'))).body).toEqual({ status: 'duplicate' });
    await pass(town.api.system, { days: 2 });
    expect((await town.tell(handoff, acknowledged('once'))).body).toEqual({ status: 'duplicate' });
    expect((await town.tell(handoff, done('once'))).body).toEqual({ status: 'duplicate' });
    expect(await town.handoffOf(id)).toEqual(before);
  });

  it('of two hand-offs may have one id', async () => {
    const [one, other] = [await town.sent('advice'), await town.sent('advice')];
    expect((await town.tell(one.handoff, done('same'))).body).toEqual({ status: 'applied' });
    expect((await town.tell(other.handoff, done('same'))).body).toEqual({ status: 'applied' });
    expect(await town.caseOf(other.id)).toMatchObject({ state: 'helped' });
  });

  it('F34: that is faster than its own 202 waits for it', async () => {
    const early: unknown[] = [];
    let handoff = '';
    town.bank.replies.push(async ({ body }) => {
      handoff = JSON.parse(body).id;
      early.push((await town.tell(handoff, done())).body, (await town.tell(handoff, done())).body);
      early.push((await town.tell(handoff, acknowledged())).body);
      return { status: 202, body: '{"partnerRef":"FAST"}' };
    });
    const { id } = await town.open('advice');
    await until(() => early.length === 3);
    await town.settled();
    expect(early).toEqual([
      { status: 'parked', reason: 'not-sent-yet' },
      { status: 'duplicate' },
      { status: 'parked', reason: 'not-sent-yet' },
    ]);
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'done', partnerRef: 'FAST' });
    expect(await town.contextOf(id)).toMatchObject({ number: '1207' });
    expect((await town.eventsOf(handoff)).map(({ event_id, status }) => [event_id, status])).toEqual([
      ['a', 'ignored'],
      ['d', 'applied'],
    ]);
  });

  it('F34: that was parked is applied also when the process died before it did', async () => {
    town.bank.replies.push(async ({ body }) => {
      await town.tell(JSON.parse(body).id, done());
      return { status: 503, headers: { 'retry-after': '3600' } };
    });
    const { id, handoff } = await town.open('advice');
    await town.settled();
    expect(await town.eventsOf(handoff)).toMatchObject([{ status: 'parked' }]);
    // The 202 was stored, and then nothing more.
    await town.sql(`update qamqor.handoffs set status = 'sent', sent_at = qamqor_now() where id = $1`, [handoff]);
    await pass(town.api.system, { seconds: 11 });
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
  });

  it('that was written down and not applied is taken up, once, by whoever sweeps', async () => {
    const { id, handoff } = await town.sent('advice');
    const old = async (seconds: number, eventId: string, event: object) =>
      town.sql(
        `insert into qamqor.handoff_events (handoff_id, event_id, organisation_id, case_id, type, at, received_at, tried_at, data, status)
         select id, $2, organisation_id, case_id, 'done', qamqor_now(), now, now, $3, 'received'
         from qamqor.handoffs, (select qamqor_now() - make_interval(secs => $4) as now) clock where id = $1`,
        [handoff, eventId, JSON.stringify({ ...event, at: await town.api.system.clock.now() }), seconds],
      );
    await old(60, 'first', acknowledged('first'));
    await old(59, 'second', done('second'));
    await Promise.all([1, 2, 3, 4].map(() => town.api.system.runtime.sweeper.sweep()));
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped', revision: 2 });
    expect((await town.eventsOf(handoff)).map(({ status }) => status)).toEqual(['applied', 'applied']);
  });

  it('F35, F36: after the end changes nothing; the case writes down what it was', async () => {
    const { id, handoff } = await town.sent('advice');
    await town.tell(handoff, done());
    const before = await town.handoffOf(id);
    expect((await town.tell(handoff, rejected())).body).toEqual({ status: 'ignored', reason: 'done' });
    expect((await town.tell(handoff, acknowledged())).body).toEqual({ status: 'ignored', reason: 'done' });
    expect((await town.tell(handoff, rejected())).body).toEqual({ status: 'duplicate' });
    expect(await town.handoffOf(id)).toEqual(before);
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped', incidents: 0 });
    expect((await town.journalOf(id)).map(({ kind, type }) => [kind, type])).toEqual([
      ['event', expect.any(String)],
      ['answer', 'done(ask)'],
      ['ignored', 'failure'],
    ]);
  });

  it('F36: after the family left, or after its time, is ignored and told why', async () => {
    const left = await town.sent('advice');
    await town.api.post('integration', `/api/cases/${left.id}/events`, { type: 'LEAVE' });
    expect((await town.tell(left.handoff, done())).body).toEqual({ status: 'ignored', reason: 'recalled' });
    const late = await town.sent('advice');
    await givenUp(town, late.id);
    expect((await town.tell(late.handoff, done())).body).toEqual({ status: 'ignored', reason: 'expired' });
    expect(await town.caseOf(late.id)).toMatchObject({ state: 'refused' });
  });

  it('after its time, but while somebody still waits, is taken', async () => {
    const late = await town.sent('advice');
    await pass(town.api.system, { days: 11 });
    expect(await town.handoffOf(late.id)).toMatchObject({ overdue: true });
    expect((await town.tell(late.handoff, done())).body).toEqual({ status: 'applied' });
    expect(await town.caseOf(late.id)).toMatchObject({ state: 'helped' });
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
