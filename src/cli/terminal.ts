import { ConfigError } from '../config.js';
import { AppError } from '../engine/errors.js';
import { FileUnusable } from '../families/families-file.js';
import { isConnectionLost } from '../platform/database.js';
import { StartError } from '../platform/start-error.js';
import { LoadError } from '../statechart/load.js';
import { FolderError } from '../workflows/folder.js';

/** Exit codes: 0 done, 1 the command found something wrong, 2 it could not be done as it was asked. */
export const EXIT = { ok: 0, found: 1, unusable: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something to tell the person at the terminal, without a stack trace: what happened, why, what to do. */
export class TerminalError extends Error {
  constructor(
    /** Kebab-case, for programs. */
    readonly code: string,
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
      this.stdout.write(`${JSON.stringify(value)}\n`, (error) =>
        error && !isReaderGone(error) ? reject(error) : resolve(),
      );
    });
  }
}

/** `qamqor … | head` has seen enough. */
export function isReaderGone(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE';
}

export interface Explained {
  /** Kebab-case. `internal` is nobody's mistake but ours. */
  code: string;
  message: string;
  exitCode: ExitCode;
}

/** What went wrong, in words, and the exit code that goes with it. */
export function explain(error: unknown): Explained {
  if (error instanceof TerminalError) return error;
  const unusable = (code: string, { message }: Error) => ({ code, message, exitCode: EXIT.unusable });
  if (error instanceof StartError || error instanceof FileUnusable) return unusable(error.code, error);
  if (error instanceof ConfigError) return unusable('settings', error);
  if (error instanceof LoadError) return unusable('workflow-not-loadable', error);
  if (error instanceof FolderError) return unusable('no-workflow', error);
  if (error instanceof AppError) return { code: error.code, message: error.message, exitCode: EXIT.found };
  const { code, path, message, stack } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === 'ENOENT' && path)
    return { code: 'file-not-found', message: `There is no file ${path}.`, exitCode: EXIT.unusable };
  if (isConnectionLost(error))
    return {
      code: 'database-lost',
      message: `The connection to the database was lost (${message}). Check that the server runs, and try again: what was done before stays done.`,
      exitCode: EXIT.unusable,
    };
  return { code: 'internal', message: stack ?? message ?? String(error), exitCode: EXIT.found };
}
