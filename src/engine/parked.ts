import type { Pool } from 'pg';
import { asOrganisation } from './cases.js';
import type { Command, Delivery, EngineApi, OutboxRow } from './types.js';

/**
 * Gives the answers that came while a case was suspended, in the order in which they came. Each is fenced by its entry, so
 * that one which is given twice is ignored the second time.
 */
export function registerParked(engine: EngineApi, readPool: Pool): void {
  engine.registerOutbox('case.unpark', (row) => giveParked(engine, readPool, row));
}

async function giveParked(engine: EngineApi, readPool: Pool, row: OutboxRow): Promise<Delivery> {
  const parked = await asOrganisation(readPool, row.organisationId, (query) =>
    query<{ command: string }>(
      `select command from qamqor.parked where case_id = $1 and seq < $2 and seq > (
         select max(seq) from qamqor.journal where case_id = $1 and seq < $2 and kind = 'act' and type = 'suspend') order by seq`,
      [row.caseId, row.seq],
    ),
  );
  for (const { command } of parked) {
    const { settles: _settled, ...again } = JSON.parse(command) as Command;
    await engine.submit({ ...again, keep: false } as Command);
  }
  return { kind: 'done' };
}
