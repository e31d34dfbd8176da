import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { presentCase } from '../api/case.presenter.js';
import { isInt, isMoment, isUuid, pageOf, readCursor, writeCursor } from '../api/cursor.js';
import { commandOf, type Write } from '../api/write.js';
import { consentsIn } from '../consents/consent-answer.js';
import type { ConsentsService } from '../consents/consents.service.js';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import { badInput } from '../engine/refusals.js';
import type { CaseRecord, EngineApi, VersionsApi } from '../engine/types.js';
import type { FamiliesService } from '../families/families.service.js';
import type { AccountsService } from '../identity/accounts.service.js';
import { isOverseer } from '../identity/identity.policy.js';
import type { Principal } from '../identity/principal.js';
import type { Clock } from '../platform/clock.js';
import type { KeyReads } from '../platform/key-reads.js';
import { canonicalJson } from '../statechart/canonical.js';
import { memberOf, tellsMember } from '../statechart/member-of.js';
import type { Form, Json, JsonObject } from '../statechart/types.js';
import { membersIn, refuseUnknownMembers } from './members.js';
import { dayAt, pastDaysIn, refuseDaysToCome } from './past.js';
import { splitPersonal } from './personal.js';
import { readAnswer } from './read-answer.js';
import { isCandidate, maySeeAllTasks, maySeeTask } from './task.policy.js';
import { presentTask, type TaskRow, type TaskSetting } from './task.presenter.js';
import * as sql from './task.statements.js';
import {
  holdPast,
  notTheirs,
  notYours,
  overseersOnly,
  taskNotFound,
  taskOver,
  taskStale,
  taskTaken,
  wrongRole,
} from './task-refusals.js';
import type { TaskSource } from './task-source.js';

export type TaskView = 'mine' | 'available' | 'cases' | 'all';

export interface TaskQuery {
  view: TaskView;
  limit: number;
  cursor?: string | undefined;
  caseId?: string | undefined;
  status?: TaskRow['status'] | undefined;
}

export interface TasksDependencies {
  engine: EngineApi;
  versions: VersionsApi;
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  reads: Pick<KeyReads, 'row'>;
  accounts: AccountsService;
  source: TaskSource;
  consents: Pick<ConsentsService, 'announce'>;
  families: Pick<FamiliesService, 'personsOf'>;
  clock: Clock;
  /** IANA name of the centre's time zone. */
  zone: string;
  /** UUIDv7. */
  id(): string;
  /** Key for digests of what may hold personal data. */
  secret: string;
}

/** What an answered task comes back as. `replayed`: the key was seen before and nothing was done again. */
export interface Completed {
  answer: Json;
  replayed: boolean;
}

/** Human tasks: who has which, and what they answered. */
@Injectable()
export class TasksService {
  constructor(private readonly deps: TasksDependencies) {}

  async list(by: Principal, query: TaskQuery): Promise<{ items: JsonObject[]; next: string | null }> {
    if (query.view === 'all' && !maySeeAllTasks(by))
      throw new AppError('no-right', 403, 'Only supervisors, directors, administrators and auditors see all tasks.');
    const values: unknown[] = [];
    const value = (given: unknown) => `$${values.push(given)}`;
    const conditions = [`t.organisation_id = ${value(by.organisationId)}`, viewCondition(by, query.view, value)];
    if (query.caseId !== undefined) conditions.push(`t.case_id = ${value(query.caseId)}`);
    conditions.push(
      query.status === undefined ? `t.status in ('open', 'claimed', 'held')` : `t.status = ${value(query.status)}`,
    );
    if (query.cursor !== undefined) {
      const key = readCursor(query.cursor, isTaskKey);
      conditions.push(sql.AFTER_CURSOR(values.length + 1));
      values.push(...key);
    }
    const text = `${sql.SELECT_TASKS} where ${conditions.join(' and ')} ${sql.QUEUE_ORDER} limit ${value(query.limit + 1)}`;
    const rows = await asOrganisation(this.deps.pool, by.organisationId, (run) => run<TaskRow>(text, values));
    const { items, next } = pageOf(rows, query.limit, cursorOf, (row) => this.present(by, row));
    return { items: await Promise.all(items), next };
  }

  /** With what was answered, as far as the reader may see it. */
  async read(by: Principal, id: string): Promise<JsonObject> {
    const task = await this.find(by, id);
    const setting = await this.settingOf(task);
    const answer = task.status === 'done' ? await readAnswer(this.deps.pool, by, task, setting.form) : null;
    return { ...presentTask(task, setting, by), answer };
  }

  /** Of two who claim at once one has it; the other is told who. Claiming what one has already changes nothing. */
  async claim(by: Principal, id: string, write: Write = {}): Promise<JsonObject> {
    const task = await this.find(by, id);
    if (!isCandidate(by, task)) throw wrongRole(task.role);
    return this.change(by, id, write, sql.CLAIM, [], (now) => {
      if (now.status === 'claimed' && now.assignee === by.account) return 'already';
      return now.status === 'open' || now.assignee === by.account
        ? 'again'
        : taskTaken(now.assignee, now.assignee_name);
    });
  }

  async release(by: Principal, id: string, write: Write = {}): Promise<JsonObject> {
    await this.find(by, id);
    const oversees = isOverseer(by);
    return this.change(by, id, write, sql.RELEASE, [oversees], (now) => {
      if (now.status === 'open') return 'already';
      return oversees || now.assignee === by.account ? 'again' : taskTaken(now.assignee, now.assignee_name);
    });
  }

  /** To whom the task can be given. */
  async assignees(by: Principal, id: string): Promise<JsonObject[]> {
    const task = await this.find(by, id);
    const colleagues = await this.deps.accounts.ofOrganisation(by.organisationId);
    return colleagues
      .filter((other) => isCandidate(other, task))
      .map(({ account, name, roles }) => ({ id: account, name, roles }));
  }

  /** Gives the task to somebody whose role it asks for. */
  async assign(by: Principal, id: string, assignee: string, write: Write = {}): Promise<JsonObject> {
    const task = await this.find(by, id);
    if (!isOverseer(by))
      throw new AppError('no-right', 403, 'Only supervisors, directors and administrators assign tasks.');
    const other = isUuid(assignee) ? await this.deps.accounts.principal(assignee) : null;
    if (!other || other.organisationId !== by.organisationId || !isCandidate(other, task)) {
      throw new AppError(
        'account-not-found',
        422,
        `There is no account ${assignee.slice(0, 64)} with the role "${task.role}".`,
        { role: task.role },
        [
          {
            path: '/assignee',
            message: `must be an account with the role ${task.role}`,
            rule: 'account-with-role',
            facts: { role: task.role },
          },
        ],
      );
    }
    return this.change(by, id, write, sql.ASSIGN, [other.account], () => 'again');
  }

  /** Puts the task aside until a moment (ISO 8601); it comes back by itself. */
  async hold(by: Principal, id: string, until: string, reason: string, write: Write = {}): Promise<JsonObject> {
    await this.find(by, id);
    if (Date.parse(until) <= Date.parse(await this.deps.clock.now())) throw holdPast(until);
    return this.change(by, id, write, sql.HOLD, [until, reason], (now) => notMine(by, now));
  }

  async saveDraft(by: Principal, id: string, draft: Json, write: Write = {}): Promise<JsonObject> {
    await this.find(by, id);
    return this.change(by, id, write, sql.SAVE_DRAFT, [JSON.stringify(draft)], (now) => notMine(by, now));
  }

  /**
   * Answers the task: `{task, case}`. What nobody has is claimed by the answer itself.
   * @param onBehalfOf the account that has the task, where somebody who oversees answers in its place
   */
  async complete(by: Principal, id: string, output: Json, write: Write = {}, onBehalfOf?: string): Promise<Completed> {
    const task = await this.find(by, id);
    const workflow = await this.deps.versions.byVersion(by.organisationId, task.workflow_key, task.workflow_version);
    const form = workflow.forms[task.form];
    if (onBehalfOf !== undefined && !isOverseer(by)) throw overseersOnly();
    // With a key the engine must be asked first: the answer may be the one that closed the task.
    if (write.key === undefined) refuseOver(by, task, onBehalfOf);
    badInput(task.form, form?.schema, output);
    if (form) await this.refuseStrangers(task, form, output);
    if (form) await this.refuseToCome(form, output);
    const { answer, values } = splitPersonal(form?.schema ?? {}, output, this.deps.id);
    const { revision, ...rest } = write;
    // Of a request that came with a key it is made already.
    const whole = () => this.digestOf('complete', id, output, ...(onBehalfOf === undefined ? [] : [onBehalfOf]));
    const common = commandOf(by, { ...rest, digestOf: rest.digestOf ?? whole() }, this.deps.id);
    const command = {
      ...common,
      sender: { ...common.sender, ...(onBehalfOf === undefined ? {} : { onBehalfOf }) },
      kind: 'answer' as const,
      caseId: task.case_id,
      entryId: task.id,
      output: answer,
      late: 'refuse' as const,
      present: (accepted: { case: Parameters<typeof presentCase>[0] }): Json => ({
        task: this.presentDone(
          by,
          task,
          { form, member: memberIn(accepted.case) },
          accepted.case.updatedAt,
          onBehalfOf,
        ),
        case: presentCase(accepted.case, by, accepted.case.updatedAt),
      }),
    };
    this.deps.source.keepPersonal(answer, values);
    const consents = consentsIn(form?.schema ?? {}, output);
    this.deps.source.keepConsents(answer, consents);
    if (revision !== undefined) this.deps.source.expectRevision(command, revision);
    try {
      const accepted = await this.deps.engine.submit(command);
      const { organisationId, subject } = accepted.case;
      if (subject !== null)
        for (const partner of consents.given) await this.deps.consents.announce({ organisationId, subject, partner });
      return { answer: accepted.answer, replayed: accepted.replayed };
    } catch (error) {
      throw await this.named(by, error);
    }
  }

  /** A day that has passed stays so, also when the answer is sent again with its key. */
  private async refuseToCome({ schema }: Form, output: Json): Promise<void> {
    const said = pastDaysIn(schema, output);
    if (said.size > 0) refuseDaysToCome(said, dayAt(await this.deps.clock.now(), this.deps.zone));
  }

  /** Numbers are never taken from anybody: what fits once fits for ever, also when it is sent again with its key. */
  private async refuseStrangers({ organisation_id, subject }: TaskRow, { schema }: Form, output: Json): Promise<void> {
    const named = membersIn(schema, output);
    // A case may be about something else than a family.
    if (named.size === 0 || subject === null || !isUuid(subject)) return;
    const persons = await this.deps.families.personsOf(organisation_id, subject);
    const known = persons.map(({ place }) => place + 1);
    if (known.length > 0)
      refuseUnknownMembers(
        named,
        known.sort((one, other) => one - other),
      );
  }

  /** For the sweeper: what was held comes back, drafts whose time is over go. */
  async sweep(relay: Pool): Promise<void> {
    await relay.query(sql.END_HOLDS);
    await relay.query(sql.ERASE_DRAFTS);
  }

  /** The task, if the account may see it. @throws AppError `task-not-found` */
  private async find(by: Principal, id: string): Promise<TaskRow> {
    if (!isUuid(id)) throw taskNotFound(id);
    const row = await this.deps.reads.row<TaskRow>(sql.FIND_TASKS, id.toLowerCase(), by.organisationId);
    if (!row || !maySeeTask(by, row)) throw taskNotFound(id);
    return row;
  }

  /** One UPDATE decides; only when it found nothing is the row read to say why. */
  private async change(
    by: Principal,
    id: string,
    write: Write,
    statement: string,
    values: unknown[],
    judge: (now: TaskRow) => Standing,
  ): Promise<JsonObject> {
    for (let attempt = 1; ; attempt += 1) {
      const { row, changed } = await asOrganisation(this.deps.pool, by.organisationId, async (run) => {
        const found = await run<{ id: string }>(statement, [id, by.account, write.revision ?? null, ...values]);
        const [now] = await run<TaskRow>(`${sql.SELECT_TASKS} where t.id = $1`, [id]);
        return { row: now, changed: found.length > 0 };
      });
      if (!row) throw taskNotFound(id);
      if (changed) return this.present(by, row);
      if (row.status === 'done' || row.status === 'cancelled') throw taskOver(row.status);
      const standing = judge(row);
      if (standing === 'already') return this.present(by, row);
      if (standing !== 'again') throw standing;
      if (write.revision !== undefined && row.revision !== write.revision)
        throw taskStale(row.revision, write.revision);
      if (attempt === ATTEMPTS) throw taskTaken(row.assignee, row.assignee_name);
    }
  }

  private async present(by: Principal, row: TaskRow): Promise<JsonObject> {
    return presentTask(row, await this.settingOf(row), by);
  }

  /** What the task will be once its answer is taken. */
  private presentDone(by: Principal, task: TaskRow, setting: TaskSetting, at: string, onBehalfOf?: string): JsonObject {
    const done = {
      ...task,
      status: 'done' as const,
      ...(onBehalfOf === undefined ? { assignee: by.account, assignee_name: by.name } : {}),
      completed_by: by.account,
      completed_by_name: by.name,
      closed_at: new Date(at),
      overdue: false,
      held_until: null,
      hold_reason: null,
      draft: null,
      revision: task.revision + 1,
    };
    return presentTask(done, setting, by);
  }

  private async settingOf(row: TaskRow): Promise<TaskSetting> {
    const { engine, versions } = this.deps;
    const workflow = await versions.byVersion(row.organisation_id, row.workflow_key, row.workflow_version);
    // A case whose state cannot be read hides nobody's tasks.
    const found = tellsMember(workflow) ? await engine.read(row.organisation_id, row.case_id).catch(() => null) : null;
    return { form: workflow.forms[row.form], member: found && memberIn(found) };
  }

  /** The engine knows who has a task by id only. */
  private async named(by: Principal, error: unknown): Promise<unknown> {
    if (!(error instanceof AppError) || (error.code !== 'task-taken' && error.code !== 'not-their-task')) return error;
    const assignee = typeof error.facts['assignee'] === 'string' ? error.facts['assignee'] : null;
    const other = assignee === null ? null : await this.deps.accounts.principal(assignee);
    const name = other?.organisationId === by.organisationId ? other.name : null;
    return error.code === 'task-taken'
      ? taskTaken(assignee, name)
      : notTheirs({ status: assignee === null ? 'open' : 'claimed', assignee }, name);
  }

  /** Equal for equal answers, and no help to somebody who wants to guess what was answered. */
  private digestOf(...what: Json[]): Json {
    return createHmac('sha256', this.deps.secret).update(canonicalJson(what)).digest('hex');
  }
}

/** Why a change found nothing to change: it is so already, the row looks right by now, or the reason to refuse. */
type Standing = 'already' | 'again' | AppError;

/** How often a task may change under our hands between two looks. */
const ATTEMPTS = 3;

function memberIn({ workflow, chart }: Pick<CaseRecord, 'workflow' | 'chart'>): number | null {
  return memberOf(workflow, chart.snapshot.context);
}

function notMine(by: Principal, now: TaskRow): Standing {
  if (now.status === 'open') return notYours();
  return now.assignee === by.account ? 'again' : taskTaken(now.assignee, now.assignee_name);
}

function refuseOver(by: Principal, task: TaskRow, onBehalfOf: string | undefined): void {
  if (task.status === 'done' || task.status === 'cancelled') throw taskOver(task.status);
  if (!isCandidate(by, task)) throw wrongRole(task.role);
  if (onBehalfOf !== undefined && (task.status === 'open' || task.assignee !== onBehalfOf))
    throw notTheirs(task, task.status === 'open' ? null : task.assignee_name);
  if (task.status !== 'open' && task.assignee !== (onBehalfOf ?? by.account))
    throw taskTaken(task.assignee, task.assignee_name);
}

function viewCondition(by: Principal, view: TaskView, value: (given: unknown) => string): string {
  switch (view) {
    case 'mine':
      return `t.assignee = ${value(by.account)}`;
    case 'available':
      return `t.status = 'open' and t.role = any (${value(by.roles)}::text[])`;
    case 'cases':
      return `exists (select from qamqor.tasks m where m.case_id = t.case_id and m.assignee = ${value(by.account)})`;
    case 'all':
      return 'true';
  }
}

function cursorOf(row: TaskRow): string {
  return writeCursor(-row.priority, row.queue_at instanceof Date ? row.queue_at.toISOString() : 'infinity', row.id);
}

function isTaskKey(key: unknown[]): key is [number, string, string] {
  const [priority, due, id] = key;
  return key.length === 3 && isInt(priority) && (due === 'infinity' || isMoment(due)) && isUuid(id);
}
