import type { JsonObject } from '../../src/statechart/types.js';
import type { Behaviour } from './behaviour.js';
import type { Chance } from './chance.js';

/** One task as its simulated owner sees it. */
export interface Situation {
  family: { number: string; categories: string[]; interest: string };
  form: string;
  /** The invoke's id: the same form is used in several places. */
  invocation: string;
  /** How many tasks of this invocation the case has had answered before. */
  attempt: number;
  /** ISO date on which the task was opened: a deadline in an answer is counted from it. */
  openedOn: string;
}

/** A family that withdraws does so in one place, drawn once. */
export const WITHDRAWS_AT = [
  'eligibility',
  'legal-consultation',
  'course-offer',
  'study-result',
  'grant-preparation',
] as const;
/** After so many tries at one thing, everybody does what moves the case on: a simulation must end. */
const PATIENCE = 4;
const PARTNERS = ['state-corporation', 'entrepreneurs-centre', 'atameken', 'otbasy-bank', 'civil-office'];
const COURSES: [string, ...string[]] = [
  'business-basics',
  'computer-literacy',
  'confectionery',
  'cooking',
  'felt-crafts',
  'hairdressing',
  'manicure',
  'sewing',
];
const WITHDRAWAL_REASONS: [string, ...string[]] = [
  'own-wish',
  'found-job',
  'family-circumstances',
  'consent-withdrawn',
];
const REFUSAL_REASONS: [string, ...string[]] = ['raw-plan', 'no-market', 'quota', 'no-category', 'summons-missed'];

/** What simulated staff and families decide: from the seed and the family's number, never from order or time. */
export class Decisions {
  constructor(
    private readonly chance: Chance,
    private readonly behaviour: Behaviour,
  ) {}

  /** The answer to a task, by its form. */
  answer(situation: Situation): JsonObject {
    const answer = ANSWERS[situation.form];
    if (!answer)
      throw new Error(`Nobody has learnt to fill in the form "${situation.form}": add it to demo/staff/decisions.ts.`);
    return answer(new Asked(this.chance, this.behaviour, situation));
  }

  /** Set when the family withdraws instead of this task being answered. */
  withdrawal({ family, form, attempt }: Situation): { reason: string } | null {
    if (attempt > 0 || !this.chance.happens(this.behaviour.families.withdraws, family.number, 'withdraws')) return null;
    if (this.chance.pick(WITHDRAWS_AT, family.number, 'withdraws-at') !== form) return null;
    return { reason: this.chance.pick(WITHDRAWAL_REASONS, family.number, 'withdraws-why') };
  }

  /** Half working days after which papers that were asked for are brought; null when they never are. */
  papersBroughtAfter(family: string): number | null {
    const { papersBrought, papersBroughtAfterHalfDays } = this.behaviour.families;
    if (!this.chance.happens(papersBrought, family, 'papers-brought')) return null;
    return this.chance.between(papersBroughtAfterHalfDays, family, 'papers-brought-after');
  }

  /** Half working days from the opening of a task to its answer. */
  takes({ family, form, invocation, attempt }: Situation): number {
    const { halfDays, late } = this.behaviour.staff;
    const usual = this.chance.between(
      halfDays[form] ?? halfDays.default ?? [1, 4],
      family.number,
      'takes',
      invocation,
      attempt,
    );
    if (!this.chance.happens(late.rate, family.number, 'late', invocation, attempt)) return usual;
    return usual + this.chance.between(late.halfDays, family.number, 'late-by', invocation, attempt);
  }
}

/** One question: draws are named after the family, the place and the attempt. */
class Asked {
  readonly rates: Behaviour['families'];
  readonly staff: Behaviour['staff'];
  readonly first: boolean;
  readonly tired: boolean;

  constructor(
    private readonly chance: Chance,
    behaviour: Behaviour,
    readonly situation: Situation,
  ) {
    this.rates = behaviour.families;
    this.staff = behaviour.staff;
    this.first = situation.attempt === 0;
    this.tired = situation.attempt >= PATIENCE;
  }

  happens(rate: number, what: string): boolean {
    return this.chance.happens(rate, ...this.names(what));
  }

  choice<Name extends string>(shares: Readonly<Record<Name, number>>, what: string): Name {
    return this.chance.choice(shares, ...this.names(what));
  }

  one<Item>(items: readonly [Item, ...Item[]], what: string): Item {
    return this.chance.pick(items, ...this.names(what));
  }

  between(range: readonly [number, number], what: string): number {
    return this.chance.between(range, ...this.names(what));
  }

  /** A trait of the family: the same whenever it is asked. */
  trait(rate: number, what: string): boolean {
    return this.chance.happens(rate, this.situation.family.number, 'trait', what);
  }

  traitChoice<Name extends string>(shares: Readonly<Record<Name, number>>, what: string): Name {
    return this.chance.choice(shares, this.situation.family.number, 'trait', what);
  }

  /** ISO date some days after the task was opened. */
  inDays(days: number): string {
    const day = new Date(`${this.situation.openedOn}T00:00:00Z`);
    day.setUTCDate(day.getUTCDate() + days);
    return day.toISOString().slice(0, 10);
  }

  private names(what: string): (string | number)[] {
    const { family, invocation, attempt } = this.situation;
    return [family.number, invocation, attempt, what];
  }
}

const ANSWERS: Record<string, (asked: Asked) => JsonObject> = {
  registration: (asked) => ({
    identitySeen: asked.choice({ paper: 0.6, digital: 0.3, register: 0.08, none: 0.02 }, 'identity'),
    livesInCity: !asked.trait(asked.rates.outsideCity, 'outside-city'),
    categories: asked.situation.family.categories,
    interest: COURSES.includes(asked.situation.family.interest) ? asked.situation.family.interest : 'other',
    consents: PARTNERS.filter((partner) => asked.trait(asked.rates.consents, `consents-to-${partner}`)),
    papersMissing: asked.trait(asked.rates.papersMissing, 'papers-missing'),
    housingWish: asked.trait(asked.rates.housingWish, 'housing-wish'),
    urgent: asked.trait(asked.rates.urgent, 'urgent'),
  }),
  eligibility: (asked) => {
    const digitalCardLevel = asked.traitChoice({ B: 0.1, C: 0.3, D: 0.35, E: 0.15, unknown: 0.1 }, 'card-level');
    if (asked.first && asked.trait(asked.rates.papersNeeded, 'papers-needed'))
      return { decision: 'papers-needed', reason: 'papers-not-brought', digitalCardLevel };
    if (asked.trait(asked.rates.outsideCity, 'outside-city'))
      return { decision: 'not-eligible', reason: 'outside-city', digitalCardLevel };
    if (asked.trait(asked.rates.noCategory, 'no-category'))
      return { decision: 'not-eligible', reason: 'no-category', digitalCardLevel };
    return { decision: 'eligible', reason: 'none', digitalCardLevel };
  },
  'confirm-refusal': (asked) => ({
    decision: asked.first && asked.happens(asked.staff.refusalSentBack, 'sent-back') ? 'return' : 'confirm',
  }),
  plan: (asked) => ({ attendance: attendance(asked), goal: asked.traitChoice(asked.rates.goal, 'goal') }),
  'plan-approval': (asked) => ({
    decision: asked.first && asked.happens(asked.staff.planSentBack, 'sent-back') ? 'return' : 'approve',
  }),
  'legal-consultation': (asked) => {
    if (attendance(asked) === 'no-show') return { result: 'no-show' };
    return { result: asked.trait(asked.rates.freeLegalAid, 'free-legal-aid') ? 'free-legal-aid' : 'answered' };
  },
  'psychological-consultation': (asked) => ({
    attendance: attendance(asked),
    medicalReferral: asked.trait(0.04, 'medical-referral'),
  }),
  'contact-attempt': (asked) => ({
    reached: asked.tired || asked.happens(asked.rates.reachedAtAttempt, 'reached'),
    channel: asked.one(['phone', 'message', 'visit'], 'channel'),
  }),
  'course-offer': (asked): JsonObject => {
    const course =
      asked.first && COURSES.includes(asked.situation.family.interest)
        ? asked.situation.family.interest
        : asked.one(COURSES, 'course');
    const provider = asked.choice(asked.staff.teaches, 'provider');
    if (asked.first && asked.happens(asked.rates.declinesCourse, 'declines'))
      return { decision: 'declined', course, provider };
    if (asked.first && asked.happens(asked.staff.waitingList, 'waits'))
      return { decision: 'waiting-list', course, provider };
    return { decision: 'accepted', course, provider, startsOn: asked.inDays(7) };
  },
  'study-result': (asked) => {
    const exam = asked.tired ? 'passed' : asked.choice(asked.rates.exam, 'exam');
    const attended: [number, number] = exam === 'passed' || exam === 'failed' ? [75, 100] : [10, 74];
    return { exam, attendancePercent: asked.between(attended, 'attended') };
  },
  'resit-result': (asked) => ({ exam: asked.choice(asked.rates.resit, 'exam') }),
  'next-step': (asked) => ({ decision: asked.tired ? 'stop' : asked.choice(asked.staff.nextStep, 'decision') }),
  'sign-certificate': (asked) => ({
    decision: asked.first && asked.happens(asked.staff.certificateSentBack, 'sent-back') ? 'return' : 'sign',
  }),
  'correct-certificate': () => ({ corrected: true }),
  'grant-preparation': (asked) => ({
    decision: asked.first && asked.happens(asked.rates.goalMetBeforeGrant, 'goal-met') ? 'goal-met' : 'ready',
    programme: 'new-business-ideas',
    waveClosesOn: asked.inDays(asked.between(asked.staff.waveClosesInDays, 'wave')),
  }),
  'grant-submission': (asked) => ({ submitted: asked.tired || !asked.happens(asked.rates.missesWave, 'misses-wave') }),
  'commission-decision': (asked) => {
    const decision = asked.tired ? 'refused' : asked.choice(asked.staff.commission, 'decision');
    return {
      decision,
      reason: decision === 'refused' ? asked.one(REFUSAL_REASONS, 'reason') : decision === 'reserve' ? 'quota' : 'none',
    };
  },
  'after-refusal': (asked) => ({ decision: asked.choice(asked.rates.afterRefusal, 'decision') }),
  'complaint-answer': (asked) => ({ decision: asked.choice(asked.staff.complaint, 'decision') }),
  'grant-contract': (asked) => ({
    decision: asked.happens(asked.rates.declinesGrant, 'declines') ? 'declined' : 'signed',
  }),
  'partner-problem': (asked) => ({
    decision: asked.first ? asked.choice(asked.staff.partnerProblem, 'decision') : 'go-on',
  }),
};

/** The forms that simulated staff can fill in. */
export const KNOWN_FORMS = Object.keys(ANSWERS);

function attendance(asked: Asked): 'present' | 'no-show' {
  const { attempt } = asked.situation;
  if (attempt > 1) return 'present';
  return asked.happens(attempt === 0 ? asked.rates.noShow : asked.rates.noShowAgain, 'no-show') ? 'no-show' : 'present';
}
