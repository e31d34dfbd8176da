/** The people of the centre. `partner-<key>` and `integration` are not among them. */
export const STAFF_ROLES = [
  'registrar',
  'curator',
  'lawyer',
  'psychologist',
  'coordinator',
  'trainer',
  'adviser',
  'supervisor',
  'director',
  'administrator',
  'auditor',
] as const;

/** What a program signed in with QAMQOR_API_KEY acts as. */
export const INTEGRATION = 'integration';

export const PARTNER_ROLE = /^partner-[a-z][a-z0-9-]{0,55}$/;

export function isRole(role: string): boolean {
  return role === INTEGRATION || (STAFF_ROLES as readonly string[]).includes(role) || PARTNER_ROLE.test(role);
}
