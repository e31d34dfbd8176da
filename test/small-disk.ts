import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Only root may mount one. With QAMQOR_CI=1 tests with it run, and fail where nobody may. */
export const hasSmallDisk = (process.platform === 'linux' && process.getuid?.() === 0) || process.env.QAMQOR_CI === '1';
/** For titles of tests that are skipped without it. */
export const smallDisk = hasSmallDisk ? 'a small disk' : 'a small disk, which only root may mount';

/** A file system in memory with an end, which can be filled up and emptied again. It belongs to whom its folder belonged to. */
export class SmallDisk {
  constructor(
    readonly folder: string,
    megabytes: number,
  ) {
    mkdirSync(folder, { recursive: true });
    const { uid, gid } = statSync(folder);
    execFileSync('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${megabytes}m,mode=0700,uid=${uid},gid=${gid}`,
      'qamqor',
      folder,
    ]);
  }

  /** Leaves so much room, if others do not take it meanwhile. */
  fill(leave = 0): void {
    const { bavail, bsize } = statfsSync(this.folder);
    const file = openSync(this.ballast, 'a');
    try {
      for (let left = Math.floor((bavail * bsize - leave) / 4_096); left > 0; left -= 1) writeSync(file, BLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.ballast, { force: true });
  }

  remove(): void {
    execFileSync('umount', [this.folder]);
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}

const BLOCK = Buffer.alloc(4_096);
