import type { Contestant, ContestantName, PeerName, Stores } from './contestant.js';
import { EngineContestant } from './engine-contestant.js';
import { HttpContestant } from './http-contestant.js';
import { PeerContestant } from './peer.js';
import { BatchedLoop } from './plain/batched.js';
import { OneByOneLoop } from './plain/one-by-one.js';

/** The best that was found for each loop; what else was tried stands in docs/decisions/0007-speed.md. */
export const SETTINGS = {
  engine: { concurrency: 2 },
  batchedLoop: { connections: 3, pipeline: true, events: 100 },
  oneByOneLoop: { connections: 16, pipeline: true },
} as const satisfies Record<Exclude<ContestantName, 'http' | PeerName>, object>;

/** As production starts it: a young generation of at most 48 MB and an old one that is swept earlier save half the memory. */
export const NODE_OPTIONS = ['--max-semi-space-size=16', '--heap-growing-percent=60'];

const PEERS: readonly string[] = ['bullmq', 'dbos', 'restate'] satisfies PeerName[];
export const isPeer = (name: ContestantName): name is PeerName => PEERS.includes(name);

export const NAMES: Record<ContestantName, string> = {
  engine: 'Qamqor',
  http: 'Qamqor over HTTP',
  batchedLoop: 'hand-written, 100 events per transaction',
  oneByOneLoop: 'hand-written, one transaction per event',
  bullmq: 'raw BullMQ on Redis, a job per step',
  dbos: 'DBOS Transact',
  restate: 'Restate, awakeables',
};

export function contestant(name: ContestantName, stores: Stores): Contestant {
  const { url } = stores;
  switch (name) {
    case 'engine':
      return new EngineContestant(url, SETTINGS.engine.concurrency);
    case 'batchedLoop':
      return new BatchedLoop(url, SETTINGS.batchedLoop);
    case 'oneByOneLoop':
      return new OneByOneLoop(url, SETTINGS.oneByOneLoop);
    case 'http':
      return new HttpContestant(url);
    case 'bullmq':
    case 'dbos':
    case 'restate':
      return new PeerContestant(name, stores);
  }
}
