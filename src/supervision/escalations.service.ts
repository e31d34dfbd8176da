import type { Pool } from 'pg';
import { isMoment, isUuid, pageOf, readCursor, writeCursor } from '../api/cursor.js';
import { asOrganisation } from '../engine/cases.js';
import { hasRole, mayInspect, noticeNamesOf } from '../identity/identity.policy.js';
import type { Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import type { Json, JsonObject } from '../statechart/types.js';

export interface EscalationQuery {
  limit: number;
  cursor?: string | undefined;
  /** Id or number. */
  case?: string | undefined;
  role?: string | undefined;
  mine?: boolean | undefined;
}

interface EscalationRow {
  id: string;
  case_id: string;
  case_number: string;
  what: string;
  name: string;
  title: string;
  ladder: string;
  step: number;
  due_at: Date;
  at: Date;
  told: { recipient: string; accountName: string | null; text: string }[];
}

/** Who was told of what, and when: the newest first. */
export class EscalationsService {
  /** `pool`: connections of the role `qamqor_app`. */
  constructor(private readonly pool: Pool) {}

  async list(by: Principal, query: EscalationQuery): Promise<{ items: JsonObject[]; next: string | null }> {
    const values: unknown[] = [by.organisationId];
    const value = (given: unknown) => `$${values.push(given)}`;
    const conditions = ['e.organisation_id = $1'];
    // Who does not inspect sees what was told to them, and nothing of what was told to others.
    const mine = mayInspect(by) || hasRole(by, INTEGRATION) ? null : value(noticeNamesOf(by));
    const seen = mine === null ? '' : ` and n.recipient = any (${mine}::text[])`;
    const told = (more: string) =>
      `exists (select from qamqor.notifications n where n.about = e.id${seen} and n.recipient = any (${more}::text[]))`;
    if (mine !== null) conditions.push(told(mine));
    if (query.mine) conditions.push(told(value(noticeNamesOf(by))));
    if (query.role !== undefined) conditions.push(told(value([query.role, `${query.role}:head`])));
    if (query.case !== undefined)
      conditions.push(isUuid(query.case) ? `e.case_id = ${value(query.case)}` : `e.case_number = ${value(query.case)}`);
    if (query.cursor !== undefined) {
      const [at, id] = readCursor(query.cursor, isPlace);
      conditions.push(`(e.at, e.id) < (${value(at)}::timestamptz, ${value(id)}::uuid)`);
    }
    const text = `select e.id, e.case_id, e.case_number, e.what, e.name, e.title, e.ladder, e.step, e.due_at, e.at,
        (select coalesce(jsonb_agg(jsonb_build_object('recipient', n.recipient, 'accountName', a.name, 'text', n.text) order by n.recipient), '[]')
           from qamqor.notifications n left join qamqor.accounts a on n.recipient = 'account:' || a.id
          where n.about = e.id${seen}) as told
      from qamqor.escalations e where ${conditions.join(' and ')} order by e.at desc, e.id desc limit ${value(query.limit + 1)}`;
    const rows = await asOrganisation(this.pool, by.organisationId, (run) => run<EscalationRow>(text, values));
    return pageOf(rows, query.limit, (row) => writeCursor(row.at.toISOString(), row.id), present);
  }
}

function present(row: EscalationRow): JsonObject {
  return {
    id: row.id,
    at: row.at.toISOString(),
    caseId: row.case_id,
    caseNumber: row.case_number,
    what: row.what,
    name: row.name,
    title: JSON.parse(row.title) as Json,
    ladder: row.ladder,
    step: row.step,
    dueAt: row.due_at.toISOString(),
    told: row.told.map(({ recipient, accountName, text }) => {
      const isAccount = recipient.startsWith('account:');
      return {
        role: isAccount ? null : recipient.replace(/:head$/, ''),
        head: recipient.endsWith(':head'),
        account: isAccount ? recipient.slice('account:'.length) : null,
        accountName,
        text: JSON.parse(text) as Json,
      };
    }),
  };
}

function isPlace(key: unknown[]): key is [string, string] {
  return key.length === 2 && isMoment(key[0]) && isUuid(key[1]);
}
