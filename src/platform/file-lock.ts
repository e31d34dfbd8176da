import { randomUUID } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifySelf, isSameProcessAlive, type ProcessIdentity } from './process-identity.js';

/** Who holds a lock file. `id` is new for each holding, so that two holdings by one process differ. */
interface Holder extends ProcessIdentity {
  id: string;
}

const POLL_MS = 50;

/**
 * Runs `work` while no other process on this machine holds the lock file. A holder that was killed is noticed by its
 * pid and start time, and its lock is taken over.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: (pid: number) => void = () => undefined,
): Promise<T> {
  await acquire(path, onWait);
  try {
    return await work();
  } finally {
    await removeIfThere(path);
  }
}

async function acquire(path: string, onWait: (pid: number) => void): Promise<void> {
  const mine: Holder = { id: randomUUID(), ...identifySelf() };
  let told = false;
  while (!(await create(path, mine))) {
    const holder = await readHolder(path);
    if (holder === null) continue;
    if (isSameProcessAlive(holder)) {
      if (!told) onWait(holder.pid);
      told = true;
      await sleep(POLL_MS);
    } else {
      await removeDead(path, holder);
    }
  }
}

/** Appears with its content or not at all: nobody reads a half-written holder. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const draft = `${path}.${holder.id}`;
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await removeIfThere(draft);
  }
}

/**
 * Two that wait may find the same dead holder; the slower one must not remove the lock that the faster one has taken
 * meanwhile. So a dead holding is removed only under a lock of its own, named after it.
 */
async function removeDead(path: string, dead: Holder): Promise<void> {
  await withFileLock(`${path}-${dead.id.slice(0, 8)}`, async () => {
    const holder = await readHolder(path);
    if (holder?.id === dead.id) await removeIfThere(path);
  });
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    if (error instanceof SyntaxError) return { id: 'unreadable', pid: 0, started: '' };
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Not by `instanceof`: an error of Node's own that is seen from inside another realm (a Jest spec) is no `Error` there. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
