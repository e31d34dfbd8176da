import type { Accepted, Command } from './types.js';

/** Commands and bytes. */
export interface Limit {
  commands: number;
  bytes: number;
}

/** What travels in one batch at the most. */
const BATCH: Limit = { commands: 200, bytes: 1_000_000 };
/** So many travel together though other slots are free: two transactions cost more than one that is longer. */
const SHARED_COMMANDS = 32;
/** What waits at the most: seconds of work, and memory that is there. */
const WAITING: Limit = { commands: 10_000, bytes: 64_000_000 };
/** Held up so often, a command travels alone: its neighbours may be to blame, or it is. */
export const TOGETHER = 3;

/** A command under way, and who waits for its answer. */
export interface Pending {
  command: Command;
  bytes: number;
  /** What its outbox rows go on from, where it is traced. */
  trace: string | undefined;
  /** When it came, in monotonic milliseconds. */
  since: number;
  /** In the order in which commands came. */
  place: number;
  /** How often its case was locked elsewhere, or its batch met what one of its commands may be to blame for. */
  heldUp: number;
  /** What another process stored first was looked at again. */
  lookedAgain?: boolean;
  resolve(accepted: Accepted): void;
  reject(error: Error): void;
}

type Lane = Command['lane'];

/**
 * Who waits for a batch, and who goes next: people first, machines fill. Commands of one case keep their order within their
 * lane, and wait here while their case travels, not at its lock. Knows no database.
 */
export class Lanes {
  private readonly lanes: Record<Lane, Pending[]> = { people: [], machines: [] };
  /** Cases whose commands are in a batch now. */
  private readonly travelling = new Set<string>();
  /** Who travels alone now: one at a time, so that the other slots are for those whose cases are free. */
  private alone: Pending | undefined;
  private arrived = 0;
  private bytes = 0;

  constructor(
    /** Batches that may run at once. */
    private readonly slots: number,
    private readonly limit = WAITING,
  ) {}

  get size(): number {
    return this.lanes.people.length + this.lanes.machines.length;
  }

  /** Whoever comes now is told to come back. */
  get isFull(): boolean {
    return this.size >= this.limit.commands || this.bytes >= this.limit.bytes;
  }

  /** It is the one that travels alone now: it waits for its case's lock, as long as it takes to say that it is locked. */
  isAlone([first, ...others]: Pending[]): boolean {
    return others.length === 0 && first !== undefined && first === this.alone;
  }

  /** Somebody who was held up less can travel alone now. */
  hasAloneBefore({ heldUp }: Pending): boolean {
    return this.readyAlone().some((other) => other.heldUp < heldUp);
  }

  add(newcomer: Omit<Pending, 'place' | 'heldUp'>): void {
    this.push({ ...newcomer, place: this.arrived++, heldUp: 0 });
  }

  /** The commands of the next batch; none where nobody can go now. Their cases travel until they are `done`. */
  next(): Pending[] {
    const group = this.nextAlone() ?? this.nextTogether();
    for (const { command } of group) this.travelling.add(command.caseId);
    return group;
  }

  /** All that `next` gave are answered, or back in their lanes. */
  done(group: Pending[]): void {
    for (const pending of group) {
      this.travelling.delete(pending.command.caseId);
      if (pending === this.alone) this.alone = undefined;
    }
  }

  /** In the order in which they came. */
  putBack(group: Pending[]): void {
    if (group.length === 0) return;
    for (const pending of group) this.push(pending);
    for (const lane of Object.values(this.lanes)) lane.sort((one, other) => one.place - other.place);
  }

  /** Puts back those that would overtake an earlier command of their case, which is in its lane again; gives the others. */
  putBackBehind(group: Pending[]): Pending[] {
    const earlier = (pending: Pending, lane: Lane) =>
      this.lanes[lane].some(({ command, place }) => place < pending.place && command.caseId === pending.command.caseId);
    // A person's command goes ahead of the machines' anyway.
    const isBehind = (pending: Pending) => earlier(pending, 'people') || earlier(pending, pending.command.lane);
    const { behind = [], next = [] } = Object.groupBy(group, (pending) => (isBehind(pending) ? 'behind' : 'next'));
    this.putBack(behind);
    return next;
  }

  /** Takes those out that travel alone and of whom this holds. */
  removeAlone(isLeaving: (pending: Pending) => boolean): Pending[] {
    return Object.values(this.lanes).flatMap((lane) =>
      lane.filter((pending) => travelsAlone(pending) && isLeaving(pending)).map((pending) => this.pull(pending)),
    );
  }

  /** Before everybody, because others never stop coming; the one that was held up least, people first. */
  private nextAlone(): [Pending] | undefined {
    if (this.alone) return undefined;
    const [next] = this.readyAlone().sort((one, other) => one.heldUp - other.heldUp);
    if (!next) return undefined;
    this.alone = this.pull(next);
    return [next];
  }

  private readyAlone(): Pending[] {
    return Object.values(this.lanes)
      .filter((lane) => lane.some(travelsAlone))
      .flatMap(firstOfEachCase)
      .filter((pending) => travelsAlone(pending) && !this.travelling.has(pending.command.caseId));
  }

  private nextTogether(): Pending[] {
    const group: Pending[] = [];
    const share = this.fairShare();
    let bytes = 0;
    const grouped = new Set<string>();
    /** Later commands of these cases must not overtake. */
    const held = new Set<string>();
    for (const lane of Object.values(this.lanes)) {
      const left: Pending[] = [];
      for (const pending of lane) {
        const { caseId, kind } = pending.command;
        // An act relies on facts that are read when the batch begins: it is its case's only command in it.
        const isAct = kind === 'act';
        const isFull = group.length >= share || (bytes > 0 && bytes + pending.bytes > BATCH.bytes);
        const mustWait = this.travelling.has(caseId) || held.has(caseId) || (isAct && grouped.has(caseId));
        if (isFull || mustWait || travelsAlone(pending)) {
          held.add(caseId);
          left.push(pending);
          continue;
        }
        group.push(pending);
        grouped.add(caseId);
        if (isAct) held.add(caseId);
        bytes += pending.bytes;
      }
      lane.splice(0, lane.length, ...left);
    }
    this.bytes -= bytes;
    return group;
  }

  /** Of all who wait and travel: while one transaction waits for the disk, another one is prepared. */
  private fairShare(): number {
    const share = Math.ceil((this.size + this.travelling.size) / this.slots);
    return Math.min(BATCH.commands, Math.max(SHARED_COMMANDS, share));
  }

  private push(pending: Pending): void {
    this.lanes[pending.command.lane].push(pending);
    this.bytes += pending.bytes;
  }

  private pull(pending: Pending): Pending {
    const lane = this.lanes[pending.command.lane];
    lane.splice(lane.indexOf(pending), 1);
    this.bytes -= pending.bytes;
    return pending;
  }
}

/** It was held up too often. */
export function travelsAlone({ heldUp }: Pending): boolean {
  return heldUp >= TOGETHER;
}

function firstOfEachCase(lane: Pending[]): Pending[] {
  const firsts = new Map<string, Pending>();
  for (const pending of lane) if (!firsts.has(pending.command.caseId)) firsts.set(pending.command.caseId, pending);
  return [...firsts.values()];
}
