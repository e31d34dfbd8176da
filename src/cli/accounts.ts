import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { AccountsService } from '../identity/accounts.service.js';
import type { Principal } from '../identity/principal.js';
import { ORGANISATION, type System } from '../system.js';
import { TERMINAL_ACTOR, withSystem } from './database-commands.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from './terminal.js';

/** As better-auth takes them when somebody changes their own. */
const PASSWORD = { least: 8, most: 128 };
const GENERATED_BYTES = 12;

export interface AccountOptions {
  name?: string;
  role?: string[];
  /** Whoever types no password gets one that is made up. */
  passwordStdin?: boolean;
  newPassword?: boolean;
}

/** `account add EMAIL --name NAME --role ROLE…` */
export function addAccount(email: string, options: AccountOptions, terminal: Terminal, stdin = process.stdin) {
  return withAccounts(terminal, async (accounts, partners) => {
    const address = mailOf(email);
    const [name, roles] = [options.name?.trim(), options.role ?? []];
    if (!name) throw new TerminalError('usage', "Say whose account it is: --name 'Дина Оспанова'.");
    if (roles.length === 0)
      throw new TerminalError(
        'usage',
        `Say what they do: --role, once for each of ${accounts.roles.staff.join(', ')}.`,
      );
    if (await accounts.principalByEmail(address))
      throw new TerminalError(
        'account-exists',
        `${address} has an account already. Change it: qamqor account change ${address} --role … or --new-password.`,
      );
    const password = options.passwordStdin ? await typed(stdin) : generated();
    const account = await saved(accounts, partners, { email: address, name, roles, password: password.text });
    return told(terminal, account, password);
  });
}

/** `account change EMAIL [--name NAME] [--role ROLE…] [--new-password | --password-stdin]` */
export function changeAccount(email: string, options: AccountOptions, terminal: Terminal, stdin = process.stdin) {
  return withAccounts(terminal, async (accounts, partners) => {
    const before = await known(accounts, mailOf(email));
    const password = options.passwordStdin ? await typed(stdin) : options.newPassword ? generated() : undefined;
    const account = await saved(accounts, partners, {
      email: before.email,
      name: options.name?.trim() || before.name,
      roles: options.role ?? before.roles,
      password: password?.text,
    });
    return told(terminal, account, password);
  });
}

/** `account disable EMAIL`: nobody can sign in with it any more, and whoever has is signed out. */
export function disableAccount(email: string, terminal: Terminal) {
  return withAccounts(terminal, async (accounts) => {
    const { account: id, email: address } = await known(accounts, mailOf(email));
    await accounts.disable(id);
    terminal.say(`${address} cannot sign in any more. What they did stays in the history under their name.`);
    await terminal.answer({ id, email: address, disabled: true });
    return EXIT.ok;
  });
}

/** `account list` */
export function listAccounts(terminal: Terminal) {
  return withAccounts(terminal, async (accounts) => {
    const all = await accounts.ofOrganisation(ORGANISATION);
    for (const { email, name, roles } of all) terminal.say(`${email}  ${name}  ${roles.join(', ') || '(no role)'}`);
    if (all.length === 0)
      terminal.say("Nobody can sign in yet: qamqor account add EMAIL --name 'NAME' --role administrator.");
    await terminal.answer(all.map(({ account: id, email, name, roles }) => ({ id, email, name, roles })));
    return EXIT.ok;
  });
}

interface Password {
  text: string;
  isShown: boolean;
}

const generated = (): Password => ({ text: randomBytes(GENERATED_BYTES).toString('base64url'), isShown: true });

/** The first line of what is piped in: a password in the arguments would stand in the list of processes. */
async function typed(stdin: NodeJS.ReadableStream): Promise<Password> {
  const [line = ''] = (await text(stdin)).split(/\r?\n/);
  const { least, most } = PASSWORD;
  if (line.length < least || line.length > most)
    throw new TerminalError('bad-password', `A password has ${least} to ${most} characters; ${line.length} came in.`);
  return { text: line, isShown: false };
}

function mailOf(email: string): string {
  const read = z.email().safeParse(email.trim().toLowerCase());
  if (!read.success) throw new TerminalError('usage', `"${email}" is no e-mail address: people sign in with one.`);
  return read.data;
}

async function known(accounts: AccountsService, email: string): Promise<Principal> {
  const found = await accounts.principalByEmail(email);
  if (!found)
    throw new TerminalError(
      'account-not-found',
      `There is no account ${email}. See who there is: qamqor account list.`,
    );
  return found;
}

interface Given {
  email: string;
  name: string;
  roles: string[];
  password: string | undefined;
}

async function saved(accounts: AccountsService, partners: string[], given: Given): Promise<Given & { id: string }> {
  const roles = [...accounts.roles.staff, ...partners];
  const unknown = given.roles.find((role) => !roles.includes(role));
  if (unknown !== undefined)
    throw new TerminalError('unknown-role', `There is no role "${unknown}". There are: ${roles.join(', ')}.`);
  const id = await accounts.save({ ...given, organisationId: ORGANISATION, by: TERMINAL_ACTOR });
  return { ...given, id };
}

async function told(terminal: Terminal, account: Given & { id: string }, password?: Password): Promise<ExitCode> {
  const { id, email, name, roles } = account;
  terminal.say(`${email} (${name}) can sign in and works as ${roles.join(', ')}.`);
  if (password?.isShown) terminal.say(`Password, shown this once: ${password.text}`);
  await terminal.answer({ id, email, name, roles, ...(password?.isShown ? { password: password.text } : {}) });
  return EXIT.ok;
}

/** `partners`: the roles of their people. */
function withAccounts(
  terminal: Terminal,
  work: (accounts: AccountsService, partners: string[]) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withSystem(terminal, (system) => {
    const partners = system.partnerKeys.map((key) => `partner-${key}`);
    return work(accountsOf(system), partners);
  });
}

function accountsOf({ pool, runtime, ids, roles }: System): AccountsService {
  return new AccountsService(pool, runtime.reads, () => ids.next(), roles);
}
