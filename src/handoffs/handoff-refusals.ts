import { AppError } from '../engine/errors.js';
import type { HandoffStatus } from './handoff.js';

/** What hand-offs say no to, in one place. */

export const handoffNotFound = (id: string) =>
  new AppError('handoff-not-found', 404, `There is no hand-off ${id.slice(0, 64)}, or you may not see it.`);

export const handoffOver = (status: HandoffStatus) =>
  new AppError('handoff-closed', 409, `This hand-off is ${status}: nothing can be done with it any more.`, {
    handoffStatus: status,
  });

export const noPapersAsked = (status: HandoffStatus) =>
  new AppError('no-papers-asked', 409, `The partner has not asked for papers: this hand-off is ${status}.`, {
    handoffStatus: status,
  });

export const handoffStale = (revision: number, given: number) =>
  new AppError(
    'stale-revision',
    409,
    `The hand-off is at revision ${revision}, not ${given}: something happened meanwhile. Read it again.`,
    { revision },
  );
