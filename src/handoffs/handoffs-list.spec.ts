import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const referral = (id: string, partner: string, service: string, more: object = {}) => ({
  id,
  title: text('Referral'),
  events: { AGAIN: { title: text('Again'), roles: [] } },
  initial: 'asking',
  states: {
    asking: {
      invoke: { id: 'ask', src: 'handOff', input: { partner, service, ...more }, onDone: 'over', onError: 'over' },
      on: { AGAIN: { target: 'asking', reenter: true } },
    },
    over: { type: 'final' },
  },
});

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  await api.deploy(referral('housing', 'otbasy-bank', 'housing-advice'));
  await api.deploy(referral('legal', 'civil-office', 'free-legal-aid'));
  await api.deploy(referral('soon', 'atameken', 'course-enrolment', { deadline: '10 days' }));
  for (const workflow of ['housing', 'legal', 'housing', 'legal']) await refer(workflow);
});
afterAll(() => api.close());

/** Nobody has an address here: each hand-off stays a draft. */
async function refer(workflow: string): Promise<{ id: string; handoff: string }> {
  const { body } = await api.post('integration', '/api/cases', { workflow, input: {} });
  const { items } = (await api.get('integration', `/api/handoffs?caseId=${body.id}`)).body;
  return { id: body.id, handoff: items[0].id };
}

/** As if it had gone out. */
async function send(handoff: string): Promise<void> {
  const text = `update qamqor.handoffs set status = 'sent', sent_at = qamqor.qamqor_now() where id = $1`;
  await api.database.pool('owner').query(text, [handoff]);
}

describe('the list of hand-offs', () => {
  const ids = async (as: string, query = '') =>
    (await api.get(as, `/api/handoffs?limit=200${query}`)).body.items.map(
      (item: { id: string }) => item.id,
    ) as string[];

  it('shows the newest first, page by page, each once', async () => {
    const { id } = await refer('housing');
    const { handoff } = await refer('legal');
    await api.post('integration', `/api/cases/${id}/events`, { type: 'AGAIN' });
    const whole = await ids('curator');
    expect(whole[0]).toBe((await ids('curator', `&caseId=${id}`))[0]);
    expect(whole[1]).toBe(handoff);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await api.get('curator', `/api/handoffs?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...body.items.map((item: { id: string }) => item.id));
      cursor = body.next;
    }
    expect(seen).toEqual(whole);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('is narrowed by case, partner and state', async () => {
    const { id, handoff } = await refer('housing');
    expect(await ids('lawyer', `&caseId=${id}`)).toEqual([handoff]);
    expect(await ids('lawyer', '&partner=otbasy-bank&status=draft')).toContain(handoff);
    expect(await ids('lawyer', '&partner=civil-office')).not.toContain(handoff);
    expect(await ids('lawyer', '&status=done')).not.toContain(handoff);
    expect(await ids('lawyer', '&partner=x%27%20or%201%3D1')).toEqual([]);
  });

  it('is narrowed to what is overdue, and to what is not', async () => {
    const [late, inTime] = [await refer('soon'), await refer('legal')];
    const { clock } = api.system;
    await clock.advanceTo(new Date(Date.parse(await clock.now()) + 11 * 86_400_000).toISOString());
    expect(await ids('curator', '&overdue=true')).toEqual([late.handoff]);
    expect(await ids('curator', '&overdue=false')).toContain(inTime.handoff);
    expect(await ids('curator', '&overdue=false')).not.toContain(late.handoff);
    const { body } = await api.get('curator', `/api/handoffs?caseId=${late.id}`);
    expect(body.items[0]).toMatchObject({ overdue: true, can: { supply: false, recall: true } });
  });

  it('is all of it for the centre, its own for a partner, nothing for others', async () => {
    const { handoff } = await refer('housing');
    await send(handoff);
    for (const as of ['registrar', 'auditor', 'integration']) expect(await ids(as)).toContain(handoff);
    expect(await ids('partner-otbasy-bank')).toContain(handoff);
    expect(await ids('partner-civil-office')).not.toContain(handoff);
    expect(await ids('partner-civil-office', '&partner=otbasy-bank')).toEqual([]);
    await api.account('no-role', []);
    expect(await api.get('no-role', '/api/handoffs')).toMatchObject({ status: 403, body: { code: 'no-right' } });
    expect(await api.get(null, '/api/handoffs')).toMatchObject({ status: 401, body: { code: 'no-session' } });
  });

  it('shows a partner nothing that was not sent to it, neither while it waits nor when it is over', async () => {
    const { id, handoff } = await refer('housing');
    const { handoff: sent } = await refer('housing');
    await send(sent);
    expect(await ids('curator', '&status=draft')).toContain(handoff);
    for (const query of ['', '&status=draft', `&caseId=${id}`])
      expect(await ids('partner-otbasy-bank', query)).not.toContain(handoff);
    expect(await ids('partner-otbasy-bank')).toContain(sent);
    const reason = 'The family thought better of it.';
    expect((await api.post('curator', `/api/handoffs/${handoff}/recall`, { reason })).status).toBe(200);
    expect(await ids('curator', '&status=recalled')).toContain(handoff);
    expect(await ids('partner-otbasy-bank', '&status=recalled')).not.toContain(handoff);
  });

  it.each(['cursor=eyJh', 'limit=0', 'limit=201', 'status=lost', 'caseId=1', 'cursor=WyJ4IiwieSJd'])(
    'does not understand ?%s',
    async (query) => {
      expect(await api.get('curator', `/api/handoffs?${query}`)).toMatchObject({
        status: 400,
        body: { code: 'bad-query' },
      });
    },
  );
});

describe('the list of partners', () => {
  const partners = async (as: string) =>
    (await api.get(as, '/api/partners')).body.items as {
      key: string;
      open: number;
      circuit: { state: string; since: string | null };
    }[];

  it('says who answers, who does not and since when', async () => {
    await api.database.pool('owner').query(
      `insert into qamqor.partner_circuits (organisation_id, partner, state, failures, since, changed_at, open_until)
         select id, 'otbasy-bank', 'open', 5, '2026-11-22T05:00:00Z', '2026-11-22T05:00:00Z', '2026-11-22T05:00:30Z' from qamqor.organisations limit 1`,
    );
    const all = await partners('curator');
    expect(all.map(({ key }) => key)).toEqual(api.system.partnerKeys);
    const of = (key: string) => all.find((partner) => partner.key === key);
    expect(of('otbasy-bank')?.circuit).toEqual({
      state: 'open',
      since: '2026-11-22T05:00:00.000Z',
      nextTryAt: '2026-11-22T05:00:30.000Z',
    });
    expect(of('civil-office')).toMatchObject({ hasAddress: false, circuit: { state: 'closed', since: null } });
  });

  it('shows a partner itself, and counts for it what was sent to it', async () => {
    const { handoff } = await refer('legal');
    const [before] = await partners('partner-civil-office');
    expect(before).toMatchObject({ key: 'civil-office', open: 0, overdue: 0 });
    await send(handoff);
    const shown = await partners('partner-civil-office');
    expect(shown.map(({ key, open }) => [key, open])).toEqual([['civil-office', 1]]);
    const seen = (await partners('curator')).find(({ key }) => key === 'civil-office');
    expect(seen?.open).toBeGreaterThan(1);
  });
});
