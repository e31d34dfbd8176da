import type { Pool } from 'pg';
import { isUuid, pageOf, readCursor, writeCursor } from '../api/cursor.js';
import { asOrganisation } from '../engine/cases.js';
import { noticeNamesOf } from '../identity/identity.policy.js';
import type { Principal } from '../identity/principal.js';
import type { Json, JsonObject } from '../statechart/types.js';

export interface NoticeQuery {
  limit: number;
  cursor?: string | undefined;
}

interface NoticeRow {
  id: string;
  created_at: Date;
  case_id: string;
  case_number: string;
  template: string;
  recipient: string;
  text: string;
}

/** What an account and its roles were told, the newest first. */
export class NoticesService {
  /** `pool`: connections of the role `qamqor_app`. */
  constructor(private readonly pool: Pool) {}

  async list(by: Principal, { limit, cursor }: NoticeQuery): Promise<{ items: JsonObject[]; next: string | null }> {
    const [after] = cursor === undefined ? [null] : readCursor(cursor, isPlace);
    const values = [by.organisationId, noticeNamesOf(by), after, limit + 1];
    const rows = await asOrganisation(this.pool, by.organisationId, (run) => run<NoticeRow>(NEWEST, values));
    return pageOf(rows, limit, ({ id }) => writeCursor(id), present);
  }
}

/** Of each name the newest by the index, and of these the newest: what others were told is never read. */
const NEWEST = `select n.id, n.created_at, n.case_id, c.number as case_number, n.template, n.recipient, n.text
  from unnest($2::text[]) as name
  cross join lateral (
    select * from qamqor.notifications n
    where n.organisation_id = $1 and n.recipient = name and ($3::uuid is null
      or (n.created_at, n.id) < (select last.created_at, last.id from qamqor.notifications last where last.id = $3))
    order by n.created_at desc, n.id desc limit $4
  ) n
  join qamqor.cases c on c.id = n.case_id
  order by n.created_at desc, n.id desc limit $4`;

function present(row: NoticeRow): JsonObject {
  const isAccount = row.recipient.startsWith('account:');
  return {
    id: row.id,
    at: row.created_at.toISOString(),
    caseId: row.case_id,
    caseNumber: row.case_number,
    template: row.template,
    role: isAccount ? null : row.recipient.replace(/:head$/, ''),
    text: JSON.parse(row.text) as Json,
  };
}

function isPlace(key: unknown[]): key is [string] {
  return key.length === 1 && isUuid(key[0]);
}
