import type { BatchTransaction, ClosedEntry, OpenedEntry, SourceHandler } from '../src/engine/types.js';

/** A table of hand-offs for the bench alone: one row per hand-off, updated once when it is answered. */
export const HAND_OFFS_TABLE = `
  create table if not exists qamqor.bench_hand_offs (
    id uuid primary key,
    organisation_id uuid not null,
    case_id uuid not null,
    case_number text not null,
    partner text not null,
    service text not null,
    status text not null,
    request text not null,
    due_at timestamptz,
    opened_at timestamptz not null,
    closed_at timestamptz,
    result text
  ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
  create index if not exists bench_hand_offs_case on qamqor.bench_hand_offs (case_id);
  create index if not exists bench_hand_offs_open on qamqor.bench_hand_offs (partner, opened_at) where status = 'sent';
  alter table qamqor.bench_hand_offs enable row level security;
  drop policy if exists bench_hand_offs_engine on qamqor.bench_hand_offs;
  create policy bench_hand_offs_engine on qamqor.bench_hand_offs to qamqor_engine
    using (case_id = any ((select qamqor.batch_cases())::uuid[])) with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
  drop policy if exists bench_hand_offs_app on qamqor.bench_hand_offs;
  create policy bench_hand_offs_app on qamqor.bench_hand_offs for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
  grant select, insert, update on qamqor.bench_hand_offs to qamqor_engine;
  grant select on qamqor.bench_hand_offs to qamqor_app;
`;

export const openHandOffs = {
  name: 'open-hand-offs',
  text: `insert into qamqor.bench_hand_offs (id, organisation_id, case_id, case_number, partner, service, status, request, due_at, opened_at)
    select id, organisation_id, case_id, case_number, partner, service, 'sent', request, due_at, opened_at
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
      as n (id, organisation_id, case_id, case_number, partner, service, request, due_at, opened_at)`,
};

export const closeHandOffs = {
  name: 'close-hand-offs',
  text: `update qamqor.bench_hand_offs h set status = n.status, closed_at = n.closed_at, result = n.result
    from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) as n (id, status, closed_at, result) where h.id = n.id`,
};

/** Stands behind `invoke {src: handOff}`: opened in the transition's transaction, sent through the outbox. */
export class HandOffSource implements SourceHandler {
  readonly src = 'handOff' as const;
  readonly topics = { open: 'handOff.open' };

  async open(tx: BatchTransaction, rows: OpenedEntry[]): Promise<void> {
    await tx.query(openHandOffs.name, openHandOffs.text, [
      rows.map((row) => row.entryId),
      rows.map((row) => row.organisationId),
      rows.map((row) => row.caseId),
      rows.map((row) => row.caseNumber),
      rows.map((row) => row.entry.input['partner']),
      rows.map((row) => row.entry.input['service']),
      rows.map((row) => JSON.stringify(row.entry.input)),
      rows.map((row) => row.entry.due ?? null),
      rows.map((row) => row.at),
    ]);
  }

  async close(tx: BatchTransaction, rows: ClosedEntry[]): Promise<void> {
    await tx.query(closeHandOffs.name, closeHandOffs.text, [
      rows.map((row) => row.entryId),
      rows.map((row) => (row.reason === 'answered' ? 'done' : 'recalled')),
      rows.map((row) => row.at),
      rows.map((row) => (row.output === undefined ? null : JSON.stringify(row.output))),
    ]);
  }
}
