import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { verify } from '../../src/engine/verify.js';
import { ApiFixture } from '../api.js';
import { EngineFixture, ORGANISATION, until } from '../engine.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full ? { timers: 10_000, steps: 5_000 } : { timers: 2_000, steps: 1_000 };
const LONG_MS = full ? 900_000 : 120_000;
const AT_ONCE = 250;
/** Four times what people and operators are promised. */
const HANG_MS = 4_000;

const text = (en: string) => ({ kk: en, ru: en, en });
/** A day later the family is told, and a person has something to do. */
const patient = {
  id: 'patient',
  title: text('Patient'),
  context: { notes: 0 },
  events: { NOTE: { title: text('Note'), roles: [] } },
  delays: { day: '1 day' },
  initial: 'waiting',
  on: { NOTE: { actions: { type: 'set', params: { notes: '= context.notes + 1' } } } },
  states: {
    waiting: { after: { day: { target: 'asking', actions: { type: 'notify', params: { template: 'day' } } } } },
    asking: { invoke: { id: 'ask', src: 'task', input: { form: 'x', role: 'curator' }, onDone: 'over' } },
    over: { type: 'final' },
  },
};
const files = {
  'messages/day.yaml': { text: text('A day has passed.') },
  'forms/x.yaml': { 'x-version': 1, 'x-title': text('X'), type: 'object', properties: {} },
};

describe.each(QUEUES)('with queues in %s', (name, create) => {
  let queues: Queues;
  let api: ApiFixture;
  /** Another process, which only opens cases. */
  let opener: EngineFixture;
  beforeAll(async () => {
    queues = await create();
    const { redisUrl } = readConfig(queues.settings);
    api = await ApiFixture.create({ redisUrl }, undefined, undefined, { queues: true });
    await api.deploy(patient, files);
    opener = EngineFixture.on(api.database);
  }, LONG_MS);
  afterAll(async () => {
    await opener?.close();
    await api?.close();
    await queues?.close();
  }, LONG_MS);

  const count = async (from: string) =>
    (await opener.sql<{ n: number }>(`select count(*)::int as n from ${from}`))[0]?.n ?? 0;
  const due = () => count('qamqor.timers where due_at <= qamqor.qamqor_now()');

  async function openMany(number: number): Promise<void> {
    for (let opened = 0; opened < number; opened += AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, number - opened) }, () => opener.open('patient')));
  }

  /** Timers that are due by now, some of them for hours; gives the moments, in seconds, by case. */
  async function outage(): Promise<Map<string, number>> {
    await openMany(SIZE.timers);
    await opener.sql(`update qamqor.timers set due_at = due_at - (abs(hashtext(id::text)) % 24) * interval '1 hour'`);
    const { clock } = api.system;
    await clock.advanceTo(new Date(Date.parse(await clock.now()) + 2 * 86_400_000).toISOString());
    expect(await due()).toBe(SIZE.timers);
    const rows = await opener.sql<{ case_id: string; due: number }>(
      'select case_id, extract(epoch from due_at)::float8 as due from qamqor.timers',
    );
    return new Map(rows.map(({ case_id: id, due }) => [id, due]));
  }

  /** Commands of one person, one after another, for as long as something is left to be done; how long each took. */
  async function commandsMeanwhile(caseId: string): Promise<number[]> {
    const waits: number[] = [];
    while ((await due()) > 0 || (await count('qamqor.outbox')) > 0) {
      const asked = performance.now();
      const { status } = await api.post('integration', `/api/cases/${caseId}/events`, { type: 'NOTE' });
      expect(status).toBe(200);
      waits.push(performance.now() - asked);
      if (waits.length === 1) expect(await due()).toBeGreaterThan(0);
    }
    return waits;
  }

  it(
    `F49: ${SIZE.timers} timers that are all due after a day's outage fire once each, the oldest first; each is told of once; whoever sends a command meanwhile does not wait for them`,
    async () => {
      const { id: mine } = await opener.open('patient');
      await opener.sql(`update qamqor.timers set due_at = '2100-01-01' where case_id = $1`, [mine]);
      const dues = await outage();

      const began = performance.now();
      await api.system.work();
      const waits = await commandsMeanwhile(mine);
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      const slowest = Math.max(...waits);
      process.stdout.write(
        `F49, queues in ${name}: ${SIZE.timers} timers fired, and told of, in ${seconds} s; ${waits.length} commands meanwhile, the slowest ${Math.round(slowest)} ms.\n`,
      );
      await until(() => api.system.runtime.quiet);
      expect(slowest).toBeLessThan(HANG_MS);

      const fired = await opener.sql<{ case_id: string }>(
        `select case_id from qamqor.journal where kind = 'timer' order by at`,
      );
      const order = fired.map(({ case_id: id }) => dues.get(id) ?? 0);
      const median = order.toSorted((one, other) => one - other)[order.length / 2] ?? 0;
      const tenth = order.length / 10;
      expect(order.slice(0, tenth).filter((due) => due > median)).toEqual([]);
      expect(order.slice(-tenth).filter((due) => due < median)).toEqual([]);
      const once = (what: string) => `(select case_id from qamqor.${what} group by case_id having count(*) = 1) each`;
      for (const effects of [`journal where kind = 'timer'`, 'notifications', 'tasks']) {
        expect(await count(`qamqor.${effects}`)).toBe(SIZE.timers);
        expect(await count(once(effects))).toBe(SIZE.timers);
      }
      expect(await count(`qamqor.cases where state = '"asking"' and revision = 2`)).toBe(SIZE.timers);
      expect((await opener.read(mine)).revision).toBe(waits.length + 1);
      expect([...api.errors, ...opener.warnings]).toEqual([]);
    },
    LONG_MS,
  );
});

describe(`F44: a case of ${SIZE.steps} steps`, () => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await EngineFixture.create(['task']);
    await fixture.deploy(patient, files);
  }, LONG_MS);
  afterAll(() => fixture?.close(), LONG_MS);

  it(
    'still takes its next one, and can be read and proved',
    async () => {
      const { id } = await fixture.open('patient');
      for (let steps = 0; steps < SIZE.steps; steps += 100)
        await Promise.all(Array.from({ length: 100 }, () => fixture.send(id, 'NOTE')));
      const asked = performance.now();
      expect(await fixture.send(id, 'NOTE')).toMatchObject({ outcome: 'taken', seq: SIZE.steps + 2 });
      const nextMs = performance.now() - asked;
      expect((await fixture.read(id)).chart.snapshot.context['notes']).toBe(SIZE.steps + 1);
      const [row] = await fixture.sql<{ bytes: number }>(
        'select octet_length(chart) as bytes from qamqor.cases where id = $1',
        [id],
      );
      // What is stored of a case does not grow with its past.
      expect(row?.bytes).toBeLessThan(2_000);
      process.stdout.write(`F44: the step after ${SIZE.steps} took ${Math.round(nextMs)} ms.\n`);
      expect(nextMs).toBeLessThan(HANG_MS);
      const { problems } = await verify(fixture.runtime, ORGANISATION, {});
      expect(problems.filter((problem) => problem.case === id)).toEqual([]);
    },
    LONG_MS,
  );
});
