import type { OpenWork } from '../engine/verify.js';

/** What `verify` compares with the journal: which tasks are open, and when they are due. */
export const taskWork: OpenWork = async (query, caseIds) => {
  const rows = await query<{ id: string; case_id: string; open: boolean; due_at: Date | null }>(
    `select id, case_id, status in ('open', 'claimed', 'held') as open, due_at from qamqor.tasks where case_id = any ($1::uuid[])`,
    [caseIds],
  );
  return rows.map((row) => ({
    caseId: row.case_id,
    entryId: row.id,
    open: row.open,
    due: row.due_at?.toISOString() ?? null,
  }));
};
