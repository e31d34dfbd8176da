import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verify } from '../../src/engine/verify.js';
import { DatabaseClock } from '../../src/platform/clock.js';
import { EngineFixture, ORGANISATION, until } from '../engine.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full ? { timers: 10_000, steps: 5_000 } : { timers: 2_000, steps: 1_000 };
const LONG_MS = full ? 900_000 : 120_000;
const AT_ONCE = 500;

const patient = {
  key: 'patient',
  title: { en: 'Patient' },
  context: { notes: 0 },
  events: { NOTE: { roles: [] } },
  delays: { day: '1 day' },
  initial: 'waiting',
  on: { NOTE: { actions: { type: 'set', params: { notes: '= context.notes + 1' } } } },
  states: {
    waiting: { after: { day: 'asking' } },
    asking: { invoke: { id: 'ask', src: 'task', input: { form: 'x', role: 'curator' }, onDone: 'over' } },
    over: { type: 'final' },
  },
};

let fixture: EngineFixture;
let clock: DatabaseClock;
beforeAll(async () => {
  fixture = await EngineFixture.create(['task']);
  clock = new DatabaseClock(fixture.runtime.readPool);
  await fixture.deploy(patient);
}, LONG_MS);
afterAll(() => fixture?.close(), LONG_MS);

const count = async (text: string) =>
  (await fixture.sql<{ n: number }>(`select count(*)::int as n from ${text}`))[0]?.n;
const left = () => count('qamqor.timers where due_at <= qamqor.qamqor_now()');

async function openMany(number: number): Promise<void> {
  for (let opened = 0; opened < number; opened += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, number - opened) }, () => fixture.open('patient')));
}

describe(`F49: ${SIZE.timers} timers that are all due when the processes come back from a day's outage`, () => {
  it(
    'fire once each, the oldest first, none early; whoever sends a command meanwhile does not wait for them',
    async () => {
      const { id: mine } = await fixture.open('patient');
      await fixture.sql('delete from qamqor.timers where case_id = $1', [mine]);
      await openMany(SIZE.timers);
      // Some have waited for hours, others for minutes.
      await fixture.sql(
        `update qamqor.timers set due_at = due_at - (abs(hashtext(id::text)) % 24) * interval '1 hour'`,
      );
      await clock.advanceTo(new Date(Date.parse(await clock.now()) + 2 * 86_400_000).toISOString());
      expect(await left()).toBe(SIZE.timers);
      const dues = new Map(
        (
          await fixture.sql<{ case_id: string; due: number }>(
            'select case_id, extract(epoch from due_at)::float8 as due from qamqor.timers',
          )
        ).map(({ case_id: id, due }) => [id, due]),
      );

      const began = performance.now();
      const waits: number[] = [];
      fixture.runtime.sweeper.start();
      while (((await left()) ?? 0) > 0) {
        const asked = performance.now();
        await fixture.send(mine, 'NOTE');
        waits.push(performance.now() - asked);
        if (waits.length === 1) expect(await left()).toBeGreaterThan(0);
      }
      const tookMs = performance.now() - began;
      waits.sort((one, other) => one - other);
      const p95 = waits[Math.floor(waits.length * 0.95)] ?? 0;
      process.stdout.write(
        `${SIZE.timers} timers fired in ${Math.round(tookMs)} ms; ${waits.length} commands meanwhile, p95 ${Math.round(p95)} ms.\n`,
      );
      await until(() => fixture.runtime.quiet);
      // An operator is promised a quarter of it.
      expect(p95).toBeLessThan(4_000);

      const fired = await fixture.sql<{ case_id: string }>(
        `select case_id from qamqor.journal where kind = 'timer' order by at`,
      );
      const order = fired.map(({ case_id: id }) => dues.get(id) ?? 0);
      const median = order.toSorted((one, other) => one - other)[order.length / 2] ?? 0;
      const tenth = order.length / 10;
      expect(order.slice(0, tenth).filter((due) => due > median)).toEqual([]);
      expect(order.slice(-tenth).filter((due) => due < median)).toEqual([]);
      expect(await count(`qamqor.journal where kind = 'timer'`)).toBe(SIZE.timers);
      expect(
        await count(`(select from qamqor.journal where kind = 'timer' group by case_id having count(*) <> 1) d`),
      ).toBe(0);
      expect(await count(`qamqor.cases where state = '"asking"' and revision = 2`)).toBe(SIZE.timers);
      expect((await fixture.read(mine)).revision).toBe(waits.length + 1);
      expect(fixture.warnings).toEqual([]);
    },
    LONG_MS,
  );
});

describe(`F44: a case of ${SIZE.steps} steps`, () => {
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
      process.stdout.write(`The step after ${SIZE.steps} took ${Math.round(nextMs)} ms.\n`);
      const { problems } = await verify(fixture.runtime, ORGANISATION, {});
      expect(problems.filter((problem) => problem.case === id)).toEqual([]);
    },
    LONG_MS,
  );
});
