import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { maySeeTask, type TaskFacts, taskPermissions } from './task.policy.js';

const role = fc.constantFrom(
  'curator',
  'lawyer',
  'supervisor',
  'director',
  'auditor',
  'one-more',
  'integration',
  'partner-atameken',
);
const asker = fc.record({
  account: fc.constantFrom('anna', 'berik'),
  roles: fc.uniqueArray(role, { maxLength: 3 }),
  may: fc.constant<string[]>([]),
});
/** Only who has a role of the centre is given a right. */
const overseer = asker.map((by) =>
  by.roles.some((one) => one === 'supervisor' || one === 'one-more') ? { ...by, may: ['oversee'] } : by,
);
const task: fc.Arbitrary<TaskFacts> = fc.record({
  status: fc.constantFrom('open', 'claimed', 'held', 'done', 'cancelled'),
  role,
  assignee: fc.constantFrom('anna', 'berik', null),
});
const always = (holds: (by: { account: string; roles: string[]; may: string[] }, task: TaskFacts) => boolean) =>
  fc.assert(fc.property(overseer, task, holds), { numRuns: 2_000 });

describe('whoever asks, whatever the task', () => {
  it('only its role, or a supervisor or director in its place, claims, answers, holds or drafts it', () => {
    always((by, one) => {
      const can = taskPermissions(by, one);
      const standsIn = by.roles.includes('supervisor') || by.roles.includes('director');
      return by.roles.includes(one.role) || standsIn || !(can.claim || can.complete || can.hold || can.draft);
    });
  });

  it('nobody stands in for a partner or a program', () => {
    always((by, one) => {
      const { claim, complete } = taskPermissions(by, one);
      const outside = one.role === 'integration' || one.role.startsWith('partner-');
      return !outside || by.roles.includes(one.role) || !(claim || complete);
    });
  });

  it('what is over allows nothing', () => {
    always(
      (by, one) =>
        !['done', 'cancelled'].includes(one.status) || !Object.values(taskPermissions(by, one)).some(Boolean),
    );
  });

  it('who answers it has it, or nobody has it', () => {
    always((by, one) => !taskPermissions(by, one).complete || one.status === 'open' || one.assignee === by.account);
  });

  it('partners and programs do nothing with the tasks of the centre', () => {
    always((by, one) => {
      const outside = by.roles.every((given) => given === 'integration' || given.startsWith('partner-'));
      return (
        !outside ||
        by.roles.includes(one.role) ||
        !(maySeeTask(by, one) || Object.values(taskPermissions(by, one)).some(Boolean))
      );
    });
  });

  it('who may do something with it may see it', () => {
    always((by, one) => maySeeTask(by, one) || !Object.values(taskPermissions(by, one)).some(Boolean));
  });
});
