import type { ReadWork } from '../engine/verify.js';
import type { CloseReason } from '../statechart/types.js';
import type { HandoffStatus } from './handoff.js';

/** By its status, how a hand-off may have ended. */
const ENDED: Record<HandoffStatus, CloseReason[] | null> = {
  draft: null,
  sent: null,
  acknowledged: null,
  papers: null,
  done: ['answered'],
  rejected: ['failed'],
  expired: ['failed'],
  // By hand, because consent was withdrawn, or because its state was left.
  recalled: ['failed', 'left', 'dropped'],
};

/** What `verify` compares with the journal: which hand-offs are open, until when, and how the others ended. */
export const handoffWork: ReadWork = async (query, caseIds) => {
  const rows = await query<{ id: string; case_id: string; status: HandoffStatus; due_at: Date | null }>(
    'select id, case_id, status, due_at from qamqor.handoffs where case_id = any ($1::uuid[])',
    [caseIds],
  );
  return rows.map((row) => ({
    caseId: row.case_id,
    entryId: row.id,
    ended: ENDED[row.status],
    due: row.due_at?.toISOString() ?? null,
  }));
};
