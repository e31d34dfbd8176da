import type { Pool } from 'pg';

/** Sessions and signatures go by the clock of a process, cases by that of the database. */
const SKEW_MS = 5_000;

export interface DatabaseFacts {
  /** Settings without which what was answered may be lost with the power: their names, where they are off. */
  notKept: string[];
  login: string;
  isSuperuser: boolean;
  passesPolicies: boolean;
  /** By how much the server's clock is ahead of ours. */
  aheadMs: number;
}

/** What an operator should put right before families rely on this database; each says what to do. */
export async function databaseWarnings(pool: Pool): Promise<string[]> {
  return warningsFrom(await factsOf(pool));
}

async function factsOf(pool: Pool): Promise<DatabaseFacts> {
  const asked = Date.now();
  const { rows } = await pool.query<{
    off: string[];
    login: string;
    is_superuser: boolean;
    passes_policies: boolean;
    now: number;
  }>(
    `select array(select name::text from pg_settings
        where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off' order by name) as off,
      rolname as login, rolsuper as is_superuser, rolbypassrls as passes_policies,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now
      from pg_roles where rolname = session_user`,
  );
  const answered = Date.now();
  const [row] = rows;
  if (!row) throw new Error('The database does not know who asks.');
  // Somewhere between the question and the answer: what can be doubted counts for the server.
  const aheadMs = row.now > answered ? row.now - answered : Math.min(0, row.now - asked);
  return {
    notKept: row.off,
    login: row.login,
    isSuperuser: row.is_superuser,
    passesPolicies: row.passes_policies,
    aheadMs,
  };
}

export function warningsFrom({ notKept, login, isSuperuser, passesPolicies, aheadMs }: DatabaseFacts): string[] {
  const found: string[] = [];
  if (notKept.length > 0)
    found.push(
      `The database may lose with the power what was answered already: ${notKept.join(', ')} is off. Set it to on in postgresql.conf and restart the server.`,
    );
  if (isSuperuser || passesPolicies)
    found.push(
      `The login "${login}" of DATABASE_URL ${isSuperuser ? 'is a superuser' : 'passes row-level security by'}: whoever breaks into a process of ours has the whole server. Make a login that owns this database and has CREATEROLE only, and name that one.`,
    );
  if (Math.abs(aheadMs) > SKEW_MS)
    found.push(
      `The database's clock is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the clock of this machine: sessions and signatures end too early or too late. Set both by NTP.`,
    );
  return found;
}
