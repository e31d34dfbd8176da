import type { BatchTransaction, ClosedEntry, OpenedEntry, SourceHandler } from '../engine/types.js';
import type { Json } from '../statechart/types.js';
import type { HandoffStatus } from './handoff.js';

/** What stands behind `invoke {src: handOff}`: opens and closes hand-offs inside the transaction of the transition. */
export class HandoffSource implements SourceHandler {
  readonly src = 'handOff' as const;
  readonly topics = { open: 'handOff.open', close: 'handOff.close' };

  async open(tx: BatchTransaction, rows: OpenedEntry[]): Promise<void> {
    await tx.query('open-handoffs', OPEN, [
      rows.map((row) => row.entryId),
      rows.map((row) => row.organisationId),
      rows.map((row) => row.caseId),
      rows.map((row) => row.caseNumber),
      rows.map((row) => row.subject),
      rows.map((row) => textOf(row.entry.input['partner'])),
      rows.map((row) => textOf(row.entry.input['service'])),
      rows.map((row) => row.entry.invoke),
      rows.map((row) => JSON.stringify(row.entry.input['request'] ?? {})),
      rows.map((row) => row.at),
      rows.map((row) => row.entry.due ?? null),
    ]);
  }

  async close(tx: BatchTransaction, rows: ClosedEntry[]): Promise<void> {
    await tx.query('close-handoffs', CLOSE, [
      rows.map((row) => row.entryId),
      rows.map(statusOf),
      rows.map((row) => row.at),
      rows.map((row) => codeOf(row.output)),
      rows.map((row) => (row.reason === 'answered' ? JSON.stringify(row.output ?? null) : null)),
    ]);
  }

  async reschedule(tx: BatchTransaction, rows: { entryId: string; due: string }[]): Promise<void> {
    await tx.query('reschedule-handoffs', RESCHEDULE, [rows.map((row) => row.entryId), rows.map((row) => row.due)]);
  }
}

function statusOf(row: ClosedEntry): HandoffStatus {
  if (row.reason === 'answered') return 'done';
  // A partner may give that code too: then it has answered.
  const isExpiry = codeOf(row.output) === 'EXPIRED' && row.by.onBehalfOf === undefined;
  if (row.reason === 'failed') return isExpiry ? 'expired' : 'rejected';
  return 'recalled';
}

function codeOf(output: Json | undefined): string | null {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return null;
  return typeof output['code'] === 'string' ? output['code'] : null;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

const OPEN = `insert into qamqor.handoffs (id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, status, opened_at, due_at, expires_at)
  select id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, 'draft', opened_at, due_at, due_at
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[])
    as n (id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, opened_at, due_at)`;

const CLOSE = `update qamqor.handoffs h set status = n.status, closed_at = n.at, reason_code = coalesce(n.code, h.reason_code), result = n.result, revision = h.revision + 1
  from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[]) as n (id, status, at, code, result) where h.id = n.id`;

const RESCHEDULE = `update qamqor.handoffs h set due_at = n.due_at, expires_at = h.expires_at + (n.due_at - h.due_at) from unnest($1::uuid[], $2::timestamptz[]) as n (id, due_at) where h.id = n.id`;
