import type { Journey, OwnStep } from './journey.js';

/** Somebody who leads journeys through the bench's workflow and stores every step. */
export interface Contestant {
  /** Connections, prepared statements, the workflow: what is not measured. */
  start(): Promise<void>;
  /** Takes one step of a journey. Resolves after COMMIT. Calls `journey.answer()` when the partner has answered. */
  take(step: OwnStep, journey: Journey): Promise<void>;
  /** Resolves when nothing is under way: the last outbox row is delivered and its answer stored. */
  settled(): Promise<void>;
  /** Of the process that does the work, where it is not this one. */
  usage?(): Promise<Usage>;
  stop(): Promise<void>;
}

export interface Usage {
  /** CPU since the process began. */
  cpuMs: number;
  rssBytes: number;
}

/** Those that write our tables, and others that people could take instead. */
export type ContestantName = 'engine' | 'http' | 'batchedLoop' | 'oneByOneLoop' | PeerName;
export type PeerName = 'bullmq' | 'dbos' | 'restate';

/** Where contestants keep what they store. */
export interface Stores {
  /** PostgreSQL: the owner's login. */
  url: string;
  /** Undefined where this machine has no Redis. */
  redisUrl?: string | undefined;
}
