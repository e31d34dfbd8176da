import type { PoolClient } from 'pg';
import { commit } from '../platform/database.js';
import type { ChartState, Json, Source, Workflow } from '../statechart/types.js';
import { commandDigest, type KeptCommand } from './keys.js';
import * as sql from './statements.js';
import type { BatchTransaction, CaseRecord, SourceHandler } from './types.js';
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
}

/** Sends every statement of the batch and its COMMIT in one go; each table is written once. */
export async function writeBatch(
  client: PoolClient,
  tx: BatchTransaction,
  sources: ReadonlyMap<Source, SourceHandler>,
  rows: BatchRows,
): Promise<void> {
  const run = (statement: { name: string; text: string }, values: unknown[]) => client.query({ ...statement, values });
  const sent: Promise<unknown>[] = [];
  /** Sends the statement only where there are rows for it. */
  const send = <Row>(
    statement: { name: string; text: string },
    items: readonly Row[],
    ...columns: ((row: Row) => unknown)[]
  ) => {
    if (items.length)
      sent.push(
        run(
          statement,
          columns.map((column) => items.map(column)),
        ),
      );
  };
  const { writes } = rows;
  sendCases(send, rows);
  sendJournal(send, rows);
  sendTimers(send, writes);
  sendOutbox(send, rows);
  sendIncidents(send, writes);
  for (const [source, handler] of sources) {
    const opened = writes.opened.filter((row) => row.entry.src === source);
    const closed = writes.closed.filter((row) => row.entry.src === source);
    const moved = writes.entriesMoved.filter((row) => row.src === source);
    if (opened.length) sent.push(handler.open(tx, opened));
    if (closed.length) sent.push(handler.close(tx, closed));
    if (moved.length && handler.reschedule) sent.push(handler.reschedule(tx, moved));
  }
  // A transaction in which a statement failed answers COMMIT with a rollback, and that statement's promise rejects here.
  await Promise.all(sent);
  await commit(client);
}

type Send = <Row>(
  statement: { name: string; text: string },
  items: readonly Row[],
  ...columns: ((row: Row) => unknown)[]
) => void;

function sendCases(send: Send, rows: BatchRows): void {
  const records = (isNew: boolean) => rows.changed.filter((c) => c.isNew === isNew).map((c) => c.record);
  const state = (r: CaseRecord) => JSON.stringify(r.state);
  const chart = (r: CaseRecord) => JSON.stringify(r.chart);
  const stages = (r: CaseRecord) => arrayText(r.stages);
  send(
    sql.insertCases,
    records(true),
    (r) => r.id,
    (r) => r.organisationId,
    (r) => r.number,
    (r) => r.workflow.key,
    (r) => r.workflowVersion,
    (r) => r.subject,
    (r) => r.parent?.caseId ?? null,
    (r) => r.parent?.entryId ?? null,
    (r) => r.status,
    state,
    (r) => r.stage,
    stages,
    chart,
    (r) => r.revision,
    (r) => hex(r.head),
    (r) => r.openedAt,
    (r) => r.updatedAt,
    (r) => r.closedAt,
    (r) => r.dueAt,
    (r) => r.incidents,
    (r) => r.modified,
  );
  send(
    sql.updateCases,
    records(false),
    (r) => r.id,
    (r) => r.status,
    state,
    (r) => r.stage,
    stages,
    chart,
    (r) => r.revision,
    (r) => hex(r.head),
    (r) => r.updatedAt,
    (r) => r.closedAt,
    (r) => r.dueAt,
    (r) => r.incidents,
    (r) => r.modified,
  );
}

function sendJournal(send: Send, { writes, kept, now }: BatchRows): void {
  const { journal } = writes;
  send(
    sql.insertJournal,
    journal,
    (r) => r.caseId,
    (r) => r.seq,
    (r) => r.organisationId,
    (r) => r.at,
    (r) => r.kind,
    (r) => r.type,
    (r) => r.body,
    (r) => hex(r.hash),
  );
  send(
    sql.insertPayloads,
    journal,
    (r) => r.caseId,
    (r) => r.seq,
    (r) => r.organisationId,
    (r) => hex(r.salt),
    (r) => r.payload,
  );
  send(
    sql.insertCommands,
    kept,
    (r) => r.command.organisationId,
    (r) => r.command.sender.account,
    (r) => r.command.id,
    (r) => hex(commandDigest(r.command)),
    (r) => r.caseId,
    (r) => r.seq,
    (r) => JSON.stringify(r.answer),
    () => now,
  );
}

function sendOutbox(send: Send, { writes, now }: BatchRows): void {
  send(
    sql.insertOutbox,
    writes.outbox,
    (r) => r.id,
    (r) => r.organisationId,
    (r) => r.caseId,
    (r) => r.seq,
    (r) => r.topic,
    (r) => r.entryId,
    (r) => JSON.stringify(r.payload),
    () => now,
  );
  send(
    sql.settleOutbox,
    writes.outboxDone,
    (r) => r.outboxId,
    (r) => r.attempt,
  );
  send(sql.rearmOutbox, writes.outboxAgain, (id) => id);
  send(
    sql.insertParked,
    writes.parked,
    (r) => r.caseId,
    (r) => r.seq,
    (r) => r.organisationId,
    (r) => r.command,
  );
}

function sendTimers(send: Send, writes: BatchWrites): void {
  send(
    sql.insertTimers,
    writes.timersSet,
    (r) => r.id,
    (r) => r.organisationId,
    (r) => r.caseId,
    (r) => r.kind,
    (r) => r.name,
    (r) => r.node,
    (r) => r.due,
  );
  send(sql.deleteTimers, writes.timersDropped, (r) => r.id);
  send(sql.passTimers, writes.timersPassed, (id) => id);
  send(sql.pauseTimers, writes.timersPaused, (id) => id);
  send(
    sql.moveTimers,
    writes.timersMoved,
    (r) => r.id,
    (r) => r.due,
  );
}

function sendIncidents(send: Send, writes: BatchWrites): void {
  send(
    sql.closeIncidents,
    writes.incidentsClosed,
    (r) => r.id,
    (r) => r.status,
    (r) => r.by,
  );
  send(
    sql.insertIncidents,
    writes.incidents,
    (r) => r.id,
    (r) => r.organisationId,
    (r) => r.caseId,
    (r) => r.seq,
    (r) => r.entryId,
    (r) => r.outboxId,
    (r) => r.rule,
    (r) => r.state,
    (r) => r.message,
    (r) => r.command,
    (r) => r.at,
  );
  // What could not be carried out waits for `retry`.
  send(
    sql.parkOutbox,
    writes.incidents.filter((r) => r.outboxId),
    (r) => r.outboxId,
  );
  const counted = new Set([...writes.incidents.map((r) => r.caseId), ...writes.incidentsClosed.map((r) => r.caseId)]);
  send(sql.countIncidents, [...counted], (id) => id);
}

function hex(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}

/** A text[] as one text, to be unnested beside other columns. */
function arrayText(items: string[]): string {
  return `{${items.map((item) => `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`;
}
