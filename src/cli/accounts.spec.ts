import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { keptTerminal } from '../../test/terminal.js';
import { addAccount, changeAccount, disableAccount, listAccounts } from './accounts.js';
import { explain } from './terminal.js';

let api: ApiFixture;
let before: string | undefined;
beforeAll(async () => {
  api = await ApiFixture.create();
  before = process.env.DATABASE_URL;
  process.env.DATABASE_URL = api.database.url;
}, 60_000);
afterAll(async () => {
  if (before === undefined) delete process.env.DATABASE_URL;
  else process.env.DATABASE_URL = before;
  await api?.close();
});

const signIn = async (email: string, password: string) => {
  const { statusCode, headers } = await api.app.inject({
    method: 'POST',
    url: '/api/auth/sign-in/email',
    payload: { email, password },
  });
  return { status: statusCode, cookie: String(headers['set-cookie'] ?? '').split(';')[0] ?? '' };
};
const who = async (cookie: string) =>
  (await api.app.inject({ url: '/api/auth/get-session', headers: { cookie } })).json()?.user ?? null;
const piped = (line: string) => Readable.from([`${line}\n`]) as unknown as typeof process.stdin;
const refused = (work: Promise<unknown>) => work.catch(explain);

describe('an account that is made at the terminal', () => {
  it('signs in with the password that is shown once, in its roles', async () => {
    const at = keptTerminal();
    const roles = ['curator', 'supervisor'];
    await addAccount('Dina@Centre.kz', { name: 'Дина Оспанова', role: roles }, at.terminal);
    const { password, ...account } = at.answer() as { password: string };
    expect(account).toMatchObject({ email: 'dina@centre.kz', name: 'Дина Оспанова', roles });
    const { status, cookie } = await signIn('dina@centre.kz', password);
    expect(status).toBe(200);
    expect(await who(cookie)).toMatchObject({ name: 'Дина Оспанова', roles });
  });

  it("may be a partner's", async () => {
    const at = keptTerminal();
    await addAccount('arman@atameken.kz', { name: 'Арман', role: ['partner-atameken'] }, at.terminal);
    expect(at.answer()).toMatchObject({ roles: ['partner-atameken'] });
  });

  it('takes a password that is piped in, and shows it to nobody', async () => {
    const at = keptTerminal();
    const given = { name: 'Ерлан', role: ['lawyer'], passwordStdin: true };
    await addAccount('erlan@centre.kz', given, at.terminal, piped('a long password'));
    expect(JSON.stringify(at.answer()) + at.stderr.text).not.toContain('a long password');
    expect((await signIn('erlan@centre.kz', 'a long password')).status).toBe(200);
  });

  it('gets other roles at once, and with another password its sessions end', async () => {
    const { cookie } = await signIn('erlan@centre.kz', 'a long password');
    await changeAccount('erlan@centre.kz', { role: ['director'] }, keptTerminal().terminal);
    expect(await who(cookie)).toMatchObject({ name: 'Ерлан', roles: ['director'] });
    const at = keptTerminal();
    await changeAccount('erlan@centre.kz', { newPassword: true }, at.terminal);
    expect(await who(cookie)).toBeNull();
    expect((await signIn('erlan@centre.kz', 'a long password')).status).toBe(401);
    const { password } = at.answer() as { password: string };
    expect((await signIn('erlan@centre.kz', password)).status).toBe(200);
  });

  it('is listed until it is disabled, and then signed out', async () => {
    const listed = async () => {
      const at = keptTerminal();
      await listAccounts(at.terminal);
      return (at.answer() as unknown as { email: string }[]).map(({ email }) => email);
    };
    const at = keptTerminal();
    await changeAccount('erlan@centre.kz', { newPassword: true }, at.terminal);
    const { password } = at.answer() as { password: string };
    const { cookie } = await signIn('erlan@centre.kz', password);
    expect(await listed()).toContain('erlan@centre.kz');
    await disableAccount('erlan@centre.kz', keptTerminal().terminal);
    expect(await listed()).not.toContain('erlan@centre.kz');
    expect(await who(cookie)).toBeNull();
    expect((await signIn('erlan@centre.kz', password)).status).toBe(401);
  });
});

describe('what is refused changes nothing', () => {
  const given = { name: 'Кім', role: ['curator'] };
  it.each([
    ['no address', 'usage', () => addAccount('dina', given, keptTerminal().terminal)],
    ['no name', 'usage', () => addAccount('kim@centre.kz', { role: ['curator'] }, keptTerminal().terminal)],
    ['no role', 'usage', () => addAccount('kim@centre.kz', { name: 'Кім' }, keptTerminal().terminal)],
    [
      'an unknown role',
      'unknown-role',
      () => addAccount('kim@centre.kz', { ...given, role: ['king'] }, keptTerminal().terminal),
    ],
    [
      'the role of a partner that there is not',
      'unknown-role',
      () => addAccount('kim@centre.kz', { ...given, role: ['partner-atamekn'] }, keptTerminal().terminal),
    ],
    [
      'a short password',
      'bad-password',
      () => addAccount('kim@centre.kz', { ...given, passwordStdin: true }, keptTerminal().terminal, piped('short')),
    ],
    ['somebody who is there', 'account-exists', () => addAccount('dina@centre.kz', given, keptTerminal().terminal)],
    [
      'a change of nobody',
      'account-not-found',
      () => changeAccount('nobody@centre.kz', given, keptTerminal().terminal),
    ],
    ['an end of nobody', 'account-not-found', () => disableAccount('nobody@centre.kz', keptTerminal().terminal)],
  ])('%s', async (_what, code, work) => {
    expect(await refused(work())).toMatchObject({ code });
    const { rows } = await api.database
      .pool('owner')
      .query('select from qamqor.accounts where email = $1', ['kim@centre.kz']);
    expect(rows).toHaveLength(0);
  });
});
