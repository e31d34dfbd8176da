import type { JsonObject, Text } from '../statechart/types.js';
import type { HandoffRow } from './handoff.js';
import { handoffPermissions } from './handoff.policy.js';

/** A hand-off as it is at a moment. */
export type HandoffAt = HandoffRow & { now: Date; overdue: boolean };

/** A hand-off as one account sees it. */
export function presentHandoff(
  row: HandoffAt,
  by: { roles: readonly string[] },
  partnerTitle: Text | undefined,
): JsonObject {
  const iso = (at: Date | null) => at?.toISOString() ?? null;
  return {
    id: row.id,
    caseId: row.case_id,
    caseNumber: row.case_number,
    invocation: row.invocation,
    partner: row.partner,
    partnerTitle: { ...partnerTitle },
    service: row.service,
    status: row.status,
    waitingReason: row.waiting_reason,
    consentId: row.consent_id,
    openedAt: iso(row.opened_at),
    sentAt: iso(row.sent_at),
    acknowledgedAt: iso(row.acknowledged_at),
    dueAt: iso(row.answer_by),
    overdue: row.overdue,
    givesUpAt: iso(row.gives_up_at),
    pausedAt: iso(row.paused_at),
    pausedUntil: iso(row.paused_until),
    suppliedAt: iso(row.supplied_at),
    closedAt: iso(row.closed_at),
    partnerRef: row.partner_ref,
    reasonCode: row.reason_code,
    revision: row.revision,
    can: handoffPermissions(by, row),
  };
}
