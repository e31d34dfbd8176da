import { once } from 'node:events';

/** Lets the guard of `global-setup.ts` do its work, and waits for it. */
export default async function tearDown(): Promise<void> {
  const guard = globalThis.qamqorTestGuard;
  if (!guard?.stdin) return;
  const ended = once(guard, 'exit');
  guard.ref();
  guard.stdin.end();
  await ended;
}
