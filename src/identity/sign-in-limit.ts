import type { Pool } from 'pg';
import { AppError } from '../engine/errors.js';

/** Wrong passwords that one address may give for one account before it has to wait. */
const PER_ACCOUNT = 10;
/** The same for all accounts together: an office behind one address has many people. */
const PER_ADDRESS = 100;
const WINDOW_S = 300;

/**
 * Slows guessing down. Counted per address and account, so that nobody can lock somebody else out; kept in the database,
 * so that all processes count together.
 */
export class SignInLimit {
  constructor(private readonly pool: Pool) {}

  /** @throws AppError `limited` (429) with the seconds to wait */
  async check(email: string, address: string): Promise<void> {
    const { rows } = await this.pool.query<{ wait: number }>(
      `select ceil(extract(epoch from since + make_interval(secs => $3) - clock_timestamp()))::int as wait
         from qamqor.sign_in_failures
        where since > clock_timestamp() - make_interval(secs => $3) and ((key = $1 and failures >= $4) or (key = $2 and failures >= $5))`,
      [accountKey(email, address), addressKey(address), WINDOW_S, PER_ACCOUNT, PER_ADDRESS],
    );
    if (rows.length === 0) return;
    const seconds = Math.max(1, ...rows.map((row) => row.wait));
    throw new AppError(
      'limited',
      429,
      `Too many wrong passwords. Try again in ${seconds} seconds.`,
      { seconds },
      undefined,
      seconds,
    );
  }

  async failed(email: string, address: string): Promise<void> {
    await this.pool.query(
      `insert into qamqor.sign_in_failures as f (key, failures, since) select key, 1, clock_timestamp() from unnest($1::text[]) as key
       on conflict (key) do update set
         failures = case when f.since > clock_timestamp() - make_interval(secs => $2) then f.failures + 1 else 1 end,
         since = case when f.since > clock_timestamp() - make_interval(secs => $2) then f.since else excluded.since end`,
      [[accountKey(email, address), addressKey(address)].sort(), WINDOW_S],
    );
  }

  async succeeded(email: string, address: string): Promise<void> {
    await this.pool.query('delete from qamqor.sign_in_failures where key = $1', [accountKey(email, address)]);
  }

  /** Removes what has lapsed. */
  async sweep(): Promise<void> {
    await this.pool.query(
      'delete from qamqor.sign_in_failures where since < clock_timestamp() - make_interval(secs => $1)',
      [WINDOW_S],
    );
  }
}

const accountKey = (email: string, address: string) => `account ${address} ${email.trim().toLowerCase().slice(0, 320)}`;
const addressKey = (address: string) => `address ${address}`;
