import type { Pool } from 'pg';
import type { AccountsService } from './accounts.service.js';

const DOMAIN = 'demo.qamqor';

export interface DemoAccounts {
  accounts: AccountsService;
  organisationId: string;
  password: string;
  /** Keys of the partners, each of which gets an account. */
  partners: string[];
}

export const demoEmail = (role: string): string => `${role}@${DOMAIN}`;

/** `<role>@demo.qamqor` for every role and partner. Only ever called for the demonstration. */
export async function createDemoAccounts({
  accounts,
  organisationId,
  password,
  partners,
}: DemoAccounts): Promise<void> {
  const roles = [...accounts.roles.staff, ...partners.map((key) => `partner-${key}`)];
  for (const role of roles) {
    await accounts.save({
      email: demoEmail(role),
      name: title(role),
      password,
      roles: [role],
      organisationId,
      demonstration: true,
      by: 'demonstration',
    });
  }
}

/** Their password is known to everybody: where the demonstration is off, they must not be there. */
export async function removeDemoAccounts(pool: Pool): Promise<void> {
  await pool.query(
    `update qamqor.accounts set disabled_at = coalesce(disabled_at, clock_timestamp()) where demonstration`,
  );
  await pool.query(
    'delete from qamqor.account_sessions where user_id in (select id from qamqor.accounts where demonstration)',
  );
}

function title(role: string): string {
  return role
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
}
