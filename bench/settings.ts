import type { Contestant, ContestantName } from './contestant.js';
import { EngineContestant } from './engine-contestant.js';
import { BatchedLoop } from './plain/batched.js';
import { OneByOneLoop } from './plain/one-by-one.js';

/** The best that was found for each loop; what else was tried stands in docs/decisions/0007-speed.md. */
export const SETTINGS = {
  engine: { concurrency: 2 },
  batchedLoop: { connections: 3, pipeline: true, events: 100 },
  oneByOneLoop: { connections: 16, pipeline: true },
} as const satisfies Record<ContestantName, object>;

/** As production starts it: a young generation of at most 48 MB costs no speed and saves a hundred. */
export const NODE_OPTIONS = ['--max-semi-space-size=16'];

export const NAMES: Record<ContestantName, string> = {
  engine: 'Qamqor',
  batchedLoop: 'hand-written, 100 events per transaction',
  oneByOneLoop: 'hand-written, one transaction per event',
};

export function contestant(name: ContestantName, url: string): Contestant {
  switch (name) {
    case 'engine':
      return new EngineContestant(url, SETTINGS.engine.concurrency);
    case 'batchedLoop':
      return new BatchedLoop(url, SETTINGS.batchedLoop);
    case 'oneByOneLoop':
      return new OneByOneLoop(url, SETTINGS.oneByOneLoop);
  }
}
