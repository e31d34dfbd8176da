import type { ConsentAnswer } from '../consents/consent-answer.js';
import { SAY_IN_TASKS } from '../consents/consent-statements.js';
import type { AppError } from '../engine/errors.js';
import { isEngine } from '../engine/sender.js';
import type {
  AnswerCommand,
  BatchTransaction,
  ClosedEntry,
  MovedEntry,
  OpenedEntry,
  Sender,
  SourceHandler,
} from '../engine/types.js';
import { startByIsDated, startByOf } from '../statechart/start-by.js';
import type { Calendar, Json, JsonObject } from '../statechart/types.js';
import type { PersonalValue } from './personal.js';
import { isCandidate, type TaskStatus } from './task.policy.js';
import { notTheirs, taskStale, taskTaken, wrongRole } from './task-refusals.js';

const DRAFT_DAYS = 30;
/** More than anybody distinguishes, and well within an integer of the database. */
const PRIORITY_LIMIT = 1_000_000;

/** What stands behind `invoke {src: task}`: opens and closes tasks inside the transaction of the transition. */
export class TaskSource implements SourceHandler {
  readonly src = 'task' as const;
  readonly topics = { close: 'task.close' };
  /** By the very answer that travels through the engine: written down only if it is accepted. */
  private readonly personal = new WeakMap<object, PersonalValue[]>();
  private readonly consents = new WeakMap<object, ConsentAnswer>();
  private readonly expected = new WeakMap<AnswerCommand, number>();

  constructor(
    private readonly id: () => string,
    private readonly calendar: Calendar,
  ) {}

  /** The personal part of an answer that is about to be submitted. */
  keepPersonal(answer: Json, values: PersonalValue[]): void {
    if (values.length > 0 && typeof answer === 'object' && answer !== null) this.personal.set(answer, values);
  }

  /** What an answer that is about to be submitted says about the family's data. */
  keepConsents(answer: Json, consents: ConsentAnswer): void {
    if (typeof answer === 'object' && answer !== null) this.consents.set(answer, consents);
  }

  /** The task's revision that the sender has seen. */
  expectRevision(command: AnswerCommand, revision: number): void {
    this.expected.set(command, revision);
  }

  async open(tx: BatchTransaction, rows: OpenedEntry[]): Promise<void> {
    const tasks = rows.map((row) => describe(row, this.calendar));
    const column = <Value>(pick: (task: NewTask) => Value) => tasks.map(pick);
    await tx.query('open-tasks', OPEN, [
      column((t) => t.id),
      column((t) => t.organisationId),
      column((t) => t.caseId),
      column((t) => t.caseNumber),
      column((t) => t.subject),
      column((t) => t.workflowKey),
      column((t) => t.workflowHash),
      column((t) => t.invocation),
      column((t) => t.item),
      column((t) => t.form),
      column((t) => t.formVersion),
      column((t) => t.title),
      column((t) => t.role),
      column((t) => t.priority),
      column((t) => t.due),
      column((t) => t.at),
      column((t) => t.startBy),
    ]);
  }

  async close(tx: BatchTransaction, rows: ClosedEntry[]): Promise<void> {
    const answered = (row: ClosedEntry) => row.reason === 'answered' || row.reason === 'failed';
    const sent: Promise<unknown>[] = [
      tx.query('close-tasks', CLOSE, [
        rows.map((row) => row.entryId),
        rows.map((row) => (answered(row) ? 'done' : 'cancelled')),
        rows.map((row) => row.at),
        rows.map((row) => row.by.account),
        rows.map((row) => (answered(row) && !isEngine(row.by) ? ownerOf(row.by) : null)),
      ]),
    ];
    const values = rows.flatMap((row) => this.personalOf(row));
    if (values.length > 0) {
      const column = <Value>(pick: (value: (typeof values)[number]) => Value) => values.map(pick);
      sent.push(
        tx.query('record-personal-values', RECORD, [
          column(({ value }) => value.id),
          column(({ row }) => row.organisationId),
          column(({ row }) => row.caseId),
          column(({ row }) => row.entryId),
          column(({ value }) => value.path),
          column(({ value }) => JSON.stringify(value.value)),
          column(({ row }) => row.by.account),
          column(({ row }) => row.at),
        ]),
      );
    }
    sent.push(...this.writeConsents(tx, rows));
    await Promise.all(sent);
  }

  /** Under the case's lock, and the task's: who claimed it meanwhile has it. */
  async admit(tx: BatchTransaction, answers: AnswerCommand[]): Promise<Map<AnswerCommand, AppError>> {
    const { rows } = await tx.query<LockedTask>('lock-tasks', LOCK, [answers.map((answer) => answer.entryId)]);
    const tasks = new Map(rows.map((row) => [row.id, row]));
    const refused = new Map<AnswerCommand, AppError>();
    for (const answer of answers) {
      const task = tasks.get(answer.entryId);
      const error = task && this.refusal(answer, task);
      if (error) refused.set(answer, error);
    }
    return refused;
  }

  async reschedule(tx: BatchTransaction, rows: MovedEntry[]): Promise<void> {
    await tx.query('reschedule-tasks', RESCHEDULE, [
      rows.map((row) => row.entryId),
      rows.map((row) => row.due),
      rows.map(({ workflow, entry, stoodMs }) => (startByIsDated(workflow, entry) ? 0 : stoodMs)),
    ]);
  }

  /** That the task is over is the engine's to say: it knows whether the command was seen before. */
  private refusal(answer: AnswerCommand, task: LockedTask): AppError | undefined {
    const { sender } = answer;
    if (isEngine(sender) || task.status === 'done' || task.status === 'cancelled') return undefined;
    if (!isCandidate(sender, task)) return wrongRole(task.role);
    const owner = ownerOf(sender);
    if (sender.onBehalfOf !== undefined && (task.status === 'open' || task.assignee !== owner)) return notTheirs(task);
    if (task.status !== 'open' && task.assignee !== owner) return taskTaken(task.assignee, null);
    const expected = this.expected.get(answer);
    if (expected !== undefined && expected !== task.revision) return taskStale(task.revision, expected);
    return undefined;
  }

  private writeConsents(tx: BatchTransaction, rows: ClosedEntry[]): Promise<unknown>[] {
    const said = rows.flatMap((row) => {
      const answer = isAnswered(row) ? this.consents.get(row.output) : undefined;
      const saying = (given: boolean) => (partner: string) => ({ row, partner, given });
      return answer ? [...answer.given.map(saying(true)), ...answer.withheld.map(saying(false))] : [];
    });
    if (said.length === 0) return [];
    const values = [
      said.map(() => this.id()),
      said.map(({ row }) => row.organisationId),
      said.map(({ row }) => row.entryId),
      said.map(({ partner }) => partner),
      said.map(({ given }) => given),
      said.map(({ row }) => row.by.account),
      said.map(({ row }) => row.at),
      said.map(() => 'form'),
    ];
    return [tx.query('say-consents', SAY_IN_TASKS, values)];
  }

  private personalOf(row: ClosedEntry): { row: ClosedEntry; value: PersonalValue }[] {
    if (!isAnswered(row)) return [];
    return (this.personal.get(row.output) ?? []).map((value) => ({ row, value }));
  }
}

function isAnswered(row: ClosedEntry): row is ClosedEntry & { output: object } {
  return row.reason === 'answered' && typeof row.output === 'object' && row.output !== null;
}

/** Whose task it stays when it is answered: who stands in for a colleague does not take it from them. */
const ownerOf = (by: Sender) => by.onBehalfOf ?? by.account;

interface LockedTask {
  id: string;
  status: TaskStatus;
  role: string;
  assignee: string | null;
  revision: number;
}

type NewTask = ReturnType<typeof describe>;

function describe(row: OpenedEntry, calendar: Calendar) {
  const { input } = row.entry;
  const formName = textOf(input['form']);
  const form = row.workflow.forms[formName];
  return {
    id: row.entryId,
    organisationId: row.organisationId,
    caseId: row.caseId,
    caseNumber: row.caseNumber,
    subject: row.subject,
    workflowKey: row.workflow.key,
    workflowHash: row.workflow.hash,
    invocation: row.entry.invoke,
    item: row.entry.item?.key ?? null,
    form: formName,
    formVersion: form?.version ?? 1,
    title: JSON.stringify(titleOf(input['title']) ?? form?.title ?? { en: row.entry.invoke }),
    role: textOf(input['role']),
    priority: priorityOf(input['priority']),
    due: row.entry.due ?? null,
    startBy: startByOf(row.workflow, row.entry, { now: row.at, calendar }),
    at: row.at,
  };
}

/** A number beyond what the queue can tell apart counts as the nearest that it can. */
function priorityOf(priority: Json | undefined): number {
  if (typeof priority !== 'number' || Number.isNaN(priority)) return 0;
  return Math.trunc(Math.min(Math.max(priority, -PRIORITY_LIMIT), PRIORITY_LIMIT));
}

function titleOf(title: Json | undefined): JsonObject | undefined {
  if (typeof title === 'string') return { kk: title, ru: title, en: title };
  return typeof title === 'object' && title !== null && !Array.isArray(title) ? title : undefined;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A task that was open before offers its last owner and draft. */
const OPEN = `
  with opened as (
    insert into qamqor.tasks (id, organisation_id, case_id, case_number, subject, workflow_key, workflow_hash, invocation, item, form,
      form_version, title, role, status, priority, due_at, opened_at, start_by, assignee)
    select n.id, n.organisation_id, n.case_id, n.case_number, n.subject, n.workflow_key, n.workflow_hash, n.invocation, n.item, n.form,
      n.form_version, n.title, n.role, 'open', n.priority, n.due_at, n.opened_at, n.start_by,
      (select t.assignee from qamqor.tasks t where t.case_id = n.case_id and t.invocation = n.invocation
         and t.item is not distinct from n.item and t.assignee is not null order by t.id desc limit 1)
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::text[], $11::int[], $12::text[], $13::text[], $14::int[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[])
      as n (id, organisation_id, case_id, case_number, subject, workflow_key, workflow_hash, invocation, item, form, form_version,
        title, role, priority, due_at, opened_at, start_by)
    returning id, organisation_id, case_id, invocation, item, opened_at, assignee
  )
  insert into qamqor.task_drafts (task_id, organisation_id, case_id, data, saved_by, saved_at)
  select o.id, o.organisation_id, o.case_id, d.data, d.saved_by, d.saved_at
  from opened o
  cross join lateral (
    select d.data, d.saved_by, d.saved_at from qamqor.tasks t join qamqor.task_drafts d on d.task_id = t.id
    where t.case_id = o.case_id and t.invocation = o.invocation and t.item is not distinct from o.item
      and d.saved_by = o.assignee and (d.erase_at is null or d.erase_at > o.opened_at)
    order by t.id desc limit 1
  ) d
  where o.assignee is not null`;

const CLOSE = `
  with closed as (
    update qamqor.tasks t set status = n.status, closed_at = n.at, closed_by = n.closed_by, assignee = coalesce(n.answered_by, t.assignee),
      held_until = null, hold_reason = null, revision = t.revision + 1
    from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::uuid[]) as n (id, status, at, closed_by, answered_by)
    where t.id = n.id
    returning t.id, n.at
  )
  update qamqor.task_drafts d set erase_at = c.at + interval '${DRAFT_DAYS} days' from closed c where d.task_id = c.id`;

const LOCK = `select id, status, role, assignee, revision from qamqor.tasks where id = any ($1::uuid[]) order by id for update`;

/** The work on a task of a case that stood still begins as much later; `due_at` may be a date, which does not move. */
const RESCHEDULE = `update qamqor.tasks t set due_at = n.due_at, start_by = t.start_by + make_interval(secs => n.begins_later_ms / 1000)
  from unnest($1::uuid[], $2::timestamptz[], $3::float8[]) as n (id, due_at, begins_later_ms) where t.id = n.id`;

const RECORD = `
  insert into qamqor.personal_values (id, organisation_id, case_id, subject, task_id, path, value, recorded_by, recorded_at)
  select n.id, n.organisation_id, n.case_id, t.subject, n.task_id, n.path, n.value, n.recorded_by, n.recorded_at
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    as n (id, organisation_id, case_id, task_id, path, value, recorded_by, recorded_at)
  join qamqor.tasks t on t.id = n.task_id`;
