import type { Pool } from 'pg';
import { PARTNER_GONE } from '../engine/incident-rules.js';
import { ANSWERS_COME } from '../engine/parked.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { Accepted, EngineApi } from '../engine/types.js';
import type { Json } from '../statechart/types.js';
import { failureOf, type HandoffRow, PAPERS_ASKED, RECALLED } from './handoff.js';
import type { PartnerTerms } from './partner-terms.js';

export interface SweepsDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  id(): string;
  terms: PartnerTerms;
  warn(message: string, error: unknown): void;
}

type DueRow = Pick<HandoffRow, 'id' | 'organisation_id' | 'case_id'> & { now: Date };
type GivenUpRow = DueRow & Pick<HandoffRow, 'partner' | 'service'> & { due: Date };

/** What ends a hand-off although nobody says so: its time, and a consent that is taken back. */
export class HandoffSweeps {
  constructor(private readonly deps: SweepsDependencies) {}

  /**
   * A partner that has not answered when nobody waits any longer is an error to the case, once; after everybody has been
   * told whom its ladder names, also when nothing of ours ran for days.
   */
  async expire(): Promise<void> {
    const { rows } = await this.deps.pool.query<GivenUpRow>(
      `select id, organisation_id, case_id, partner, service, qamqor.qamqor_now() as now,
         greatest(answer_by, case when status = 'papers' then paused_until end) as due
       from qamqor.handoffs
       where closed_at is null and expiry_told_at is null and gives_up_at <= qamqor.qamqor_now()
         and not exists (select 1 from qamqor.dues d where d.entry_id = handoffs.id and d.look_at <= qamqor.qamqor_now())
         and exists (select 1 from qamqor.cases c where c.id = case_id and c.status = 'active')
         and not ${ANSWERS_COME('handoffs.case_id')}
         and not exists (select 1 from qamqor.incidents i where i.entry_id = handoffs.id and i.status = 'open' and i.rule <> '${PARTNER_GONE}')
       order by gives_up_at limit 200`,
    );
    await Promise.all(rows.map((row) => this.expireOne(row)));
  }

  /** What was sent under a consent that does not hold any more is recalled at the partner, whatever its case does then. */
  async recallWithdrawn(): Promise<void> {
    const { rows: consents } = await this.deps.pool.query<{ id: string }>({
      name: 'withdrawn-consents',
      text: `select id from qamqor.consents where withdrawn_at is not null and recalled_at is null order by withdrawn_at limit 100`,
    });
    for (const { id } of consents) {
      try {
        await this.recallUnder(id);
      } catch (error) {
        this.deps.warn(`What was sent under consent ${id} could not be recalled; the next sweep tries again.`, error);
      }
    }
  }

  /** Papers that a partner waits for and nobody has supplied: whoever looks after it hears again after each third of the pause. */
  async remindOfPapers(): Promise<void> {
    const { rows } = await this.deps.pool.query<{ id: string; case_id: string }>({
      name: 'papers-due',
      text: PAPERS_DUE,
    });
    for (const { id, case_id: caseId } of rows)
      await this.deps.pool.query({ name: 'remind-of-papers', text: REMIND, values: [this.deps.id(), id, caseId] });
  }

  private async expireOne(row: GivenUpRow): Promise<void> {
    try {
      // Pauses move by days of the calendar: where they have led to holidays or weekends, working days still count.
      const end = this.deps.terms.giveUpAt(row, row.due.toISOString());
      if (Date.parse(end) > row.now.getTime()) return await this.waitUntil(row.id, end);
      const { outcome } = await this.fail(row, 'expired', failureOf('EXPIRED', row.now.toISOString()));
      if (outcome === 'taken') return;
      // It stays open with its incident: told once, not every second.
      await this.deps.pool.query('update qamqor.handoffs set expiry_told_at = qamqor.qamqor_now() where id = $1', [
        row.id,
      ]);
    } catch (error) {
      this.deps.warn(`Hand-off ${row.id} could not be expired; the next sweep tries again.`, error);
    }
  }

  private async waitUntil(id: string, moment: string): Promise<void> {
    await this.deps.pool.query(
      'update qamqor.handoffs set gives_up_at = $2 where id = $1 and gives_up_at <= qamqor.qamqor_now()',
      [id, moment],
    );
  }

  private async recallUnder(consentId: string): Promise<void> {
    const { rows } = await this.deps.pool.query<DueRow>({
      name: 'handoffs-under-consent',
      text: `select id, organisation_id, case_id, qamqor.qamqor_now() as now from qamqor.handoffs
        where consent_id = $1 and closed_at is null and recall_told_at is null`,
      values: [consentId],
    });
    // One that cannot be recalled now holds up none of the others.
    const done = await Promise.all(rows.map((row) => this.recallOne(row)));
    if (done.includes(false)) return;
    await this.deps.pool.query('update qamqor.consents set recalled_at = qamqor.qamqor_now() where id = $1', [
      consentId,
    ]);
  }

  /** Whether it was. */
  private async recallOne(row: DueRow): Promise<boolean> {
    try {
      const error = failureOf(RECALLED, row.now.toISOString(), { reason: 'consent-withdrawn' });
      const { outcome } = await this.fail(row, 'recalled', error);
      // Its case waits or has an incident, but the partner must hear of it now.
      if (outcome !== 'taken')
        await this.deps.pool.query({
          name: 'tell-of-recall',
          text: TELL_OF_RECALL,
          values: [this.deps.id(), row.id, row.now],
        });
      return true;
    } catch (error) {
      this.deps.warn(`Hand-off ${row.id} could not be recalled; the next sweep tries again.`, error);
      return false;
    }
  }

  private fail(row: DueRow, what: string, error: Json): Promise<Accepted> {
    return this.deps.engine.submit({
      kind: 'failure',
      entryId: row.id,
      error,
      organisationId: row.organisation_id,
      caseId: row.case_id,
      id: `${what}:${row.id}`,
      keep: false,
      lane: 'machines',
      sender: ENGINE_SENDER,
      late: 'journal',
    });
  }
}

const TELL_OF_RECALL = `
  with told as (
    update qamqor.handoffs set recall_told_at = $3 where id = $2 and closed_at is null and recall_told_at is null
    returning id, organisation_id, case_id)
  insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
  select $1, told.organisation_id, told.case_id, c.revision, 'handOff.close', told.id, '{"reason":"recalled"}', $3, $3
  from told join qamqor.cases c on c.id = told.case_id`;

/** How many thirds of its pause are over, as SQL. */
const THIRDS = `floor(3 * extract(epoch from qamqor.qamqor_now() - paused_at) / nullif(extract(epoch from paused_until - paused_at), 0))`;

const PAPERS_DUE = `select id, case_id from qamqor.handoffs
  where status = 'papers' and closed_at is null and paused_until > qamqor.qamqor_now() and papers_reminded < ${THIRDS}
    and exists (select 1 from qamqor.cases c where c.id = case_id and c.status = 'active') limit 100`;

const REMIND = `
  with reminded as (
    update qamqor.handoffs set papers_reminded = ${THIRDS}
    where id = $2 and status = 'papers' and closed_at is null and paused_until > qamqor.qamqor_now() and papers_reminded < ${THIRDS}
    returning id, organisation_id)
  insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
  select $1, r.organisation_id, c.id, c.revision, '${PAPERS_ASKED}', r.id, '{}', clock.now, clock.now
  from reminded r, qamqor.cases c, (select qamqor.qamqor_now() as now) clock where c.id = $3`;
