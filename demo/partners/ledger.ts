import type { Manner } from './behaviour.js';
import type { Plan } from './plan.js';
import type { Line, Records } from './records.js';

/** What has happened at one partner. `violations` are things that the centre must never do. */
export interface PartnerCounts {
  partner: string;
  /** Deliveries, repeated ones and refused ones included. */
  received: number;
  distinct: number;
  repeats: number;
  accepted: number;
  temporaryFailures: number;
  repliesLost: number;
  recalled: number;
  /** Callbacks that went out, copies included. */
  callbacks: number;
  /** Copies beyond the first. */
  duplicates: number;
  /** Hand-offs that were accepted, by how they go. */
  manners: Record<Manner, number>;
  papersRequested: number;
  papersSupplied: number;
  done: number;
  rejected: number;
  /** What the centre made of the callbacks: applied, duplicate, ignored, parked, refused. */
  outcomes: Record<string, number>;
  violations: { rule: string; id: string | null }[];
}

export interface HandOff {
  line: Extract<Line, { kind: 'delivered' }>;
  deliveries: number;
  accepted: boolean;
  recalled: boolean;
  /** When the papers came that were asked for; ISO 8601. */
  suppliedAt?: string;
  mislaid: boolean;
  /** Copies of each callback that the centre has answered, by event id. */
  called: Map<string, number>;
}

/** Everything the partners know: a fold over their records. */
export class Ledger {
  readonly handOffs = new Map<string, HandOff>();
  /** Partners that answer nobody. */
  readonly silent = new Set<string>();
  private readonly lines: Line[] = [];

  constructor(private readonly records: Records) {
    for (const line of records.read()) this.apply(line);
  }

  add(line: Line): void {
    this.records.add(line);
    this.apply(line);
  }

  /** One entry per partner that was ever spoken to, in the order of `keys`. */
  counts(keys: string[], planOf: (handOff: HandOff) => Plan): PartnerCounts[] {
    const counts = new Map(keys.map((key) => [key, noCounts(key)]));
    for (const line of this.lines) {
      const of = counts.get(line.partner);
      if (of) countLine(of, line);
    }
    for (const handOff of this.handOffs.values()) {
      const of = counts.get(handOff.line.partner);
      if (!of) continue;
      of.distinct += 1;
      of.repeats += handOff.deliveries - 1;
      if (handOff.accepted) of.accepted += 1;
      if (handOff.accepted) of.manners[planOf(handOff).manner] += 1;
      for (const [eventId, copies] of handOff.called) countCallback(of, eventId, copies);
    }
    return [...counts.values()];
  }

  private apply(line: Line): void {
    this.lines.push(line);
    if (line.kind === 'silence') {
      if (line.silent) this.silent.add(line.partner);
      else this.silent.delete(line.partner);
      return;
    }
    const handOff = line.id === null ? undefined : this.handOffs.get(line.id);
    if (line.kind === 'delivered') {
      if (handOff) handOff.deliveries += 1;
      else this.handOffs.set(line.id, newHandOff(line));
    }
    if (!handOff) return;
    if (line.kind === 'answered' && (line.status === 202 || line.status === 0)) handOff.accepted = true;
    if (line.kind === 'recalled') handOff.recalled = true;
    if (line.kind === 'supplied') handOff.suppliedAt = line.at;
    if (line.kind === 'mislaid') handOff.mislaid = true;
    if (line.kind === 'found') handOff.mislaid = false;
    if (line.kind === 'called') handOff.called.set(line.eventId, (handOff.called.get(line.eventId) ?? 0) + 1);
  }
}

function newHandOff(line: HandOff['line']): HandOff {
  return { line, deliveries: 1, accepted: false, recalled: false, mislaid: false, called: new Map() };
}

function countLine(counts: PartnerCounts, line: Line): void {
  switch (line.kind) {
    case 'delivered':
      counts.received += 1;
      break;
    case 'answered':
      if (line.status >= 400) counts.temporaryFailures += 1;
      if (line.status === 0) counts.repliesLost += 1;
      break;
    case 'recalled':
      counts.recalled += 1;
      break;
    case 'supplied':
      counts.papersSupplied += 1;
      break;
    case 'called':
      counts.callbacks += 1;
      counts.outcomes[line.outcome] = (counts.outcomes[line.outcome] ?? 0) + 1;
      break;
    case 'violation':
      counts.violations.push({ rule: line.rule, id: line.id });
      break;
  }
}

/** A callback counts once, however many copies of it went out. */
function countCallback(counts: PartnerCounts, eventId: string, copies: number): void {
  counts.duplicates += copies - 1;
  if (eventId.endsWith('-papers_requested')) counts.papersRequested += 1;
  if (eventId.endsWith('-done')) counts.done += 1;
  if (eventId.endsWith('-rejected')) counts.rejected += 1;
}

function noCounts(partner: string): PartnerCounts {
  return {
    partner,
    received: 0,
    distinct: 0,
    repeats: 0,
    accepted: 0,
    temporaryFailures: 0,
    repliesLost: 0,
    recalled: 0,
    callbacks: 0,
    duplicates: 0,
    manners: { prompt: 0, early: 0, disorder: 0, late: 0, silent: 0 },
    papersRequested: 0,
    papersSupplied: 0,
    done: 0,
    rejected: 0,
    outcomes: {},
    violations: [],
  };
}
