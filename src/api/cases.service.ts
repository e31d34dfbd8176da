import { Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import { digestOf, keyReused } from '../engine/keys.js';
import type { MovingAct } from '../engine/moves.js';
import { CASE_DUE, CASE_OVERDUE, CASE_STALLED } from '../engine/overdue.js';
import { type Preview, previewAct } from '../engine/preview.js';
import { caseNotFound } from '../engine/refusals.js';
import { type CaseRow, caseRecord } from '../engine/rows.js';
import type {
  Accepted,
  Act,
  CaseRecord,
  EngineApi,
  JournalBody,
  JournalPayload,
  VersionsApi,
} from '../engine/types.js';
import { type Principal, senderOf } from '../identity/principal.js';
import type { RoleBook } from '../identity/roles.js';
import type { Clock } from '../platform/clock.js';
import { numbersMeantBy } from '../platform/numbers.js';
import type { Calendar, Json, JsonObject, Language } from '../statechart/types.js';
import { type ActName, actorsOf, mayAct, maySendEvents } from './case.policy.js';
import { presentCase } from './case.presenter.js';
import { isInt, isMoment, isUuid, pageOf, readCursor, writeCursor } from './cursor.js';
import { stalledReasons } from './stalled-reasons.js';
import { commandOf, type Write } from './write.js';

/** Turns what a person sends into what a workflow's input asks for, and says what the case is about. */
export interface Intake {
  prepare(
    workflow: { key: string; inputSchema?: JsonObject },
    input: JsonObject,
    by: Principal,
    write: Write,
  ): Promise<{ input: JsonObject; subject?: string }>;
  /** Ids of subjects that match what somebody typed. */
  search(by: Principal, query: string): Promise<string[]>;
}

export interface CaseQuery {
  limit: number;
  cursor?: string | undefined;
  workflow?: string | undefined;
  stage?: string | undefined;
  status?: CaseRecord['status'] | undefined;
  overdue?: boolean | undefined;
  stalled?: boolean | undefined;
  /** Id of the family that they are about. */
  subject?: string | undefined;
  /** The newest first, unless told. `due`: first what has been due for longest, last what has no due moment. */
  order?: 'newest' | 'due' | undefined;
  q?: string | undefined;
}

export interface CasesDependencies {
  engine: EngineApi;
  versions: VersionsApi;
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  clock: Clock;
  intake: Intake;
  calendar: Calendar;
  roles: RoleBook;
  /** UUIDv7. */
  id(): string;
}

const CASE_COLUMNS = `id, organisation_id, number, workflow_key, workflow_version, subject, parent_case_id, parent_entry_id, status, state,
  stage, stages, chart, revision, head, opened_at, updated_at, closed_at, ${CASE_DUE('cases')} as due_at, incidents, modified`;

interface Order {
  /** As SQL. */
  by: string;
  cursor(last: CaseRow): string;
  /** Rows after the cursor, as SQL. `value`: names a parameter. */
  after(cursor: string, value: (given: unknown) => string): string;
}

const NEVER = 'infinity';
/** As exact as the moments that the API gives. */
const DUE_OR_NEVER = `coalesce(date_trunc('milliseconds', ${CASE_DUE('cases')}), '${NEVER}')`;

const ORDERS: Record<'newest' | 'due', Order> = {
  newest: {
    by: 'id desc',
    cursor: ({ id }) => writeCursor(id),
    after: (cursor, value) =>
      `id < ${value(readCursor(cursor, (key): key is [string] => key.length === 1 && isUuid(key[0]))[0])}`,
  },
  due: {
    by: `${DUE_OR_NEVER}, id`,
    cursor: ({ due_at: due, id }) => writeCursor(due?.toISOString() ?? NEVER, id),
    after(cursor, value) {
      const isKey = (key: unknown[]): key is [string, string] =>
        key.length === 2 && (key[0] === NEVER || isMoment(key[0])) && isUuid(key[1]);
      const [due, id] = readCursor(cursor, isKey);
      return `(${DUE_OR_NEVER}, id) > (${value(due)}::timestamptz, ${value(id)}::uuid)`;
    },
  },
};

/** Cases as people see and move them. */
@Injectable()
export class CasesService {
  constructor(private readonly deps: CasesDependencies) {}

  async open(by: Principal, workflow: string, given: JsonObject, write: Write = {}): Promise<Accepted> {
    const { workflow: current } = await this.deps.versions.current(by.organisationId, workflow);
    if ('applicant' in given) await this.refuseReused(by, write);
    const { input, subject } = await this.deps.intake.prepare(current, given, by, write);
    return this.deps.engine.submit({
      ...commandOf(by, { digestOf: { open: workflow, input }, ...write }, this.deps.id),
      kind: 'open',
      caseId: this.deps.id(),
      workflow,
      input,
      ...(subject === undefined ? {} : { subject }),
      present: (accepted) => presentCase(accepted.case, by, accepted.case.updatedAt),
    });
  }

  /** A key that stands for something else already registers nobody. */
  private async refuseReused(by: Principal, { key, digestOf: what }: Write): Promise<void> {
    if (key === undefined || what === undefined) return;
    const [kept] = await asOrganisation(this.deps.pool, by.organisationId, (run) =>
      run<{ digest: Buffer }>(
        'select digest from qamqor.commands where organisation_id = $1 and account = $2 and id = $3',
        [by.organisationId, by.account, key],
      ),
    );
    if (kept && !kept.digest.equals(digestOf(what))) throw keyReused({ id: key });
  }

  /** Of those that are asked for because they stand still, why they do, in the reader's `language`. */
  async list(
    by: Principal,
    query: CaseQuery,
    language: Language,
  ): Promise<{ items: JsonObject[]; next: string | null }> {
    const now = await this.deps.clock.now();
    const values: unknown[] = [by.organisationId];
    const value = (given: unknown) => `$${values.push(given)}`;
    const conditions = ['organisation_id = $1'];
    if (query.workflow !== undefined) conditions.push(`workflow_key = ${value(query.workflow)}`);
    // As the board counts: at the furthest stage, and only while the case stands there.
    if (query.stage !== undefined) {
      conditions.push(`coalesce(stage, '-') = ${value(query.stage)}`);
      if (query.status === undefined) conditions.push(`status in ('active', 'suspended')`);
    }
    if (query.status !== undefined) conditions.push(`status = ${value(query.status)}`);
    if (query.overdue !== undefined)
      conditions.push(`${CASE_OVERDUE('cases', `${value(now)}::timestamptz`)} = ${value(query.overdue)}`);
    if (query.stalled !== undefined)
      conditions.push(`${CASE_STALLED('cases', `${value(now)}::timestamptz`)} = ${value(query.stalled)}`);
    if (query.subject !== undefined) conditions.push(`subject = ${value(query.subject)}`);
    if (query.q !== undefined && query.q.trim() !== '')
      conditions.push(await this.searchCondition(by, query.q.trim(), value));
    const order = ORDERS[query.order ?? 'newest'];
    if (query.cursor !== undefined) conditions.push(order.after(query.cursor, value));
    const text = `select ${CASE_COLUMNS} from qamqor.cases where ${conditions.join(' and ')} order by ${order.by} limit ${value(query.limit + 1)}`;
    const rows = await asOrganisation(this.deps.pool, by.organisationId, (run) => run<CaseRow>(text, values));
    const { items, next } = pageOf(rows, query.limit, order.cursor, (row) => this.presented(row, by, now));
    const presented = (await Promise.all(items)).flat();
    return {
      items: query.stalled === true ? await this.withReasons(by, presented, { now, language }) : presented,
      next,
    };
  }

  private async withReasons(
    by: Principal,
    items: JsonObject[],
    { now, language }: { now: string; language: Language },
  ): Promise<JsonObject[]> {
    const ids = items.map(({ id }) => String(id));
    const { pool, versions } = this.deps;
    const reasons = await asOrganisation(pool, by.organisationId, (run) =>
      stalledReasons(run, versions, { ids, now, language }),
    );
    return items.map((item) => ({ ...item, reason: reasons.get(String(item['id'])) ?? null }));
  }

  /** Nothing for one whose state cannot be read: it must not hide the others. `verify` names it, and the sweep for orphans warns of it. */
  private async presented(row: CaseRow, by: Principal, now: string): Promise<JsonObject[]> {
    const workflow = await this.deps.versions.byVersion(row.organisation_id, row.workflow_key, row.workflow_version);
    try {
      return [presentCase(caseRecord(row, workflow), by, now)];
    } catch {
      return [];
    }
  }

  async read(by: Principal, idOrNumber: string): Promise<JsonObject> {
    const record = await this.find(by, idOrNumber);
    return presentCase(record, by, await this.deps.clock.now());
  }

  async journal(
    by: Principal,
    idOrNumber: string,
    query: { limit: number; cursor?: string | undefined },
  ): Promise<{ items: JsonObject[]; next: string | null }> {
    const { id } = await this.find(by, idOrNumber);
    const [after] =
      query.cursor === undefined
        ? [0]
        : readCursor(query.cursor, (key): key is [number] => key.length === 1 && isInt(key[0]));
    const rows = await asOrganisation(this.deps.pool, by.organisationId, (run) =>
      run<JournalDatabaseRow>(
        `select j.seq, j.body, j.hash, p.data, (select b.hash from qamqor.journal b where b.case_id = j.case_id and b.seq = j.seq - 1) as previous
           from qamqor.journal j left join qamqor.payloads p on p.case_id = j.case_id and p.seq = j.seq
          where j.case_id = $1 and j.seq > $2 order by j.seq limit $3`,
        [id, after, query.limit + 1],
      ),
    );
    return pageOf(rows, query.limit, (row) => writeCursor(row.seq), presentJournalRow);
  }

  async send(
    by: Principal,
    idOrNumber: string,
    type: string,
    data: Json | undefined,
    write: Write = {},
  ): Promise<Accepted> {
    if (!maySendEvents(by))
      throw new AppError('no-right', 403, 'An auditor sees every case and sends no events.', {
        because: 'inspects-only',
      });
    const id = await this.idOf(by, idOrNumber);
    return this.deps.engine.submit({
      ...commandOf(by, write, this.deps.id),
      kind: 'event',
      caseId: id,
      type,
      ...(data === undefined ? {} : { data }),
      present: (accepted) => presentCase(accepted.case, by, accepted.case.updatedAt),
    });
  }

  async act(by: Principal, idOrNumber: string, act: Act, reason: string, write: Write = {}): Promise<Accepted> {
    refuseActor(by, act.type, this.deps.roles);
    const id = await this.idOf(by, idOrNumber);
    return this.deps.engine.submit({
      ...commandOf(by, write, this.deps.id),
      kind: 'act',
      caseId: id,
      act,
      reason,
      present: (accepted) => presentCase(accepted.case, by, accepted.case.updatedAt),
    });
  }

  /** What the act would lead to; nothing is changed. Refused as the act itself would be. */
  async preview(by: Principal, idOrNumber: string, act: MovingAct, { revision }: Write = {}): Promise<Preview> {
    refuseActor(by, act.type, this.deps.roles);
    const record = await this.find(by, idOrNumber);
    const { versions, clock, calendar } = this.deps;
    return await previewAct(record, act, {
      now: await clock.now(),
      calendar,
      sender: senderOf(by),
      versions,
      ...(revision === undefined ? {} : { revision }),
    });
  }

  /** @throws AppError `case-not-found` */
  async find(by: Principal, idOrNumber: string): Promise<CaseRecord> {
    const name = isUuid(idOrNumber) ? idOrNumber.toLowerCase() : idOrNumber.slice(0, 40).toUpperCase();
    const record = await this.deps.engine.read(by.organisationId, name);
    if (!record) throw caseNotFound(idOrNumber.slice(0, 64));
    return record;
  }

  /** For a command: the engine finds the case by its id itself, locked. */
  private async idOf(by: Principal, idOrNumber: string): Promise<string> {
    return isUuid(idOrNumber) ? idOrNumber.toLowerCase() : (await this.find(by, idOrNumber)).id;
  }

  /** A number, part of one, or whatever the case is about. What has no letter and no digit is found nowhere. */
  private async searchCondition(by: Principal, q: string, value: (given: unknown) => string): Promise<string> {
    if (!/[\p{L}\p{N}]/u.test(q)) return 'false';
    const subjects = await this.deps.intake.search(by, q);
    const pattern = `%${q.toUpperCase().replace(/[\\%_]/g, '\\$&')}%`;
    const meant = `number = any (${value(numbersMeantBy(q))}::text[])`;
    return `(number like ${value(pattern)} or ${meant} or subject = any (${value(subjects)}::text[]))`;
  }
}

function refuseActor(by: Principal, act: ActName, roles: RoleBook): void {
  if (mayAct(by, act)) return;
  const who = roles.spelt(actorsOf(act));
  throw new AppError('no-right', 403, `"${act}" belongs to: ${who.join(', ')}.`, { roles: who });
}

interface JournalDatabaseRow {
  seq: number;
  body: string;
  hash: Buffer;
  data: string | null;
  previous: Buffer | null;
}

function presentJournalRow(row: JournalDatabaseRow): JsonObject {
  const body = JSON.parse(row.body) as JournalBody;
  const { seq, at, kind, type, by, onBehalfOf, commandId, state, stages, opened, closed } = body;
  const data = row.data === null ? null : presentPayload(JSON.parse(row.data) as JournalPayload);
  const previous = row.previous ?? Buffer.alloc(32);
  return {
    seq,
    at,
    kind,
    type,
    data,
    by,
    onBehalfOf,
    commandId,
    state,
    stages,
    opened,
    closed,
    prevHash: previous.toString('hex'),
    hash: row.hash.toString('hex'),
  };
}

/** What was sent, without the state that an act led to: that is for replay. */
function presentPayload(payload: JournalPayload): Json {
  const { result: _result, ...told } = payload;
  return told as unknown as Json;
}
