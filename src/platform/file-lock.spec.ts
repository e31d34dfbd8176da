import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withFileLock } from './file-lock.js';
import { identifyProcess, identifySelf, isSameProcessAlive } from './process-identity.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qamqor-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

describe('a file lock', () => {
  it('lets one in at a time, and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const enter = () =>
      withFileLock(path, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is free again when the work throws', async () => {
    await expect(withFileLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(withFileLock(path, async () => 'in')).resolves.toBe('in');
  });

  it('is taken over from a dead holder by exactly one of those who wait', async () => {
    await writeFile(path, JSON.stringify({ id: 'dead-one', pid: process.pid, started: 'another boot' }));
    let inside = 0;
    let most = 0;
    const enter = () =>
      withFileLock(path, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is taken over when its file cannot be read', async () => {
    await writeFile(path, '{"id":');
    await expect(withFileLock(path, async () => 'in')).resolves.toBe('in');
  });

  it('tells who is waited for', async () => {
    const told: number[] = [];
    await withFileLock(path, async () => {
      const second = withFileLock(
        path,
        async () => 'in',
        (pid) => told.push(pid),
      );
      while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
      return { second };
    }).then(({ second }) => second);
    expect(told).toEqual([process.pid]);
  });
});

describe('the identity of a process', () => {
  it('is not that of a later process with the same number', () => {
    const self = identifySelf();
    expect(isSameProcessAlive(self)).toBe(true);
    expect(isSameProcessAlive({ ...self, started: 'earlier' })).toBe(false);
  });

  it('is nobody where no process runs', () => {
    expect(identifyProcess(2 ** 22 + 1)).toBeNull();
  });
});
