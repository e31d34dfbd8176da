import type { Pool } from 'pg';
import { asOrganisation } from '../src/engine/cases.js';

export interface JourneyIncident {
  /** Its number. */
  case: string;
  reason: string;
  /** It was brought about by what the simulation does on purpose, or a hand has settled it. */
  explained: boolean;
}

/** Every incident of the families' cases, the first one first. */
export async function incidentsOf(pool: Pool, organisationId: string, subjects: string[]): Promise<JourneyIncident[]> {
  const rows = await asOrganisation(pool, organisationId, (query) =>
    query<{ number: string; rule: string; message: string; status: string }>(
      `select c.number, i.rule, i.message, i.status from qamqor.incidents i join qamqor.cases c on c.id = i.case_id
       where c.subject = any ($1) order by i.opened_at, i.id`,
      [subjects],
    ),
  );
  return rows.map(({ number, rule, message, status }) => ({
    case: number,
    reason: `${rule}: ${message}`,
    explained: status !== 'open',
  }));
}
