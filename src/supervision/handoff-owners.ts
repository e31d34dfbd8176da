import type { Pool } from 'pg';
import type { Ladders } from './ladders.js';

/** As it was evaluated when the hand-off was opened. The items of a list have one role. */
const ROLE_OF_HANDOFF = `select entry->'input'->>'role' as role
  from qamqor.cases, jsonb_array_elements(chart::jsonb->'entries') entry where id = $1 and entry->>'invoke' = $2 limit 1`;

/** The role that the workflow names for a hand-off; null where it names none. */
export async function roleOfHandoff(pool: Pool, caseId: string, invocation: string): Promise<string | null> {
  const { rows } = await pool.query<{ role: string | null }>({
    name: 'role-of-handoff',
    text: ROLE_OF_HANDOFF,
    values: [caseId, invocation],
  });
  return rows[0]?.role ?? null;
}

/** Who looks after a hand-off: the role that its workflow names, else whom its ladder tells first, else nobody. */
export async function ownersOfHandoff(
  { pool, ladders }: { pool: Pool; ladders: Ladders },
  { caseId, invocation, ladder }: { caseId: string; invocation: string; ladder: string | null },
): Promise<string[]> {
  const role = await roleOfHandoff(pool, caseId, invocation);
  if (role !== null && role !== '') return [role];
  return ladder === null ? [] : ladders.ownersOf(ladder);
}
