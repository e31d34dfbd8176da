import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { ORGANISATION } from '../system.js';
import { PartnerCircuit, PROBE_S } from './partner-circuit.js';
import { DEADLINE_MS } from './partner-client.js';

it('waits longer for the one message that tries a partner than that may take, which is fifteen seconds', () => {
  expect(DEADLINE_MS).toBe(15_000);
  expect(PROBE_S * 1_000).toBeGreaterThan(DEADLINE_MS);
});

let database: TestDatabase;
let relay: Pool;
beforeAll(async () => {
  database = await createDatabase();
  relay = database.pool('relay');
});
afterAll(() => database.close());

let changes: string[];
let count = 0;
let partner: string;
beforeEach(() => {
  changes = [];
  count += 1;
  partner = `partner-${count}`;
});

/** As another process would have it: nothing is remembered but in the database. */
const circuit = (url = 'https://here.example.kz') =>
  new PartnerCircuit({
    pool: relay,
    organisationId: ORGANISATION,
    partner,
    url,
    changed: (news) => changes.push(news),
  });
/** One message from beginning to end; in seconds, for how long it is shut. */
async function send(answered: boolean): Promise<'sent' | number> {
  const passage = await circuit().pass();
  if ('gone' in passage) throw new Error('It is not gone.');
  if ('shutMs' in passage) return passage.shutMs / 1000;
  await circuit().report(passage, answered);
  return 'sent';
}
async function times(n: number, answered: boolean): Promise<void> {
  for (let time = 0; time < n; time += 1) expect(await send(answered)).toBe('sent');
}
const later = async (seconds: number) => {
  await database
    .pool('owner')
    .query(`select qamqor.qamqor_advance_clock(qamqor.qamqor_now() + make_interval(secs => $1))`, [seconds]);
};
const row = async () =>
  (await database.pool('owner').query('select * from qamqor.partner_circuits where partner = $1', [partner])).rows[0];

describe('a partner that does not answer', () => {
  it('is left in peace after five failures in a row, twice as long each time, ten minutes at most', async () => {
    await times(5, false);
    for (const expected of [30, 60, 120, 240, 480, 600, 600]) {
      const shut = await send(false);
      expect(shut).toBeGreaterThan(expected - 5);
      expect(shut).toBeLessThanOrEqual(expected);
      await later(expected);
      expect(await send(false)).toBe('sent');
    }
    expect(changes).toEqual(['open']);
  });

  it('is not down when failures and answers take turns', async () => {
    for (let time = 0; time < 3; time += 1) {
      await times(4, false);
      await times(1, true);
    }
    expect(await row()).toMatchObject({ state: 'closed', failures: 0 });
    expect(changes).toEqual([]);
  });

  it('F37: gets one message first, of however many processes; the others follow when that is answered', async () => {
    await times(5, false);
    const { since } = await row();
    await later(30);
    const passages = await Promise.all(Array.from({ length: 8 }, () => circuit().pass()));
    const through = passages.filter((passage) => 'at' in passage);
    expect(through).toHaveLength(1);
    expect(await row()).toMatchObject({ state: 'half-open', since });
    expect(await send(true)).toBeGreaterThan(0);
    for (const passage of through) await circuit().report(passage, true);
    expect(await row()).toMatchObject({ state: 'closed', failures: 0 });
    await times(3, true);
    expect(changes).toEqual(['open', 'closed']);
  });

  it('gets another first message when whoever sent that one died', async () => {
    await times(5, false);
    await later(30);
    expect(await circuit().pass()).toHaveProperty('at');
    expect(await send(true)).toBeGreaterThan(0);
    await later(21);
    expect(await send(true)).toBe('sent');
    expect(await row()).toMatchObject({ state: 'closed' });
  });

  it('is not left alone for longer because of messages that were on their way already', async () => {
    const early = await Promise.all(Array.from({ length: 8 }, () => circuit().pass()));
    for (const passage of early) if ('at' in passage) await circuit().report(passage, false);
    const { failures, open_until: until } = await row();
    expect(failures).toBe(5);
    await later(30);
    const first = await circuit().pass();
    for (const passage of early) if ('at' in passage) await circuit().report(passage, false);
    expect(await row()).toMatchObject({ state: 'half-open', open_until: until });
    if ('at' in first) await circuit().report(first, true);
    expect(await row()).toMatchObject({ state: 'closed' });
  });
});

describe('a partner that takes nothing at its address any more', () => {
  it('F30: gets nothing there, from whatever process and however long, and is told of once', async () => {
    await circuit().gone();
    const { gone_at: since } = await row();
    await later(24 * 60 * 60);
    await circuit().gone();
    expect(await circuit().pass()).toEqual({ gone: true });
    expect(await row()).toMatchObject({ state: 'closed', gone_url: 'https://here.example.kz', gone_at: since });
    expect(changes).toEqual(['gone']);
  });

  it('F30: is let through at another address, and is gone there only when it says so there', async () => {
    await circuit().gone();
    const moved = circuit('https://there.example.kz');
    expect(await moved.pass()).toHaveProperty('at');
    await moved.gone();
    expect(await moved.pass()).toEqual({ gone: true });
    expect(changes).toEqual(['gone', 'gone']);
  });

  it('F30: gets no first message either, when it was down before', async () => {
    await times(5, false);
    await circuit().gone();
    await later(60);
    expect(await circuit().pass()).toEqual({ gone: true });
    expect(await row()).toMatchObject({ state: 'open', probe_until: null });
  });
});
