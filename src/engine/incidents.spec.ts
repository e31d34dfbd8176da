import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import { verify } from './verify.js';

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
}, 60_000);
afterAll(() => fixture.close());

/** GO cannot be decided: nothing is compared with a number. */
const undecided = (key: string, go: object = {}) => ({
  key,
  title: { en: 'Undecided' },
  context: { count: null },
  events: { GO: { roles: [], ...go } },
  initial: 'a',
  states: { a: { on: { GO: { guard: '= context.count > 1', target: 'b' } } }, b: { type: 'final' } },
});

describe('a transition that cannot be made', () => {
  it('is told to the person and kept once as an incident', async () => {
    await fixture.deploy(undecided('broken'));
    const { id } = await fixture.open('broken');
    await expect(fixture.send(id, 'GO')).rejects.toMatchObject({ code: 'case-incident', status: 409 });
    await expect(fixture.send(id, 'GO')).rejects.toMatchObject({ code: 'case-incident' });
    expect(await fixture.read(id)).toMatchObject({ state: 'a', revision: 1, incidents: 1 });
  });
});

describe('transitions that cannot be made', () => {
  it('are an incident each, by what was sent and by whom', async () => {
    await fixture.deploy(undecided('many-faults', { schema: { type: 'object' } }));
    const { id } = await fixture.open('many-faults');
    const dana = { sender: { account: 'dana', roles: ['curator'] } };
    const go = (sum: number, more = {}) =>
      expect(fixture.send(id, 'GO', { sum }, more)).rejects.toMatchObject({ code: 'case-incident' });
    await go(1);
    await go(2);
    await go(2, dana);
    await go(2, dana);
    expect(await fixture.read(id)).toMatchObject({ incidents: 3 });
  });
});

describe('an answer that cannot be carried out', () => {
  it('says that it is to be given again: nobody can retry what is not kept', async () => {
    await fixture.deploy({
      key: 'brittle',
      title: { en: 'Brittle' },
      context: { count: null },
      initial: 'a',
      states: {
        a: { invoke: { id: 'ask', src: 'task', onDone: { guard: '= context.count > 1', target: 'b' } } },
        b: { type: 'final' },
      },
    });
    const { id } = await fixture.open('brittle');
    await expect(fixture.answer(id, fixture.entry(id, 'ask'))).rejects.toMatchObject({
      code: 'case-incident',
      facts: { because: 'answer-again' },
    });
    const [incident] = await fixture.sql<{ id: string }>('select id from qamqor.incidents where case_id = $1', [id]);
    const retry = fixture.act(id, { type: 'retry', incidentId: incident?.id ?? '' });
    await expect(retry).rejects.toMatchObject({ code: 'act-not-possible', status: 409 });
  });
});

describe('an event that met an incident', () => {
  const given = { id: 'key-of-ana', sender: { account: 'ana', roles: ['curator'] } };
  /** GO cannot be carried out until the count is set. */
  const met = async (key: string) => {
    await fixture.deploy({
      key,
      title: { en: 'Counting' },
      context: { count: null, gone: 0, noted: false },
      events: { GO: { roles: [] }, NOTE: { roles: [] }, MEND: { roles: [] } },
      initial: 'a',
      states: {
        a: {
          on: {
            NOTE: { actions: { type: 'set', params: { noted: true } } },
            GO: { guard: '= context.count > 1', actions: { type: 'set', params: { gone: '= context.gone + 1' } } },
            MEND: { actions: { type: 'set', params: { count: 2 } } },
          },
        },
      },
    });
    const { id } = await fixture.open(key);
    const mine = { ...given, id: `${given.id}-${key}` };
    await expect(fixture.send(id, 'GO', undefined, mine)).rejects.toMatchObject({ code: 'case-incident' });
    await fixture.send(id, 'NOTE');
    // The same at another revision is another incident.
    const twice = { ...mine, id: `${mine.id}-again` };
    if (key === 'met-twice')
      await expect(fixture.send(id, 'GO', undefined, twice)).rejects.toMatchObject({ code: 'case-incident' });
    const ids = 'select id from qamqor.incidents where case_id = $1 order by seq';
    const incidents = await fixture.sql<{ id: string }>(ids, [id]);
    await fixture.send(id, 'MEND');
    const retry = (which = 0) => fixture.act(id, { type: 'retry', incidentId: incidents[which]?.id ?? '' });
    const repeat = () => fixture.send(id, 'GO', undefined, { ...mine, present: ({ case: { state } }) => state });
    const gone = async () => (await fixture.read(id)).chart.snapshot.context.gone;
    return { id, mine, retry, repeat, gone };
  };

  it('is carried out once when it is retried, and then given again by who gave it', async () => {
    const { retry, repeat, gone } = await met('retried-first');
    await retry();
    expect(await gone()).toBe(1);
    expect(await repeat()).toMatchObject({ replayed: true, answer: 'a' });
    expect(await gone()).toBe(1);
  });

  it('is carried out once where it met two, and one of them is retried', async () => {
    const { id, retry, gone } = await met('met-twice');
    expect(await fixture.read(id)).toMatchObject({ incidents: 2 });
    await retry(1);
    await expect(retry(0)).rejects.toMatchObject({ code: 'incident-not-found' });
    expect(await fixture.read(id)).toMatchObject({ incidents: 0 });
    expect(await gone()).toBe(1);
  });

  it.each([
    ['with its key', {}],
    ['anew, as from a form that was opened again', { id: 'another-key-of-ana' }],
  ])('is carried out once when it is given again %s, and needs no retry any more', async (_how, key) => {
    const { id, mine, retry, gone } = await met(`repeated-first-${Object.keys(key).length}`);
    const others = { sender: { account: 'dana', roles: ['curator'] } };
    await fixture.send(id, 'GO', undefined, others);
    expect(await fixture.read(id)).toMatchObject({ incidents: 1 });
    await fixture.send(id, 'GO', undefined, { ...mine, ...key });
    expect(await fixture.read(id)).toMatchObject({ incidents: 0 });
    await expect(retry()).rejects.toMatchObject({ code: 'incident-not-found' });
    expect(await gone()).toBe(2);
  });
});

describe('an act that is refused half way', () => {
  it('leaves no trace of what it had begun', async () => {
    await fixture.deploy({
      key: 'moved-on',
      title: { en: 'Moved on' },
      context: { count: null },
      events: { GO: { roles: [] }, NEXT: { roles: [] } },
      initial: 'a',
      states: {
        a: { on: { GO: { guard: '= context.count > 1', target: 'c' }, NEXT: 'b' } },
        b: { on: { NEXT: 'c' } },
        c: { type: 'final' },
      },
    });
    const { id } = await fixture.open('moved-on');
    await expect(fixture.send(id, 'GO')).rejects.toMatchObject({ code: 'case-incident' });
    await fixture.send(id, 'NEXT');
    const [incident] = await fixture.sql<{ id: string }>('select id from qamqor.incidents where case_id = $1', [id]);
    const retry = fixture.act(id, { type: 'retry', incidentId: incident?.id ?? '' });
    await expect(retry).rejects.toMatchObject({ code: 'event-not-accepted', status: 409 });
    expect(await fixture.sql('select seq from qamqor.journal where case_id = $1 order by seq', [id])).toEqual([
      { seq: 1 },
      { seq: 2 },
    ]);
    await expect(fixture.send(id, 'NEXT')).resolves.toMatchObject({ seq: 3 });
    const report = await verify(fixture.runtime, ORGANISATION, {});
    expect(report.problems.filter((problem) => problem.case === id)).toEqual([]);
  });
});

describe('the retry of an event', () => {
  it('that fails again is carried out, and leaves a new incident', async () => {
    await fixture.deploy(undecided('undecided'));
    const { id } = await fixture.open('undecided');
    await expect(fixture.send(id, 'GO')).rejects.toMatchObject({ code: 'case-incident' });
    const incidents = 'select id, status, rule from qamqor.incidents where case_id = $1 order by status';
    const [first] = await fixture.sql<{ id: string; rule: string }>(incidents, [id]);
    const again = await fixture.act(id, { type: 'retry', incidentId: first?.id ?? '' });
    expect(again).toMatchObject({ outcome: 'incident', reason: first?.rule, case: { incidents: 1, revision: 2 } });
    const left = await fixture.sql<{ id: string; status: string }>(incidents, [id]);
    expect(left.map(({ status }) => status)).toEqual(['open', 'retried']);
    expect(left[1]?.id).toBe(first?.id);
  });
});
