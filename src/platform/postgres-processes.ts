import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './file-lock.js';
import { identifyProcess, isSameProcessAlive, type ProcessIdentity } from './process-identity.js';

/** Backends notice the death of their postmaster by themselves, one in the middle of a statement only at its end. */
const LEFT_OVER_PATIENCE_MS = 30_000;
const POLL_MS = 50;

export interface PostmasterFile {
  pid: number;
  port: number;
  /** `starting`, `stopping`, `ready`, `standby`. */
  status: string;
}

export async function readPostmasterFile(folder: string): Promise<PostmasterFile | null> {
  try {
    const lines = (await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), status: (lines[7] ?? '').trim() };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** The live server of this folder. Its pid file alone proves nothing: after a crash the number may be anybody's. */
export async function findPostmaster(folder: string): Promise<ProcessIdentity | null> {
  const file = await readPostmasterFile(folder);
  if (file === null) return null;
  const identity = identifyProcess(file.pid);
  return identity !== null && worksIn(file.pid, folder) ? identity : null;
}

/**
 * After a crash: waits for processes of this folder that have outlived their postmaster, ends by pid those that do not
 * go, and removes the stale pid file, whose number may meanwhile belong to a process that PostgreSQL would take for a server.
 */
export async function endLeftOvers(folder: string, log: (line: string) => void): Promise<void> {
  const began = Date.now();
  let told = false;
  for (let rest = leftOvers(folder); rest.length > 0; rest = rest.filter(isSameProcessAlive)) {
    const waited = Date.now() - began;
    if (!told && waited > 1_000) {
      told = true;
      log(`The database in ${folder} was killed; waiting for ${rest.length} of its processes to end.`);
    }
    if (waited > LEFT_OVER_PATIENCE_MS) for (const { pid } of rest) end(pid);
    await sleep(POLL_MS);
  }
  await rm(join(folder, 'postmaster.pid'), { force: true });
}

function leftOvers(folder: string): ProcessIdentity[] {
  return postgresPids()
    .filter((pid) => worksIn(pid, folder))
    .map(identifyProcess)
    .filter((identity) => identity !== null);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

function postgresPids(): number[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && nameOf(pid) === 'postgres');
  }
  const { stdout } = spawnSync('pgrep', ['-x', 'postgres'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter(Boolean).map(Number);
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Every process of a cluster has its folder as working directory. */
function worksIn(pid: number, folder: string): boolean {
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      return false;
    }
  }
  const { stdout } = spawnSync('lsof', ['-a', '-p', String(pid), '-d', 'cwd', '-Fn'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').includes(`n${folder}`);
}
