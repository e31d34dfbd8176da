import type { Pool } from 'pg';
import type { AccountsService } from './accounts.service.js';

const DOMAIN = 'demo.qamqor';

/** Nobody in particular: an account's name says who, its role says what. */
const PEOPLE = [
  'Айгерім Бекова',
  'Нұрлан Сейтов',
  'Дина Оспанова',
  'Ерлан Жақсыбеков',
  'Мадина Төлегенова',
  'Асқар Мұратов',
  'Гүлнар Сапарова',
  'Бауыржан Қасымов',
  'Салтанат Әбенова',
  'Данияр Ермеков',
  'Жанар Ысқақова',
  'Тимур Байжанов',
  'Әсел Нұрпейісова',
  'Руслан Кенжебаев',
  'Меруерт Айтжанова',
  'Санжар Омаров',
  'Ақмарал Дәуренова',
  'Арман Тілеубаев',
  'Ботагөз Рақышева',
  'Олжас Серікбаев',
];

export interface DemoAccounts {
  accounts: AccountsService;
  organisationId: string;
  password: string;
  /** Keys of the partners, each of which gets an account. */
  partners: string[];
}

export const demoEmail = (role: string): string => `${role}@${DOMAIN}`;

/** `<role>@demo.qamqor` with a made-up name for every role and partner. Only ever called for the demonstration. */
export async function createDemoAccounts({
  accounts,
  organisationId,
  password,
  partners,
}: DemoAccounts): Promise<void> {
  const roles = [...accounts.roles.staff, ...partners.map((key) => `partner-${key}`)];
  for (const [index, role] of roles.entries()) {
    await accounts.save({
      email: demoEmail(role),
      name: nameOf(index),
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

/** Past the end of the list the names come again, numbered. */
function nameOf(index: number): string {
  const round = Math.floor(index / PEOPLE.length);
  return `${PEOPLE[index % PEOPLE.length]}${round === 0 ? '' : ` ${round + 1}`}`;
}
