import { constants } from 'node:os';
import { EmbeddedPostgres } from '../platform/embedded-postgres.js';
import { Terminal } from './terminal.js';

let isReady = false;
let interrupted = false;

/** What fails after that is no news. */
export function isInterrupted(): boolean {
  return interrupted;
}

/** For a command that opens a database: told to end, it leaves none behind. What was not committed did not happen. */
export function endWithDatabase(): void {
  if (isReady) return;
  isReady = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(signal));
}

async function end(signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
  interrupted = true;
  await EmbeddedPostgres.stopAll().catch(() => undefined);
  const terminal = new Terminal(process.argv.includes('--json'));
  const error = { code: 'interrupted', message: 'Interrupted: what was not done by then was not done.' };
  await terminal.answer({ error }).catch(() => undefined);
  process.exit(128 + constants.signals[signal]);
}
