import type { Pool } from 'pg';
import type { HandoffRow, PartnerService, PersonSlice } from './handoff.js';

/** What a partner is told of a family's consent. */
export interface Consent {
  id: string;
  /** ISO 8601. */
  givenAt: string;
}

/** Whether a hand-off may go out: a family must have allowed this partner to have its data, and not have taken that back. */
export class HandoffConsents {
  /** `pool`: connections of the role `qamqor_relay`. */
  constructor(private readonly pool: Pool) {}

  /** At this moment; null where none is needed, because the case is about no family or the service needs no consent. */
  async of(
    handoff: HandoffRow,
    service: PartnerService,
    personSlice: PersonSlice,
  ): Promise<Consent | null | 'missing'> {
    const { organisation_id: organisationId, subject, partner } = handoff;
    // What is frozen names its consent: another one that was given since does not change what was said.
    if (handoff.body !== null) return handoff.consent_id === null ? null : this.byId(handoff.consent_id);
    if (subject === null || service.consent === 'none') return null;
    if ((await personSlice(organisationId, subject, [])) === null) return null;
    const { rows } = await this.pool.query<ConsentRow>({
      name: 'consent-in-force',
      text: `select id, given_at from qamqor.consents
        where organisation_id = $1 and subject = $2 and partner = $3 and withdrawn_at is null`,
      values: [organisationId, subject, partner],
    });
    return consentOf(rows);
  }

  /** What the case of a hand-off is about: a sub-case is about what its parent is about. */
  async subjectOf({ case_id: caseId }: HandoffRow): Promise<string | null> {
    const { rows } = await this.pool.query<{ subject: string }>({
      name: 'subject-of-case',
      text: `with recursive up as (
          select subject, parent_case_id from qamqor.cases where id = $1
          union all select c.subject, c.parent_case_id from up join qamqor.cases c on c.id = up.parent_case_id where up.subject is null)
        select subject from up where subject is not null limit 1`,
      values: [caseId],
    });
    return rows[0]?.subject ?? null;
  }

  private async byId(id: string): Promise<Consent | 'missing'> {
    const { rows } = await this.pool.query<ConsentRow>({
      name: 'consent-still-in-force',
      text: 'select id, given_at from qamqor.consents where id = $1 and withdrawn_at is null',
      values: [id],
    });
    return consentOf(rows);
  }
}

interface ConsentRow {
  id: string;
  given_at: Date;
}

function consentOf([row]: ConsentRow[]): Consent | 'missing' {
  return row ? { id: row.id, givenAt: row.given_at.toISOString() } : 'missing';
}
