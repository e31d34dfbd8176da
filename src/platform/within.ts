import { setTimeout as sleep } from 'node:timers/promises';

/** What the work gives, or nothing where it takes longer; the work itself goes on. */
export async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  const patience = new AbortController();
  const late = sleep(ms, undefined, { ref: false, signal: patience.signal });
  // Whoever waits no longer hears nothing of it.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    patience.abort();
  }
}
