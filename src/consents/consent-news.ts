import type { Pool } from 'pg';
import { AppError } from '../engine/errors.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { EngineApi } from '../engine/types.js';

/** A workflow that declares it hears which partners may have the family's data: `data.consents`, keys in order. */
const CONSENTS_CHANGED = 'CONSENTS_CHANGED';

/** Any number, the same in every version. */
const TELLING_LOCK = 4_817_263_906;

export interface NewsDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  id(): string;
  warn(message: string, error: unknown): void;
}

interface News {
  organisation_id: string;
  subject: string;
  /** Partners whose consent is in force. */
  consents: string[];
  /** Consents that are not told yet, and whether each was given. */
  untold: string[];
  given: boolean[];
  /** Open cases about the family, tracks included. */
  cases: string[];
}

/** Lets the open cases of a family know what it said after they had begun. */
export class ConsentNews {
  constructor(private readonly deps: NewsDependencies) {}

  /**
   * At least once: whoever knows it already takes nothing. A case that stands still or is closed hears of it when it goes on:
   * then all consents of its family count as untold. One process tells at a time, so that no older list comes last.
   */
  async tell(): Promise<void> {
    const client = await this.deps.pool.connect();
    let failed: Error | undefined;
    try {
      const lock = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [TELLING_LOCK]);
      if (!lock.rows[0]?.mine) return;
      try {
        const { rows } = await client.query<News>({ name: 'consents-untold', text: UNTOLD });
        await Promise.all(rows.map((news) => this.tellCases(news)));
      } finally {
        await client.query('select pg_advisory_unlock($1)', [TELLING_LOCK]);
      }
    } catch (error) {
      failed = error as Error;
      throw error;
    } finally {
      // With the connection the lock goes, which it may still hold.
      client.release(failed);
    }
  }

  private async tellCases(news: News): Promise<void> {
    try {
      await Promise.all(news.cases.map((caseId) => this.tellCase(caseId, news)));
      await this.deps.pool.query({
        name: 'consents-told',
        text: `update qamqor.consents c set told_given = t.given from unnest($1::uuid[], $2::boolean[]) as t (id, given) where c.id = t.id`,
        values: [news.untold, news.given],
      });
    } catch (error) {
      this.deps.warn('A case could not be told of a consent; the next sweep tries again.', error);
    }
  }

  private async tellCase(caseId: string, { organisation_id: organisationId, consents }: News): Promise<void> {
    try {
      await this.deps.engine.submit({
        kind: 'event',
        type: CONSENTS_CHANGED,
        data: { consents },
        organisationId,
        caseId,
        id: this.deps.id(),
        keep: false,
        lane: 'machines',
        sender: ENGINE_SENDER,
      });
    } catch (error) {
      // Its workflow does not ask, it knows already, or it stands still since.
      if (!(error instanceof AppError) || error.status >= 500) throw error;
    }
  }
}

const UNTOLD = `
  select u.organisation_id, u.subject, u.untold, u.given,
    (select coalesce(array_agg(partner order by partner), '{}') from qamqor.consents f
      where f.organisation_id = u.organisation_id and f.subject = u.subject and f.withdrawn_at is null) as consents,
    (select coalesce(array_agg(c.id::text), '{}') from qamqor.cases c
      where c.organisation_id = u.organisation_id and c.subject = u.subject and c.status = 'active') as cases
  from (
    select organisation_id, subject, array_agg(id::text) as untold, array_agg(withdrawn_at is null) as given
    from (
      select * from qamqor.consents where told_given is distinct from (withdrawn_at is null) order by given_at limit 200
    ) batch
    group by organisation_id, subject
  ) u`;
