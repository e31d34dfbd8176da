import { ConfigError } from '../config.js';
import { AppError } from '../engine/errors.js';
import { LoadError } from '../statechart/load.js';
import { FolderError } from '../workflows/folder.js';

/** Exit codes: 0 done, 1 the command found something wrong, 2 it could not be done as it was asked. */
export const EXIT = { ok: 0, found: 1, unusable: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something to tell the person at the terminal, without a stack trace: what happened, why, what to do. */
export class TerminalError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.unusable,
  ) {
    super(message);
    this.name = 'TerminalError';
  }
}

/** What a command leaves on the terminal. With `--json` the last line of stdout is the JSON and nothing else is there. */
export class Terminal {
  constructor(
    readonly json: boolean,
    private readonly stdout: NodeJS.WritableStream = process.stdout,
    private readonly stderr: NodeJS.WritableStream = process.stderr,
  ) {}

  /** For people: stdout, or stderr where stdout belongs to the JSON. */
  say(line: string): void {
    (this.json ? this.stderr : this.stdout).write(`${line}\n`);
  }

  /** One line of stdout, whatever `--json` says. */
  out(line: string): void {
    this.stdout.write(`${line}\n`);
  }

  progress(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  /** The one answer of the command. Waits until it is written: a pipe may be slow. */
  async answer(value: unknown): Promise<void> {
    if (!this.json) return;
    await new Promise<void>((resolve, reject) => {
      this.stdout.write(`${JSON.stringify(value)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** What went wrong, in words, and the exit code that goes with it. */
export function explain(error: unknown): { message: string; exitCode: ExitCode } {
  if (error instanceof TerminalError) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof LoadError || error instanceof FolderError || error instanceof ConfigError)
    return { message: error.message, exitCode: EXIT.unusable };
  if (error instanceof AppError) return { message: error.message, exitCode: EXIT.found };
  const known = error as NodeJS.ErrnoException;
  if (known?.code === 'ENOENT' && known.path)
    return { message: `There is no file ${known.path}.`, exitCode: EXIT.unusable };
  if (known?.code === 'ECONNREFUSED')
    return {
      message: 'The database cannot be reached. Check DATABASE_URL, and that the server runs.',
      exitCode: EXIT.unusable,
    };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: EXIT.found };
}
