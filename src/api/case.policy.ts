import type { CaseRecord } from '../engine/types.js';
import { hasRole } from '../identity/identity.policy.js';
import { INTEGRATION, STAFF_ROLES } from '../identity/roles.js';

type Asker = { roles: readonly string[] };

/** Who may open a case. */
export const CASE_OPENERS = ['registrar', 'curator', 'supervisor', 'director', 'administrator', INTEGRATION] as const;
/** Who may send events at all; which ones, the workflow says event by event. Who only inspects sends none. */
export const maySendEvents = (by: Asker) =>
  hasRole(by, INTEGRATION, ...STAFF_ROLES.filter((role) => role !== 'auditor'));

const closed = (record: Pick<CaseRecord, 'status'>) => record.status === 'done' || record.status === 'cancelled';

/** Acts of a hand: who may, and whether the case is in a state for it. */
export const casePermissions = (by: Asker, record: Pick<CaseRecord, 'status'>) => ({
  event: maySendEvents(by) && record.status === 'active',
  cancel: mayAct(by, 'cancel') && !closed(record),
  suspend: mayAct(by, 'suspend') && record.status === 'active',
  resume: mayAct(by, 'resume') && record.status === 'suspended',
  reopen: mayAct(by, 'reopen') && closed(record),
  modify: mayAct(by, 'modify') && record.status !== 'suspended',
  migrate: mayAct(by, 'migrate') && record.status === 'active',
  list: mayAct(by, 'list') && record.status === 'active',
  retry: mayAct(by, 'retry'),
  resolve: mayAct(by, 'resolve'),
});

const ACTORS = {
  cancel: ['supervisor', 'director', 'administrator'],
  suspend: ['curator', 'supervisor', 'director', 'administrator'],
  resume: ['curator', 'supervisor', 'director', 'administrator'],
  reopen: ['supervisor', 'director', 'administrator'],
  modify: ['supervisor', 'administrator'],
  migrate: ['supervisor', 'administrator'],
  list: ['curator', 'coordinator', 'supervisor', 'administrator'],
  retry: ['supervisor', 'director', 'administrator'],
  resolve: ['supervisor', 'director', 'administrator'],
} as const;

export type ActName = keyof typeof ACTORS;

export const actorsOf = (act: ActName): readonly string[] => ACTORS[act];
export const mayAct = (by: Asker, act: ActName) => hasRole(by, ...ACTORS[act]);

/** Who may deploy a workflow. */
export const DEPLOYERS = ['administrator', INTEGRATION] as const;
