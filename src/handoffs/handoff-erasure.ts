import type { Pool } from 'pg';

/** What was sent, answered and said is kept so long after a hand-off ended; afterwards only digests, codes and times are. */
const KEPT_DAYS = 30;
const AT_ONCE = 200;

/** Takes people's data out of hand-offs that are over: bodies, answers, partners' words, papers supplied. */
export class HandoffErasure {
  /** `pool`: connections of the role `qamqor_relay`. */
  constructor(private readonly pool: Pool) {}

  /** For the sweeper. */
  async sweep(): Promise<void> {
    const { rows } = await this.pool.query<{ id: string }>({
      name: 'erasable-handoffs',
      text: `select id from qamqor.handoffs where closed_at < (select qamqor.qamqor_now()) - make_interval(days => ${KEPT_DAYS})
        and erased_at is null order by closed_at limit ${AT_ONCE}`,
    });
    if (rows.length > 0) await this.eraseThose(rows.map(({ id }) => id));
  }

  /** Whatever its age; what is still open stays, because it must be sent and recalled with the bytes that it has. */
  async eraseCases(organisationId: string, caseIds: string[]): Promise<void> {
    const { rows } = await this.pool.query<{ id: string }>(
      `select id from qamqor.handoffs where organisation_id = $1 and case_id = any ($2::uuid[])
        and closed_at is not null and erased_at is null`,
      [organisationId, caseIds],
    );
    await this.eraseThose(rows.map(({ id }) => id));
  }

  private async eraseThose(ids: string[]): Promise<void> {
    await this.pool.query({ name: 'erase-handoffs', text: ERASE, values: [ids] });
  }
}

const ERASE = `
  with events as (
    update qamqor.handoff_events set data = null, data_digest = coalesce(data_digest, encode(sha256(convert_to(data, 'UTF8')), 'hex'))
    where handoff_id = any ($1::uuid[]) and status in ('applied', 'ignored')),
  supplies as (update qamqor.handoff_supplies set documents = null, note = null where handoff_id = any ($1::uuid[]))
  update qamqor.handoffs set body = null, result = null, recall_reason = null, erased_at = qamqor.qamqor_now()
  where id = any ($1::uuid[]) and closed_at is not null`;
