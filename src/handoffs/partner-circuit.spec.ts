import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { ORGANISATION } from '../system.js';
import { PartnerCircuit } from './partner-circuit.js';

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
const circuit = () =>
  new PartnerCircuit({ pool: relay, organisationId: ORGANISATION, partner, changed: (state) => changes.push(state) });
/** One message from beginning to end; in seconds, for how long it is shut. */
async function send(answered: boolean): Promise<'sent' | number> {
  const passage = await circuit().pass();
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
