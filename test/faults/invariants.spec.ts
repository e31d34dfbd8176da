import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../api.js';
import { violations } from './invariants.js';

const chart = {
  key: 'watched',
  title: { kk: 'К', ru: 'К', en: 'K' },
  events: { NOTE: { title: { kk: 'К', ru: 'К', en: 'K' }, roles: ['supervisor'] } },
  context: { notes: 0 },
  initial: 'waiting',
  on: { NOTE: { actions: { type: 'set', params: { notes: '= context.notes + 1' } } } },
  delays: { moment: 'PT0.01S', year: '365 days' },
  states: {
    waiting: { after: { moment: 'asking' } },
    asking: {
      after: { year: 'over' },
      invoke: { id: 'ask', src: 'task', input: { form: 'answer', role: 'curator' }, onDone: 'over' },
    },
    over: { type: 'final' },
  },
};

let api: ApiFixture;
let folder: string;
let caseId: string;
const sql = async (text: string, values: unknown[] = []) =>
  (await api.database.pool('owner').query(text, values)).rows as Record<string, unknown>[];

beforeAll(async () => {
  api = await ApiFixture.create();
  folder = await mkdtemp(join(tmpdir(), 'qamqor-ledger-'));
  await api.deploy(chart, { 'forms/answer.yaml': { type: 'object' } });
  caseId = (await api.post('supervisor', '/api/cases', { workflow: 'watched', input: {} })).body.id;
  for (let now = 'waiting'; now !== 'asking'; now = (await api.get('supervisor', `/api/cases/${caseId}`)).body.state)
    await api.system.runtime.sweeper.sweep();
  const note = [`/api/cases/${caseId}/events`, { type: 'NOTE' }, { 'idempotency-key': 'a-note' }] as const;
  expect((await api.post('supervisor', ...note)).body).toMatchObject({ revision: 3 });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await api?.close();
});
afterEach(async () => {
  expect(await violations(api.database.url)).toEqual([]);
});

/** `undo` puts back what `tamper` took away. */
async function found(tamper: string, undo: string): Promise<string[]> {
  await sql(tamper);
  try {
    return [...new Set((await violations(api.database.url)).map(({ rule }) => rule))];
  } finally {
    await sql(undo);
  }
}

const swap = (one: number, other: number) =>
  `update qamqor.journal set seq = -seq where seq in (${one}, ${other});
   update qamqor.journal set seq = case seq when -${one} then ${other} else ${one} end where seq < 0`;
const keep = (table: string, tamper: string): [string, string] => [
  `create table kept as select * from qamqor.${table}; ${tamper}`,
  `delete from qamqor.${table}; insert into qamqor.${table} select * from kept; drop table kept`,
];
/** Tasks have a column that the database works out itself: such rows cannot be put back as they are. */
const closeTasks: [string, string] = [
  `create table kept as select id, status from qamqor.tasks; update qamqor.tasks set status = 'done'`,
  'update qamqor.tasks t set status = k.status from kept k where k.id = t.id; drop table kept',
];

describe('the checker of what must never be so', () => {
  it.each<[string, string, [string, string]]>([
    ['a row that is gone', 'I2', keep('journal', 'delete from qamqor.journal where seq = 2')],
    ['the last row gone', 'I2', keep('journal', 'delete from qamqor.journal where seq = 3')],
    ['two rows swapped', 'I2', [swap(1, 2), swap(1, 2)]],
    ['a payload that is gone', 'I2', keep('payloads', 'delete from qamqor.payloads where seq = 3')],
    [
      'a body that was changed',
      'I2',
      keep('journal', `update qamqor.journal set body = replace(body, 'NOTE', 'NOPE')`),
    ],
    ['a task closed by hand', 'I2', closeTasks],
    ['a timer nobody set', 'I2', keep('timers', 'update qamqor.timers set id = gen_random_uuid()')],
    ['a timer moved by hand', 'I5', keep('timers', `update qamqor.timers set due_at = due_at + interval '1 hour'`)],
    ['a kept command that nothing came of', 'I1', keep('commands', 'update qamqor.commands set seq = 1')],
    [
      'a timer that fired before its moment',
      'I5',
      keep('journal', `update qamqor.journal set at = at - interval '1 minute' where kind = 'timer'`),
    ],
    [
      'a timer that fired an hour late',
      'I5',
      keep('journal', `update qamqor.journal set at = at + interval '1 hour' where kind = 'timer'`),
    ],
    [
      'an answer given twice',
      'I1',
      keep(
        'journal',
        `insert into qamqor.journal select case_id, 4, organisation_id, at, kind, type, body, hash from qamqor.journal where kind = 'timer';
         insert into qamqor.payloads select case_id, 4, organisation_id, salt, data from qamqor.payloads where seq = 2`,
      ),
    ],
    ['a version that is not there', 'I6', keep('workflow_versions', `update qamqor.workflow_versions set hash = 'x'`)],
  ])('finds %s (%s)', async (_what, rule, [tamper, undo]) => {
    expect(await found(tamper, `${undo}; delete from qamqor.payloads where seq = 4`)).toContain(rule);
  });

  it('finds a case that nothing will ever move on (I4)', async () => {
    const [tamper, undo] = closeTasks;
    const timers = [`create table moments as select * from qamqor.timers; delete from qamqor.timers`];
    const back = 'insert into qamqor.timers select * from moments; drop table moments';
    expect(await found(`${tamper}; ${timers}`, `${undo}; ${back}`)).toContain('I4');
  });

  it('finds what is left over at the end (I4)', async () => {
    const left = await violations(api.database.url, { ended: true });
    expect(left).toContainEqual({ rule: 'I4', where: expect.stringMatching(/^Q-/), message: 'has not ended: active' });
  });

  it('finds what partners must never see (I3)', async () => {
    const body = '{"id":"h"}';
    const digest = createHash('sha256').update(body).digest('hex');
    const [opened] = await sql(`select id from qamqor.tasks`);
    const id = String(opened?.id);
    const other = '00000000-0000-7000-8000-00000000000a';
    const delivered = { kind: 'delivered', partner: 'p', id, digest, service: 's', family: 'f', attempt: 0 };
    const answered = { kind: 'answered', partner: 'p', id, status: 202 };
    const send = (handOff: string, sent: boolean) =>
      sql(
        `insert into qamqor.handoffs (id, organisation_id, case_id, case_number, partner, service, invocation, request, status, body_digest, opened_at, sent_at, closed_at)
         select $1, organisation_id, id, number, 'p', 's', 'ask', '{}', 'done', $2, opened_at, case when $3 then opened_at end, opened_at from qamqor.cases`,
        [handOff, digest, sent],
      );
    await send(id, true);
    const told = async (...lines: object[]) => {
      const ledger = join(folder, 'ledger.jsonl');
      await writeFile(ledger, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      return (await violations(api.database.url, { ledger }))
        .filter(({ rule }) => rule === 'I3')
        .map(({ message }) => message);
    };
    expect(await told(delivered, answered, delivered)).toEqual([]);
    expect(await told(delivered, answered, answered)).toEqual(['was accepted twice']);
    expect(await told(delivered, { ...delivered, digest: 'other' })).toEqual([expect.stringContaining('in 2 forms')]);
    expect(await told({ ...delivered, digest: 'other' })).toEqual([
      expect.stringContaining('in another than is stored'),
    ]);
    expect(await told(delivered, { ...delivered, id: 'nobody' })).toEqual([
      expect.stringContaining('no such hand-off'),
      'was asked for under two ids',
    ]);
    expect(await told(delivered, { kind: 'violation', partner: 'p', id, rule: 'other-body' })).toHaveLength(1);
    expect(await told()).toEqual(['counts as sent, and the partner never had it']);

    // The same step's, under an id of its own.
    await send(other, false);
    const again = [
      { ...delivered, id: other, attempt: 1 },
      { ...answered, id: other },
    ];
    expect(await told(delivered, answered, ...again)).toEqual(['was accepted, and no step asked for it']);
    const [tamper, undo] = keep(
      'journal',
      `update qamqor.journal set body = replace(body, '"id":"ask:2"', '"id":"ask:2","uuid":"${other}"},{"id":"ask:2"')`,
    );
    await sql(tamper);
    expect(await told(delivered, answered, ...again)).toEqual(['was accepted twice']);
    await sql(undo);
    await sql('delete from qamqor.handoffs');
  });
});
