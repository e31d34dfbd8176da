import type { Pool } from 'pg';
import { AppError, isPassing } from '../engine/errors.js';
import { PARTNER_GONE } from '../engine/incident-rules.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { EngineApi } from '../engine/types.js';
import type { PartnerDirectory } from './handoff.js';

/** What the history calls it when the engine sends again because the partner has another address. */
const PARTNER_MOVED = 'partner-moved';

/** So long has whoever is to tell it, before somebody else does: its process may have died. */
const TELLING_S = 60;

export interface PartnersGoneDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  partners: PartnerDirectory;
  warn(message: string, error: unknown): void;
}

interface ToldRow {
  id: string;
  organisation_id: string;
  case_id: string;
}

/**
 * Partners that said 410. People hear of it by an incident of the hand-off that met it; all others wait. It is sent to again
 * when a person retries that incident (a trigger takes the mark away), or when the settings name another address.
 */
export class PartnersGone {
  constructor(private readonly deps: PartnersGoneDependencies) {}

  /** Whether this hand-off becomes the incident: one does, and another one where that was closed without sending again. */
  async isToTell({ organisation_id: organisationId, partner }: { organisation_id: string; partner: string }) {
    const { rowCount } = await this.deps.pool.query({
      name: 'tell-partner-gone',
      text: TELL,
      values: [organisationId, partner],
    });
    return rowCount === 1;
  }

  /** What stands with an incident goes on where the partner has another address now. */
  async sendWhereMoved(): Promise<void> {
    const reached = this.deps.partners.all().flatMap(({ key, client }) => (client ? [{ key, client }] : []));
    const { rows } = await this.deps.pool.query<ToldRow>({
      name: 'partners-moved',
      text: MOVED,
      values: [reached.map(({ key }) => key), reached.map(({ client }) => client.url)],
    });
    for (const row of rows) await this.retry(row);
  }

  private async retry({ id, organisation_id: organisationId, case_id: caseId }: ToldRow): Promise<void> {
    try {
      await this.deps.engine.submit({
        kind: 'act',
        act: { type: 'retry', incidentId: id },
        reason: PARTNER_MOVED,
        organisationId,
        caseId,
        id: `${PARTNER_MOVED}:${id}`,
        keep: false,
        lane: 'machines',
        sender: ENGINE_SENDER,
      });
    } catch (error) {
      // Another process, or a person, was first.
      if (isPassing(error) || (error instanceof AppError && error.code === 'incident-not-found')) return;
      this.deps.warn(
        `Incident ${id} could not be retried at the partner's new address; the next sweep tries again.`,
        error,
      );
    }
  }
}

const TOLD = (circuit: string) => `qamqor.incidents i join qamqor.handoffs h on h.id = i.entry_id
  where i.organisation_id = ${circuit}.organisation_id and i.status = 'open' and i.rule = '${PARTNER_GONE}' and h.partner = ${circuit}.partner`;

const TELL = `
  update qamqor.partner_circuits c set gone_told_at = qamqor.qamqor_now()
  where c.organisation_id = $1 and c.partner = $2 and c.gone_url is not null
    and (c.gone_told_at is null
      or (c.gone_told_at < qamqor.qamqor_now() - make_interval(secs => ${TELLING_S}) and not exists (select from ${TOLD('c')})))`;

const MOVED = `
  select told.* from unnest($1::text[], $2::text[]) as reached (partner, url)
  join qamqor.partner_circuits c on c.partner = reached.partner and c.gone_url <> reached.url
  cross join lateral (select i.id, i.organisation_id, i.case_id from ${TOLD('c')} limit 100) told`;
