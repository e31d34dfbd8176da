import { INTEGRATION, PARTNER_ROLE } from './roles.js';

/** `may`: what the roles give, as `Principal` has it; without it nothing. */
type WithRoles = { roles: readonly string[]; may?: readonly string[] };

/** Whether somebody has one of these roles, or one of these rights (`oversee`, say): no role is named like a right. */
export const hasRole = ({ roles, may = [] }: WithRoles, ...names: readonly string[]): boolean =>
  names.some((name) => roles.includes(name) || may.includes(name));

/** A role of the centre: which there are is said in `roles.yaml`, and nobody carries others. */
export const isStaffRole = (role: string): boolean => !OUTSIDE.includes(role) && !PARTNER_ROLE.test(role);
const OUTSIDE = [INTEGRATION, 'partner', 'engine', ''];

/** Somebody of the centre, not a partner and not a program. */
export const isStaff = (by: WithRoles): boolean => by.roles.some(isStaffRole);

/** Looks after the work of others. */
export const isOverseer = (by: WithRoles): boolean => hasRole(by, 'oversee');

/** May see everything and change nothing. */
export const mayInspect = (by: WithRoles): boolean => isOverseer(by) || hasRole(by, 'auditor');

/** Keys of the partner organisations for which this account may look. */
export const partnersOf = (by: WithRoles): string[] =>
  by.roles.filter((role) => PARTNER_ROLE.test(role)).map((role) => role.slice('partner-'.length));

/** Under which names notices reach an account: itself, its roles, and of a partner also the head of the organisation. */
export function noticeNamesOf(by: WithRoles & { account: string }): string[] {
  const heads = partnersOf(by).map((key) => `partner-${key}:head`);
  return [`account:${by.account}`, ...by.roles, ...heads];
}
