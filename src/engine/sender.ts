import type { Sender } from './types.js';

/** The engine itself, where no person gave the command. */
export const ENGINE_SENDER: Sender = { account: '00000000-0000-0000-0000-000000000000', roles: ['engine'] };

/** Also where it acts in somebody's name. */
export function isEngine({ roles }: Sender): boolean {
  return roles.includes('engine');
}
