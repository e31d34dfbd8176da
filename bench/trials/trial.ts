import type { Stores } from '../contestant.js';
import { backlog } from './backlog.js';
import { growth } from './growth.js';
import { start } from './start.js';
import { straight } from './straight.js';
import { timers } from './timers.js';

/** What is measured besides journeys, each in a process of its own. `scale` 1 is what the targets speak of. */
export const TRIALS = {
  start: ({ url, redisUrl }: Stores) => start(url, redisUrl),
  timers: ({ url }: Stores, scale: number) => timers(url, 10_000 * scale),
  backlog: ({ url }: Stores, scale: number) => backlog(url, 100_000 * scale),
  straight: ({ url, redisUrl }: Stores, scale: number) =>
    redisUrl === undefined ? Promise.resolve(null) : straight(url, redisUrl, 3_000 * scale, 200),
  growth: ({ url }: Stores, scale: number) => growth(url, 1_000, 1_000_000 * scale, 1_000 * scale, 200),
} satisfies Record<string, (stores: Stores, scale: number) => Promise<object | null>>;

export type TrialName = keyof typeof TRIALS;
/** With the resident memory of the process that did it, at the end. */
export type Trials = { [Name in TrialName]?: Awaited<ReturnType<(typeof TRIALS)[Name]>> & { rssMb: number } };
