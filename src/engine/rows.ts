import type { PoolClient } from 'pg';
import { booleanArray, byteaArray, intArray, textArray, timestampArray, uuidArray } from '../platform/binary-arrays.js';
import { crashPoint } from '../platform/crash-points.js';
import { commit } from '../platform/database.js';
import { sendTogether } from '../platform/send-together.js';
import type { ChartState, Json, Source, Workflow } from '../statechart/types.js';
import { tellDues } from './dues.js';
import { commandDigest, type KeptCommand } from './keys.js';
import * as sql from './statements.js';
import type { BatchTransaction, CaseRecord, DueWatcher, SourceHandler } from './types.js';
import type { BatchWrites } from './writes.js';

export interface CaseRow {
  id: string;
  organisation_id: string;
  number: string;
  workflow_key: string;
  workflow_version: number;
  subject: string | null;
  parent_case_id: string | null;
  parent_entry_id: string | null;
  status: CaseRecord['status'];
  state: string;
  stage: string | null;
  stages: string[];
  chart: string;
  revision: number;
  head: Buffer;
  opened_at: Date;
  updated_at: Date;
  closed_at: Date | null;
  due_at: Date | null;
  incidents: number;
  modified: boolean;
}

export function caseRecord(row: CaseRow, workflow: Workflow): CaseRecord {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    number: row.number,
    workflow,
    workflowVersion: row.workflow_version,
    subject: row.subject,
    parent:
      row.parent_case_id && row.parent_entry_id ? { caseId: row.parent_case_id, entryId: row.parent_entry_id } : null,
    status: row.status,
    state: JSON.parse(row.state) as Json,
    stage: row.stage,
    stages: row.stages,
    revision: row.revision,
    chart: JSON.parse(row.chart) as ChartState,
    head: row.head,
    openedAt: row.opened_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    closedAt: row.closed_at?.toISOString() ?? null,
    dueAt: row.due_at?.toISOString() ?? null,
    incidents: row.incidents,
    modified: row.modified,
  };
}

export interface BatchRows {
  changed: { record: CaseRecord; isNew: boolean }[];
  kept: KeptCommand[];
  writes: BatchWrites;
  now: string;
  dueWatcher?: DueWatcher | undefined;
}

/** Takes no statement after `end`: it would run outside the transaction. */
export interface EndingTransaction extends BatchTransaction {
  end(): void;
}

/** Sends every statement of the batch and its COMMIT in one go; each table is written once. */
export async function writeBatch(
  client: PoolClient,
  tx: EndingTransaction,
  sources: ReadonlyMap<Source, SourceHandler>,
  rows: BatchRows,
): Promise<void> {
  sendTogether(client);
  const sent: Promise<unknown>[] = [];
  /** Sends the statement only where there are rows for it. */
  const send: Send = (statement, items, ...columns) => {
    if (items.length) sent.push(client.query({ ...statement, values: columns.map((column) => column(items)) }));
  };
  const { writes } = rows;
  sendCases(send, rows);
  sendJournal(send, rows);
  sendTimers(send, writes);
  sendOutbox(send, rows);
  sendIncidents(send, writes);
  const ownEntries = new Set(writes.opened.map((row) => row.entryId));
  for (const [source, handler] of sources) {
    const opened = writes.opened.filter((row) => row.entry.src === source);
    const closed = writes.closed.filter((row) => row.entry.src === source);
    const moved = writes.entriesMoved.filter((row) => row.entry.src === source);
    // What is entered again goes on from what was left: that is written first, and what this batch itself opened, last.
    const [before, after] = [
      closed.filter((row) => !ownEntries.has(row.entryId)),
      closed.filter((row) => ownEntries.has(row.entryId)),
    ];
    if (before.length) sent.push(handler.close(tx, before));
    if (opened.length) sent.push(handler.open(tx, opened));
    if (after.length) sent.push(handler.close(tx, after));
    if (moved.length && handler.reschedule) sent.push(handler.reschedule(tx, moved));
  }
  if (rows.dueWatcher) sent.push(...tellDues(tx, rows.dueWatcher, rows));
  crashPoint('commit.before');
  tx.end();
  await inOrder([...sent, commit(client)]);
  crashPoint('commit.after');
}

/** After a statement that failed all others fail, COMMIT among them, and may be heard of earlier: the first one says why. */
async function inOrder(sent: Promise<unknown>[]): Promise<void> {
  await Promise.all(sent).catch(async (error: unknown) => {
    const failed = (await Promise.allSettled(sent)).find(({ status }) => status === 'rejected');
    throw failed?.status === 'rejected' ? failed.reason : error;
  });
}

type Send = <Row>(
  statement: { name: string; text: string },
  items: readonly Row[],
  ...columns: ((rows: readonly Row[]) => Buffer)[]
) => void;

/** One parameter of a set-based statement: what it takes from each row, in the type that the statement declares. */
const column =
  <Value>(write: (values: Value[]) => Buffer) =>
  <Row>(pick: (row: Row) => Value) =>
  (rows: readonly Row[]) =>
    write(rows.map(pick));

const uuid = column(uuidArray);
const text = column(textArray);
const int = column(intArray);
const bytes = column(byteaArray);
const moment = column(timestampArray);
const bool = column(booleanArray);

function sendCases(send: Send, rows: BatchRows): void {
  const records = (isNew: boolean) => rows.changed.filter((c) => c.isNew === isNew).map((c) => c.record);
  const state = (r: CaseRecord) => JSON.stringify(r.state);
  const chart = (r: CaseRecord) => JSON.stringify(r.chart);
  const stages = (r: CaseRecord) => arrayText(r.stages);
  send(
    sql.insertCases,
    records(true),
    uuid((r) => r.id),
    uuid((r) => r.organisationId),
    text((r) => r.number),
    text((r) => r.workflow.key),
    int((r) => r.workflowVersion),
    text((r) => r.subject),
    uuid((r) => r.parent?.caseId ?? null),
    uuid((r) => r.parent?.entryId ?? null),
    text((r) => r.status),
    text(state),
    text((r) => r.stage),
    text(stages),
    text(chart),
    int((r) => r.revision),
    bytes((r) => r.head),
    moment((r) => r.openedAt),
    moment((r) => r.updatedAt),
    moment((r) => r.closedAt),
    moment((r) => r.dueAt),
    int((r) => r.incidents),
    bool((r) => r.modified),
  );
  send(
    sql.updateCases,
    records(false),
    uuid((r) => r.id),
    text((r) => r.status),
    text(state),
    text((r) => r.stage),
    text(stages),
    text(chart),
    int((r) => r.revision),
    bytes((r) => r.head),
    moment((r) => r.updatedAt),
    moment((r) => r.closedAt),
    moment((r) => r.dueAt),
    int((r) => r.incidents),
    bool((r) => r.modified),
    int((r) => r.workflowVersion),
  );
}

function sendJournal(send: Send, { writes, kept, now }: BatchRows): void {
  const { journal } = writes;
  send(
    sql.insertJournal,
    journal,
    uuid((r) => r.caseId),
    int((r) => r.seq),
    uuid((r) => r.organisationId),
    moment((r) => r.at),
    text((r) => r.kind),
    text((r) => r.type),
    text((r) => r.body),
    bytes((r) => r.hash),
  );
  send(
    sql.insertPayloads,
    journal,
    uuid((r) => r.caseId),
    int((r) => r.seq),
    uuid((r) => r.organisationId),
    bytes((r) => r.salt),
    text((r) => r.payload),
  );
  send(
    sql.insertCommands,
    kept,
    uuid((r) => r.command.organisationId),
    text((r) => r.command.sender.account),
    text((r) => r.command.id),
    bytes((r) => commandDigest(r.command)),
    uuid((r) => r.caseId),
    int((r) => r.seq),
    text((r) => JSON.stringify(r.answer)),
    moment(() => now),
  );
}

function sendOutbox(send: Send, { writes, changed, now }: BatchRows): void {
  send(
    sql.insertOutbox,
    writes.outbox,
    uuid((r) => r.id),
    uuid((r) => r.organisationId),
    uuid((r) => r.caseId),
    int((r) => r.seq),
    text((r) => r.topic),
    uuid((r) => r.entryId),
    text((r) => JSON.stringify(r.payload)),
    moment(() => now),
    text((r) => r.trace ?? null),
  );
  send(
    sql.settleOutbox,
    writes.outboxDone,
    uuid((r) => r.outboxId),
    int((r) => r.attempt),
  );
  send(
    sql.rearmOutbox,
    writes.outboxAgain,
    uuid((id) => id),
  );
  send(
    sql.dropOutbox,
    writes.outboxDropped,
    uuid((id) => id),
  );
  send(
    sql.insertParked,
    writes.parked,
    uuid((r) => r.caseId),
    int((r) => r.seq),
    uuid((r) => r.organisationId),
    text((r) => r.command),
  );
  send(
    sql.dropParked,
    changed.filter(({ record, isNew }) => record.status === 'cancelled' && !isNew),
    uuid(({ record }) => record.id),
  );
}

function sendTimers(send: Send, writes: BatchWrites): void {
  send(
    sql.insertTimers,
    writes.timersSet,
    uuid((r) => r.id),
    uuid((r) => r.organisationId),
    uuid((r) => r.caseId),
    text((r) => r.kind),
    text((r) => r.name),
    text((r) => r.node),
    moment((r) => r.due),
  );
  send(
    sql.restoreTimers,
    writes.timersLost,
    uuid((r) => r.id),
    uuid((r) => r.organisationId),
    uuid((r) => r.caseId),
    text((r) => r.name),
    text((r) => r.node),
    moment((r) => r.due),
    bool((r) => r.paused),
  );
  send(
    sql.deleteTimers,
    writes.timersDropped,
    uuid((r) => r.id),
  );
  send(
    sql.passTimers,
    writes.timersPassed,
    uuid((id) => id),
  );
  send(
    sql.pauseTimers,
    writes.timersPaused,
    uuid((id) => id),
  );
  send(
    sql.moveTimers,
    writes.timersMoved,
    uuid((r) => r.id),
    moment((r) => r.due),
  );
}

function sendIncidents(send: Send, writes: BatchWrites): void {
  send(
    sql.closeIncidents,
    writes.incidentsClosed,
    uuid((r) => r.id),
    text((r) => r.status),
    text((r) => r.by),
  );
  send(
    sql.insertIncidents,
    writes.incidents,
    uuid((r) => r.id),
    uuid((r) => r.organisationId),
    uuid((r) => r.caseId),
    int((r) => r.seq),
    uuid((r) => r.entryId),
    uuid((r) => r.outboxId),
    text((r) => r.rule),
    text((r) => r.state),
    text((r) => r.message),
    text((r) => r.command),
    moment((r) => r.at),
  );
  // What could not be carried out waits for `retry`.
  send(
    sql.parkOutbox,
    writes.incidents.filter((r) => r.outboxId),
    uuid((r) => r.outboxId),
  );
  const counted = new Set([...writes.incidents.map((r) => r.caseId), ...writes.incidentsClosed.map((r) => r.caseId)]);
  send(
    sql.countIncidents,
    [...counted],
    uuid((id) => id),
  );
}

/** A text[] as one text, to be unnested beside other columns. */
function arrayText(items: string[]): string {
  return `{${items.map((item) => `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`;
}
