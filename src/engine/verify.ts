import type { Pool } from 'pg';
import { position } from '../statechart/accepts.js';
import { canonicalJson } from '../statechart/canonical.js';
import type { Calendar, ChartState, CloseReason, Workflow } from '../statechart/types.js';
import { asOrganisation, type Query } from './cases.js';
import { entryUuid } from './entry-uuid.js';
import { chainHash, GENESIS, payloadDigest, type StoredRow } from './journal.js';
import { earliestDue } from './record.js';
import { type Replayed, replayCase } from './replay.js';
import { type CaseRow, caseRecord } from './rows.js';
import type { CaseRecord, JournalBody, JournalPayload, VersionsApi } from './types.js';

export interface VerifyProblem {
  /** Null where it belongs to no case: a row of the access log, a workflow. */
  case: string | null;
  seq: number | null;
  rule: string;
  message: string;
}

export interface VerifyReport {
  ok: boolean;
  cases: number;
  rows: number;
  problems: VerifyProblem[];
}

/** What a feature holds of one entry, to be compared with the journal. */
export interface Work {
  caseId: string;
  /** UUID. */
  entryId: string;
  /** How the entry may have ended, by what its row says; null: it is open. */
  ended: readonly CloseReason[] | null;
  /** ISO 8601. */
  due: string | null;
}

export type ReadWork = (query: Query, caseIds: string[]) => Promise<Work[]>;

/** Where cases are read and made again: a runtime. */
export interface VerifiedFrom {
  readPool: Pool;
  versions: VersionsApi;
  calendar(organisationId: string): Calendar;
}

/** What cases are made again with. */
interface Again {
  versions: VersionsApi;
  zone: string;
}

const CASES_AT_ONCE = 100;

/**
 * Makes every case again from its journal alone and compares: chain, payloads, state, context, history, open entries,
 * timers and due times, what the features show for them, and the workflows that they ran on. One consistent look at the database per group of cases.
 */
export async function verify(
  from: VerifiedFrom,
  organisationId: string,
  openWork: Record<string, ReadWork>,
  progress?: (cases: number) => void,
): Promise<VerifyReport> {
  const { readPool: pool, versions } = from;
  const report: VerifyReport = { ok: true, cases: 0, rows: 0, problems: [] };
  const stored = versions.afresh();
  report.problems.push(...(await asOrganisation(pool, organisationId, withoutCase)));
  report.problems.push(...(await changedWorkflows(pool, stored, organisationId)));
  const again = { versions: stored, zone: from.calendar(organisationId).zone };
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const group = (query: Query) => verifyGroup(query, again, after, openWork, report);
    const next = await asOrganisation(pool, organisationId, group, 'snapshot');
    progress?.(report.cases);
    if (!next) break;
    after = next;
  }
  report.ok = report.problems.length === 0;
  return report;
}

/** Cases that are gone, with their journals left behind. */
async function withoutCase(query: Query): Promise<VerifyProblem[]> {
  const rows = await query<{ id: string; seq: number }>(
    `select j.case_id as id, max(j.seq) as seq from qamqor.journal j
      where not exists (select from qamqor.cases c where c.id = j.case_id) group by j.case_id order by j.case_id`,
  );
  return rows.map(({ id, seq }) => ({
    case: id,
    seq,
    rule: 'case-missing',
    message: `The case is not there; its journal of ${seq} rows is.`,
  }));
}

/** Versions whose files are not those that were deployed: what a row of the journal ran on, nobody could say. */
async function changedWorkflows(pool: Pool, versions: VersionsApi, organisationId: string): Promise<VerifyProblem[]> {
  const rows = await asOrganisation(pool, organisationId, (query) =>
    query<{ key: string; version: number; hash: string }>(
      'select key, version, hash from qamqor.workflow_versions where organisation_id = $1 order by key, version',
      [organisationId],
    ),
  );
  const problems: VerifyProblem[] = [];
  for (const { key, version, hash } of rows) {
    const found = await versions.byVersion(organisationId, key, version).then(
      (workflow) => `the hash ${workflow.hash}`,
      (error: Error) => `no workflow: ${error.message}`,
    );
    if (found === `the hash ${hash}`) continue;
    const message = `"${key}" version ${version} was deployed with the hash ${hash}; its files have ${found}.`;
    problems.push({ case: null, seq: null, rule: 'workflow-changed', message });
  }
  return problems;
}

async function verifyGroup(
  query: Query,
  again: Again,
  after: string,
  openWork: Record<string, ReadWork>,
  report: VerifyReport,
): Promise<string | undefined> {
  const rows = await query<CaseRow>(
    `select id, organisation_id, number, workflow_key, workflow_version, subject, parent_case_id, parent_entry_id, status, state, stage, stages,
       chart, revision, head, opened_at, updated_at, closed_at, due_at, incidents, modified
     from qamqor.cases where id > $1 order by id limit $2`,
    [after, CASES_AT_ONCE],
  );
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return undefined;
  const journal = Map.groupBy(
    await query<StoredRow & { case_id: string }>(
      `select j.case_id, j.seq, j.at, j.kind, j.type, j.body, j.hash, p.salt, p.data
       from qamqor.journal j left join qamqor.payloads p on p.case_id = j.case_id and p.seq = j.seq
       where j.case_id = any ($1::uuid[]) order by j.case_id, j.seq`,
      [ids],
    ),
    (row) => row.case_id,
  );
  const timers = Map.groupBy(
    await query<{ case_id: string; id: string; due_at: Date }>(
      'select case_id, id, due_at from qamqor.timers where case_id = any ($1::uuid[])',
      [ids],
    ),
    (row) => row.case_id,
  );
  const work = new Map<string, Map<string, Work>>();
  for (const [src, read] of Object.entries(openWork)) {
    for (const row of await read(query, ids)) {
      const key = `${row.caseId}:${src}`;
      const entries = work.get(key) ?? new Map<string, Work>();
      work.set(key, entries.set(row.entryId, row));
    }
  }
  for (const row of rows) {
    const stored = journal.get(row.id) ?? [];
    report.cases += 1;
    report.rows += stored.length;
    try {
      const record = caseRecord(
        row,
        await again.versions.byVersion(row.organisation_id, row.workflow_key, row.workflow_version),
      );
      report.problems.push(
        ...(await verifyCase(
          record,
          stored,
          timers.get(row.id) ?? [],
          (src) => (openWork[src] ? (work.get(`${row.id}:${src}`) ?? new Map()) : undefined),
          again,
        )),
      );
    } catch (error) {
      report.problems.push({
        case: row.id,
        seq: null,
        rule: 'unreadable',
        message: `The case cannot be read: ${(error as Error).message}`,
      });
    }
  }
  return ids.at(-1);
}

async function verifyCase(
  record: CaseRecord,
  stored: StoredRow[],
  timers: { id: string; due_at: Date }[],
  workOf: (src: string) => Map<string, Work> | undefined,
  { versions, zone }: Again,
): Promise<VerifyProblem[]> {
  const problems: VerifyProblem[] = [];
  const add = (seq: number | null, rule: string, message: string) =>
    problems.push({ case: record.id, seq, rule, message });
  checkChain(record, stored, add);
  if (problems.length > 0) return problems;

  const workflowAt = (body: JournalBody): Promise<Workflow> =>
    versions.byVersion(record.organisationId, body.workflow.key, body.workflow.version);
  const last = stored.at(-1);
  const { version } = last === undefined ? { version: record.workflowVersion } : bodyOf(last).workflow;
  if (version !== record.workflowVersion)
    add(stored.length, 'version-changed', `The case has version ${record.workflowVersion}, its journal ${version}.`);
  const replayed = await replayCase(stored, workflowAt, zone);
  for (const problem of replayed.problems) add(problem.seq, problem.rule, problem.message);
  if (replayed.chart === undefined) {
    if (replayed.lostAt !== undefined)
      add(
        replayed.lostAt,
        'payload-missing',
        `The payload of row ${replayed.lostAt} is not there, and no later row carries the state it led to.`,
      );
    return problems;
  }
  compareIdentity(record, stored, add);
  compareCase(record, replayed.chart, replayed.status, stored.length, add);
  compareChart(record, replayed.chart, stored.length, add);
  compareTimers(record, replayed.chart, timers, add);
  compareWork(record, replayed, workOf, add);
  return problems;
}

type Add = (seq: number | null, rule: string, message: string) => void;

/** Rows without gaps, each hash over the one before, columns equal to the body, payloads equal to their digests. */
function checkChain(record: CaseRecord, stored: StoredRow[], add: Add): void {
  let previous: Buffer = GENESIS;
  for (const [index, row] of stored.entries()) {
    const expected = index + 1;
    if (row.seq !== expected) {
      add(expected, 'row-missing', `Row ${expected} is not there; row ${row.seq} stands in its place.`);
      return;
    }
    if (!chainHash(previous, row.body).equals(row.hash)) {
      add(row.seq, 'row-changed', `Row ${row.seq} is not what its hash covers, or follows another row than it did.`);
      return;
    }
    checkRow(row, add);
    previous = row.hash;
  }
  const last = stored.length;
  if (last !== record.revision) {
    add(last + 1, 'row-missing', `The case is at revision ${record.revision}, the journal ends at ${last}.`);
  } else if (!previous.equals(record.head)) {
    add(last, 'head-changed', 'The head of the chain on the case is not the hash of its last row.');
  }
}

function checkRow(row: StoredRow, add: Add): void {
  const body = bodyOf(row);
  if (body.seq !== row.seq || body.kind !== row.kind || body.type !== row.type || body.at !== row.at.toISOString()) {
    add(row.seq, 'row-changed', `The columns of row ${row.seq} say something else than its body.`);
  }
  const { data, salt } = row;
  if (data !== null && salt !== null && payloadDigest(salt, data) !== body.payload) {
    add(row.seq, 'payload-changed', `The payload of row ${row.seq} is not the one that was journaled.`);
  }
}

function bodyOf(row: StoredRow): JournalBody {
  return JSON.parse(row.body) as JournalBody;
}

/** Which family's case it is and where it belongs. The first row says so, unless its payload was erased. */
function compareIdentity(record: CaseRecord, stored: StoredRow[], add: Add): void {
  const first = stored[0];
  const { identity } = JSON.parse(first?.data ?? '{}') as JournalPayload;
  const { number, subject, parent } = record;
  if (identity && canonicalJson(identity as object) !== canonicalJson({ number, subject, parent }))
    add(
      1,
      'case-changed',
      `The case says ${canonicalJson({ number, subject, parent })}; it was opened as ${canonicalJson(identity)}.`,
    );
  if (first && record.openedAt !== first.at.toISOString())
    add(
      1,
      'case-changed',
      `The case says that it was opened at ${record.openedAt}; its first row is of ${first.at.toISOString()}.`,
    );
}

/** What lists and boards read: the columns of the case. */
function compareCase(record: CaseRecord, chart: ChartState, status: string, seq: number, add: Add): void {
  const { state, stage, stages } = position(record.workflow, chart);
  const closed = status === 'done' || status === 'cancelled';
  const led = { status, state, stage, stages, dueAt: earliestDue(chart.entries), closed };
  const shown = {
    status: record.status,
    state: record.state,
    stage: record.stage,
    stages: record.stages,
    dueAt: record.dueAt,
    closed: record.closedAt !== null,
  };
  for (const [column, was] of Object.entries(led)) {
    const [leads, says] = [canonicalJson(was), canonicalJson(shown[column as keyof typeof shown])];
    if (leads !== says) add(seq, 'case-changed', `The case says ${column} ${says}; the journal leads to ${leads}.`);
  }
}

function compareChart(record: CaseRecord, chart: ChartState, seq: number, add: Add): void {
  for (const part of ['value', 'context', 'historyValue', 'status', 'output', 'order'] as const) {
    const was = canonicalJson(chart.snapshot[part] ?? null);
    const is = canonicalJson(record.chart.snapshot[part] ?? null);
    if (was !== is)
      add(
        seq,
        `${part === 'value' ? 'state' : part}-changed`,
        `The stored ${part} is ${is}; the journal leads to ${was}.`,
      );
  }
  const texts = (state: ChartState) => state.entries.map((entry) => canonicalJson(entry));
  const [led, stored] = [texts(chart), texts(record.chart)];
  if (led.join() !== stored.join()) {
    const at = led.findIndex((text, index) => text !== stored[index]);
    const [leads, is] = [chart.entries[at], record.chart.entries[at === -1 ? led.length : at]];
    add(
      leads?.seq ?? seq,
      'entries-changed',
      `Among the stored open entries is ${is ? `"${is.id}", due ${is.due ?? 'never'}` : 'none'} where the journal leads to ${leads ? `"${leads.id}", due ${leads.due ?? 'never'}, with its input` : 'none'}.`,
    );
  }
  if (canonicalJson(chart.lists) !== canonicalJson(record.chart.lists))
    add(seq, 'lists-changed', 'The stored progress of a list is not what the journal leads to.');
}

function compareTimers(record: CaseRecord, chart: ChartState, timers: { id: string; due_at: Date }[], add: Add): void {
  const stored = new Map(timers.map((timer) => [timer.id, timer.due_at.toISOString()]));
  for (const entry of chart.entries) {
    if (entry.kind === 'invocation') continue;
    const id = entryUuid(record.id, entry.id, entry.seq);
    const due = stored.get(id);
    stored.delete(id);
    if (due === undefined)
      add(entry.seq, 'timer-missing', `The timer of "${entry.id}", due ${entry.due}, is not there.`);
    else if (due !== entry.due)
      add(entry.seq, 'timer-changed', `The timer of "${entry.id}" is due ${due}; the journal says ${entry.due}.`);
  }
  for (const id of stored.keys()) add(null, 'timer-unknown', `A timer ${id} waits that the journal does not know.`);
}

/** Tasks and hand-offs: open exactly where the journal says so, due when it says so, ended as it says. */
function compareWork(
  record: CaseRecord,
  replayed: Replayed,
  workOf: (src: string) => Map<string, Work> | undefined,
  add: Add,
): void {
  const open = new Map(
    replayed.chart?.entries.flatMap((entry) => (entry.kind === 'invocation' ? [[entry.id, entry] as const] : [])),
  );
  for (const { id, seq, src } of replayed.everOpened) {
    const work = workOf(src);
    if (!work) continue;
    const uuid = entryUuid(record.id, id, seq);
    const row = work.get(uuid);
    const entry = open.get(id);
    const reason = replayed.ended.get(uuid);
    if (!row) add(seq, `${src}-missing`, `"${id}" was opened, but its row is not there.`);
    else if ((row.ended === null) !== (entry !== undefined))
      add(
        seq,
        `${src}-changed`,
        `"${id}" is ${row.ended === null ? 'open' : 'closed'} in its table and ${entry ? 'open' : 'closed'} in the journal.`,
      );
    else if (entry && (entry.due ?? null) !== row.due)
      add(
        seq,
        `${src}-changed`,
        `"${id}" is due ${row.due ?? 'never'} in its table and ${entry.due ?? 'never'} in the journal.`,
      );
    else if (row.ended && reason !== undefined && !row.ended.includes(reason))
      add(seq, `${src}-changed`, `"${id}" was ${reason} by the journal, and its table says that it was not.`);
  }
}
