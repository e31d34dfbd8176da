import type { Stores } from '../contestant.js';
import { backlog } from './backlog.js';
import { growth } from './growth.js';
import { start } from './start.js';
import { peerStraight, straight } from './straight.js';
import { timers } from './timers.js';

const IN_FLIGHT = 200;

/** What is measured besides journeys. `scale` 1 is what the targets speak of; less is for trying. */
export const TRIALS = {
  start: ({ url, redisUrl }: Stores) => start(url, redisUrl),
  timers: ({ url }: Stores, scale: number) => timers(url, 10_000 * scale),
  backlog: ({ url }: Stores, scale: number) => backlog(url, 100_000 * scale),
  straight: ({ url, redisUrl = '' }: Stores, scale: number) =>
    straight(url, redisUrl, { count: 3_000 * scale, inFlight: IN_FLIGHT }),
  straightRestate: (stores: Stores, scale: number) =>
    peerStraight('restate', stores, { count: 3_000 * scale, inFlight: IN_FLIGHT }),
  straightDbos: (stores: Stores, scale: number) =>
    peerStraight('dbos', stores, { count: 600 * scale, inFlight: IN_FLIGHT }),
  growth: ({ url }: Stores, scale: number) =>
    growth(url, { few: 1_000, many: 1_000_000 * scale, journeys: 1_000, inFlight: IN_FLIGHT }),
} satisfies Record<string, (stores: Stores, scale: number) => Promise<object>>;

export type TrialName = keyof typeof TRIALS;
/** Those that need Redis, and those that need the peers' packages. */
export const ON_REDIS: readonly TrialName[] = ['straight'];
export const BY_PEERS: readonly TrialName[] = ['straightRestate', 'straightDbos'];

/** Figures of one trial, and the resident memory of the process that did it, at its end. */
type Figures<Name extends TrialName> = Awaited<ReturnType<(typeof TRIALS)[Name]>> & { processMb: number };
/** Each as often as it was made. */
export type Trials = { [Name in TrialName]?: Figures<Name>[] };
