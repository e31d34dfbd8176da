import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { LEASE_S } from '../../src/engine/outbox.js';
import { ENGINE_SENDER } from '../../src/engine/sender.js';
import { Child } from '../child.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { EngineFixture, until } from '../engine.js';
import { violations } from './invariants.js';

const full = process.env.QAMQOR_TEST === 'full';
const BLOCKED_S = full ? 60 : LEASE_S + 3;

const asking = {
  key: 'asking',
  title: { en: 'Asking' },
  context: { answer: null },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'p', service: 's' },
        onDone: { target: 'over', actions: { type: 'set', params: { answer: '= event.output' } } },
      },
    },
    over: { type: 'final' },
  },
};

let database: TestDatabase;
let fixture: EngineFixture;
let blocked: Child | undefined;
beforeAll(async () => {
  database = await createDatabase();
  fixture = EngineFixture.on(database, database.url, ['task']);
}, 60_000);
afterAll(async () => {
  await blocked?.kill();
  await fixture?.close();
  await database?.close();
});

it('F10: a handler that blocks its process longer than its lease loses its work to another one, and it is told how long', async () => {
  const { engine, sweeper } = fixture.runtime;
  engine.registerSource({ ...fixture.noting('handOff'), topics: { open: 'handOff.open' } });
  let begun = false;
  engine.registerOutbox('handOff.open', async ({ id, organisationId, caseId, entryId }) => {
    // What the engine tells us of at once is left to the other process.
    if (!begun) return { kind: 'retry', patient: true, reason: 'not mine', afterMs: 1 };
    const answer = { organisationId, caseId, id, entryId: entryId ?? '', keep: false, output: 'in time' } as const;
    const command = { ...answer, kind: 'answer', lane: 'machines', sender: ENGINE_SENDER, late: 'journal' } as const;
    return { kind: 'answer', command };
  });
  await fixture.deploy(asking);
  const { id } = await fixture.open('asking');
  await until(() => fixture.runtime.quiet);
  const [row] = await fixture.sql<{ id: string }>('select id from qamqor.outbox where case_id = $1', [id]);
  blocked = new Child('test/faults/blocked.child.ts', {
    args: [database.url, row?.id ?? '', String(BLOCKED_S * 1_000)],
  });
  await blocked.lineLike(/begun/);
  begun = true;
  sweeper.start();
  await until(async () => (await fixture.read(id)).status === 'done', 60_000);
  const journal = () => fixture.sql('select seq, kind, type from qamqor.journal where case_id = $1 order by seq', [id]);
  const before = await journal();

  const [, lag = ''] = await blocked.lineLike(/over (\S+)/);
  expect(await blocked.ended()).toBe(0);
  expect(await journal()).toEqual(before);
  expect((await fixture.read(id)).chart.snapshot.context['answer']).toBe('in time');
  expect(await violations(database.url, { ended: true })).toEqual([]);
  expect(Number(lag)).toBeGreaterThan(alarmS());
}, 120_000);

/** From how many seconds on somebody should look at it. */
function alarmS(): number {
  const { groups } = parse(readFileSync('ops/prometheus/alerts.yml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  };
  const rule = groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === 'QamqorEventLoopBlocked');
  const [, seconds] = /nodejs_eventloop_lag_max_seconds\{job="qamqor"\}\) > (\d+)$/.exec(rule?.expr ?? '') ?? [];
  return Number(seconds);
}
