import { DateTime } from 'luxon';
import { parse } from 'yaml';
import { z } from 'zod';
import { addWorkingTime, workingTimeBetween } from '../statechart/calendar.js';
import { dueAt, parseDelay } from '../statechart/delay.js';
import type { Calendar, DelayRule, Text } from '../statechart/types.js';

/** Whom a step tells besides a role: who has the task or answers for the hand-off, the partner that was asked, or whoever leads that partner. */
export type Tell = 'assignee' | 'partner' | 'partner-head';

export interface LadderStep {
  /** A share of the time given, before it is due; or the time past its due moment. */
  when: { share: number } | { after: DelayRule };
  roles: string[];
  tell: Tell[];
}

export interface Ladder {
  title: Text;
  steps: LadderStep[];
}

/** What a step's moment is counted from. Moments are ISO 8601. */
export interface Given {
  openedAt: string;
  dueAt: string;
  /** Working time between the two at the opening, in ms; later pauses move `dueAt` and leave this. */
  givenMs: number;
}

const text = z.object({ kk: z.string(), ru: z.string(), en: z.string() }).partial();
const oneOrMore = <Item extends z.ZodType>(item: Item) =>
  z.union([z.array(item), item.transform((one) => [one])]).default([]);
const step = z.strictObject({
  at: z
    .string()
    .regex(/^\d{1,2}\s*%$/)
    .optional(),
  after: z.string().optional(),
  role: oneOrMore(z.string()),
  tell: oneOrMore(z.enum(['assignee', 'partner', 'partner-head'])),
});
const ladders = z.record(z.string(), z.strictObject({ title: text, steps: z.array(step).min(1) }));

/** A ladder that is in no file any more, while cases still name it: those who oversee hear all the same. */
const lastResort = (overseers: string[]): Ladder => ({
  title: {
    kk: 'Мерзімі өтті',
    ru: 'Срок прошёл',
    en: 'A deadline has passed',
  },
  steps: [{ when: { after: parseDelay('0 working days') }, roles: overseers, tell: [] }],
});

/** Comes before the first step of a hand-off's ladder: its partner has not said that it has it. */
export const NOT_ACKNOWLEDGED = 0;

/** The ladders of `escalation.yaml`. */
export class Ladders {
  private readonly byKey: Map<string, Ladder>;
  private readonly lastResort: Ladder;

  /**
   * @param overseers roles that oversee: they hear what no ladder says to anybody
   * @throws Error that names the ladder and the step
   */
  constructor(
    yaml: string,
    readonly overseers: string[],
  ) {
    this.lastResort = lastResort(overseers);
    const read = ladders.safeParse(parse(yaml) ?? {});
    if (!read.success) throw new Error(`escalation.yaml: ${z.prettifyError(read.error)}`);
    this.byKey = new Map(
      Object.entries(read.data).map(([key, { title, steps }]) => [
        key,
        { title, steps: steps.map((given, index) => stepOf(given, `${key}.steps[${index}]`)) },
      ]),
    );
  }

  find(key: string): Ladder {
    return this.byKey.get(key) ?? this.lastResort;
  }

  /** Who looks after what has this ladder: the roles of its first step that names any. */
  ownersOf(key: string): string[] {
    return this.find(key).steps.find(({ roles }) => roles.length > 0)?.roles ?? [];
  }
}

function stepOf({ at, after, role, tell }: z.output<typeof step>, place: string): LadderStep {
  if ((at === undefined) === (after === undefined))
    throw new Error(`escalation.yaml: ${place} says either \`at\` or \`after\`.`);
  if (role.length + tell.length === 0) throw new Error(`escalation.yaml: ${place} tells nobody: add \`role\`.`);
  if (at !== undefined) return { when: { share: Number.parseInt(at, 10) / 100 }, roles: role, tell };
  try {
    return { when: { after: parseDelay(after ?? '') }, roles: role, tell };
  } catch (error) {
    throw new Error(`escalation.yaml: ${place}: ${(error as Error).message}`);
  }
}

/** Working time between opening and due, for ladders that have a step at a share of it; 0 where none needs it. */
export function givenMs(ladder: Ladder, openedAt: string, due: string, calendar: Calendar): number {
  if (!ladder.steps.some(({ when }) => 'share' in when)) return 0;
  return workingTimeBetween(DateTime.fromISO(openedAt), DateTime.fromISO(due), calendar);
}

/** When a step is due. Never before the opening, and a step past the due moment never before that. */
export function momentOf({ when }: LadderStep, given: Given, calendar: Calendar): string {
  if ('after' in when) {
    if ('amount' in when.after && when.after.amount === 0) return given.dueAt;
    const moment = dueAt(when.after, {}, { now: given.dueAt, calendar });
    return moment !== null && moment > given.dueAt ? moment : given.dueAt;
  }
  const moment =
    given.givenMs > 0
      ? addWorkingTime(DateTime.fromISO(given.dueAt), given.givenMs * (1 - when.share), calendar, -1)?.toMillis()
      : shareOfWall(when.share, given);
  const earliest = Date.parse(given.openedAt);
  const latest = Date.parse(given.dueAt);
  return new Date(Math.round(Math.min(latest, Math.max(earliest, moment ?? latest)))).toISOString();
}

/** All of the given time lies outside working hours: the clock on the wall has to do. */
function shareOfWall(share: number, { openedAt, dueAt: due }: Given): number {
  const [from, to] = [Date.parse(openedAt), Date.parse(due)];
  return from + share * (to - from);
}
