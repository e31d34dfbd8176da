import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import { ENGINE_SENDER } from '../engine/outbox.js';
import type { EngineApi } from '../engine/types.js';
import type { OpenWork } from '../engine/verify.js';
import type { JsonObject } from '../statechart/types.js';
import { failureOf, type HandoffRow, type PartnerDirectory } from './handoff.js';

export interface HandoffsDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_app`. */
  readPool: Pool;
  /** Connections of the role `qamqor_relay`. */
  relayPool: Pool;
  partners: PartnerDirectory;
  warn(message: string, error: unknown): void;
}

/** Where a page ended: when the last hand-off was opened (ISO 8601), and its id. */
export type HandoffPlace = [openedAt: string, id: string];

export interface HandoffQuery {
  limit: number;
  after?: HandoffPlace | undefined;
  caseId?: string | undefined;
  partner?: string | undefined;
  status?: HandoffRow['status'] | undefined;
  /** Partners whose hand-offs may be seen; all of them when left out. */
  seen?: string[] | undefined;
}

type DueRow = Pick<HandoffRow, 'id' | 'organisation_id' | 'case_id'> & { now: Date };

/** Hand-offs as the centre sees them, and the end of those that were never answered. */
export class HandoffsService {
  constructor(private readonly deps: HandoffsDependencies) {}

  /** Newest first; at most `limit`. `next` is where to go on. */
  async list(organisationId: string, query: HandoffQuery): Promise<{ items: JsonObject[]; next: HandoffPlace | null }> {
    const values: unknown[] = [];
    const conditions: string[] = ['true'];
    const where = (condition: (place: string) => string, value: unknown) => {
      if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
    };
    where((place) => `case_id = ${place}`, query.caseId);
    where((place) => `partner = ${place}`, query.partner);
    where((place) => `status = ${place}`, query.status);
    where((place) => `partner = any (${place}::text[])`, query.seen);
    if (query.after)
      conditions.push(
        `(opened_at, id) < ($${values.push(query.after[0])}::timestamptz, $${values.push(query.after[1])}::uuid)`,
      );
    const text = `select * from qamqor.handoffs where ${conditions.join(' and ')}
      order by opened_at desc, id desc limit $${values.push(query.limit + 1)}`;
    const rows = await asOrganisation(this.deps.readPool, organisationId, (run) => run<HandoffRow>(text, values));
    const page = rows.slice(0, query.limit);
    const last = rows.length > page.length ? page.at(-1) : undefined;
    return {
      items: page.map((row) => this.present(row)),
      next: last ? [last.opened_at.toISOString(), last.id] : null,
    };
  }

  /** For the sweeper: a partner that has let its time run out is an error to the case, once. */
  async expire(): Promise<void> {
    const { rows } = await this.deps.relayPool.query<DueRow>(
      `select id, organisation_id, case_id, qamqor.qamqor_now() as now from qamqor.handoffs
       where closed_at is null and expiry_told_at is null and expires_at <= qamqor.qamqor_now()
         and exists (select 1 from qamqor.cases c where c.id = case_id and c.status = 'active')
         and not exists (select 1 from qamqor.incidents i where i.entry_id = handoffs.id and i.status = 'open')
       order by expires_at limit 200`,
    );
    await Promise.all(rows.map((row) => this.expireOne(row)));
  }

  /** For `verify`: which hand-offs are open, and until when. */
  static readonly openWork: OpenWork = async (query, caseIds) => {
    const rows = await query<{ id: string; case_id: string; open: boolean; due_at: Date | null }>(
      'select id, case_id, closed_at is null as open, due_at from qamqor.handoffs where case_id = any ($1::uuid[])',
      [caseIds],
    );
    return rows.map((row) => ({
      caseId: row.case_id,
      entryId: row.id,
      open: row.open,
      due: row.due_at?.toISOString() ?? null,
    }));
  };

  private async expireOne(row: DueRow): Promise<void> {
    try {
      const { outcome } = await this.deps.engine.submit({
        kind: 'failure',
        entryId: row.id,
        error: failureOf('EXPIRED', row.now.toISOString()),
        organisationId: row.organisation_id,
        caseId: row.case_id,
        id: `expired:${row.id}`,
        keep: false,
        lane: 'machines',
        sender: ENGINE_SENDER,
        late: 'journal',
      });
      if (outcome === 'taken') return;
      // It stays open with its incident: told once, not every second.
      await this.deps.relayPool.query('update qamqor.handoffs set expiry_told_at = qamqor.qamqor_now() where id = $1', [
        row.id,
      ]);
    } catch (error) {
      this.deps.warn(`Hand-off ${row.id} could not be expired; the next sweep tries again.`, error);
    }
  }

  private present(row: HandoffRow): JsonObject {
    const iso = (at: Date | null) => at?.toISOString() ?? null;
    return {
      id: row.id,
      caseId: row.case_id,
      caseNumber: row.case_number,
      invocation: row.invocation,
      partner: row.partner,
      partnerTitle: { ...this.deps.partners.find(row.partner)?.title },
      service: row.service,
      status: row.status,
      openedAt: iso(row.opened_at),
      sentAt: iso(row.sent_at),
      acknowledgedAt: iso(row.acknowledged_at),
      dueAt: iso(row.expires_at),
      pausedAt: iso(row.paused_at),
      pausedUntil: iso(row.paused_until),
      closedAt: iso(row.closed_at),
      partnerRef: row.partner_ref,
      reasonCode: row.reason_code,
      revision: row.revision,
    };
  }
}
