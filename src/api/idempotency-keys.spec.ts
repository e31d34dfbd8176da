import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { until } from '../../test/engine.js';
import { TcpProxy } from '../../test/proxy.js';
import type { Principal } from '../identity/principal.js';
import { openPool } from '../platform/database.js';
import { ORGANISATION } from '../system.js';
import { type Held, IdempotencyKeys, type KeptAnswer } from './idempotency-keys.js';

const BY = { organisationId: ORGANISATION, account: 'somebody', name: 'Somebody', roles: [] } as unknown as Principal;
const body = (text: string) => createHash('sha256').update(text).digest();
const CREATED = { status: 201, answer: '{"id":1}' };

let database: TestDatabase;
let keys: IdempotencyKeys;
/** Monotonic milliseconds: jumps as a test wants it. */
let now = 0;
beforeAll(async () => {
  database = await createDatabase();
  keys = new IdempotencyKeys(database.pool('app'), () => now);
});
afterAll(() => database?.close());

const held = async (key: string, text = 'same') => {
  const found = await keys.take(BY, key, body(text));
  if ('answer' in found) throw new Error('It was answered.');
  return found;
};
const asked = async (key: string, text = 'same'): Promise<KeptAnswer | Held> => keys.take(BY, key, body(text));
const sinceThen = (key: string, span: string) =>
  database.pool('owner').query('update qamqor.idempotency_keys set at = at - $2::interval where key = $1', [key, span]);

describe('the key of a write', () => {
  it('is given once; whoever comes later gets the answer that was kept', async () => {
    const mine = await held('once');
    const other = asked('once');
    await mine.keep(CREATED);
    expect(await other).toEqual(CREATED);
    expect(await asked('once')).toEqual(CREATED);
  });

  it('is free after a refusal, also for another body', async () => {
    await (await held('refused')).release('refused');
    await (await held('refused', 'corrected')).keep(CREATED);
    await expect(asked('refused')).rejects.toMatchObject({ status: 422, code: 'key-reused' });
  });

  it('is given again at once after a failure, to the same request only', async () => {
    await (await held('failed')).release('failed');
    await expect(asked('failed', 'another')).rejects.toMatchObject({ code: 'key-reused' });
    await (await held('failed')).keep(CREATED);
    expect(await asked('failed')).toEqual(CREATED);
  });

  it('of somebody who died is taken over; if they live after all, nothing that they say counts', async () => {
    const paused = await held('paused');
    await sinceThen('paused', '16 seconds');
    const heir = await held('paused');
    await paused.keep({ status: 200, answer: '"late"' });
    await paused.release('refused');
    await heir.keep(CREATED);
    expect(await asked('paused')).toEqual(CREATED);
  });

  it('does not wait for a clock that went back', async () => {
    await held('tomorrow');
    await sinceThen('tomorrow', '-1 day');
    await (await held('tomorrow')).keep(CREATED);
  });

  it('that nobody answered binds nobody for ever', async () => {
    await held('forgotten');
    await sinceThen('forgotten', '2 hours');
    await (await held('forgotten', 'another')).keep(CREATED);
    expect(await asked('forgotten', 'another')).toEqual(CREATED);
  });

  it('is not waited for without end', async () => {
    const mine = await held('slow');
    now = 0;
    const waits = asked('slow');
    now = 31_000;
    await expect(waits).rejects.toMatchObject({ status: 503, retryAfter: 2 });
    await mine.keep(CREATED);
  });

  it('F18: is nobody’s for long when the connection broke while it was taken: nobody renews what they do not have', async () => {
    const { proxy, url } = await TcpProxy.before(database.url);
    const pool = openPool(url, 'app', { max: 1 });
    try {
      proxy.cutAtCommit('answer-lost');
      await expect(new IdempotencyKeys(pool, () => now).take(BY, 'cut', body('same'))).rejects.toThrow();
      const over = `select at < clock_timestamp() - interval '15 seconds' as over from qamqor.idempotency_keys where key = 'cut'`;
      await until(async () => (await database.pool('owner').query(over)).rows[0].over, 25_000);
      await (await held('cut')).keep(CREATED);
    } finally {
      await pool.end();
      await proxy.close();
    }
  }, 60_000);

  it('stays with whoever is at it, however long it takes', async () => {
    const mine = await held('long');
    const at = async () =>
      (await database.pool('owner').query(`select at from qamqor.idempotency_keys where key = 'long'`)).rows[0].at;
    const before = await at();
    await until(async () => +(await at()) > +before, 20_000);
    await mine.keep(CREATED);
    expect(await asked('long')).toEqual(CREATED);
  }, 30_000);
});
