import type { Pool } from 'pg';

/** So many failures in a row, and the partner counts as down. */
const FAILURES = 5;
const FIRST_SHUT_S = 30;
const LONGEST_SHUT_S = 10 * 60;
/** Longer than one attempt may take: a process that dies with the first message lets another one try. */
export const PROBE_S = 20;

/** What is new about a partner: it does not answer, it answers again, it takes nothing at its address any more. */
export type PartnerNews = 'open' | 'closed' | 'gone';

export type CircuitState = 'closed' | 'open' | 'half-open';

/** `at`: when it was let through (ISO 8601), to be given back with `report`. */
export type Passage = { at: string; clean: boolean } | { shutMs: number } | { gone: true };

/** Whether a partner is left in peace: because it does not answer, or because it said that it takes nothing any more. */
export interface Circuit {
  pass(): Promise<Passage>;
  /** Whether what was let through got any answer at all. */
  report(passage: { at: string; clean: boolean }, answered: boolean): Promise<void>;
  /** It takes nothing at this address any more (410): nobody is let through until somebody has it sent again. */
  gone(): Promise<void>;
}

export interface PartnerCircuitOptions {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  organisationId: string;
  partner: string;
  /** How it is reached now: another address is not gone. */
  url: string;
  /** Told when it opens, when it closes, and when the partner is gone. */
  changed(state: PartnerNews): void;
}

/**
 * After five failures in a row a partner gets nothing for a while, twice as long each time; then one message goes first, and
 * only when that is answered do the others follow. Kept in the database, by its clock: all processes know the same, also
 * after a restart.
 */
export class PartnerCircuit implements Circuit {
  constructor(private readonly options: PartnerCircuitOptions) {}

  async pass(): Promise<Passage> {
    const { pool, organisationId, partner, url } = this.options;
    const { rows } = await pool.query<{
      at: Date;
      state: CircuitState | null;
      failures: number;
      shut_ms: number | null;
      probing: boolean;
      gone: boolean;
    }>({
      name: 'pass-circuit',
      text: PASS,
      values: [organisationId, partner, url],
    });
    const [row] = rows;
    if (!row) throw new Error('The circuit gave no answer.');
    if (row.gone) return { gone: true };
    const at = row.at.toISOString();
    if (row.state === null || row.state === 'closed') return { at, clean: row.failures === 0 };
    // Another one goes first: it will be known soon what it met.
    return row.probing ? { at, clean: false } : { shutMs: Math.max(row.shut_ms ?? 0, 1_000) };
  }

  async report({ at, clean }: { at: string; clean: boolean }, answered: boolean): Promise<void> {
    if (answered && clean) return;
    const { pool, organisationId, partner, changed } = this.options;
    const { rows } = await pool.query<{ changed: boolean }>(
      answered
        ? { name: 'close-circuit', text: CLOSE, values: [organisationId, partner] }
        : { name: 'count-failure', text: FAIL, values: [organisationId, partner, at] },
    );
    if (rows[0]?.changed) changed(answered ? 'closed' : 'open');
  }

  async gone(): Promise<void> {
    const { pool, organisationId, partner, url, changed } = this.options;
    const { rowCount } = await pool.query({ name: 'partner-gone', text: GONE, values: [organisationId, partner, url] });
    if (rowCount) changed('gone');
  }
}

const PASS = `
  with clock as materialized (select qamqor.qamqor_now() as at),
  probe as (
    update qamqor.partner_circuits c set state = 'half-open', changed_at = clock.at, probe_until = clock.at + make_interval(secs => ${PROBE_S})
    from clock where c.organisation_id = $1 and c.partner = $2 and c.gone_url is distinct from $3
      and ((c.state = 'open' and c.open_until <= clock.at) or (c.state = 'half-open' and c.probe_until <= clock.at))
    returning c.partner)
  select clock.at, c.state, coalesce(c.failures, 0) as failures,
    (extract(epoch from c.open_until - clock.at) * 1000)::float8 as shut_ms,
    exists (select from probe) as probing, coalesce(c.gone_url = $3, false) as gone
  from clock left join qamqor.partner_circuits c on c.organisation_id = $1 and c.partner = $2`;

/** What set out before the state changed says nothing about the partner now. */
const FAIL = `
  with clock as materialized (select qamqor.qamqor_now() as at),
  before as (select state from qamqor.partner_circuits where organisation_id = $1 and partner = $2),
  counted as (
    insert into qamqor.partner_circuits as c (organisation_id, partner, state, failures, since, changed_at)
    select $1, $2, 'closed', 1, clock.at, $3::timestamptz from clock
    on conflict (organisation_id, partner) do update set
      failures = c.failures + 1,
      state = case when c.failures + 1 >= ${FAILURES} then 'open' else c.state end,
      since = case when c.state = 'closed' and c.failures + 1 >= ${FAILURES} then excluded.since else c.since end,
      changed_at = case when c.failures + 1 >= ${FAILURES} then excluded.since else c.changed_at end,
      open_until = case when c.failures + 1 >= ${FAILURES} then
        $3::timestamptz + make_interval(secs => least(${FIRST_SHUT_S} * 2 ^ least(c.failures + 1 - ${FAILURES}, 20), ${LONGEST_SHUT_S})) end,
      probe_until = null
    where c.state = 'closed' or (c.state = 'half-open' and $3::timestamptz >= c.changed_at)
    returning c.state)
  select counted.state = 'open' and coalesce(before.state, 'closed') = 'closed' as changed
  from counted left join before on true`;

/** An answer is an answer, whenever it was asked for. */
const CLOSE = `
  with before as (select state from qamqor.partner_circuits where organisation_id = $1 and partner = $2)
  update qamqor.partner_circuits c set state = 'closed', failures = 0, open_until = null, probe_until = null,
    since = case when c.state = 'closed' then c.since else qamqor.qamqor_now() end,
    changed_at = case when c.state = 'closed' then c.changed_at else qamqor.qamqor_now() end
  from before where c.organisation_id = $1 and c.partner = $2 and (c.failures > 0 or c.state <> 'closed')
  returning before.state <> 'closed' as changed`;

/** Said once more it is no news: whoever was on the way then met the same. */
const GONE = `
  insert into qamqor.partner_circuits as c (organisation_id, partner, state, failures, since, changed_at, gone_url, gone_at)
  select $1, $2, 'closed', 0, at, at, $3, at from (select qamqor.qamqor_now() as at) clock
  on conflict (organisation_id, partner) do update
    set gone_url = excluded.gone_url, gone_at = excluded.gone_at, gone_told_at = null
    where c.gone_url is distinct from excluded.gone_url`;
