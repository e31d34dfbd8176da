import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { done, HandoffTown, papersRequested, referral } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';

const looked = (escalation?: string) => ({
  input: { partner: 'otbasy-bank', service: 'housing-advice', deadline: '10 working days', escalation },
});
let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([
    referral('looked-after', 'otbasy-bank', 'housing-advice', looked('hand-off')),
    referral('left-alone', 'otbasy-bank', 'housing-advice'),
  ]);
});
afterAll(() => town.close());

const told = async (id: string) =>
  (
    await town.sql(
      `select recipient, text from qamqor.notifications where case_id = $1 and template = 'papers-asked' order by created_at, recipient`,
      [id],
    )
  ).map(({ recipient, text }) => ({ recipient, text: JSON.parse(text) as Record<string, string> }));
const roles = async (id: string) => (await told(id)).map(({ recipient }) => recipient);
const supply = (handoff: string) => town.api.post('curator', `/api/handoffs/${handoff}/supply`, {});

describe('papers that a partner asks for', () => {
  it('are told to whoever looks after the hand-off, in three languages, with the day', async () => {
    const { id, handoff } = await town.sent('looked-after');
    await town.tell(handoff, { ...papersRequested(), missing: ['birth-certificate', 'Мекенжай анықтамасы'] });
    await town.settled();
    const [notice, ...more] = await told(id);
    expect([notice?.recipient, more]).toEqual(['curator', []]);
    const { number } = await town.caseOf(id);
    const until = new Date(Date.parse(String((await town.handoffOf(id))['pausedUntil'])) + 5 * 3_600_000).toISOString();
    for (const language of ['kk', 'ru', 'en']) {
      expect(notice?.text[language]).toContain(number);
      // The partner's own text stands with the hand-off alone, and is erased with it.
      expect(notice?.text[language]).not.toMatch(/birth-certificate|Мекенжай анықтамасы/);
      expect(notice?.text[language]).toContain(`${until.slice(8, 10)}.${until.slice(5, 7)}.${until.slice(0, 4)}`);
    }
    expect(notice?.text['ru']).toMatch(/Отбасы банк просит документы по направлению «Консультация по жилью»/);
  });

  it('are told to all who may supply papers where no ladder says who looks after it', async () => {
    const { id, handoff } = await town.sent('left-alone');
    await town.tell(handoff, { ...papersRequested(), missing: undefined });
    await town.settled();
    expect((await roles(id)).sort()).toEqual([
      'adviser',
      'coordinator',
      'curator',
      'lawyer',
      'registrar',
      'supervisor',
    ]);
    expect((await told(id))[0]?.text['ru']).toContain('написано на странице дела');
  });

  it('are told once, however often it is said; and again when it asks again after a supply', async () => {
    const { id, handoff } = await town.sent('looked-after');
    await Promise.all([1, 2, 3, 4].map(() => town.tell(handoff, papersRequested('once'))));
    await town.tell(handoff, papersRequested('said anew'));
    await pass(town.api.system, { minutes: 5 });
    expect(await roles(id)).toEqual(['curator']);
    expect((await supply(handoff)).status).toBe(200);
    await town.tell(handoff, papersRequested('one more'));
    await town.settled();
    expect(await roles(id)).toEqual(['curator', 'curator']);
  });

  it('are told also when the process died before it told anybody, once; the page still names them', async () => {
    const { id, handoff } = await town.sent('looked-after');
    // Written down and no more: what a process leaves that dies there. All that follows is one statement.
    const event = { ...papersRequested('lost'), at: await town.api.system.clock.now() };
    await town.sql(
      `insert into qamqor.handoff_events (handoff_id, event_id, organisation_id, case_id, type, at, received_at, tried_at, data, status)
       select id, 'lost', organisation_id, case_id, 'papers_requested', $2, $2, $2::timestamptz - interval '1 minute', $3, 'received'
       from qamqor.handoffs where id = $1`,
      [handoff, event.at, JSON.stringify(event)],
    );
    await town.settled();
    expect(await town.eventsOf(handoff)).toEqual([{ event_id: 'lost', status: 'applied', reason: null }]);
    const waits = async () => (await town.api.get('curator', `/api/cases/${id}/waits`)).body.items[0];
    expect(await waits()).toMatchObject({ status: 'papers', asked: { missing: ['identity-document'] } });
    await Promise.all([1, 2, 3].map(() => town.settled()));
    expect(await roles(id)).toEqual(['curator']);
  });

  it('are told again after each third of the pause, until they are there', async () => {
    const { id, handoff } = await town.sent('looked-after');
    await town.tell(handoff, papersRequested());
    await pass(town.api.system, { days: 9 });
    expect(await roles(id)).toEqual(['curator']);
    await pass(town.api.system, { days: 2 });
    await pass(town.api.system, { minutes: 5 });
    expect(await roles(id)).toEqual(['curator', 'curator']);
    await pass(town.api.system, { days: 10 });
    expect(await roles(id)).toEqual(['curator', 'curator', 'curator']);
    expect((await supply(handoff)).status).toBe(200);
    await pass(town.api.system, { days: 5 });
    expect(await roles(id)).toHaveLength(3);
  });

  it('are told to nobody any more once they were supplied', async () => {
    const { id, handoff } = await town.sent('looked-after');
    await town.tell(handoff, papersRequested());
    await supply(handoff);
    await town.settled();
    expect(await roles(id)).toEqual([]);
  });
});

describe('a pause that ends without papers', () => {
  it('loses nothing: what is asked stays, its ladder is told, papers and an answer are still taken', async () => {
    const { id, handoff } = await town.sent('looked-after');
    await town.tell(handoff, papersRequested());
    await town.api.system.clock.advanceTo(String((await town.handoffOf(id))['dueAt']));
    await town.settled();
    expect(await town.handoffOf(id)).toMatchObject({ status: 'papers', overdue: true });
    const { items } = (await town.api.get('auditor', `/api/escalations?case=${id}`)).body;
    expect(items.length).toBeGreaterThan(0);
    expect(await roles(id)).toEqual(['curator']);
    expect((await supply(handoff)).status).toBe(200);
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'applied' });
    expect(await town.caseOf(id)).toMatchObject({ state: 'helped' });
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
