import type { ReadWork } from '../engine/verify.js';
import type { CloseReason } from '../statechart/types.js';
import type { TaskStatus } from './task.policy.js';

/** By its status, how a task may have ended. */
const ENDED: Record<TaskStatus, CloseReason[] | null> = {
  open: null,
  claimed: null,
  held: null,
  done: ['answered', 'failed'],
  cancelled: ['left', 'dropped'],
};

/** What `verify` compares with the journal: which tasks are open, when they are due, and how the others ended. */
export const taskWork: ReadWork = async (query, caseIds) => {
  const rows = await query<{ id: string; case_id: string; status: TaskStatus; due_at: Date | null }>(
    'select id, case_id, status, due_at from qamqor.tasks where case_id = any ($1::uuid[])',
    [caseIds],
  );
  return rows.map((row) => ({
    caseId: row.case_id,
    entryId: row.id,
    ended: ENDED[row.status],
    due: row.due_at?.toISOString() ?? null,
  }));
};
