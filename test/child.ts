import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  args?: string[];
  env?: Record<string, string>;
  /** Leads a process group of its own, which `kill` then ends as a whole. */
  group?: boolean;
  uid?: number;
  gid?: number;
}

/** A process of our own code that a spec may kill. What it says on stdout is read line by line; stderr is shown. */
export class Child {
  readonly #process: ChildProcess;
  readonly #group: boolean;
  readonly #lines: string[] = [];
  #heard: (() => void) | null = null;
  #ended = false;

  /** `script`: a TypeScript file, relative to the project. */
  constructor(script: string, options: ChildOptions = {}) {
    const { args = [], env = {}, group = false, ...ids } = options;
    this.#group = group;
    this.#process = spawn(process.execPath, ['--import', resolve('test/typescript.js'), resolve(script), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: group,
      // Not what Jest sets for its own workers.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      ...ids,
    });
    const { stdout } = this.#process;
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#hear(line));
    this.#process.once('close', () => this.#hear(null));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next line, as it was said or since the last call. Fails if the process ends without one. */
  async line(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#ended) throw new Error(`The process ${this.#process.spawnargs.join(' ')} ended without saying it.`);
      await new Promise<void>((heard) => {
        this.#heard = heard;
      });
    }
  }

  /** The next line that matches; those before it are dropped. */
  async lineLike(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(await this.line());
      if (match) return match;
    }
  }

  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Gives the exit code. */
  async ended(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
    return this.#process.exitCode;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    process.kill(this.#group ? -this.pid : this.pid, signal);
    await this.ended();
  }

  #hear(line: string | null): void {
    if (line === null) this.#ended = true;
    else this.#lines.push(line);
    this.#heard?.();
  }
}
