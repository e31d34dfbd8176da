import { type VerifyReport, verify } from './engine/verify.js';
import { HandoffsService } from './handoffs/handoffs.service.js';
import { ORGANISATION, type System } from './system.js';
import { taskWork } from './tasks/task-work.js';

/** Journals against cases, timers, and what the features show: tasks and hand-offs. */
export function verifySystem(system: System, progress?: (cases: number) => void): Promise<VerifyReport> {
  const openWork = { task: taskWork, handOff: HandoffsService.openWork };
  return verify(system.pool, system.runtime.versions, ORGANISATION, openWork, progress);
}
