import { pathToFileURL } from 'node:url';
import { projectPath } from '../src/platform/project-root.js';
import type { Contestant, PeerName, Stores } from './contestant.js';
import type { Journey, OwnStep } from './journey.js';

interface PeerModule {
  Peer: new (stores: Stores) => Peer;
  /** What it was set to, for the report. */
  SETTINGS: object;
}

export interface Peer extends Contestant {
  /** Leads a workflow of five background steps to its end; only the durable ones can. */
  straight?(id: string, from: number): Promise<number>;
}

/** Started once in a process: what a peer needs to warm up is not measured, and some cannot be started twice. */
const started = new Map<PeerName, Promise<Peer>>();

/** Another engine, from `bench/peers`, which has packages of its own that nothing else needs. */
export class PeerContestant implements Contestant {
  private peer: Contestant | undefined;

  constructor(
    private readonly name: PeerName,
    private readonly stores: Stores,
  ) {}

  async start(): Promise<void> {
    const starting = started.get(this.name) ?? startPeer(this.name, this.stores);
    started.set(this.name, starting);
    this.peer = await starting;
  }

  async take(step: OwnStep, journey: Journey): Promise<void> {
    await this.peer?.take(step, journey);
  }

  async settled(): Promise<void> {
    await this.peer?.settled();
  }

  /** It is kept for the next run: see `stopPeers`. */
  async stop(): Promise<void> {
    await this.settled();
  }
}

export async function stopPeers(): Promise<void> {
  for (const peer of started.values()) await (await peer).stop();
}

export async function startPeer(name: PeerName, stores: Stores): Promise<Peer> {
  const { Peer } = await moduleOf(name);
  const peer = new Peer(stores);
  await peer.start();
  return peer;
}

export async function peerSettings(name: PeerName): Promise<object> {
  return (await moduleOf(name)).SETTINGS;
}

async function moduleOf(name: PeerName): Promise<PeerModule> {
  return (await import(pathToFileURL(projectPath('bench', 'peers', `${name}.js`)).href)) as PeerModule;
}
