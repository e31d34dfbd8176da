import { spawnSync } from 'node:child_process';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StartError } from './start-error.js';

export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

const SERVICE_USER = 'postgres';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** PostgreSQL refuses to run as root: the user `postgres` runs it, and is made if the system has none. */
export async function findOrCreateServiceUser(): Promise<SystemUser> {
  const known = await findUser((user) => user.name === SERVICE_USER);
  if (known) return known;

  createServiceUser();
  const made = await findUser((user) => user.name === SERVICE_USER);
  // A system without useradd and adduser still has `nobody`, and PostgreSQL asks only for a user who is not root.
  const user = made ?? (await findUser((each) => each.name === 'nobody'));
  if (user) return user;
  throw new StartError(
    'no-user',
    `PostgreSQL does not run as root, and the user "${SERVICE_USER}" could not be created. ` +
      `Create it ("useradd --system ${SERVICE_USER}"), start as another user, or set DATABASE_URL.`,
  );
}

export async function findUserById(uid: number): Promise<SystemUser | null> {
  return findUser((user) => user.uid === uid);
}

async function findUser(isWanted: (user: SystemUser) => boolean): Promise<SystemUser | null> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  for (const line of lines) {
    const [name = '', , uid, gid] = line.split(':');
    const user = { name, uid: Number(uid), gid: Number(gid) };
    if (name !== '' && isWanted(user)) return user;
  }
  return null;
}

function createServiceUser(): void {
  // Debian, Red Hat and most others; then BusyBox (Alpine).
  const attempts: [string, ...string[]][] = [
    ['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', SERVICE_USER],
    ['adduser', '-S', '-D', '-H', SERVICE_USER],
  ];
  for (const [command, ...args] of attempts) {
    if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return;
  }
}

/** Whether `user` may walk to `path` and, if it is a file, run it. Judges by owner, group and mode; not by ACLs. */
export async function canReach(path: string, user: SystemUser): Promise<boolean> {
  let current = await realpath(path);
  for (;;) {
    const { uid, gid, mode } = await stat(current);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return false;
    const parent = dirname(current);
    if (parent === current) return true;
    current = parent;
  }
}
