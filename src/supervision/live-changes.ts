import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import type { JournalBody } from '../engine/types.js';

export type LiveKind = 'case' | 'task' | 'handoff' | 'incident' | 'board';

/** That something changed, not what: who is told reads it again, with their own eyes. */
export interface Change {
  kind: LiveKind;
  /** Null for `board`, and where so much changed that everything is to be read again. */
  id: string | null;
  revision: number | null;
  /** Of a hand-off: to whom it was sent; null while it was sent to nobody. */
  sentTo?: string | null;
}

/** More than this at once, and everybody had better read their lists again. */
export const MANY = 1_000;

/** Everything that changed at or after a moment (ISO 8601) of the database's clock; undefined where it is too much to name. */
export async function changesSince(pool: Pool, organisationId: string, since: string): Promise<Change[] | undefined> {
  return asOrganisation(
    pool,
    organisationId,
    async (query) => {
      const rows = await query<{ case_id: string; seq: number; body: string }>(
        `select case_id, seq, body from qamqor.journal where at >= $1 limit ${MANY + 1}`,
        [since],
      );
      const incidents = await query<{ id: string; seq: number }>(
        `select id, seq from qamqor.incidents where coalesce(closed_at, opened_at) >= $1 limit ${MANY + 1}`,
        [since],
      );
      if (rows.length > MANY || incidents.length > MANY) return undefined;
      const { cases, opened } = read(rows);
      const tasks = await query<{ id: string; revision: number }>(
        `select id, revision from qamqor.tasks where changed_at >= $1 or id = any ($2::uuid[]) limit ${MANY + 1}`,
        [since, opened],
      );
      const handoffs = await query<{ id: string; revision: number; sentTo: string | null }>(
        `select id, revision, case when sent_at is not null then partner end as "sentTo" from qamqor.handoffs where changed_at >= $1 or id = any ($2::uuid[]) limit ${MANY + 1}`,
        [since, opened],
      );
      if (tasks.length > MANY || handoffs.length > MANY) return undefined;
      return [
        ...[...cases].map(([id, revision]): Change => ({ kind: 'case', id, revision })),
        ...tasks.map(({ id, revision }): Change => ({ kind: 'task', id, revision })),
        ...handoffs.map(({ id, revision, sentTo }): Change => ({ kind: 'handoff', id, revision, sentTo })),
        ...incidents.map(({ id, seq }): Change => ({ kind: 'incident', id, revision: seq })),
      ];
    },
    'snapshot',
  );
}

/** The newest revision of each case, and the entries that were opened and closed on the way. */
function read(rows: { case_id: string; seq: number; body: string }[]) {
  const cases = new Map<string, number>();
  const opened: string[] = [];
  for (const { case_id: id, seq, body } of rows) {
    cases.set(id, Math.max(seq, cases.get(id) ?? 0));
    const facts = JSON.parse(body) as Pick<JournalBody, 'opened' | 'closed'>;
    for (const { uuid } of [...facts.opened, ...facts.closed]) opened.push(uuid);
  }
  return { cases, opened };
}
