import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than V8 needs for what it compiles in the background. */
const MOMENT_MS = 100;

/**
 * Ends the process once nothing is compiled in the background any more. A compiler that asks for a garbage collection while
 * the main thread is already leaving waits for it for ever, and the process with it (nodejs/node#64274): whoever started it
 * would wait for its exit code in vain. Until `process.exit` the main thread serves it.
 */
export async function leave(code: number): Promise<never> {
  await sleep(MOMENT_MS);
  process.exit(code);
}
