import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { referral } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';
import { TWO_STEPS } from '../../test/two-steps.js';
import type { Command } from '../engine/types.js';

const words = (text: string) => ({ kk: text, ru: text, en: text });

/** First a moment is waited for, then nothing but the deadline. */
const SLOW = {
  id: 'slow',
  title: words('Slow'),
  events: { ON: { title: words('On'), roles: ['registrar'] }, END: { title: words('End'), roles: ['registrar'] } },
  delays: { far: '200 days', reminder: '5 days' },
  initial: 'open',
  states: {
    open: {
      initial: 'counting',
      meta: { deadline: '100 days', escalation: 'stage' },
      on: { END: 'over' },
      states: {
        counting: {
          on: { ON: 'quiet' },
          after: { far: 'quiet', reminder: { actions: { type: 'notify', params: { template: 'x', to: 'curator' } } } },
        },
        quiet: {},
      },
    },
    over: { type: 'final' },
  },
};

/** A machine's answer to what the case waits for no longer. */
const tooLate = (organisationId: string, caseId: string): Command => ({
  kind: 'answer',
  id: 'late',
  organisationId,
  caseId,
  entryId: '019f0000-0000-7000-8000-000000000000',
  output: {},
  keep: false,
  late: 'journal',
  lane: 'machines',
  sender: { account: '00000000-0000-0000-0000-000000000000', roles: ['engine'] },
});

describe('the page of a case', () => {
  let api: ApiFixture;
  let id: string;

  beforeAll(async () => {
    api = await ApiFixture.create();
    await api.deploy(TWO_STEPS.workflow, TWO_STEPS.files);
    await api.deploy(SLOW);
    await api.deploy(referral('housing', 'otbasy-bank', 'housing-advice'));
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    id = body.id;
  });
  afterAll(() => api.close());

  const read = (page: string, language = 'kk') =>
    api.get('registrar', `/api/cases/${id}/${page}`, { 'accept-language': language });

  it('says what the case waits for and from whom: people first, in the language of the reader', async () => {
    const { body } = await read('waits');
    expect(body.items).toEqual([
      {
        kind: 'task',
        id: expect.any(String),
        title: 'Қағаз',
        who: 'Тіркеуші',
        status: 'open',
        waitingReason: null,
        asked: null,
        dueAt: expect.any(String),
        overdue: false,
      },
      {
        kind: 'timer',
        id: null,
        title: 'Күту',
        who: null,
        status: null,
        waitingReason: null,
        asked: null,
        dueAt: expect.any(String),
        overdue: false,
      },
    ]);
    expect((await read('waits', 'ru')).body.items[0].title).toBe('Қағаз (ru)');
  });

  it('draws where the case is in full and folds the rest', async () => {
    const { body } = await read('drawing');
    const drawn = new Map(body.nodes.map((node: { path: string }) => [node.path, node]));
    expect(drawn.get('first.paper.filling')).toMatchObject({ active: true, lines: ['Қағаз толтыру'] });
    expect(drawn.get('second')).toMatchObject({ active: false });
    const stop = body.edges.find((edge: { from: string; to: string }) => edge.from === 'first' && edge.to === 'ended');
    expect(stop).toMatchObject({ label: { text: 'Тоқтату' } });
    expect(stop.points.length).toBeGreaterThanOrEqual(2);
    for (const { x, y, width, height } of body.nodes) {
      expect(x >= 0 && y >= 0 && x + width <= body.width && y + height <= body.height).toBe(true);
    }
  });

  it('tells what happened, the newest first, with who did it and where the case stood then', async () => {
    const [task] = (await read('waits')).body.items;
    await api.post('registrar', `/api/tasks/${task.id}/complete`, { output: { ready: true } });
    const { body } = await read('history');
    expect(body.items.map((row: { title: string }) => row.title)).toEqual(['Орындалды: Қағаз толтыру', 'Іс ашылды']);
    expect(body.items[0]).toMatchObject({ by: 'registrar', states: ['Күту'], reason: null });
  });

  it('gives the earlier rows with `before`', async () => {
    const { body: first } = await read('history?limit=1');
    expect(first.next).toBe(2);
    const { body: second } = await read(`history?limit=1&before=${first.next}`);
    expect(second.items.map((row: { seq: number }) => row.seq)).toEqual([1]);
    expect(second.next).toBeNull();
  });

  it('folds everything that a case which ended is not in, and unfolds all of it when asked', async () => {
    await api.post('registrar', `/api/cases/${id}/events`, { type: 'STOP' });
    const folded = (await read('drawing')).body.nodes;
    expect(folded.map((node: { path: string }) => node.path).sort()).toEqual(['ended', 'first', 'second']);
    expect(folded.find((node: { path: string }) => node.path === 'first')).toMatchObject({ folded: true });
    expect((await read('drawing?whole=true')).body.nodes.length).toBe(9);
    expect((await read('waits')).body.items).toEqual([]);
  });

  it('says in words why it ended', async () => {
    const [fact, ...more] = (await api.get('registrar', `/api/cases/${id}`)).body.facts;
    expect(more).toEqual([]);
    expect(fact).toMatchObject({
      name: 'reason',
      title: { kk: 'Себебі' },
      values: [{ value: 'stopped', title: { kk: 'Тоқтатылды' } }],
    });
  });

  it('says in words why a late answer was not counted', async () => {
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    const { organisationId } = await api.account('registrar');
    const answer = await api.system.runtime.engine.submit(tooLate(organisationId, body.id));
    expect(answer).toMatchObject({ outcome: 'ignored', reason: 'entry-closed' });
    const said = async (language: string) => {
      const path = `/api/cases/${body.id}/history?limit=1`;
      return (await api.get('registrar', path, { 'accept-language': language })).body.items[0].reason;
    };
    expect(await said('kk')).toBe('Бұл қадам жауап келгенге дейін аяқталған еді.');
    expect(await said('ru')).toBe('Этот шаг закончился до того, как пришёл ответ.');
    expect(await said('en')).toBe('This step was over before the answer came.');
  });

  it('tells an escalation with who was told, and of no state: it moved nothing', async () => {
    const { body: late } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    // The second working day after the deadline, whatever holidays there are.
    await pass(api.system, { days: 9 });
    const { body } = await api.get('registrar', `/api/cases/${late.id}/history`, { 'accept-language': 'ru' });
    const told = body.items.filter(({ title }: { title: string }) => title === 'Сообщено о задержке');
    expect(told.map(({ reason }: { reason: string }) => reason)).toContain('Руководитель');
    for (const { states } of told) expect(states).toEqual([]);
    expect(body.items.at(-1)).toMatchObject({ title: 'Дело открыто', states: ['Қағаз толтыру (ru)', 'Күту (ru)'] });
  });

  it('tells the head of a partner from its contact', async () => {
    await api.deploy(
      referral('watched', 'otbasy-bank', 'housing-advice', {
        input: { partner: 'otbasy-bank', service: 'housing-advice', deadline: '10 days', escalation: 'hand-off' },
      }),
    );
    const { body: asked } = await api.post('registrar', '/api/cases', {
      workflow: 'watched',
      input: { familyId: 'f' },
    });
    const sent = `update qamqor.handoffs set status = 'acknowledged', sent_at = opened_at where case_id = $1`;
    await api.database.pool('owner').query(sent, [asked.id]);
    await pass(api.system, { days: 40 });
    const told = async (language: string) =>
      (
        await api.get('registrar', `/api/cases/${asked.id}/history`, { 'accept-language': language })
      ).body.items.flatMap(({ reason }: { reason: string | null }) => reason ?? []);
    for (const [language, head] of [
      ['kk', 'ұйым басшысы'],
      ['ru', 'руководитель организации'],
      ['en', 'head of the organisation'],
    ] as const)
      expect((await told(language)).filter((reason: string) => reason.includes(`(${head})`))).toHaveLength(1);
  });

  it('lists a deadline once it is in sight, and where nothing else is waited for', async () => {
    const { body: asked } = await api.post('registrar', '/api/cases', { workflow: 'slow', input: {} });
    const kinds = async () =>
      (await api.get('registrar', `/api/cases/${asked.id}/waits`)).body.items.map(({ kind }: { kind: string }) => kind);
    expect(await kinds()).toEqual(['timer']);
    await pass(api.system, { days: 71 });
    expect(await kinds()).toEqual(['timer', 'deadline']);
    await api.post('registrar', `/api/cases/${asked.id}/events`, { type: 'ON' });
    expect(await kinds()).toEqual(['deadline']);
  });

  it('says of a hand-off without result whose service it was and why', async () => {
    const { body: asked } = await api.post('registrar', '/api/cases', {
      workflow: 'housing',
      input: { familyId: 'f' },
    });
    await pass(api.system, { days: 40 });
    const history = (language: string) =>
      api.get('registrar', `/api/cases/${asked.id}/history`, { 'accept-language': language });
    const [row] = (await history('ru')).body.items;
    expect(row).toMatchObject({
      kind: 'answer',
      reason: expect.stringMatching(/^.*Отбасы банк.*: ответ в срок не поступил$/),
    });
    const [english] = (await history('en')).body.items;
    expect(english.reason).toContain(': no answer in time');
  });

  it('is not there for partners, and not for nobody', async () => {
    await api.account('partner-atameken', ['partner-atameken']);
    expect((await api.get('partner-atameken', `/api/cases/${id}/waits`)).status).toBe(403);
    expect((await api.get(null, `/api/cases/${id}/history`)).status).toBe(401);
  });
});
