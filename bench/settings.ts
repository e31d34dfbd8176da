import type { Contestant, ContestantName } from './contestant.js';
import { EngineContestant } from './engine-contestant.js';
import { BatchedLoop } from './plain/batched.js';
import { OneByOneLoop } from './plain/one-by-one.js';

/** What was tried to find the best for each loop stands in docs/decisions/0003-speed.md. */
export const SETTINGS = {
  engine: {},
  batchedLoop: { connections: 2, pipeline: true, events: 100 },
  oneByOneLoop: { connections: 4, pipeline: true },
} as const satisfies Record<ContestantName, object>;

export const NAMES: Record<ContestantName, string> = {
  engine: 'Qamqor',
  batchedLoop: 'hand-written, 100 events per transaction',
  oneByOneLoop: 'hand-written, one transaction per event',
};

export function contestant(name: ContestantName, url: string): Contestant {
  switch (name) {
    case 'engine':
      return new EngineContestant(url);
    case 'batchedLoop':
      return new BatchedLoop(url, SETTINGS.batchedLoop);
    case 'oneByOneLoop':
      return new OneByOneLoop(url, SETTINGS.oneByOneLoop);
  }
}
