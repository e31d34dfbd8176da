import type { Pool } from 'pg';
import { AppError, type Violation } from '../engine/errors.js';
import type { Principal } from '../identity/principal.js';
import { withTransaction } from '../platform/database.js';
import type { FamilyRecordsService } from './family-records.service.js';
import { FamilyStore, type KeptRecords } from './family-store.js';
import type { KeptFamily, KeptPerson } from './merge-family.js';

/** One family under the lock, as it is kept, and where what is said of it is written. */
export interface Desk {
  store: FamilyStore;
  kept: KeptRecords;
  family: KeptFamily;
  persons: KeptPerson[];
}

/** Where families and their people are written by hand. */
export class FamilyDesk {
  constructor(
    private readonly records: Pick<FamilyRecordsService, 'find'>,
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
  ) {}

  /**
   * Behind the lock of imports: of two who write at once the second sees what the first has written.
   * @param iins whose owners are looked up as well
   * @throws AppError `family-not-found`
   */
  async at<Result>(
    { organisationId: organisation, account: actor }: Principal,
    idOrNumber: string,
    iins: string[],
    work: (desk: Desk) => Promise<Result>,
  ): Promise<Result> {
    const { id, number } = await this.records.find(organisation, idOrNumber);
    return withTransaction(this.pool, async (client) => {
      const store = new FamilyStore(client, { organisation, actor });
      await store.begin();
      const kept = await store.load([number], iins);
      const family = kept.families.get(number);
      if (!family) throw new Error(`The family ${id} was there and is gone.`);
      return work({ store, kept, family, persons: kept.personsOf.get(family.id) ?? [] });
    });
  }
}

/** @param what is meant, for the sentence: `Number 2 of the family`. @throws AppError `stale-revision` */
export function refuseStale(what: string, now: number, given: number): void {
  if (now === given) return;
  throw new AppError(
    'stale-revision',
    409,
    `${what} is at revision ${now}, not ${given}: somebody changed it. Read the family again.`,
    { revision: now },
  );
}

export function refused(what: string, errors: Violation[]): AppError {
  return new AppError('schema', 422, `${what} cannot be written down like this; errors says where.`, {}, errors);
}

/** The words stand with those of all rules; these are for whoever reads a log. */
export function broken(
  rule: string,
  facts: Record<string, string | number>,
): Pick<Violation, 'message' | 'rule' | 'facts'> {
  return { message: `${rule} ${JSON.stringify(facts)}`, rule, facts };
}
