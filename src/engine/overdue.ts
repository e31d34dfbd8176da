import { ENGINE_SENDER } from './sender.js';
import type { CaseRecord } from './types.js';

/** Something that should be over by a moment: a case, or an open entry of it. Moments are ISO 8601 in UTC with milliseconds. */
export interface Due {
  status: CaseRecord['status'];
  dueAt: string | null;
  /** Its clock stands still until then. */
  pausedUntil?: string | null;
}

/** The one answer to "is it overdue?": board, lists, cases and ladders all ask here, or by the SQL below, which says the same. */
export function isOverdue(due: Due, now: string): boolean {
  const moment = effectiveDue(due);
  return due.status === 'active' && moment !== null && moment <= now;
}

function effectiveDue({ dueAt, pausedUntil }: Pick<Due, 'dueAt' | 'pausedUntil'>): string | null {
  return dueAt !== null && pausedUntil && pausedUntil > dueAt ? pausedUntil : dueAt;
}

/** When an open entry (a row of `qamqor.dues`) is due, as SQL. */
export const ENTRY_DUE = (dues: string) => `greatest(${dues}.due_at, ${dues}.paused_until)`;

/**
 * Whether an open entry of a case is overdue at a moment, as SQL. `entry`: the entry's id. What nobody follows, or is over,
 * is not.
 */
export const ENTRY_OVERDUE = (entry: string, now: string) =>
  `exists (select from qamqor.dues d join qamqor.cases c on c.id = d.case_id
    where d.entry_id = ${entry} and c.status = 'active' and ${ENTRY_DUE('d')} <= ${now})`;

/** When a case (a row of `qamqor.cases`) is due: the earliest of its open entries; what nobody follows counts as journaled. */
export const CASE_DUE = (cases: string) =>
  `coalesce((select min(${ENTRY_DUE('d')}) from qamqor.dues d where d.case_id = ${cases}.id), ${cases}.due_at)`;

/**
 * Whether a case is overdue at a moment, as SQL. An entry is never due before its journaled time: most cases are settled by
 * their own row.
 */
export const CASE_OVERDUE = (cases: string, now: string) =>
  `(${cases}.status = 'active' and ${cases}.due_at is not null and ${cases}.due_at <= ${now} and ${CASE_DUE(cases)} <= ${now})`;

/** A suspension has no end of its own: one that lasts longer than the longest pause of a service is shown to people. */
const LONG_SUSPENSION = `interval '30 days'`;

/** When a case (a row of `qamqor.cases`) was last suspended, as SQL; null of one that only stands still with its parent, and goes on with it. */
export const SUSPENDED_AT = (cases: string) =>
  `(select case when s.body::json->>'by' <> '${ENGINE_SENDER.account}' then s.at end from qamqor.journal s
    where s.case_id = ${cases}.id and s.kind = 'act' and s.type = 'suspend' order by s.seq desc limit 1)`;

/** Whether a case has been suspended for very long at a moment, as SQL. */
export const CASE_FORGOTTEN = (cases: string, now: string) =>
  `(${cases}.status = 'suspended' and coalesce(${SUSPENDED_AT(cases)} <= ${now} - ${LONG_SUSPENSION}, false))`;

/** Whether a case stands still at a moment, as SQL: open, and overdue, with an open incident, or suspended for very long. */
export const CASE_STALLED = (cases: string, now: string) =>
  `(${cases}.status in ('active', 'suspended') and (${cases}.incidents > 0 or ${CASE_OVERDUE(cases, now)} or ${CASE_FORGOTTEN(cases, now)}))`;
