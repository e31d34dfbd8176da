import type { Pool } from 'pg';
import { isInt, isMoment, isUuid, pageOf, readCursor, writeCursor } from '../api/cursor.js';
import { asOrganisation, type Query } from '../engine/cases.js';
import type { JsonObject } from '../statechart/types.js';

export interface LookQuery {
  limit: number;
  cursor?: string | undefined;
  /** Id or e-mail of who looked. */
  account?: string | undefined;
  /** Id or number of what was looked at; of a case or a family also everything that belongs to it. */
  subject?: string | undefined;
  /** ISO 8601; `from` itself belongs to the span, `to` does not. */
  from?: string | undefined;
  to?: string | undefined;
}

interface StoredLook {
  writer: string;
  seq: number;
  at: Date;
  account: string;
  account_name: string | null;
  roles: string[];
  what: string;
  ids: string[];
  route: string;
}

/** Who looked at what, the newest first. */
export async function listLooks(pool: Pool, organisationId: string, asked: LookQuery) {
  return asOrganisation(pool, organisationId, async (query) => {
    const values: unknown[] = [organisationId];
    const value = (given: unknown) => `$${values.push(given)}`;
    const conditions = ['l.organisation_id = $1'];
    if (asked.account !== undefined)
      conditions.push(
        isUuid(asked.account)
          ? `l.account = ${value(asked.account)}::uuid`
          : `l.account = (select id from qamqor.accounts where email = lower(${value(asked.account)}))`,
      );
    if (asked.subject !== undefined) conditions.push(`l.ids && ${value(await namesOf(query, asked.subject))}::text[]`);
    if (asked.from !== undefined) conditions.push(`l.at >= ${value(asked.from)}::timestamptz`);
    if (asked.to !== undefined) conditions.push(`l.at < ${value(asked.to)}::timestamptz`);
    if (asked.cursor !== undefined) {
      const [at, writer, seq] = readCursor(asked.cursor, isLookKey);
      conditions.push(
        `(l.at, l.writer, l.seq) < (${value(at)}::timestamptz, ${value(writer)}::uuid, ${value(seq)}::int)`,
      );
    }
    const rows = await query<StoredLook>(
      `select l.writer, l.seq, l.at, l.account, a.name as account_name, l.roles, l.what, l.ids, l.route
         from qamqor.access_log l left join qamqor.accounts a on a.id = l.account
        where ${conditions.join(' and ')} order by l.at desc, l.writer desc, l.seq desc limit ${value(asked.limit + 1)}`,
      values,
    );
    return pageOf(rows, asked.limit, (row) => writeCursor(row.at.toISOString(), row.writer, row.seq), presentLook);
  });
}

/** A case is looked at by its number too, a family through its cases and certificates. */
async function namesOf(query: Query, subject: string): Promise<string[]> {
  const name = isUuid(subject) ? subject.toLowerCase() : subject.toUpperCase();
  const found = await query<{ names: string[] }>(
    `select array[c.id::text, c.number] || array(select t.number from qamqor.certificates t where t.case_id = c.id and t.number is not null) as names
       from qamqor.cases c where c.id = $2::uuid or c.number = $1 or c.subject = $1
         or c.subject = (select f.id::text from qamqor.families f where f.number = $1)
     union all select array[f.id::text] from qamqor.families f where f.number = $1`,
    [name, isUuid(subject) ? name : null],
  );
  return [...new Set([subject, name, ...found.flatMap(({ names }) => names)])];
}

function presentLook(row: StoredLook): JsonObject {
  return {
    at: row.at.toISOString(),
    account: row.account,
    accountName: row.account_name,
    roles: row.roles,
    what: row.what,
    ids: row.ids,
    route: row.route,
  };
}

function isLookKey(key: unknown[]): key is [string, string, number] {
  const [at, writer, seq] = key;
  return key.length === 3 && isMoment(at) && isUuid(writer) && isInt(seq);
}
