import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import { DatabaseClock } from '../platform/clock.js';
import { verify } from './verify.js';

const workflow = {
  key: 'loan',
  title: { en: 'Loan' },
  context: { sum: 0 },
  events: { ADD: { roles: [], schema: { type: 'object' } } },
  initial: 'open',
  delays: { limit: '30 days' },
  on: { ADD: { actions: { type: 'set', params: { sum: '= context.sum + 1' } } } },
  states: {
    open: {
      invoke: {
        id: 'sign',
        src: 'task',
        input: { form: 'sign', role: 'curator', deadline: '3 days' },
        onDone: 'signed',
      },
      after: { limit: 'signed' },
    },
    signed: { type: 'final' },
  },
};

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
  await fixture.deploy(workflow);
}, 60_000);
afterAll(async () => {
  await fixture?.close();
});

/** A case with four rows, one open task and one open timer, told apart by its own id. */
async function aCase(): Promise<string> {
  const { id } = await fixture.open('loan');
  for (const _ of [1, 2, 3]) await fixture.send(id, 'ADD', { note: 'Әлия' });
  return id;
}

async function problemsOf(caseId: string) {
  const report = await verify(fixture.runtime, ORGANISATION, {});
  return report.problems.filter((problem) => problem.case === caseId).map(({ seq, rule }) => ({ seq, rule }));
}

describe('verify', () => {
  it('finds nothing wrong with what the engine wrote', async () => {
    const id = await aCase();
    await fixture.answer(id, fixture.entry(id, 'sign'), { signed: true });
    expect(await problemsOf(id)).toEqual([]);
  });

  it.each<[string, string, { seq: number | null; rule: string }]>([
    [
      'one context value',
      `update qamqor.cases set chart = replace(chart, '"sum":3', '"sum":4') where id = $1`,
      { seq: 4, rule: 'context-changed' },
    ],
    [
      'one state',
      `update qamqor.cases set chart = replace(chart, '"value":"open"', '"value":"signed"') where id = $1`,
      { seq: 4, rule: 'state-changed' },
    ],
    [
      `one timer's due`,
      `update qamqor.timers set due_at = due_at + interval '1 day' where case_id = $1`,
      { seq: 1, rule: 'timer-changed' },
    ],
    ['a timer that is gone', 'delete from qamqor.timers where case_id = $1', { seq: 1, rule: 'timer-missing' }],
    ...[
      `status = 'cancelled'`,
      `state = '"signed"'`,
      `stage = 'other'`,
      `stages = '{other}'`,
      `due_at = due_at + interval '1 day'`,
      'closed_at = updated_at',
    ].map((column): [string, string, { seq: number; rule: string }] => [
      `one column of the case (${column})`,
      `update qamqor.cases set ${column} where id = $1`,
      { seq: 4, rule: 'case-changed' },
    ]),
    ...[`subject = 'another-family'`, `number = 'Q-999999'`, `opened_at = opened_at - interval '1 day'`].map(
      (column): [string, string, { seq: number; rule: string }] => [
        `what the case is (${column})`,
        `update qamqor.cases set ${column} where id = $1`,
        { seq: 1, rule: 'case-changed' },
      ],
    ),
    [
      'what an open task asks for',
      `update qamqor.cases set chart = replace(chart, '"role":"curator"', '"role":"trainer"') where id = $1`,
      { seq: 1, rule: 'entries-changed' },
    ],
    [
      'a payload that is gone',
      'delete from qamqor.payloads where case_id = $1 and seq = 3',
      { seq: 3, rule: 'payload-missing' },
    ],
    ['the case itself', 'delete from qamqor.cases where id = $1', { seq: 4, rule: 'case-missing' }],
    [
      'one payload',
      `update qamqor.payloads set data = replace(data, 'Әлия', 'Алия') where case_id = $1 and seq = 3`,
      { seq: 3, rule: 'payload-changed' },
    ],
    [
      'one column of a row',
      `update qamqor.journal set type = 'TAKE' where case_id = $1 and seq = 2`,
      { seq: 2, rule: 'row-changed' },
    ],
    [
      'one body',
      `update qamqor.journal set body = replace(body, '"by":"aida"', '"by":"dana"') where case_id = $1 and seq = 2`,
      { seq: 2, rule: 'row-changed' },
    ],
    [
      'the last row deleted',
      'delete from qamqor.journal where case_id = $1 and seq = 4',
      { seq: 4, rule: 'row-missing' },
    ],
    [
      'a row in the middle deleted',
      'delete from qamqor.journal where case_id = $1 and seq = 2',
      { seq: 2, rule: 'row-missing' },
    ],
    [
      'two rows swapped',
      `with two as (select seq, at, kind, type, body, hash from qamqor.journal where case_id = $1 and seq in (2, 3))
       update qamqor.journal j set body = two.body, hash = two.hash, at = two.at from two where j.case_id = $1 and j.seq in (2, 3) and two.seq = 5 - j.seq`,
      { seq: 2, rule: 'row-changed' },
    ],
  ])('finds %s changed by hand, by case and row', async (_what, change, problem) => {
    const id = await aCase();
    await fixture.sql(change, [id]);
    expect(await problemsOf(id)).toEqual([problem]);
  });

  it('knows which day it was where the case belongs, also past midnight', async () => {
    await fixture.deploy({
      key: 'days',
      title: { en: 'Days' },
      context: { on: null },
      events: { NOTE: { roles: [] } },
      initial: 'open',
      states: { open: { on: { NOTE: { actions: { type: 'set', params: { on: '= string(date(now))' } } } } } },
    });
    const clock = new DatabaseClock(fixture.runtime.readPool);
    const tomorrow = new Date(Date.parse(await clock.now()) + 24 * 3_600_000).toISOString().slice(0, 10);
    // One o'clock at night in Turkistan, five hours before Greenwich.
    await clock.advanceTo(`${tomorrow}T20:00:00.000Z`);
    const { id } = await fixture.open('days');
    const { case: noted } = await fixture.send(id, 'NOTE');
    const day = String(noted.chart.snapshot.context['on']);
    expect(Date.parse(day)).toBe(Date.parse(tomorrow) + 24 * 3_600_000);
    expect(await problemsOf(id)).toEqual([]);
  });

  it('finds a whole tail that was cut off together with its revision', async () => {
    const id = await aCase();
    await fixture.sql('delete from qamqor.journal where case_id = $1 and seq = 4', [id]);
    await fixture.sql('update qamqor.cases set revision = 3 where id = $1', [id]);
    expect(await problemsOf(id)).toEqual([{ seq: 3, rule: 'head-changed' }]);
  });

  it('goes on past an erased payload from the next row that carries a state', async () => {
    const id = await aCase();
    await fixture.act(id, { type: 'suspend' });
    await fixture.act(id, { type: 'resume' });
    await fixture.sql('delete from qamqor.payloads where case_id = $1 and seq = 3', [id]);
    expect(await problemsOf(id)).toEqual([]);
  });

  it('finds a workflow that was changed after cases ran on it, and one that no case runs on', async () => {
    await fixture.deploy({ ...workflow, key: 'deed' });
    await fixture.deploy({ ...workflow, key: 'idle' });
    const { id } = await fixture.open('deed');
    await fixture.send(id, 'ADD', {});
    const change = `update qamqor.workflow_versions set files = replace(files, '3 days', '9 days') where key = $1`;
    for (const key of ['deed', 'idle']) await fixture.sql(change, [key]);
    const { problems } = await verify(fixture.runtime, ORGANISATION, {});
    const changed = problems.filter(({ rule }) => rule === 'workflow-changed');
    expect(changed).toMatchObject([
      { case: null, message: expect.stringContaining('"deed"') },
      { case: null, message: expect.stringContaining('"idle"') },
      { case: id, seq: 1 },
    ]);
    // With its hash made to fit, the cases that ran on it still say what it was.
    const { hash } = await fixture.deploy({
      ...workflow,
      key: 'deed',
      states: JSON.parse(JSON.stringify(workflow.states).replace('3 days', '9 days')),
    });
    await fixture.sql(`delete from qamqor.workflow_versions where key = 'deed' and version = 2`);
    await fixture.sql(`update qamqor.workflow_versions set hash = $1 where key = 'deed'`, [hash]);
    expect(await problemsOf(id)).toEqual(expect.arrayContaining([{ seq: 1, rule: 'workflow-changed' }]));
    for (const key of ['deed', 'idle'])
      await fixture.sql(
        `update qamqor.workflow_versions set files = replace(files, '9 days', '3 days') where key = $1`,
        [key],
      );
  });

  it('finds a case that no journal leads to', async () => {
    const id = await aCase();
    await fixture.sql('delete from qamqor.journal where case_id = $1', [id]);
    expect(await problemsOf(id)).toEqual([{ seq: 1, rule: 'row-missing' }]);
  });
});
