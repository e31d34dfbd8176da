import type { JsonObject } from '../../src/statechart/types.js';
import type { Chance } from '../staff/chance.js';
import type { Manner, ServiceBehaviour } from './behaviour.js';

/** What decides how a partner treats a hand-off, and nothing else does: neither order nor time, but for when papers came. */
export interface Asked {
  /** The hand-off's id: names its callbacks, decides nothing. */
  id: string;
  partner: string;
  service: string;
  /** The family's number, or whatever stays the same when a run is made again. */
  family: string;
  /** How often this family's matter was handed to this service before. */
  attempt: number;
  sentAt: string;
  dueAt: string | null;
  /** When the papers came that it asked for. */
  suppliedAt?: string | undefined;
}

/** How one hand-off will go, from its first delivery to the last callback. */
export interface Plan {
  manner: Manner;
  partnerRef: string;
  /** Answers to the first deliveries; the one after them is taken. */
  failures: Failure[];
  replyLost: boolean;
  deafToRecall: boolean;
  /** In the order in which they go out. */
  callbacks: Callback[];
}

export interface Failure {
  status: number;
  retryAfterSeconds?: number;
}

export interface Callback {
  event: PartnerEvent;
  /** ISO 8601. */
  due: string;
  /** Goes out before the 202 of its own hand-off. */
  beforeReply: boolean;
  /** How often the same callback goes out. */
  times: number;
  /** Goes out only if the papers have not come by then. */
  unlessPapers?: true;
}

/** The body of a callback. */
export type PartnerEvent = JsonObject & { eventId: string; type: EventType; at: string };
export type EventType = 'acknowledged' | 'papers_requested' | 'done' | 'rejected';

/** After so many tries everything goes smoothly: a simulation must end. */
const PATIENCE = 3;
const DAY_MS = 24 * 60 * 60 * 1000;
const TERM_IF_NONE_MS = 5 * DAY_MS;
const MISSING = ['identity-document'];
/** What is brisk takes this long where others take their term. */
const BRISK_TERM_MS = 60_000;
const FAILURES = { '500': 0.4, '503': 0.4, '429': 0.2 };

/**
 * Drawn from the seed behind `chance` and from `asked`.
 * @param pace how many times faster than the term asks for a partner works; for demonstrations in real time
 */
export function planOf(chance: Chance, behaviour: ServiceBehaviour, asked: Asked, pace = 1): Plan {
  const draw = new Draws(chance, asked);
  const tired = asked.attempt >= PATIENCE;
  const manner: Manner = tired ? 'prompt' : draw.choice(behaviour.manner, 'manner');
  return {
    manner,
    partnerRef: draw.reference(),
    failures: failuresOf(draw, behaviour),
    replyLost: draw.happens(behaviour.replyLost, 'reply-lost'),
    deafToRecall: draw.happens(behaviour.deafToRecall, 'deaf'),
    callbacks: manner === 'silent' ? [] : callbacksOf(draw, behaviour, asked, { manner, tired, pace }),
  };
}

/** The plan for somebody who looks on: everything within the minute, and silence only where it was asked for. */
export function briskPlanOf(chance: Chance, behaviour: ServiceBehaviour, asked: Asked): Plan {
  const { manner } = behaviour;
  const willing = {
    ...behaviour,
    manner: { ...manner, prompt: manner.prompt + manner.late + manner.silent, late: 0, silent: 0 },
    temporaryFailure: { ...behaviour.temporaryFailure, times: [1, 1], retryAfterSeconds: [1, 5] },
  } satisfies ServiceBehaviour;
  return planOf(chance, willing, asked, Math.max(1, termOf(asked) / BRISK_TERM_MS));
}

function termOf({ sentAt, dueAt }: Asked): number {
  return dueAt === null ? TERM_IF_NONE_MS : Math.max(0, Date.parse(dueAt) - Date.parse(sentAt));
}

function failuresOf(
  draw: Draws,
  { temporaryFailure: { rate, times, retryAfterSeconds } }: ServiceBehaviour,
): Failure[] {
  if (!draw.happens(rate, 'fails')) return [];
  return Array.from({ length: draw.between(times, 'failures') }, (_none, time) => {
    const status = Number(draw.choice(FAILURES, `failure-${time}`));
    return status === 500 ? { status } : { status, retryAfterSeconds: draw.between(retryAfterSeconds, `wait-${time}`) };
  });
}

function callbacksOf(
  draw: Draws,
  behaviour: ServiceBehaviour,
  asked: Asked,
  { manner, tired, pace }: { manner: Manner; tired: boolean; pace: number },
): Callback[] {
  const term = termOf(asked);
  const after = (span: readonly [number, number], what: string, faster = pace, from = asked.sentAt) =>
    new Date(Date.parse(from) + Math.round((term * draw.within(span, what)) / faster)).toISOString();
  const times = draw.happens(behaviour.duplicate, 'duplicate') ? draw.between([2, 3], 'copies') : 1;
  const callback = (type: EventType, due: string, more: JsonObject = {}): Callback => ({
    event: { eventId: `${asked.id}-${type}`, type, at: due, ...more },
    due,
    beforeReply: manner === 'early',
    times,
  });

  const acknowledged = callback(
    'acknowledged',
    manner === 'early' ? asked.sentAt : after(behaviour.acknowledged, 'acknowledged'),
  );
  const resultDue = () => {
    if (manner === 'early') return asked.sentAt;
    // Late is late, however fast the others are.
    return manner === 'late' ? after(behaviour.late, 'result', 1) : after(behaviour.result, 'result');
  };
  const result = (due: string) =>
    !tired && draw.happens(behaviour.rejected, 'rejected')
      ? callback('rejected', due, { reasonCode: draw.choice(behaviour.reasons, 'reason') })
      : callback('done', due, { result: draw.result(asked.service, due) });
  if (manner === 'prompt' && !tired && draw.happens(behaviour.papersRequested, 'papers')) {
    const papersAt = after(behaviour.papers, 'papers-after');
    const papers = callback('papers_requested', papersAt, { missing: MISSING });
    if (asked.suppliedAt)
      return [acknowledged, papers, result(after(behaviour.afterPapers, 'with-papers', pace, asked.suppliedAt))];
    // A family gets its days, however fast the partner is.
    const waitsUntil = new Date(Date.parse(papersAt) + behaviour.waitsForPapersDays * DAY_MS).toISOString();
    const inVain = callback('rejected', waitsUntil, { reasonCode: 'MISSING_DOCS', missing: MISSING });
    return [acknowledged, papers, { ...inVain, unlessPapers: true }];
  }
  const resultAt = resultDue();
  // The acknowledgement was held up somewhere, and comes when the matter is closed.
  if (manner === 'disorder')
    return [result(resultAt), { ...acknowledged, due: later(resultAt, acknowledged.due, asked.sentAt) }];
  return [acknowledged, result(resultAt)];
}

function later(result: string, acknowledged: string, sent: string): string {
  return new Date(Date.parse(result) + Date.parse(acknowledged) - Date.parse(sent) + 1).toISOString();
}

class Draws {
  constructor(
    private readonly chance: Chance,
    private readonly asked: Asked,
  ) {}

  happens(rate: number, what: string): boolean {
    return this.chance.happens(rate, ...this.names(what));
  }

  choice<Name extends string>(shares: Readonly<Record<Name, number>>, what: string): Name {
    return this.chance.choice(shares, ...this.names(what));
  }

  between(range: readonly [number, number], what: string): number {
    return this.chance.between(range, ...this.names(what));
  }

  within([least, most]: readonly [number, number], what: string): number {
    return least + this.chance.number(...this.names(what)) * (most - least);
  }

  reference(): string {
    return `${this.asked.partner.slice(0, 3).toUpperCase()}-${this.between([100_000, 999_999], 'reference')}`;
  }

  result(service: string, date: string): JsonObject {
    const result = { kind: service, number: String(this.between([1_000, 9_999], 'number')), date: date.slice(0, 10) };
    switch (service) {
      case 'course-attendance':
        return { ...result, attendancePercent: this.between([80, 100], 'attended'), missedInARow: 0 };
      case 'mentoring':
        return { ...result, notes: 'Кәсіп жұмыс істеп тұр, есеп жүргізіледі.' };
      default:
        return result;
    }
  }

  private names(what: string): (string | number)[] {
    const { partner, service, family, attempt } = this.asked;
    return ['partner', partner, service, family, attempt, what];
  }
}
