import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { done, givenUp, HandoffTown, referral } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';

const BANK = 'otbasy-bank';
const child = referral('child', BANK, 'housing-advice');
const parent = referral('parent', '', '');
const asking = { type: 'array', 'x-consents': true, items: { type: 'string', enum: [BANK] } };
const housing = referral('asked', BANK, 'housing-advice');
/** Sends the family to the bank and asks it meanwhile whether it agrees. */
const asked = {
  ...housing,
  initial: 'both',
  states: {
    both: {
      type: 'parallel',
      states: {
        sending: { initial: 'asking', states: { asking: housing.states.asking, helped: {}, refused: {}, gone: {} } },
        consenting: {
          initial: 'open',
          states: {
            open: { invoke: { id: 'agree', src: 'task', input: { form: 'agree', role: 'curator' }, onDone: 'agreed' } },
            agreed: {},
          },
        },
      },
    },
  },
};
let town: HandoffTown;
beforeAll(async () => {
  town = await HandoffTown.create([
    referral('housing', BANK, 'housing-advice'),
    referral('watched', BANK, 'housing-advice', {
      input: { partner: BANK, service: 'housing-advice', role: 'adviser', deadline: '10 days', escalation: 'hand-off' },
    }),
    referral('deaf', BANK, 'housing-advice', { onError: undefined }),
    child,
    {
      ...parent,
      states: {
        ...parent.states,
        asking: {
          invoke: {
            id: 'sub',
            src: 'case',
            input: { workflow: 'child', familyId: '= context.familyId' },
            onDone: 'helped',
          },
        },
      },
    },
  ]);
});
beforeEach(() => {
  town.bank.replies.length = 0;
});
afterAll(() => town.close());

/** What each step told, to whom, in the order of the steps. */
async function escalationsOf(id: string) {
  const { items } = (await town.api.get('auditor', `/api/escalations?case=${id}&limit=200`)).body;
  type Told = { role: string; text: Record<'kk' | 'ru' | 'en', string> };
  return (items as { step: number; told: Told[] }[])
    .map(({ step, told }) => ({
      step,
      roles: told.map(({ role }) => role).sort(),
      texts: told.map(({ text }) => text),
    }))
    .sort((one, other) => one.step - other.step);
}

describe('without consent of the family', () => {
  it('nothing goes out: the hand-off waits, says so, and goes out once consent is given', async () => {
    const family = await town.family(['civil-office']);
    const { id, handoff } = await town.sent('housing', family);
    expect(await town.handoffOf(id)).toMatchObject({
      status: 'draft',
      waitingReason: 'consent-missing',
      consentId: null,
    });
    await pass(town.api.system, { days: 2 });
    expect(town.bank.about(handoff)).toEqual([]);
    expect(await town.caseOf(id)).toMatchObject({ incidents: 0 });
    town.bank.replies.push({ status: 503, headers: { 'retry-after': '60' } });
    await town.consent(family, BANK, true);
    await town.settled();
    expect(await town.handoffOf(id)).toMatchObject({ status: 'draft', waitingReason: null });
    await pass(town.api.system, { minutes: 2 });
    const [delivery] = town.bank.about(handoff);
    const { consentId, ...sent } = await town.handoffOf(id);
    expect(sent).toMatchObject({ status: 'sent', waitingReason: null });
    expect(JSON.parse(delivery?.body ?? '{}').consent).toEqual({ id: consentId, givenAt: expect.any(String) });
  });

  it('it goes out at once also when the consent is given in a task', async () => {
    await town.api.deploy(
      { ...asked, meta: {} },
      {
        'forms/agree.yaml': { 'x-version': 1, type: 'object', properties: { consents: asking } },
        'input.yaml': { type: 'object', properties: { familyId: { type: 'string' } } },
      },
    );
    const { id, handoff } = await town.sent('asked', await town.family([]));
    expect(await town.handoffOf(id)).toMatchObject({ status: 'draft', waitingReason: 'consent-missing' });
    const { body } = await town.api.get('curator', `/api/tasks?view=available&caseId=${id}`);
    const output = { consents: [BANK] };
    const { status } = await town.api.post('curator', `/api/tasks/${body.items[0].id}/complete`, { output });
    expect(status).toBe(200);
    await town.settled();
    expect(town.bank.about(handoff)).toHaveLength(1);
  });

  it('its time runs all the same', async () => {
    const { id, handoff } = await town.sent('housing', await town.family([]));
    await pass(town.api.system, { days: 10, minutes: 1 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'draft', overdue: true });
    await givenUp(town, id);
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused', incidents: 0 });
    expect(await town.handoffOf(id)).toMatchObject({ status: 'expired', sentAt: null });
    expect(town.bank.about(handoff)).toEqual([]);
  });

  it('nobody at the partner hears of it or is blamed: who looks after it and who oversees are told what is missing', async () => {
    const { id, handoff } = await town.sent('watched', await town.family([]));
    await pass(town.api.system, { days: 9 });
    await givenUp(town, id);
    expect(await town.handoffOf(id)).toMatchObject({ status: 'expired', sentAt: null });
    const told = await escalationsOf(id);
    const heard = ['administrator', 'adviser', 'director', 'supervisor'];
    expect(told.map(({ step, roles }) => [step, ...roles])).toEqual([
      [1, ...heard],
      [2, ...heard.toSpliced(2, 0, 'curator').toSorted()],
      [3, 'supervisor'],
      [4, ...heard],
    ]);
    for (const { texts } of told)
      for (const { kk, ru, en } of texts) {
        expect(kk).toContain('келісім бермеген');
        expect(ru).toContain('семья не дала согласия передать данные партнёру «Отбасы банк»');
        expect(en).toContain('was not sent: the family has not agreed');
      }
    const { number } = await town.caseOf(id);
    for (const path of ['/api/escalations?limit=200', '/api/notifications?limit=200', '/api/handoffs?limit=200']) {
      const { status, body } = await town.api.get(`partner-${BANK}`, path);
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain(number);
      expect(JSON.stringify(body)).not.toContain(handoff);
    }
  });

  it('once it was sent its partner is told of the steps that are left', async () => {
    const family = await town.family([]);
    const { id } = await town.sent('watched', family);
    await pass(town.api.system, { days: 9 });
    await town.consent(family, BANK, true);
    await town.settled();
    await givenUp(town, id);
    const [, ...left] = (await escalationsOf(id)).filter(({ step }) => step > 0);
    expect(left.map(({ roles }) => roles)).toEqual([
      ['adviser', 'curator', `partner-${BANK}`],
      ['supervisor'],
      ['director', `partner-${BANK}`],
    ]);
  });

  it('a sub-case sends nothing either: it is about what its parent is about', async () => {
    const family = await town.family([]);
    await town.api.post('integration', '/api/cases', { workflow: 'parent', input: { familyId: family } });
    await town.settled();
    const [waiting] = await town.sql(
      `select id, waiting_reason, status from qamqor.handoffs h where subject = $1 and exists (select from qamqor.cases c where c.id = h.case_id and c.parent_case_id is not null)`,
      [family],
    );
    expect(waiting).toMatchObject({ waiting_reason: 'consent-missing', status: 'draft' });
    await town.consent(family, BANK, true);
    await town.settled();
    const [delivery] = town.bank.about(waiting.id);
    expect(JSON.parse(delivery?.body ?? '{}').person).toMatchObject({ given: 'Әсел' });
  });

  it('a case that is about no family needs none', async () => {
    await town.api.deploy(referral('stranger', BANK, 'housing-advice', {}), { 'input.yaml': { type: 'object' } });
    const { body } = await town.api.post('integration', '/api/cases', {
      workflow: 'stranger',
      input: { familyId: 'x' },
    });
    await town.settled();
    expect(await town.handoffOf(body.id)).toMatchObject({ status: 'sent', consentId: null });
  });
});

describe('a consent that is withdrawn', () => {
  it('recalls what was sent under it, and the case hears of it', async () => {
    const { id, handoff, family } = await town.sent('housing');
    await town.consent(family, BANK, false);
    await town.settled();
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
    expect(await town.handoffOf(id)).toMatchObject({ status: 'recalled', reasonCode: 'RECALLED' });
    expect(await town.caseOf(id)).toMatchObject({ state: 'refused' });
    expect(await town.contextOf(id)).toMatchObject({ code: 'RECALLED' });
    expect((await town.tell(handoff, done())).body).toEqual({ status: 'ignored', reason: 'recalled' });
  });

  it('stops what was under way: the same bytes are not sent again, also if it is given anew', async () => {
    town.bank.replies.push({ status: 503, headers: { 'retry-after': '3600' } });
    const { id, handoff, family } = await town.sent('housing');
    await town.consent(family, BANK, false);
    await town.consent(family, BANK, true);
    await pass(town.api.system, { hours: 2 });
    // It may have reached the bank: it is told that it is not wanted.
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
    expect(await town.handoffOf(id)).toMatchObject({ status: 'recalled' });
  });

  it('is told to the partner also when the case does not know what to do with that', async () => {
    const { id, handoff, family } = await town.sent('deaf');
    await town.consent(family, BANK, false);
    await pass(town.api.system, { minutes: 1 });
    expect(town.bank.about(handoff).map(({ path }) => path)).toEqual(['/handoffs', `/handoffs/${handoff}/recall`]);
    expect(await town.caseOf(id)).toMatchObject({ state: 'asking', incidents: 1 });
  });

  it('leaves alone what was sent to others', async () => {
    const { id, family } = await town.sent('housing');
    await town.consent(family, 'civil-office', false);
    await town.settled();
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
