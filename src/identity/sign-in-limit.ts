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

  /**
   * Counts a try before its password is looked at: tries that come all at once are as many as tries one by one.
   * @throws AppError `limited` (429) with the seconds to wait
   */
  async take(email: string, address: string): Promise<void> {
    const keys = [accountKey(email, address), addressKey(address)];
    const { rows: over } = await this.pool.query<Waiting>(
      `${WAIT} from qamqor.sign_in_failures
        where since > clock_timestamp() - make_interval(secs => $1) and ((key = $2 and failures >= $4) or (key = $3 and failures >= $5))`,
      [WINDOW_S, ...keys, PER_ACCOUNT, PER_ADDRESS],
    );
    refuse(over);
    const { rows: counted } = await this.pool.query<Waiting>(
      `insert into qamqor.sign_in_failures as f (key, failures, since) select key, 1, clock_timestamp() from unnest($2::text[]) as key
       on conflict (key) do update set
         failures = case when f.since > clock_timestamp() - make_interval(secs => $1) then f.failures + 1 else 1 end,
         since = case when f.since > clock_timestamp() - make_interval(secs => $1) then f.since else excluded.since end
       returning key, failures, ${WAITS} as wait`,
      [WINDOW_S, [...keys].sort()],
    );
    refuse(counted.filter(({ key, failures }) => failures > (key === keys[0] ? PER_ACCOUNT : PER_ADDRESS)));
  }

  /** The password was right: what was counted against the account is forgotten, against the address only this try. */
  async succeeded(email: string, address: string): Promise<void> {
    await this.pool.query('delete from qamqor.sign_in_failures where key = $1', [accountKey(email, address)]);
    await this.pool.query('update qamqor.sign_in_failures set failures = greatest(failures - 1, 0) where key = $1', [
      addressKey(address),
    ]);
  }

  /** Removes what has lapsed. */
  async sweep(): Promise<void> {
    await this.pool.query(
      'delete from qamqor.sign_in_failures where since < clock_timestamp() - make_interval(secs => $1)',
      [WINDOW_S],
    );
  }
}

interface Waiting {
  key: string;
  failures: number;
  wait: number;
}

const WAITS = 'ceil(extract(epoch from since + make_interval(secs => $1) - clock_timestamp()))::int';
const WAIT = `select key, failures, ${WAITS} as wait`;

function refuse(over: Waiting[]): void {
  if (over.length === 0) return;
  const seconds = Math.max(1, ...over.map(({ wait }) => wait));
  const message = `Too many wrong passwords. Try again in ${seconds} seconds.`;
  throw new AppError('limited', 429, message, { seconds }, undefined, seconds);
}

const accountKey = (email: string, address: string) => `account ${address} ${email.trim().toLowerCase().slice(0, 320)}`;
const addressKey = (address: string) => `address ${address}`;
