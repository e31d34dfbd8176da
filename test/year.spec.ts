import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseClock } from '../src/platform/clock.js';
import { verifySystem } from '../src/verify-system.js';
import { ApiFixture } from './api.js';
import type { TestDatabase } from './database.js';
import { Partner, say, settled } from './partner.js';

const text = (en: string) => ({ kk: en, ru: en, en });
/** A form to fill in, a partner to ask, the next round: for ever. Nothing but an answer leads on. */
const rounds = {
  id: 'rounds',
  title: text('Rounds'),
  stages: { form: text('Form'), partner: text('Partner') },
  context: {},
  events: {},
  initial: 'form',
  states: {
    form: {
      meta: { stage: 'form' },
      invoke: {
        id: 'fill-in',
        src: 'task',
        input: { form: 'note', role: 'curator', deadline: '8 working days', escalation: 'task' },
        onDone: 'partner',
      },
    },
    partner: {
      meta: { stage: 'partner', deadline: '15 working days', escalation: 'stage' },
      invoke: {
        id: 'advice',
        src: 'handOff',
        input: {
          partner: 'otbasy-bank',
          service: 'housing-advice',
          deadline: '10 working days',
          escalation: 'hand-off',
        },
        onDone: 'form',
      },
    },
  },
};
const files = { 'forms/note.yaml': { 'x-version': 1, 'x-title': text('Note'), type: 'object', properties: {} } };

const CASES = 3;
const DAYS = 365;
/** People and the partner work through what there is on every so many-th day. */
const EVERY = 6;
/** The partner answers nobody from day to day. */
const SILENT = { from: 100, to: 130 };
/** Nothing of ours runs, just when the silent partner is to be told of. */
const OUTAGE = { from: 115, to: 117 };
/** Nobody fills in a form. */
const AWAY = { from: 250, to: 280 };

let api: ApiFixture;
let bank: Partner;
beforeAll(async () => {
  bank = await Partner.start();
  await start();
  await api.deploy(rounds, files);
  // Monday morning in Almaty, whenever this runs.
  await api.system.clock.beginAt('2026-01-12T04:00:00.000Z');
});
afterAll(async () => {
  await api.close();
  await bank.close();
});

/** Also on the database of an earlier run, with nothing but what that one has written down. */
async function start(database?: TestDatabase): Promise<void> {
  const partners = { 'otbasy-bank': { url: bank.url, secret: bank.secret } };
  api = await ApiFixture.create({ partners }, undefined, undefined, database ? { database } : {});
}

async function stop(): Promise<void> {
  expect(api.errors).toEqual([]);
  await api.app.close();
  await api.system.close();
}

interface Told {
  entry_id: string;
  what: string;
  step: number;
  due_at: Date;
  at: Date;
  to: string[];
}
const sql = async <Row>(statement: string): Promise<Row[]> =>
  (await api.database.pool('owner').query(statement)).rows as Row[];
const within = (day: number, { from, to }: { from: number; to: number }) => day >= from && day < to;

/** What people and the partner do in one day: everything that is there, unless they are away. */
async function work(day: number): Promise<void> {
  await settled(api.system);
  if (!within(day, AWAY)) {
    const { items } = (await api.get('curator', '/api/tasks?view=available&limit=200')).body;
    for (const { id } of items) await api.post('curator', `/api/tasks/${id}/complete`, { output: {} });
  }
  if (!within(day, SILENT)) {
    const open = await sql<{ id: string }>(`select id from qamqor.handoffs where status in ('sent', 'acknowledged')`);
    const at = await api.system.clock.now();
    for (const { id } of open)
      await say(api, bank, id, { eventId: `done-${id}`, type: 'done', at, result: { advice: 'given' } });
  }
  await settled(api.system);
}

describe('a year', () => {
  it('with a silent partner and an outage: who stands still is told of once per step, to the right role', async () => {
    for (let n = 0; n < CASES; n += 1) await api.post('supervisor', '/api/cases', { workflow: 'rounds', input: {} });
    const began = Date.parse(await api.system.clock.now());
    for (let day = 0; day < DAYS; day += 1) {
      if (day === OUTAGE.from) await stop();
      if (within(day, OUTAGE)) continue;
      await new DatabaseClock(api.database.pool('owner')).advanceTo(new Date(began + day * 86_400_000).toISOString());
      if (day === OUTAGE.to) await start(api.database);
      if (day % EVERY === 0) await work(day);
      else if ([SILENT, AWAY].some((span) => within(day, { ...span, to: span.to + EVERY }))) await settled(api.system);
    }
    const told = await sql<Told>(
      `select e.*, array(select n.recipient from qamqor.notifications n where n.about = e.id order by n.recipient) as to
         from qamqor.escalations e where e.step > 0 order by e.entry_id, e.step`,
    );
    // The partner acknowledges nothing: of each hand-off that it does not answer soon somebody hears once, besides the ladder.
    const [unacknowledged] = await sql<{ told: number }>(
      `select count(*)::int as told from qamqor.escalations e join qamqor.notifications n on n.about = e.id and n.recipient = 'curator'
       where e.step = 0`,
    );
    expect(unacknowledged?.told).toBeGreaterThanOrEqual(CASES);

    // Each step of each entry once, in order, to whom its ladder names; on the day on which it was due.
    const steps: Record<string, string[][]> = {
      task: [['curator'], ['curator'], ['supervisor'], ['director']],
      handOff: [
        ['partner-otbasy-bank'],
        ['curator', 'partner-otbasy-bank'],
        ['supervisor'],
        ['director', 'partner-otbasy-bank:head'],
      ],
      state: [['curator'], ['supervisor'], ['director']],
    };
    for (const [, rows] of Map.groupBy(told, (row) => row.entry_id)) {
      expect(rows.map(({ step }) => step)).toEqual(rows.map((_row, index) => index + 1));
      for (const { what, step, to } of rows)
        expect({ what, step, to }).toEqual({ what, step, to: steps[what]?.[step - 1] });
      for (let index = 1; index < rows.length; index += 1)
        expect(Number(rows[index]?.at)).toBeGreaterThanOrEqual(Number(rows[index - 1]?.at));
    }
    const dayOf = ({ at }: Told) => Math.floor((at.getTime() - began) / 86_400_000);
    const last = (what: string) => told.filter((row) => row.what === what && row.step === steps[what]?.length);
    // All four steps while the partner was silent, for every case, and at no other time.
    expect(last('handOff')).toHaveLength(CASES);
    expect(
      told
        .filter(({ what }) => what === 'handOff')
        .every((row) => within(dayOf(row), { ...SILENT, to: SILENT.to + EVERY })),
    ).toBe(true);
    expect(last('task')).toHaveLength(CASES);
    expect(
      told.filter(({ what }) => what === 'task').every((row) => within(dayOf(row), { ...AWAY, to: AWAY.to + EVERY })),
    ).toBe(true);
    expect(told.filter(({ what }) => what === 'state').length).toBeGreaterThanOrEqual(CASES);
    // What came due in the outage was told right after it.
    expect(last('handOff').length).toBe(
      told.filter((row) => row.what === 'handOff' && dayOf(row) === OUTAGE.to).length,
    );
    // The history of the cases says the very same.
    const [journal] = await sql<{ count: number }>(
      `select count(*)::int as count from qamqor.journal where kind = 'act' and type = 'escalate'`,
    );
    expect(journal?.count).toBe(told.length + (unacknowledged?.told ?? 0));
    expect((await verifySystem(api.system)).problems).toEqual([]);
  }, 60_000);
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
