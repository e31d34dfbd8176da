import type { Journey, OwnStep } from './journey.js';

/** Somebody who leads journeys through the bench's workflow and stores every step. */
export interface Contestant {
  /** Connections, prepared statements, the workflow: what is not measured. */
  start(): Promise<void>;
  /** Takes one step of a journey. Resolves after COMMIT. Calls `journey.answer()` when the partner has answered. */
  take(step: OwnStep, journey: Journey): Promise<void>;
  /** Resolves when nothing is under way: the last outbox row is delivered and its answer stored. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export type ContestantName = 'engine' | 'batchedLoop' | 'oneByOneLoop';
