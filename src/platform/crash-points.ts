/** Places where a process may be killed by a test, in the order in which a command passes them. */
export const CRASH_POINTS = [
  /** Everything is written, COMMIT is not sent. */
  'commit.before',
  /** On disk, nobody has been told. */
  'commit.after',
  /** A message to a partner is about to leave. */
  'send.before',
  /** The partner has it, we have not written that down. */
  'send.after',
  /** A partner's message is written down, not applied. */
  'receive.after',
  /** A write beside the engine is on disk, its answer is not kept. */
  'keep.before',
  /** An effect was carried out, its outbox row is still there. */
  'settle.before',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

let armed: { point: CrashPoint; left: number } | undefined;

/** `commit.after:17` kills the whole process group at the 17th passing of that point. Only tests arm it. @throws on anything else */
export function armCrash(spec: string): void {
  const [point, count] = spec.split(':');
  const left = Number(count);
  const known = CRASH_POINTS.find((name) => name === point);
  if (!known || !Number.isInteger(left) || left < 1)
    throw new Error(`"${spec}" is no crash point: write commit.after:17. There are ${CRASH_POINTS.join(', ')}.`);
  armed = { point: known, left };
}

/** Does nothing unless a test armed this very point. */
export function crashPoint(point: CrashPoint): void {
  if (armed === undefined || armed.point !== point) return;
  armed.left -= 1;
  // 0: everybody in our process group, at once and without a word, as kill -9 from outside.
  if (armed.left === 0) process.kill(0, 'SIGKILL');
}
