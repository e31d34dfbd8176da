import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import { unavailable } from '../engine/refusals.js';
import type { Principal } from '../identity/principal.js';

const KEPT = '30 days';
/** Whoever carries out a write says so every few seconds; who has not said it for so long is taken for dead. */
const LEASE = '15 seconds';
const RENEW_MS = 5_000;
/** What was begun and neither answered nor refused binds its key to its body for so long. */
const BOUND = '1 hour';
const LOOK_AGAIN_MS = { first: 20, most: 500 };
const PATIENCE_MS = 15_000;

export interface KeptAnswer {
  status: number;
  answer: string;
}

/** A key that is this request's: nobody else carries the write out meanwhile. */
export interface Held {
  keep(kept: KeptAnswer): Promise<void>;
  /** Refused: the key is free again. Failed: nobody knows what was done, and only the same request may try again, at once. */
  release(how: 'refused' | 'failed'): Promise<void>;
}

/** A row, and whether whoever carries it out seems to be gone. `at`: when they last said that they are at it. */
interface Row {
  digest: Buffer;
  status: number | null;
  answer: string | null;
  at: string;
  over: boolean;
  unbound: boolean;
}

/** The keys of writes that no command of the engine keeps: who carries one out, and what the answer was. */
export class IdempotencyKeys {
  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
    /** Monotonic milliseconds. */
    private readonly elapsed: () => number,
  ) {}

  /**
   * The kept answer, or the key itself. Waits while another process is at it.
   * @throws AppError `key-reused` with another body; `unavailable` when that process takes too long
   */
  async take(by: Principal, key: string, digest: Buffer): Promise<KeptAnswer | Held> {
    const began = this.elapsed();
    for (let pause = LOOK_AGAIN_MS.first; ; pause = Math.min(2 * pause, LOOK_AGAIN_MS.most)) {
      const found = await this.look(by, key, digest);
      // Only once that is on disk: nobody renews a lease of which it is not known whether there is one.
      if (typeof found === 'object') return 'answer' in found ? found : this.held(by, key, found.since);
      if (this.elapsed() - began > PATIENCE_MS)
        throw unavailable(
          'The same write is under way in another process. Send it again, with the same key: it is done once.',
        );
      await sleep(pause);
    }
  }

  private look(by: Principal, key: string, digest: Buffer): Promise<KeptAnswer | { since: string } | 'busy'> {
    const whose = [by.organisationId, by.account, key];
    return asOrganisation(this.pool, by.organisationId, async (run) => {
      const [fresh] = await run<{ at: string }>(
        `insert into qamqor.idempotency_keys (organisation_id, account, key, digest, at) values ($1, $2, $3, $4, clock_timestamp())
         on conflict (organisation_id, account, key) do nothing returning at::text`,
        [...whose, digest],
      );
      if (fresh) return { since: fresh.at };
      // A clock that went back makes nobody wait.
      const [row] = await run<Row>(
        `select digest, status, answer, at::text,
           at < clock_timestamp() - interval '${LEASE}' or at > clock_timestamp() + interval '${LEASE}' as over,
           at < clock_timestamp() - interval '${BOUND}' as unbound
           from qamqor.idempotency_keys where organisation_id = $1 and account = $2 and key = $3`,
        whose,
      );
      if (!row) return 'busy';
      const isSame = row.digest.equals(digest);
      if (!isSame && !(row.answer === null && row.unbound)) throw keyReused(key);
      if (row.answer !== null) return { status: row.status ?? 200, answer: row.answer };
      if (!row.over) return 'busy';
      const [taken] = await run<{ at: string }>(
        `update qamqor.idempotency_keys set at = clock_timestamp(), digest = $5
          where organisation_id = $1 and account = $2 and key = $3 and at = $4 and answer is null returning at::text`,
        [...whose, row.at, digest],
      );
      return taken ? { since: taken.at } : 'busy';
    });
  }

  /** Who was taken for dead and is not writes nothing any more: `at` is another one's by then. */
  private held(by: Principal, key: string, since: string): Held {
    let at = since;
    const write = async (change: string, values: unknown[] = []) => {
      const mine = `where organisation_id = $1 and account = $2 and key = $3 and at = $4 and answer is null returning at::text`;
      const [row] = await asOrganisation(this.pool, by.organisationId, (run) =>
        run<{ at: string }>(`${change} ${mine}`, [by.organisationId, by.account, key, at, ...values]),
      );
      at = row?.at ?? at;
    };
    let last: Promise<unknown> = Promise.resolve();
    const renewal = setInterval(() => {
      last = last.then(() => write('update qamqor.idempotency_keys set at = clock_timestamp()')).catch(() => undefined);
    }, RENEW_MS);
    renewal.unref();
    const settle = async (change: string, values?: unknown[]) => {
      clearInterval(renewal);
      await last;
      await write(change, values);
    };
    return {
      keep: ({ status, answer }) =>
        settle('update qamqor.idempotency_keys set status = $5, answer = $6', [status, answer]),
      release: (how) =>
        settle(
          how === 'refused'
            ? 'delete from qamqor.idempotency_keys'
            : `update qamqor.idempotency_keys set at = at - 2 * interval '${LEASE}'`,
        ),
    };
  }
}

function keyReused(key: string): AppError {
  return new AppError(
    'key-reused',
    422,
    `The key "${key}" was used before with another request. Use a new key for a new request.`,
  );
}

/** For the sweeper, as `qamqor_relay`. */
export async function forgetOldKeys(relay: Pool): Promise<void> {
  await relay.query(`delete from qamqor.idempotency_keys where at < clock_timestamp() - interval '${KEPT}'`);
}
