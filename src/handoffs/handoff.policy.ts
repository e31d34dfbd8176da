import { hasRole, isStaff, partnersOf } from '../identity/identity.policy.js';
import { INTEGRATION } from '../identity/roles.js';
import type { HandoffRow } from './handoff.js';

type Asker = { roles: readonly string[]; may?: readonly string[] };
type Facts = Pick<HandoffRow, 'status' | 'closed_at'>;

/** Who brings a partner the papers that it asked for: roles that `roles.yaml` lets. */
export const SUPPLIERS = ['supply-papers'] as const;
/** Who takes a hand-off back. */
export const RECALLERS = ['curator', 'supervisor', 'director'] as const;

/** What an account may do with a hand-off as it is now. */
export function handoffPermissions(by: Asker, handoff: Facts) {
  return {
    supply: handoff.status === 'papers' && hasRole(by, ...SUPPLIERS),
    recall: handoff.closed_at === null && hasRole(by, ...RECALLERS),
  };
}

/** Everybody of the centre sees all; a partner of its own what was sent to it, and of others not even that they exist. */
export function partnersSeenBy(by: Asker): string[] | undefined {
  return isStaff(by) || hasRole(by, INTEGRATION) ? undefined : partnersOf(by);
}
