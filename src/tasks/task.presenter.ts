import type { Principal } from '../identity/principal.js';
import type { Form, Json, JsonObject, Text } from '../statechart/types.js';
import { type TaskStatus, taskPermissions } from './task.policy.js';

export interface TaskRow {
  id: string;
  organisation_id: string;
  case_id: string;
  case_number: string;
  subject: string | null;
  workflow_key: string;
  workflow_version: number;
  invocation: string;
  item: string | null;
  form: string;
  form_version: number;
  title: string;
  role: string;
  status: TaskStatus;
  assignee: string | null;
  assignee_name: string | null;
  priority: number;
  due_at: Date | null;
  overdue: boolean;
  start_by: Date | null;
  /** Infinity where it is never due. */
  queue_at: Date | number;
  held_until: Date | null;
  hold_reason: string | null;
  revision: number;
  opened_at: Date;
  closed_at: Date | null;
  /** Who answered it; null where nobody did. */
  completed_by: string | null;
  completed_by_name: string | null;
  draft: string | null;
}

/** What a task's row refers to: its form, and whom of the family its case is about. */
export interface TaskSetting {
  form: Form | undefined;
  member: number | null;
}

/** What an account sees of a task, and what it may do with it. */
export function presentTask(row: TaskRow, { form, member }: TaskSetting, by: Principal): JsonObject {
  return {
    id: row.id,
    caseId: row.case_id,
    caseNumber: row.case_number,
    subject: row.subject,
    member,
    invocation: row.invocation,
    item: row.item,
    form: { name: row.form, version: row.form_version, schema: form?.schema ?? {}, ui: form?.ui ?? {} },
    title: JSON.parse(row.title) as Text as JsonObject,
    role: row.role,
    status: row.status,
    assignee: row.assignee,
    assigneeName: row.assignee_name,
    startBy: row.start_by?.toISOString() ?? null,
    dueAt: row.due_at?.toISOString() ?? null,
    overdue: row.overdue,
    priority: row.priority,
    heldUntil: row.held_until?.toISOString() ?? null,
    holdReason: row.hold_reason,
    draft: draftOf(row, by),
    revision: row.revision,
    openedAt: row.opened_at.toISOString(),
    closedAt: row.closed_at?.toISOString() ?? null,
    completedBy: row.completed_by,
    completedByName: row.completed_by_name,
    onBehalfOf: row.completed_by !== null && row.completed_by !== row.assignee ? row.assignee : null,
    can: taskPermissions(by, row),
  };
}

/** Begun answers may be personal: only for whom they belong to, and only while there is something to answer. */
function draftOf({ draft, assignee, status }: TaskRow, by: Principal): Json {
  const over = status === 'done' || status === 'cancelled';
  return draft !== null && assignee === by.account && !over ? (JSON.parse(draft) as Json) : null;
}
