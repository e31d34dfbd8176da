import type { BatchTransaction, DueEntry, DueWatcher } from '../engine/types.js';
import type { Calendar } from '../statechart/types.js';
import { givenMs, type Ladders, momentOf } from './ladders.js';

/** Entries that open together are due together: so many answers are kept. */
const MAX_KEPT = 1_000;

/** Keeps one row per open entry that is due some day, in the transaction that opens and closes it. */
export class DueRows implements DueWatcher {
  private readonly kept = new Map<string, { given: number; lookAt: string }>();

  constructor(
    private readonly ladders: Ladders,
    private readonly calendar: Calendar,
  ) {}

  async opened(tx: BatchTransaction, rows: DueEntry[]): Promise<void> {
    const first = rows.map((row) => this.firstLook(row));
    await tx.query('open-dues', OPEN, [
      rows.map((row) => row.entryId),
      rows.map((row) => row.organisationId),
      rows.map((row) => row.caseId),
      rows.map((row) => row.what),
      rows.map((row) => row.name),
      rows.map((row) => row.at),
      rows.map((row) => row.due),
      first.map(({ given }) => given),
      rows.map((row) => row.ladder),
      first.map(({ lookAt }) => lookAt),
    ]);
  }

  async closed(tx: BatchTransaction, entryIds: string[]): Promise<void> {
    await tx.query('close-dues', 'delete from qamqor.dues where entry_id = any ($1::uuid[])', [entryIds]);
  }

  async moved(tx: BatchTransaction, rows: { entryId: string; due: string }[]): Promise<void> {
    await tx.query('move-dues', MOVE, [rows.map((row) => row.entryId), rows.map((row) => row.due)]);
  }

  private firstLook({ at, due, ladder: key }: DueEntry): { given: number; lookAt: string } {
    if (key === null) return { given: 0, lookAt: 'infinity' };
    const name = `${key} ${at} ${due}`;
    const known = this.kept.get(name);
    if (known) return known;
    if (this.kept.size >= MAX_KEPT) this.kept.clear();
    const ladder = this.ladders.find(key);
    const given = Math.round(givenMs(ladder, at, due, this.calendar));
    const [first] = ladder.steps;
    const lookAt = first ? momentOf(first, { openedAt: at, dueAt: due, givenMs: given }, this.calendar) : 'infinity';
    const found = { given, lookAt };
    this.kept.set(name, found);
    return found;
  }
}

const OPEN = `insert into qamqor.dues (entry_id, organisation_id, case_id, what, name, opened_at, due_at, given_ms, ladder, look_at)
  select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::text[], $10::timestamptz[])
  on conflict (entry_id) do nothing`;

/** A hand-off has a clock of its own, which moves with it: see its trigger. */
const MOVE = `update qamqor.dues d set due_at = case when d.what = 'handOff' then d.due_at else n.due_at end,
    look_at = case when d.ladder is null then d.look_at else qamqor.qamqor_now() end
  from unnest($1::uuid[], $2::timestamptz[]) as n (entry_id, due_at) where d.entry_id = n.entry_id`;
