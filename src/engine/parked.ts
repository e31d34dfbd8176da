import type { Pool } from 'pg';
import { asOrganisation } from './cases.js';
import type { Command, Delivery, EngineApi, OutboxRow } from './types.js';

/**
 * Gives the answers that came while a case was suspended, in the order in which they came. Each is fenced by its entry, so
 * that one which is given twice is ignored the second time. `relayPool`: connections of the role `qamqor_relay`.
 */
export function registerParked(engine: EngineApi, readPool: Pool, relayPool: Pool): void {
  engine.registerOutbox('case.unpark', (row) => giveParked(engine, readPool, relayPool, row));
}

/**
 * Whether a case is about to be given what came while it was suspended, as SQL: what has become due meanwhile waits for that.
 * Nothing waits for answers that cannot be given, which are an incident.
 */
export const ANSWERS_COME = (caseId: string) => `exists (select 1 from qamqor.parked p
  join qamqor.outbox o on o.case_id = p.case_id and o.topic = 'case.unpark' and not o.parked where p.case_id = ${caseId})`;

async function giveParked(engine: EngineApi, readPool: Pool, relayPool: Pool, row: OutboxRow): Promise<Delivery> {
  const parked = await asOrganisation(readPool, row.organisationId, (query) =>
    query<{ seq: number; command: string }>(
      `select seq, command from qamqor.parked where case_id = $1 and seq < $2 and seq > (
         select max(seq) from qamqor.journal where case_id = $1 and seq < $2 and kind = 'act' and type = 'suspend') order by seq`,
      [row.caseId, row.seq],
    ),
  );
  for (const { command } of parked) {
    const { settles: _settled, ...again } = JSON.parse(command) as Command;
    await engine.submit({ ...again, keep: false } as Command);
  }
  // Together with the row that asked for it, or not at all: whoever is asked again finds what there was to give.
  await relayPool.query({
    name: 'done-unpark',
    text: `with done as (delete from qamqor.outbox where id = $1 and attempt = $2 returning case_id)
      delete from qamqor.parked p using done where p.case_id = done.case_id and p.seq = any ($3::int[])`,
    values: [row.id, row.attempt, parked.map(({ seq }) => seq)],
  });
  return { kind: 'done' };
}
