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
