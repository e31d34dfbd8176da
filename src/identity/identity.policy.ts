import { PARTNER_ROLE, STAFF_ROLES } from './roles.js';

type WithRoles = { roles: readonly string[] };

export const hasRole = (by: WithRoles, ...roles: readonly string[]): boolean =>
  by.roles.some((role) => roles.includes(role));

/** Somebody of the centre, not a partner and not a program. */
export const isStaff = (by: WithRoles): boolean => hasRole(by, ...STAFF_ROLES);

/** Looks after the work of others. */
export const isOverseer = (by: WithRoles): boolean => hasRole(by, 'supervisor', 'director', 'administrator');

/** May see everything and change nothing. */
export const mayInspect = (by: WithRoles): boolean => isOverseer(by) || hasRole(by, 'auditor');

/** Keys of the partner organisations for which this account may look. */
export const partnersOf = (by: WithRoles): string[] =>
  by.roles.filter((role) => PARTNER_ROLE.test(role)).map((role) => role.slice('partner-'.length));
