import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import type { JournalPayload } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { Form, Json, JsonObject } from '../statechart/types.js';
import { joinPersonal } from './personal.js';
import { maySeeClosed, maySeePersonal } from './task.policy.js';
import type { TaskRow } from './task.presenter.js';
import { FIND_ANSWER, FIND_PERSONAL } from './task.statements.js';

/**
 * What was answered in a task that is done: as the case took it, with its personal fields back as far as the reader may see
 * them. An answer that was erased is `{output: null}` and names its root as erased; null where the task had none.
 */
export async function readAnswer(
  pool: Pool,
  by: Principal,
  task: TaskRow,
  form: Form | undefined,
): Promise<JsonObject | null> {
  const { journal, personal } = await asOrganisation(pool, by.organisationId, async (query) => ({
    journal: await query<{ data: string | null }>(FIND_ANSWER, [task.case_id, task.id]),
    personal: await query<{ id: string; value: string }>(FIND_PERSONAL, [task.case_id, task.id]),
  }));
  const [row] = journal;
  if (!row) return null;
  if (row.data === null) return { output: null, hidden: [], erased: [''] };
  const { input } = JSON.parse(row.data) as JournalPayload;
  if (input?.kind !== 'answer') return null;
  const values = new Map(personal.map(({ id, value }) => [id, JSON.parse(value) as Json]));
  const maySee = (closed: boolean) => (closed ? maySeeClosed : maySeePersonal)(by, task);
  return { ...joinPersonal(form?.schema ?? {}, input.output, values, maySee) };
}
