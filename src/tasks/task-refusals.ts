import { AppError } from '../engine/errors.js';
import type { TaskStatus } from './task.policy.js';

/** What the tasks say no to, in one place. */

export const taskNotFound = (id: string) =>
  new AppError('task-not-found', 404, `There is no task ${id.slice(0, 64)}, or you may not see it.`);

export const taskOver = (status: TaskStatus) =>
  new AppError('task-closed', 409, `This task is ${status}: it was answered, cancelled, or its case went on.`, {
    taskStatus: status,
  });

export const taskTaken = (assignee: string | null, name: string | null) =>
  new AppError(
    'task-taken',
    409,
    `${name ?? 'Somebody else'} has taken this task. Choose another one, or ask the supervisor.`,
    {
      assignee,
      assigneeName: name,
    },
  );

export const overseersOnly = () =>
  new AppError('no-right', 403, 'Only who oversees may answer a task on behalf of somebody.', {
    because: 'stands-in-for-nobody',
  });

/** The engine knows who has the task by id only; the name is added later. */
export const notTheirs = (task: { status: TaskStatus; assignee: string | null }, name: string | null = null) => {
  const assignee = task.status === 'open' ? null : task.assignee;
  return new AppError(
    'not-their-task',
    422,
    `The account in onBehalfOf does not have this task; ${name ?? (assignee === null ? 'nobody' : 'somebody else')} has it.`,
    { assignee, assigneeName: name, ...(assignee === null ? { because: 'nobodys' } : {}) },
    [{ path: '/onBehalfOf', message: 'must be the account that has the task', rule: 'account-with-task' }],
  );
};

export const holdPast = (until: string) =>
  new AppError('hold-past', 422, `${until} is past: a task can be put aside until a moment to come.`, { until }, [
    { path: '/until', message: 'must be a moment to come', rule: 'moment-to-come' },
  ]);

export const notYours = () => new AppError('task-not-yours', 409, 'You do not have this task. Claim it first.');

export const taskStale = (revision: number, given: number) =>
  new AppError(
    'stale-revision',
    409,
    `The task is at revision ${revision}, not ${given}: somebody changed it. Read it again.`,
    { revision },
  );

export const wrongRole = (role: string) =>
  new AppError('no-right', 403, `This task belongs to the role "${role}".`, { roles: [role] });
