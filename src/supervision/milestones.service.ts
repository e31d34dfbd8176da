import type { Pool } from 'pg';
import type { Delivery, OutboxRow } from '../engine/types.js';

/** What cases have reached, and when: the counts that a centre reports. */
export class MilestonesService {
  /** `pool`: connections of the role `qamqor_relay`. */
  constructor(private readonly pool: Pool) {}

  /** Topic `milestone`: `{name}`. */
  async reached(row: OutboxRow): Promise<Delivery> {
    const { name } = row.payload;
    if (typeof name !== 'string' || name === '') return { kind: 'give-up', reason: 'A milestone has no name.' };
    await this.pool.query({
      name: 'write-milestone',
      text: `insert into qamqor.milestones (id, organisation_id, case_id, name, at)
        select id, organisation_id, case_id, $2, created_at from qamqor.outbox where id = $1 on conflict (id) do nothing`,
      values: [row.id, name],
    });
    return { kind: 'done' };
  }
}
