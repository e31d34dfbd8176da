import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { Partner, pass, say, settled } from '../../test/partner.js';
import { verifySystem } from '../verify-system.js';

const text = (en: string) => ({ kk: `${en} (kk)`, ru: `${en} (ru)`, en });
const stay = { target: 'shut' };
/** A task, a hand-off and a stage, each with a ladder; nothing takes the hand-off's expiry, so that it stays open. */
const waiting = (id: string, invoke: object, more: object = {}) => ({
  id,
  title: text('Waiting'),
  stages: { start: text('Start') },
  context: {},
  events: { AGAIN: { title: text('Again'), roles: [] }, LEAVE: { title: text('Leave'), roles: [] } },
  meta: { reopen: 'open' },
  initial: 'open',
  states: {
    open: {
      meta: { stage: 'start', ...more },
      invoke: { id: 'work', onDone: stay, ...invoke },
      on: { AGAIN: { target: 'open', reenter: true }, LEAVE: 'shut' },
    },
    shut: { type: 'final' },
  },
});
const task = (more: object = {}) => ({
  src: 'task',
  input: { form: 'note', role: 'curator', deadline: '3 working days', escalation: 'task', ...more },
});
const handOff = {
  src: 'handOff',
  input: {
    partner: 'otbasy-bank',
    service: 'housing-advice',
    deadline: '10 working days',
    escalation: 'hand-off',
  },
};
const note = { 'x-version': 1, 'x-title': text('Note'), type: 'object', properties: {} };

let api: ApiFixture;
let bank: Partner;
beforeAll(async () => {
  bank = await Partner.start();
  api = await ApiFixture.create({ partners: { 'otbasy-bank': { url: bank.url, secret: bank.secret } } });
  const files = { 'forms/note.yaml': note };
  await api.deploy(waiting('tasked', task()), files);
  await api.deploy(waiting('asked', handOff), files);
  await api.deploy(waiting('given-up', { ...handOff, onError: stay }), files);
  await api.deploy(waiting('advised', { ...handOff, input: { ...handOff.input, role: 'adviser' } }), files);
  await api.deploy(
    waiting('staged', task({ deadline: '100 working days', escalation: 'task' }), {
      deadline: '5 working days',
      escalation: 'stage',
    }),
    files,
  );
  // Monday morning in Almaty, whenever this runs.
  await api.system.clock.beginAt('2026-06-08T04:00:00.000Z');
});
afterAll(async () => {
  await api.close();
  await bank.close();
});

async function open(workflow: string): Promise<string> {
  const { body } = await api.post('supervisor', '/api/cases', { workflow, input: {} });
  await settled(api.system);
  return body.id;
}
const told = async (id: string) =>
  (await api.get('auditor', `/api/escalations?case=${id}&limit=200`)).body.items.toReversed();
const toWhom = async (id: string): Promise<string[]> =>
  (await told(id)).map(({ step, told: to }: { step: number; told: { role: string; accountName: string }[] }) =>
    [step, ...to.map(({ role, accountName }) => accountName ?? role).sort()].join(' '),
  );
const act = (id: string, name: string) =>
  api.post('supervisor', `/api/cases/${id}/acts`, { act: name, reason: 'The family asked for it.' });
const journal = async (id: string) => (await api.get('auditor', `/api/cases/${id}/journal?limit=200`)).body.items;
const clean = async () => expect((await verifySystem(api.system)).problems).toEqual([]);

describe('a task that nobody does', () => {
  it('is told step by step, each once, to whom the step names, and its history says so', async () => {
    const id = await open('tasked');
    await pass(api.system, { days: 1 });
    expect(await toWhom(id)).toEqual([]);
    for (let day = 0; day < 20; day += 1) await pass(api.system, { days: 1 });
    expect(await toWhom(id)).toEqual(['1 curator', '2 curator', '3 supervisor', '4 director']);
    const rows = (await journal(id)).filter(({ type }: { type: string }) => type === 'escalate');
    expect(
      rows.map(({ kind, data }: { kind: string; data: { act: { step: number; to: string[] } } }) => [
        kind,
        data.act.step,
        data.act.to,
      ]),
    ).toEqual([
      ['act', 1, ['curator']],
      ['act', 2, ['curator']],
      ['act', 3, ['supervisor']],
      ['act', 4, ['director']],
    ]);
    await clean();
  });

  it('is told in three languages: which case, what, since when, what to do', async () => {
    const id = await open('tasked');
    const { number, dueAt } = (await api.get('auditor', `/api/cases/${id}`)).body;
    await pass(api.system, { days: 10 });
    const [, , third] = await told(id);
    const [{ text: words }] = third.told;
    const day = new Date(Date.parse(dueAt) + 5 * 3_600_000).toISOString();
    for (const language of ['kk', 'ru', 'en']) {
      expect(words[language]).toContain(number);
      expect(words[language]).toContain('Note');
      expect(words[language]).toContain(`${day.slice(8, 10)}.${day.slice(5, 7)}.${day.slice(0, 4)}`);
    }
    expect(new Set(Object.values(words)).size).toBe(3);
  });

  it('is told to who has it, once somebody has', async () => {
    const id = await open('tasked');
    const { items } = (await api.get('curator', '/api/tasks?view=available&limit=200')).body;
    const mine = items.find(({ caseId }: { caseId: string }) => caseId === id);
    await api.account('aizhan', ['curator']);
    expect((await api.post('aizhan', `/api/tasks/${mine.id}/claim`)).status).toBe(200);
    await pass(api.system, { days: 10 });
    expect((await toWhom(id)).slice(0, 2)).toEqual(['1 aizhan', '2 aizhan curator']);
    const own = (await api.get('aizhan', '/api/escalations?mine=true')).body.items;
    expect(own.some(({ caseId }: { caseId: string }) => caseId === id)).toBe(true);
    const others = (await api.get('lawyer', `/api/escalations?case=${id}`)).body.items;
    expect(others).toEqual([]);
  });

  it('after an outage is told of each step that is due, once, in order', async () => {
    const id = await open('tasked');
    await pass(api.system, { days: 30 });
    expect(await toWhom(id)).toEqual(['1 curator', '2 curator', '3 supervisor', '4 director']);
    await pass(api.system, { days: 2 });
    expect(await toWhom(id)).toHaveLength(4);
  });

  it('is not told of any more once it is done', async () => {
    const id = await open('tasked');
    await pass(api.system, { days: 3 });
    expect((await api.post('supervisor', `/api/cases/${id}/events`, { type: 'LEAVE' })).status).toBe(200);
    const before = await toWhom(id);
    await pass(api.system, { days: 30 });
    expect(await toWhom(id)).toEqual(before);
  });

  it('is told of from the first step when it is opened again', async () => {
    const id = await open('tasked');
    await pass(api.system, { days: 30 });
    await api.post('supervisor', `/api/cases/${id}/events`, { type: 'AGAIN' });
    await pass(api.system, { days: 30 });
    expect(await toWhom(id)).toHaveLength(8);
    await api.post('supervisor', `/api/cases/${id}/events`, { type: 'LEAVE' });
    expect((await act(id, 'reopen')).status).toBe(200);
    await pass(api.system, { days: 30 });
    expect(await toWhom(id)).toHaveLength(12);
    await clean();
  });

  it('is told once, also by two processes at once, and after one that died between telling and noting it', async () => {
    const id = await open('tasked');
    await api.system.clock.advanceTo(
      new Date(Date.parse(await api.system.clock.now()) + 30 * 86_400_000).toISOString(),
    );
    const sweep = api.system.runtime.engine.sweeps.get('ladders') ?? (() => Promise.reject(new Error('no sweep')));
    await Promise.all([sweep(), sweep(), sweep()]);
    await settled(api.system);
    expect(await toWhom(id)).toHaveLength(4);
    const owner = api.database.pool('owner');
    await owner.query('update qamqor.dues set step = 0, look_at = qamqor.qamqor_now() where case_id = $1', [id]);
    await settled(api.system);
    expect(await toWhom(id)).toHaveLength(4);
    await clean();
  });
});

describe('a suspended case', () => {
  it('is told of nobody; when it goes on its deadline has moved', async () => {
    const id = await open('tasked');
    await act(id, 'suspend');
    const late = async (query: string) =>
      (await api.get('auditor', `/api/cases?workflow=tasked&limit=200&${query}`)).body.items.some(
        (item: { id: string }) => item.id === id,
      );
    await pass(api.system, { days: 30 });
    expect(await toWhom(id)).toEqual([]);
    expect(await late('overdue=true')).toBe(false);
    await act(id, 'resume');
    await settled(api.system);
    expect(await toWhom(id)).toEqual([]);
    await pass(api.system, { days: 30 });
    expect(await toWhom(id)).toHaveLength(4);
    expect(await late('overdue=true')).toBe(true);
    await clean();
  });
});

describe('a stage that lasts too long', () => {
  it('is told of by the ladder of its deadline', async () => {
    const id = await open('staged');
    await pass(api.system, { days: 25 });
    expect(await toWhom(id)).toEqual(['1 curator', '2 supervisor', '3 director']);
    const [first] = await told(id);
    expect(first).toMatchObject({ what: 'state', title: text('Start'), ladder: 'stage' });
  });
});

describe('a case that was opened and lasts too long', () => {
  it('is called as the state that waits for it', async () => {
    const late = { deadline: '2 working days', escalation: 'stage' };
    const invoke = { src: 'case', input: { workflow: 'tasked', input: {}, ...late } };
    await api.deploy(waiting('opens', invoke, { title: text('Studying') }), { 'forms/note.yaml': note });
    const id = await open('opens');
    await pass(api.system, { days: 5 });
    const [first] = await told(id);
    expect(first).toMatchObject({ what: 'case', title: text('Studying') });
  });
});

describe('a partner that does not answer', () => {
  const handoffOf = async (id: string) => (await api.get('adviser', `/api/handoffs?caseId=${id}`)).body.items[0];
  const ladder = [
    // It has not even acknowledged it.
    '0 curator',
    '1 partner-otbasy-bank',
    '2 curator partner-otbasy-bank',
    '3 supervisor',
    // The partner's head.
    '4 director partner-otbasy-bank',
  ];

  it('is reminded, then told of on working day 1, 3 and 5, and only then given up', async () => {
    const id = await open('given-up');
    const { dueAt, givesUpAt } = await handoffOf(id);
    const began = Date.parse(await api.system.clock.now());
    for (let day = 0; day < 40; day += 1) {
      await pass(api.system, { days: 1 });
      const { status, overdue } = await handoffOf(id);
      const now = await api.system.clock.now();
      expect({ day, status }).toEqual({ day, status: now < givesUpAt ? 'sent' : 'expired' });
      expect({ day, overdue }).toEqual({ day, overdue: now >= dueAt && now < givesUpAt });
    }
    expect(Date.parse(givesUpAt) - began).toBeLessThan(40 * 86_400_000);
    expect(await toWhom(id)).toEqual(ladder);
    const rows = (await journal(id)).map(({ kind, at }: { kind: string; at: string }) => ({ kind, at }));
    expect(rows.map(({ kind }: { kind: string }) => kind)).toEqual([
      'event',
      'act',
      'act',
      'act',
      'act',
      'act',
      'answer',
    ]);
    expect(rows[2].at < dueAt).toBe(true);
    expect(rows.slice(3).every(({ at }: { at: string }) => at > dueAt)).toBe(true);
    await clean();
  });

  it('is told of to the specialist first whose workflow answers for the hand-off', async () => {
    const id = await open('advised');
    await pass(api.system, { days: 60 });
    expect(await toWhom(id)).toEqual(ladder.with(0, '0 adviser').with(2, '2 adviser curator partner-otbasy-bank'));
  });

  it('is given up after the whole ladder also when nothing ran for months', async () => {
    const id = await open('given-up');
    await pass(api.system, { days: 90 });
    await pass(api.system, { seconds: 1 });
    expect(await toWhom(id)).toEqual(ladder);
    expect(await handoffOf(id)).toMatchObject({ status: 'expired' });
    expect((await journal(id)).at(-1)).toMatchObject({ kind: 'answer', type: 'error(work)' });
  });

  it('is given up no sooner when a pause has moved its days into weekends', async () => {
    const id = await open('given-up');
    // Friday evening: six working days later is the Monday after next, ten days and not eight.
    await api.database
      .pool('owner')
      .query(
        `update qamqor.handoffs set answer_by = '2029-03-16T13:00:00Z', gives_up_at = '2029-03-24T13:00:00Z' where case_id = $1`,
        [id],
      );
    await api.system.clock.advanceTo('2029-03-24T14:00:00.000Z');
    await settled(api.system);
    // First the ladder, then the end.
    await pass(api.system, { seconds: 1 });
    const { status, givesUpAt } = await handoffOf(id);
    expect(status).toBe('sent');
    expect(givesUpAt).toBe('2029-03-26T13:00:00.000Z');
    await api.system.clock.advanceTo(givesUpAt);
    await settled(api.system);
    await pass(api.system, { seconds: 1 });
    expect(await toWhom(id)).toEqual(ladder);
    expect(await handoffOf(id)).toMatchObject({ status: 'expired' });
    await clean();
  });
});

describe('a hand-off that was never sent', () => {
  const unsent = {
    ...handOff,
    input: { ...handOff.input, partner: 'atameken', service: 'course-enrolment', role: 'coordinator' },
  };
  const words = async (id: string) =>
    (await told(id)).flatMap(({ told: to }: { told: { text: Record<string, string> }[] }) =>
      to.map(({ text: said }) => said),
    ) as Record<string, string>[];

  it('is told to whoever looks after it and who oversees, with why and what to do, and to nobody at the partner', async () => {
    await api.deploy(waiting('unsent', unsent), { 'forms/note.yaml': note });
    const id = await open('unsent');
    await pass(api.system, { days: 40 });
    expect(await toWhom(id)).toEqual([
      '1 administrator coordinator director supervisor',
      '2 administrator coordinator curator director supervisor',
      '3 supervisor',
      '4 administrator coordinator director supervisor',
    ]);
    for (const said of await words(id))
      expect(said).toEqual({
        kk: expect.stringContaining('мекенжайы баптауларда жоқ'),
        ru: expect.stringMatching(
          /не отправлено: в настройках нет адреса партнёра «.*Атамекен.*»\. Попросите администратора/,
        ),
        en: expect.stringContaining('was not sent: the settings have no address'),
      });
    const { body } = await api.get('partner-atameken', '/api/escalations?limit=200');
    expect(body.items).toEqual([]);
    await clean();
  });

  it.each([
    ['partner-down', 'the system of', 'call the partner'],
    ['partner-gone', 'takes no hand-offs any more', 'new address'],
    [null, 'has not taken it', 'Look at the incidents of the case'],
  ])('says why and what to do also where the reason is %s', async (reason, why, what) => {
    const id = await open('unsent');
    const owner = api.database.pool('owner');
    // It is not tried again meanwhile.
    await owner.query(`update qamqor.outbox set next_at = '2099-01-01' where case_id = $1`, [id]);
    await owner.query('update qamqor.handoffs set waiting_reason = $2 where case_id = $1', [id, reason]);
    await pass(api.system, { days: 30 });
    const said = await words(id);
    expect(said.length).toBeGreaterThan(0);
    for (const { en } of said) {
      expect(en).toContain(why);
      expect(en).toContain(what);
    }
  });
});

describe('a partner that asked for papers', () => {
  it('has no step while its clock stands still', async () => {
    const id = await open('asked');
    const handoff = (await api.get('adviser', `/api/handoffs?caseId=${id}`)).body.items[0];
    const now = await api.system.clock.now();
    await say(api, bank, handoff.id, { eventId: 'p', type: 'papers_requested', at: now, missing: ['id'] });
    await pass(api.system, { days: 20 });
    expect(await toWhom(id)).toEqual([]);
    const record = (await api.get('auditor', `/api/cases/${id}`)).body;
    expect(record.overdue).toBe(false);
    expect(record.dueAt > (await api.system.clock.now())).toBe(true);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
