import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { settled } from '../../test/partner.js';
import type { BatchTransaction, ClosedEntry } from '../engine/types.js';
import { ORGANISATION } from '../system.js';
import { TaskSource } from '../tasks/task-source.js';
import { type ConsentAnswer, consentsIn } from './consent-answer.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const form = {
  'x-version': 1,
  type: 'object',
  additionalProperties: false,
  properties: {
    consents: {
      type: 'array',
      'x-consents': true,
      items: { type: 'string', enum: ['otbasy-bank', 'civil-office'] },
    },
    partners: { type: 'array', items: { type: 'string' } },
  },
};
const registering = {
  id: 'registering',
  title: text('Registering'),
  context: { familyId: '= input.familyId' },
  events: { AGAIN: { title: text('Again'), roles: [] } },
  initial: 'asking',
  states: {
    asking: { invoke: { id: 'ask', src: 'task', input: { form: 'asked', role: 'registrar' }, onDone: 'asked' } },
    asked: { on: { AGAIN: 'asking' } },
  },
};
/** A track of the family's own case, which asks in its place. */
const tracking = {
  id: 'tracking',
  title: text('Tracking'),
  context: { familyId: '= input.familyId' },
  initial: 'going',
  states: {
    going: {
      invoke: {
        id: 'track',
        src: 'case',
        input: { workflow: 'registering', familyId: '= context.familyId' },
        onDone: 'over',
      },
    },
    over: { type: 'final' },
  },
};

/** Wants to know, and keeps it; what it knows already it does not take. */
const listening = {
  id: 'listening',
  meta: { reopen: 'here' },
  title: text('Listening'),
  context: { familyId: '= input.familyId', allowed: [] },
  events: {
    CONSENTS_CHANGED: {
      title: text('Changed'),
      roles: ['engine'],
      schema: { type: 'object', properties: { consents: { type: 'array', items: { type: 'string' } } } },
    },
  },
  delays: { long: '900 days' },
  initial: 'here',
  states: {
    over: { type: 'final' },
    here: {
      after: { long: 'over' },
      on: {
        CONSENTS_CHANGED: {
          guard: '= string join(event.data.consents, ",") != string join(context.allowed, ",")',
          actions: { type: 'set', params: { allowed: '= event.data.consents' } },
        },
      },
    },
  },
};

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  const input = { type: 'object', properties: { familyId: { type: 'string' } } };
  await api.deploy(registering, { 'forms/asked.yaml': form, 'input.yaml': input });
  await api.deploy(tracking, { 'input.yaml': input });
  await api.deploy(listening, { 'input.yaml': input });
});
afterAll(() => api.close());

async function register(workflow = 'registering'): Promise<{ id: string; family: string }> {
  const input = { applicant: { surname: 'Сейітқызы', given: 'Дана' }, language: 'kk' };
  const { body } = await api.post('registrar', '/api/cases', { workflow, input });
  return { id: body.id, family: body.subject };
}
async function answer(id: string, output: object) {
  const { body } = await api.get('registrar', `/api/tasks?view=available&caseId=${id}`);
  const { status } = await api.post('registrar', `/api/tasks/${body.items[0].id}/complete`, { output });
  expect(status).toBe(200);
}
const put = (family: string, partner: string, given: boolean, as = 'curator') =>
  api.ask(as, 'PUT', `/api/families/${family}/consents`, { body: { partner, given, how: 'phone' } });
const consentsOf = async (family: string) =>
  (await api.get('lawyer', `/api/families/${family}/consents`)).body.items as {
    partner: string;
    inForce: boolean;
    givenHow: string;
    withdrawnHow: string | null;
    givenBy: string;
  }[];
const inForce = async (family: string) =>
  (await consentsOf(family)).flatMap((consent) => (consent.inForce ? [consent.partner] : [])).sort();

function closed(entryId: string, caseId: string, output: object): ClosedEntry {
  const by = { account: api.system.ids.next(), roles: ['registrar'] };
  const row = {
    entryId,
    caseId,
    organisationId: ORGANISATION,
    reason: 'answered',
    output,
    at: new Date().toISOString(),
    by,
  };
  return row as unknown as ClosedEntry;
}
function transaction(): BatchTransaction {
  const pool = api.database.pool('owner');
  return {
    async query(_name, text, values) {
      const { rows, rowCount } = await pool.query(text, values);
      return { rows, rowCount: rowCount ?? 0 };
    },
  };
}

describe('what a family consents to', () => {
  it('is written down with the very answer that says so, by whom and how', async () => {
    const { id, family } = await register();
    await answer(id, { consents: ['otbasy-bank'], partners: ['atameken'] });
    const { account } = await api.account('registrar');
    expect(await consentsOf(family)).toEqual([
      expect.objectContaining({ partner: 'otbasy-bank', inForce: true, givenHow: 'form', givenBy: account }),
    ]);
  });

  it('follows a later answer: who is not named any more has it no longer, whoever was not asked about keeps it', async () => {
    const { id, family } = await register();
    await answer(id, { consents: ['otbasy-bank'] });
    await put(family, 'atameken', true);
    await api.post('registrar', `/api/cases/${id}/events`, { type: 'AGAIN' });
    await answer(id, { consents: ['civil-office'] });
    expect(await inForce(family)).toEqual(['atameken', 'civil-office']);
    expect(await consentsOf(family)).toContainEqual(
      expect.objectContaining({ partner: 'otbasy-bank', inForce: false, withdrawnHow: 'form' }),
    );
    // A form that says nothing changes nothing.
    await api.post('registrar', `/api/cases/${id}/events`, { type: 'AGAIN' });
    await answer(id, {});
    expect(await inForce(family)).toEqual(['atameken', 'civil-office']);
  });

  it('is written down also where a sub-case asks', async () => {
    const { id, family } = await register('tracking');
    await settled(api.system);
    const { rows } = await api.database
      .pool('owner')
      .query<{ id: string }>('select id from qamqor.cases where parent_case_id = $1', [id]);
    await answer(rows[0]?.id ?? '', { consents: ['otbasy-bank'] });
    expect(await inForce(family)).toEqual(['otbasy-bank']);
  });

  it.each([
    ['given, then withheld', [true, false], []],
    ['withheld, then given', [false, true], ['otbasy-bank']],
    ['given, withheld, given', [true, false, true], ['otbasy-bank']],
  ])('is the last of what is said in one moment: %s', async (_what, said, expected) => {
    const { id, family } = await register();
    const { body } = await api.get('registrar', `/api/tasks?view=available&caseId=${id}`);
    const source = new TaskSource(() => api.system.ids.next(), api.system.calendar);
    const rows = said.map((given) => {
      const output = {};
      const named = ['otbasy-bank'];
      const consents: ConsentAnswer = given ? { given: named, withheld: [] } : { given: [], withheld: named };
      source.keepConsents(output, consents);
      return closed(body.items[0].id, id, output);
    });
    await source.close(transaction(), rows);
    expect(await inForce(family)).toEqual(expected);
  });

  it('is given and taken back by hand, once, and nothing of it is overwritten', async () => {
    const { family } = await register();
    await Promise.all([1, 2, 3, 4].map(() => put(family, 'atameken', true)));
    await put(family, 'atameken', false);
    await put(family, 'atameken', false);
    await put(family, 'atameken', true);
    expect((await consentsOf(family)).map((consent) => consent.inForce)).toEqual([true, false]);
  });

  it.each([
    ['a partner that there is not', () => put('F-000001', 'nobody', true), 422, 'schema'],
    ['a family that there is not', () => put('F-999999', 'atameken', true), 404, 'family-not-found'],
    ['somebody who may not', () => put('F-000001', 'atameken', true, 'trainer'), 403, 'no-right'],
  ])('is refused for %s', async (_what, ask, status, code) => {
    expect(await ask()).toMatchObject({ status, body: { code } });
  });

  it('says in the language of the answer which partners there are', async () => {
    const body = { partner: 'nobody', given: true, how: 'phone' };
    const headers = { 'accept-language': 'ru' };
    const answer = await api.ask('curator', 'PUT', '/api/families/F-000001/consents', { body, headers });
    expect(answer.body.errors).toEqual([
      expect.objectContaining({ path: '/partner', message: expect.stringMatching(/^выберите одно из: .*otbasy-bank/) }),
    ]);
  });
});

describe('a case that began before', () => {
  const allowed = async (id: string) =>
    (await api.system.runtime.engine.read(ORGANISATION, id))?.chart.snapshot.context['allowed'];
  const act = (id: string, name: string) =>
    api.post('supervisor', `/api/cases/${id}/acts`, { act: name, reason: 'a holiday' });
  const heard = async (id: string) => {
    await settled(api.system);
    const { body } = await api.get('auditor', `/api/cases/${id}/journal`);
    return body.items.filter(({ type }: { type: string }) => type === 'CONSENTS_CHANGED').length;
  };

  it('hears what the family allows and forbids later, once each', async () => {
    const { id, family } = await register('listening');
    await put(family, 'otbasy-bank', true);
    await put(family, 'atameken', true);
    expect(await heard(id)).toBeLessThanOrEqual(2);
    expect(await allowed(id)).toEqual(['atameken', 'otbasy-bank']);
    const before = await heard(id);
    await put(family, 'otbasy-bank', false);
    expect(await heard(id)).toBe(before + 1);
    expect(await allowed(id)).toEqual(['atameken']);
    // Said again it is no news, and neither is what the next sweep finds.
    await put(family, 'atameken', true);
    expect(await heard(id)).toBe(before + 1);
  });

  it('that is suspended hears of it when it goes on', async () => {
    const { id, family } = await register('listening');
    await act(id, 'suspend');
    await put(family, 'otbasy-bank', true);
    expect(await heard(id)).toBe(0);
    await act(id, 'resume');
    expect(await heard(id)).toBe(1);
    expect(await allowed(id)).toEqual(['otbasy-bank']);
  });

  it('and was closed meanwhile hears of it when it is opened again', async () => {
    const { id, family } = await register('listening');
    await put(family, 'otbasy-bank', true);
    expect(await allowed(id)).toBeDefined();
    await heard(id);
    await act(id, 'cancel');
    await put(family, 'otbasy-bank', false);
    expect(await heard(id)).toBe(1);
    expect(await act(id, 'reopen')).toMatchObject({ status: 200 });
    expect(await heard(id)).toBe(2);
    expect(await allowed(id)).toEqual([]);
  });

  it('and whose workflow does not ask, is left in peace', async () => {
    const { id, family } = await register();
    await put(family, 'otbasy-bank', true);
    expect(await heard(id)).toBe(0);
    const { rows } = await api.database
      .pool('owner')
      .query('select told_given from qamqor.consents where subject = $1', [family]);
    expect(rows).toEqual([{ told_given: true }]);
  });

  it('takes such news from nobody else', async () => {
    const { id } = await register('listening');
    const event = { type: 'CONSENTS_CHANGED', data: { consents: ['otbasy-bank'] } };
    for (const name of ['registrar', 'administrator', 'integration'])
      expect(await api.post(name, `/api/cases/${id}/events`, event)).toMatchObject({ status: 403 });
  });
});

it('only fields that are marked so speak of consents', () => {
  expect(consentsIn(form, { consents: ['otbasy-bank'], partners: ['atameken'] })).toEqual({
    given: ['otbasy-bank'],
    withheld: ['civil-office'],
  });
  expect(consentsIn(form, { partners: ['atameken'] })).toEqual({ given: [], withheld: [] });
});

it('a field of consents that stay takes back those that are not named, and gives none', () => {
  const consents = { ...form.properties.consents, 'x-consents': 'staying' };
  expect(consentsIn({ ...form, properties: { consents } }, { consents: ['otbasy-bank'] })).toEqual({
    given: [],
    withheld: ['civil-office'],
  });
});
