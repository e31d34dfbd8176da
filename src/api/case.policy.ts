import type { CaseRecord } from '../engine/types.js';
import { hasRole, isStaffRole } from '../identity/identity.policy.js';
import { INTEGRATION } from '../identity/roles.js';

export type Asker = { roles: readonly string[]; may?: readonly string[] };

/** Who may open a case: roles that `roles.yaml` lets, and programs. */
export const CASE_OPENERS = ['open-cases', INTEGRATION] as const;
/** Who may send events at all; which ones, the workflow says event by event. Who only inspects sends none. */
export const maySendEvents = (by: Asker) =>
  by.roles.some((role) => role === INTEGRATION || (isStaffRole(role) && role !== 'auditor'));

const closed = (record: Pick<CaseRecord, 'status'>) => record.status === 'done' || record.status === 'cancelled';

/** Acts of a hand: who may, and whether the case is in a state for it, and its workflow says where it goes on. */
export const casePermissions = (by: Asker, record: Pick<CaseRecord, 'status' | 'workflow'>) => ({
  event: maySendEvents(by) && record.status === 'active',
  cancel: mayAct(by, 'cancel') && !closed(record),
  suspend: mayAct(by, 'suspend') && record.status === 'active',
  resume: mayAct(by, 'resume') && record.status === 'suspended',
  reopen: mayAct(by, 'reopen') && closed(record) && record.workflow.reopen !== undefined,
  modify: mayAct(by, 'modify') && record.status !== 'suspended',
  migrate: mayAct(by, 'migrate') && record.status === 'active',
  list: mayAct(by, 'list') && record.status === 'active',
  retry: mayAct(by, 'retry'),
  resolve: mayAct(by, 'resolve'),
});

/** `oversee`: every role that oversees. To put a case into another state is for those who are named. */
const ACTORS = {
  cancel: ['oversee'],
  suspend: ['curator', 'oversee'],
  resume: ['curator', 'oversee'],
  reopen: ['oversee'],
  modify: ['supervisor', 'administrator'],
  migrate: ['supervisor', 'administrator'],
  list: ['curator', 'coordinator', 'supervisor', 'administrator'],
  retry: ['oversee'],
  resolve: ['oversee'],
} as const;

export type ActName = keyof typeof ACTORS;

export const actorsOf = (act: ActName): readonly string[] => ACTORS[act];
export const mayAct = (by: Asker, act: ActName) => hasRole(by, ...ACTORS[act]);

/** Who may deploy a workflow. */
export const DEPLOYERS = ['administrator', INTEGRATION] as const;
