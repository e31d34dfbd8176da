import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { DATABASE, OWNER, PostgresCluster } from '../../src/platform/postgres-cluster.js';
import { findCluster } from '../../src/platform/postgres-folder.js';
import { findPostmaster } from '../../src/platform/postgres-processes.js';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A `QAMQOR_DATA` of its own, and everything that was started on it: ended and removed in the end, whatever happened. */
export class Place {
  private readonly running = new Set<Running>();
  private removed = false;
  /** Process groups that were killed, and servers. */
  readonly killed = { groups: 0, servers: 0 };

  private constructor(readonly dataDir: string) {}

  static async create(): Promise<Place> {
    const dataDir = await mkdtemp(join(tmpdir(), 'qamqor-fault-'));
    // Run by root, the server belongs to another user, who must get through.
    await chmod(dataDir, 0o711);
    return new Place(dataDir);
  }

  get isRemoved(): boolean {
    return this.removed;
  }

  /** A folder that is there already, and is emptied in the end. */
  static at(dataDir: string): Place {
    return new Place(dataDir);
  }

  /** A built program of ours, leading a process group of its own. */
  start(script: string, args: string[], env: Record<string, string> = {}): Running {
    if (this.removed) throw new Error('This place is being removed: nothing is started there any more.');
    const started = new Running(script, args, { QAMQOR_DATA: this.dataDir, ...env });
    this.running.add(started);
    void started.ended.then(({ signal }) => {
      this.running.delete(started);
      if (signal === 'SIGKILL') this.killed.groups += 1;
    });
    return started;
  }

  /** The embedded server of this place goes: with SIGKILL its backends have to notice, SIGQUIT ends them too. */
  async killServer(signal: 'SIGKILL' | 'SIGQUIT' = 'SIGKILL'): Promise<null> {
    const postmaster = await this.postmaster();
    if (postmaster !== null) {
      process.kill(postmaster, signal);
      this.killed.servers += 1;
      // Whoever starts it again must not find it dying, and take it for one that runs.
      while (isThere(postmaster)) await pause(5);
    }
    return null;
  }

  /** The owner's login if the server runs, as it does when only our own processes were killed. */
  async databaseUrl(): Promise<string | null> {
    return (await this.postmaster()) === null ? null : this.loginUrl();
  }

  /** Starts the server if it does not run; it stays until `remove`. */
  async ensureDatabase(): Promise<string> {
    const cluster = new PostgresCluster({ dataDir: this.dataDir });
    await cluster.locked(() => cluster.ensureRunning());
    return this.loginUrl();
  }

  async remove(): Promise<void> {
    this.removed = true;
    for (const each of this.running) await each.kill();
    const cluster = new PostgresCluster({ dataDir: this.dataDir });
    await cluster.locked(() => cluster.stop());
    const folder = await findCluster(this.dataDir, () => undefined);
    if (folder) await rm(folder, { recursive: true, force: true });
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private async postmaster(): Promise<number | null> {
    const folder = await findCluster(this.dataDir, () => undefined);
    return (folder && (await findPostmaster(folder))?.pid) || null;
  }

  private async loginUrl(): Promise<string> {
    const access = JSON.parse(await readFile(join(this.dataDir, 'postgres.json'), 'utf8')) as {
      port: number;
      ownerPassword: string;
    };
    return `postgres://${OWNER}:${access.ownerPassword}@127.0.0.1:${access.port}/${DATABASE}`;
  }
}

export class Running {
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;
  private stdout = '';
  private stderr = '';

  constructor(script: string, args: string[], env: Record<string, string>) {
    this.child = spawn(process.execPath, ['--enable-source-maps', script, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = once(this.child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Everything that it has said so far, to whomever. */
  get words(): string {
    return this.stdout + this.stderr;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What the pattern finds in stdout, as soon as it does. Fails with the program's last words if it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return this.heard(pattern, this.child.stdout, () => this.stdout);
  }

  /** … in stderr. */
  warned(pattern: RegExp): Promise<RegExpExecArray> {
    return this.heard(pattern, this.child.stderr, () => this.stderr);
  }

  private async heard(pattern: RegExp, from: Readable | null, text: () => string): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(text());
      if (found) return found;
      if (!this.isAlive) throw new Error(`It ended without saying ${pattern}:\n${this.stderr.slice(-2_000)}`);
      await Promise.race([once(from ?? this.child, 'data'), this.ended]);
    }
  }

  /** The whole process group, from outside. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ended> {
    this.tell(signal);
    return this.ended;
  }

  /** … without waiting for an end: SIGSTOP, SIGCONT. */
  tell(signal: NodeJS.Signals): void {
    if (this.isAlive && this.child.pid !== undefined) process.kill(-this.child.pid, signal);
  }
}

/** Lines that the partners have written down so far. */
export function linesIn(path: string): number {
  try {
    return readFileSync(path, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
