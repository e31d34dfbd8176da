import { type VerifyReport, verify } from './engine/verify.js';
import { handoffWork } from './handoffs/handoff-work.js';
import { verifyAccessLog } from './identity/access-log-verify.js';
import { ORGANISATION, type System } from './system.js';
import { taskWork } from './tasks/task-work.js';

/** Journals against cases, timers, and what the features show: tasks and hand-offs; and the log of who read what. */
export async function verifySystem(system: System, progress?: (cases: number) => void): Promise<VerifyReport> {
  const openWork = { task: taskWork, handOff: handoffWork };
  const report = await verify(system.runtime, ORGANISATION, openWork, progress);
  const problems = [...report.problems, ...(await verifyAccessLog(system.pool, ORGANISATION))];
  return { ...report, ok: problems.length === 0, problems };
}
