import type { Pool } from 'pg';
import { isUuid } from '../api/cursor.js';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import type { FamiliesService } from '../families/families.service.js';
import type { Principal } from '../identity/principal.js';
import type { JsonObject } from '../statechart/types.js';
import { GIVE, WITHDRAW } from './consent-statements.js';

/** How somebody let the centre know. */
export const WAYS = ['form', 'paper', 'in-person', 'phone', 'electronic'] as const;
export type Way = (typeof WAYS)[number];

export interface ConsentsDependencies {
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  families: Pick<FamiliesService, 'findFamily' | 'familyByNumber'>;
  /** Keys of the partners that there are. */
  partners: readonly string[];
  id(): string;
  /** A listener failed: what was said is stored all the same. */
  warn(message: string, error: unknown): void;
}

/** A family has allowed a partner to have its data. */
export interface ConsentGiven {
  organisationId: string;
  subject: string;
  partner: string;
}

interface ConsentRow {
  id: string;
  partner: string;
  given_at: Date;
  given_by: string;
  given_how: Way;
  withdrawn_at: Date | null;
  withdrawn_by: string | null;
  withdrawn_how: Way | null;
}

/** To which partners a family's data may go, and since when: nothing is ever overwritten. */
export class ConsentsService {
  private readonly listeners: ((consent: ConsentGiven) => Promise<void>)[] = [];

  constructor(private readonly deps: ConsentsDependencies) {}

  /** Told after each consent that was given and stored, by hand or in a task. */
  onGiven(listener: (consent: ConsentGiven) => Promise<void>): void {
    this.listeners.push(listener);
  }

  /** All that there ever were, the newest first. @throws AppError `family-not-found` */
  async of(organisationId: string, familyId: string): Promise<JsonObject[]> {
    const subject = await this.family(organisationId, familyId);
    return asOrganisation(this.deps.pool, organisationId, (run) => run<ConsentRow>(LIST, [subject])).then(presentAll);
  }

  /** Gives or withdraws one consent; what is so already stays as it is. @throws AppError `family-not-found`, `schema` */
  async set(by: Principal, familyId: string, { partner, given, how }: ConsentChange): Promise<JsonObject[]> {
    const { organisationId, account } = by;
    if (!this.deps.partners.includes(partner))
      throw new AppError('schema', 422, `There is no partner "${partner}".`, {}, [
        {
          path: '/partner',
          message: `must be one of: ${this.deps.partners.join(', ')}`,
          rule: 'enum',
          facts: { allowedValues: [...this.deps.partners] },
        },
      ]);
    const subject = await this.family(organisationId, familyId);
    const rows = await asOrganisation(this.deps.pool, organisationId, async (run) => {
      const [{ now } = { now: new Date(Number.NaN) }] = await run<{ now: Date }>('select qamqor.qamqor_now() as now');
      const change = [[organisationId], [subject], [partner], [account], [now.toISOString()], [how]];
      if (given) await run(GIVE, [[this.deps.id()], ...change]);
      else await run(WITHDRAW, change);
      return run<ConsentRow>(LIST, [subject]);
    });
    if (given) await this.announce({ organisationId, subject, partner });
    return presentAll(rows);
  }

  /** For whoever has stored a consent that was given. */
  async announce(consent: ConsentGiven): Promise<void> {
    try {
      for (const listener of this.listeners) await listener(consent);
    } catch (error) {
      this.deps.warn(
        `What waits for a consent for ${consent.partner} was not told of it: it looks again by itself.`,
        error,
      );
    }
  }

  private async family(organisationId: string, idOrNumber: string): Promise<string> {
    const { families } = this.deps;
    const family = isUuid(idOrNumber)
      ? await families.findFamily(organisationId, idOrNumber)
      : await families.familyByNumber(organisationId, idOrNumber.slice(0, 64));
    if (family) return family.id;
    throw new AppError('family-not-found', 404, `There is no family ${idOrNumber.slice(0, 64)}.`);
  }
}

export interface ConsentChange {
  partner: string;
  given: boolean;
  how: Way;
}

const LIST = `select id, partner, given_at, given_by, given_how, withdrawn_at, withdrawn_by, withdrawn_how
  from qamqor.consents where subject = $1 order by given_at desc, id desc`;

function presentAll(rows: ConsentRow[]): JsonObject[] {
  return rows.map((row) => ({
    id: row.id,
    partner: row.partner,
    inForce: row.withdrawn_at === null,
    givenAt: row.given_at.toISOString(),
    givenBy: row.given_by,
    givenHow: row.given_how,
    withdrawnAt: row.withdrawn_at?.toISOString() ?? null,
    withdrawnBy: row.withdrawn_by,
    withdrawnHow: row.withdrawn_how,
  }));
}
