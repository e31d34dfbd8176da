import { hasRole, isOverseer, isStaff, isStaffRole, mayInspect } from '../identity/identity.policy.js';

/** What the policies look at. */
export interface TaskFacts {
  status: TaskStatus;
  role: string;
  assignee: string | null;
}

export type TaskStatus = 'open' | 'claimed' | 'held' | 'done' | 'cancelled';

type Asker = { account: string; roles: readonly string[]; may?: readonly string[] };

const isOpen = (task: TaskFacts) => task.status === 'open' || task.status === 'claimed' || task.status === 'held';
const isMine = (by: Asker, task: TaskFacts) => task.status !== 'open' && task.assignee === by.account;

/** Who stands in for a colleague of the centre who is away. */
const STAND_INS = ['supervisor', 'director'];

/** The role that the workflow asks for, or somebody who stands in for it. */
export const isCandidate = (by: Asker, task: Pick<TaskFacts, 'role'>) =>
  hasRole(by, task.role) || (isStaffRole(task.role) && hasRole(by, ...STAND_INS));

export const maySeeTask = (by: Asker, task: TaskFacts) => isStaff(by) || isCandidate(by, task);
export const maySeeAllTasks = (by: Asker) => mayInspect(by);

export const mayClaim = (by: Asker, task: TaskFacts) =>
  isCandidate(by, task) && (task.status === 'open' || (task.status === 'held' && isMine(by, task)));
/** Its owner, and who oversees; not somebody whose roles were taken away meanwhile. */
export const mayRelease = (by: Asker, task: TaskFacts) =>
  (task.status === 'claimed' || task.status === 'held') && maySeeTask(by, task) && (isMine(by, task) || isOverseer(by));
export const mayAssign = (by: Asker, task: TaskFacts) => isOpen(task) && isOverseer(by);
export const mayHold = (by: Asker, task: TaskFacts) => isOpen(task) && isMine(by, task) && isCandidate(by, task);
export const mayComplete = (by: Asker, task: TaskFacts) =>
  isCandidate(by, task) && (task.status === 'open' || (isOpen(task) && isMine(by, task)));

/** For a colleague who has it and is away. */
const mayCompleteOnBehalf = (by: Asker, task: TaskFacts) =>
  isOverseer(by) && isCandidate(by, task) && isOpen(task) && task.status !== 'open' && !isMine(by, task);

/** What the policies look at in a task that was answered. */
export interface AnsweredFacts {
  role: string;
  completed_by: string | null;
}

/** What a form marks `x-closed` stays with the role that the task was for and with who answered, however much others oversee. */
export const maySeeClosed = (by: Asker, task: AnsweredFacts) =>
  hasRole(by, task.role) || task.completed_by === by.account;
/** What a form marks `x-personal`: also who leads cases, to whom others' notes and written reasons are addressed, and who sees everything. */
export const maySeePersonal = (by: Asker, task: AnsweredFacts) =>
  maySeeClosed(by, task) || hasRole(by, 'read-answers') || mayInspect(by);

export function taskPermissions(by: Asker, task: TaskFacts) {
  return {
    claim: mayClaim(by, task),
    release: mayRelease(by, task),
    assign: mayAssign(by, task),
    hold: mayHold(by, task),
    draft: mayHold(by, task),
    complete: mayComplete(by, task),
    completeOnBehalf: mayCompleteOnBehalf(by, task),
  };
}
