import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from './file-lock.js';
import { SHARED_HOME } from './postgres-binaries.js';
import { StartError } from './start-error.js';
import { canReach, findOrCreateServiceUser, findUserById, isRoot, type SystemUser } from './system-user.js';

type Log = (line: string) => void;

/** The cluster of `dataDir`, links followed; null where there is none yet. */
export async function findCluster(dataDir: string, log: Log): Promise<string | null> {
  const linked = await realpathOrNull(join(dataDir, 'postgres'));
  if (linked !== null || !isRoot()) return linked;

  // Somebody removed `dataDir` and with it the link, but not what it led to: families are not forgotten by accident.
  const folder = await realpathOrNull(join(await sharedHomeOf(dataDir), 'postgres'));
  if (folder === null) return null;
  log(
    `Going on with the database that ${dataDir} had before, in ${folder}. To begin anew, stop and remove that folder.`,
  );
  await linkTo(folder, dataDir);
  return folder;
}

/** Who must run the cluster: its owner. Null means we ourselves. */
export async function userOf(folder: string): Promise<SystemUser | null> {
  const { uid, gid } = await lstat(folder);
  if (!isRoot()) {
    if (uid === process.getuid?.()) return null;
    const owner = (await findUserById(uid))?.name ?? `user ${uid}`;
    throw new StartError(
      'data-folder-of-another',
      `The database in ${folder} belongs to ${owner}. Start as that user, give the folder to yourself ` +
        '(chown -R), or choose another folder with QAMQOR_DATA.',
    );
  }
  // Root copied the folder here: give it back to a user who may run it.
  if (uid === 0) {
    const user = await findOrCreateServiceUser();
    await chownAll(folder, user);
    return user;
  }
  return (await findUserById(uid)) ?? { name: String(uid), uid, gid };
}

/**
 * An empty folder to initialise, and the name it gets when it is whole. As root the cluster belongs to another user; if
 * that user cannot reach `dataDir` (a home of mode 0700), the files live under /var/lib/qamqor with a link to them.
 */
export async function prepareCluster(
  dataDir: string,
  log: Log,
): Promise<{ draft: string; folder: string; user: SystemUser | null }> {
  const user = isRoot() ? await findOrCreateServiceUser() : null;
  const home = user === null || (await canReach(dataDir, user)) ? dataDir : await prepareSharedHome(dataDir, log);
  const folder = join(home, 'postgres');
  const draft = join(home, 'postgres.new');
  // Left by a start that was cut off; we hold the lock, so nobody is working on it.
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  if (user) await chown(draft, user.uid, user.gid);
  return { draft, folder, user };
}

async function prepareSharedHome(dataDir: string, log: Log): Promise<string> {
  const home = await sharedHomeOf(dataDir);
  log(
    `PostgreSQL does not run as root, and its user cannot reach ${dataDir} (a folder on the way is closed to others). ` +
      `The database is kept in ${home}; ${join(dataDir, 'postgres')} is a link to it.`,
  );
  await mkdir(home, { recursive: true, mode: 0o711 });
  await linkTo(join(home, 'postgres'), dataDir);
  return home;
}

async function sharedHomeOf(dataDir: string): Promise<string> {
  const name = createHash('sha256').update(await realpath(dataDir));
  return join(SHARED_HOME, name.digest('hex').slice(0, 16));
}

async function linkTo(folder: string, dataDir: string): Promise<void> {
  const link = join(dataDir, 'postgres');
  await rm(link, { force: true });
  await symlink(folder, link);
}

async function realpathOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

export async function chownAll(folder: string, user: SystemUser): Promise<void> {
  await chown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await chownAll(path, user);
    else if (entry.isFile()) await chown(path, user.uid, user.gid);
  }
}
