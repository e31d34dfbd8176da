import { ENTRY_OVERDUE } from '../engine/overdue.js';

/** Columns of a TaskRow. */
const COLUMNS = `t.id, t.organisation_id, t.case_id, t.case_number, t.subject, t.workflow_key, v.version as workflow_version, t.invocation, t.item,
  t.form, t.form_version, t.title, t.role, t.status, t.assignee, a.name as assignee_name, t.priority, t.due_at, t.start_by, t.queue_at, t.held_until,
  t.hold_reason, t.revision, t.opened_at, t.closed_at, b.id as completed_by, b.name as completed_by_name, d.data as draft,
  ${ENTRY_OVERDUE('t.id', '(select qamqor.qamqor_now())')} as overdue`;

export const SELECT_TASKS = `select ${COLUMNS} from qamqor.tasks t
  left join qamqor.workflow_versions v on v.organisation_id = t.organisation_id and v.key = t.workflow_key and v.hash = t.workflow_hash
  left join qamqor.accounts a on a.id = t.assignee
  left join qamqor.accounts b on b.id = case when t.status = 'done' then t.closed_by::uuid end
  left join qamqor.task_drafts d on d.task_id = t.id and d.saved_by = t.assignee`;

/** For `KeyReads`. */
export const FIND_TASKS = {
  name: 'find-tasks',
  text: `${SELECT_TASKS.replace('select', 'select t.id as key,')} where t.id = any ($1::uuid[])`,
};

/** The journal row of the answer that closed a task: its payload, null where that was erased. */
export const FIND_ANSWER = `select p.data from qamqor.journal j left join qamqor.payloads p on p.case_id = j.case_id and p.seq = j.seq
  where j.case_id = $1 and j.kind = 'answer' and j.body::jsonb -> 'closed' @> jsonb_build_array(jsonb_build_object('uuid', $2::text))`;
/** Of this task alone: an answer that refers to what others said finds nothing. */
export const FIND_PERSONAL = 'select id, value from qamqor.personal_values where case_id = $1 and task_id = $2::uuid';

/** Order of a queue: urgent first, then what should first be begun (while nobody has it) or is due first. */
export const QUEUE_ORDER = `order by -t.priority, t.queue_at, t.id`;
export const AFTER_CURSOR = (first: number) =>
  `(-t.priority, t.queue_at, t.id) > ($${first}::int, $${first + 1}::timestamptz, $${first + 2}::uuid)`;

/** Of two who claim at once, one finds the row open. `$3`: the revision that the claimer has seen, or null. */
export const CLAIM = `update qamqor.tasks set status = 'claimed', assignee = $2, held_until = null, hold_reason = null, revision = revision + 1
  where id = $1 and (status = 'open' or (status = 'held' and assignee = $2)) and ($3::int is null or revision = $3) returning id`;

export const RELEASE = `update qamqor.tasks set status = 'open', assignee = null, held_until = null, hold_reason = null, revision = revision + 1
  where id = $1 and status in ('claimed', 'held') and (assignee = $2 or $4) and ($3::int is null or revision = $3) returning id`;

export const ASSIGN = `update qamqor.tasks set status = 'claimed', assignee = $4, held_until = null, hold_reason = null, revision = revision + 1
  where id = $1 and status in ('open', 'claimed', 'held') and $2::uuid is not null and ($3::int is null or revision = $3) returning id`;

export const HOLD = `update qamqor.tasks set status = 'held', held_until = $4, hold_reason = $5, revision = revision + 1
  where id = $1 and status in ('claimed', 'held') and assignee = $2 and ($3::int is null or revision = $3) returning id`;

export const SAVE_DRAFT = `insert into qamqor.task_drafts (task_id, organisation_id, case_id, data, saved_by, saved_at)
  select t.id, t.organisation_id, t.case_id, $4, $2, qamqor.qamqor_now() from qamqor.tasks t
  where t.id = $1 and t.status in ('claimed', 'held') and t.assignee = $2 and ($3::int is null or t.revision = $3)
  on conflict (task_id) do update set data = excluded.data, saved_by = excluded.saved_by, saved_at = excluded.saved_at returning task_id as id`;

/** Held tasks whose time has come go back to their owner's list. */
export const END_HOLDS = `update qamqor.tasks set status = 'claimed', held_until = null, hold_reason = null, revision = revision + 1
  where status = 'held' and held_until <= (select qamqor.qamqor_now())`;

export const ERASE_DRAFTS = 'delete from qamqor.task_drafts where erase_at <= (select qamqor.qamqor_now())';
