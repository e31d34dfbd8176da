import type { JsonObject } from '../../src/statechart/types.js';
import type { Behaviour } from './behaviour.js';
import type { Chance } from './chance.js';

/** One task as its simulated owner sees it. */
export interface Situation {
  family: {
    number: string;
    categories: string[];
    interest: string;
    /** Numbers in the family list of those who may learn and bid. */
    adults: number[];
  };
  /** Whose track of the family's case it is, `member/round`; null for the family's own case. */
  track: string | null;
  form: string;
  /** The invoke's id: the same form is used in several places. */
  invocation: string;
  /** How many tasks of this invocation the case has had before. */
  attempt: number;
  /** ISO date on which the task was opened: a deadline in an answer is counted from it. */
  openedOn: string;
}

/** Something that comes between the opening of a task and its answer. */
export interface Interruption {
  type: string;
  data: JsonObject;
  /** Who says so. */
  role: string;
  /** Whose case hears of it: the family's, or the track that the task belongs to. */
  to: 'family' | 'track';
  /** Instead of the answer; otherwise half-way to it. */
  instead: boolean;
}

/** A family that goes out in the middle does so in one place, drawn once. */
const LEAVES_AT: Record<string, [string, ...string[]]> = {
  withdraws: ['eligibility', 'legal-consultation', 'course-offer', 'study-result', 'grant-preparation'],
  moves: ['legal-consultation', 'study-result', 'grant-preparation'],
  'reaches-goal': ['legal-consultation', 'study-result', 'grant-preparation'],
  'one-person': ['study-result', 'grant-preparation'],
};
/** Longer than any term that may be let pass, in half working days. */
const LETS_PASS = 200;
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

  /** Set when something else comes before this task's answer. */
  interruption(situation: Situation): Interruption | null {
    return this.leaving(situation) ?? this.between(situation);
  }

  /** The family, or one of its people, goes out instead of answering. */
  private leaving({ family: { number }, form, attempt, track }: Situation): Interruption | null {
    // Only the first person's first track decides for the family.
    if (attempt > 0 || (track !== null && track !== '1/1')) return null;
    const way = this.chance.choice(this.behaviour.families.leaves, number, 'leaves');
    const places = LEAVES_AT[way];
    if (!places || this.chance.pick(places, number, 'leaves-at') !== form) return null;
    const why = (reasons: [string, ...string[]]) => ({ reason: this.chance.pick(reasons, number, 'leaves-why') });
    const leave = { role: 'curator', to: 'family', instead: true } as const;
    switch (way) {
      case 'withdraws':
        return {
          ...leave,
          type: 'WITHDRAW',
          data: {
            ...why(WITHDRAWAL_REASONS),
            consent: this.chance.pick(['stays', 'withdrawn'], number, 'leaves-consent'),
          },
        };
      case 'moves':
        return { ...leave, type: 'LEFT', data: why(['moved', 'died', 'merged-duplicate']) };
      case 'reaches-goal':
        return { ...leave, type: 'GOAL_MET', data: why(['job', 'benefit', 'home-income']) };
      default:
        return { ...leave, type: 'WITHDRAW', data: {}, to: 'track' };
    }
  }

  /** Half-way to the answer. */
  private between({ family: { number }, form, attempt, track, openedOn }: Situation): Interruption | null {
    if (attempt > 0) return null;
    const { riskFoundLater, lost, missesTwice, lessonRecorded } = this.behaviour.families;
    const happens = (rate: number, what: string) => this.chance.happens(rate, number, track ?? '', what);
    const event = { data: {}, to: 'family', instead: false } as const;
    if (form === 'eligibility' && happens(riskFoundLater, 'risk-found-later'))
      return { ...event, type: 'URGENT_RISK', role: 'curator' };
    if (form === 'psychological-consultation' && happens(lost, 'lost'))
      return { ...event, type: 'UNREACHABLE', role: 'psychologist' };
    if (form === 'study-result' && happens(missesTwice, 'misses-twice'))
      return { ...event, type: 'MISSED_TWICE', role: 'trainer', to: 'track' };
    if (form === 'study-result' && happens(lessonRecorded.rate, 'lesson-recorded')) {
      const data = { heldOn: openedOn, came: happens(lessonRecorded.came, 'lesson-came') };
      return { ...event, type: 'LESSON_HELD', data, role: 'trainer', to: 'track' };
    }
    return null;
  }

  /** Half working days after which papers that were asked for are brought; null when they never are. */
  papersBroughtAfter(family: string): number | null {
    const { papersBrought, papersBroughtAfterHalfDays } = this.behaviour.families;
    if (!this.chance.happens(papersBrought, family, 'papers-brought')) return null;
    return this.chance.between(papersBroughtAfterHalfDays, family, 'papers-brought-after');
  }

  /** The same for papers that a partner asks for. `matter` names whose, and to which service it was handed how often. */
  partnerPapersAfter(...matter: (string | number)[]): number | null {
    const { partnerPapersBrought, partnerPapersAfterHalfDays } = this.behaviour.families;
    if (!this.chance.happens(partnerPapersBrought, ...matter, 'partner-papers-brought')) return null;
    return this.chance.between(partnerPapersAfterHalfDays, ...matter, 'partner-papers-after');
  }

  /** Half working days from the opening of a task to its answer. */
  takes({ family, form, invocation, attempt, track }: Situation): number {
    const { halfDays, late } = this.behaviour.staff;
    const about = (what: string) => [family.number, ...(track === null ? [] : [track]), what, invocation, attempt];
    if (attempt < PATIENCE && this.chance.happens(this.behaviour.families.letsPass[form] ?? 0, ...about('lets-pass')))
      return LETS_PASS;
    const usual = this.chance.between(halfDays[form] ?? halfDays.default ?? [1, 4], ...about('takes'));
    if (!this.chance.happens(late.rate, ...about('late'))) return usual;
    return usual + this.chance.between(late.halfDays, ...about('late-by'));
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
    const { family, invocation, attempt, track } = this.situation;
    return [family.number, ...(track === null ? [] : [track]), invocation, attempt, what];
  }
}

const ANSWERS: Record<string, (asked: Asked) => JsonObject> = {
  registration: (asked) => ({
    contactChannel: asked.choice(asked.rates.contactChannel, 'contact-channel'),
    contactReason: asked.trait(asked.rates.urgent, 'urgent')
      ? 'urgent'
      : asked.one(
          ['legal', 'psychological', 'benefits', 'housing', 'learning', 'own-business', 'other'],
          'contact-reason',
        ),
    identitySeen: asked.choice({ paper: 0.6, digital: 0.3, register: 0.08, none: 0.02 }, 'identity'),
    livesInCity: !asked.trait(asked.rates.outsideCity, 'outside-city'),
    addressRegistration: asked.trait(asked.rates.addressRegistration, 'address-registration'),
    categories: asked.situation.family.categories,
    interest: COURSES.includes(asked.situation.family.interest) ? asked.situation.family.interest : 'other',
    consents: PARTNERS.filter((partner) => asked.trait(asked.rates.consents, `consents-to-${partner}`)),
    papersMissing: asked.trait(asked.rates.papersMissing, 'papers-missing'),
    housingWish: asked.trait(asked.rates.housingWish, 'housing-wish'),
    urgent: asked.trait(asked.rates.urgent, 'urgent'),
    ...(asked.trait(asked.rates.courtSitsSoon, 'court') ? { courtOn: asked.inDays(12) } : {}),
  }),
  eligibility: (asked): JsonObject => {
    const digitalCardLevel = asked.traitChoice({ B: 0.1, C: 0.3, D: 0.35, E: 0.15, unknown: 0.1 }, 'card-level');
    if (asked.first && asked.trait(asked.rates.papersNeeded, 'papers-needed'))
      return { decision: 'papers-needed', reason: 'papers-not-brought', digitalCardLevel };
    if (asked.trait(asked.rates.outsideCity, 'outside-city'))
      return { decision: 'not-eligible', reason: 'outside-city', digitalCardLevel };
    if (asked.trait(asked.rates.noCategory, 'no-category'))
      return { decision: 'not-eligible', reason: 'no-category', digitalCardLevel };
    const unclaimedBenefits = asked.trait(asked.rates.unclaimedBenefits, 'unclaimed-benefits');
    return { decision: 'eligible', reason: 'none', evidence: evidence(asked), unclaimedBenefits, digitalCardLevel };
  },
  'category-renewal': (asked): JsonObject => {
    const decision = asked.choice(asked.rates.categoryRenewal, 'decision');
    return decision === 'renewed' ? { decision, validUntil: asked.inDays(365) } : { decision };
  },
  'confirm-refusal': (asked): JsonObject =>
    asked.first && asked.happens(asked.staff.refusalSentBack, 'sent-back')
      ? { decision: 'return' }
      : {
          decision: 'confirm',
          writtenReason: 'Отбасы бағдарламаның талаптарына сәйкес келмейді.',
          alternatives: [asked.one(['district-centre', 'social-department', 'career-centre'], 'alternative')],
        },
  'urgent-risk': (asked) => ({
    decision: asked.one(['safe', 'watched', 'handed-over'], 'decision'),
    told: [asked.one(['police', 'line-111', 'mobile-group'], 'told')],
  }),
  plan: (asked) => {
    const goal = asked.traitChoice(asked.rates.goal, 'goal');
    return {
      attendance: attendance(asked),
      goal,
      learners: goal === 'consultation-only' ? [] : learners(asked),
      unclaimedBenefits: asked.trait(asked.rates.unclaimedBenefits, 'unclaimed-benefits'),
      civilOffice: asked.trait(asked.rates.civilOffice, 'civil-office'),
      ...(asked.trait(asked.rates.courtSitsSoon, 'court-later') ? { courtOn: asked.inDays(9) } : {}),
    };
  },
  'plan-approval': (asked) => ({
    decision: asked.first && asked.happens(asked.staff.planSentBack, 'sent-back') ? 'return' : 'approve',
  }),
  'legal-consultation': (asked): JsonObject => {
    if (attendance(asked) === 'no-show') return { result: 'no-show' };
    if (asked.first && asked.happens(asked.staff.conflictOfInterest, 'conflict'))
      return { result: 'conflict-of-interest' };
    if (asked.trait(asked.rates.freeLegalAid, 'free-legal-aid')) return { result: 'free-legal-aid' };
    return { result: 'answered', answer: 'Сұрағыңызға жазбаша жауап берілді.' };
  },
  'conflict-of-interest': (asked) => ({ decision: asked.one(['another-lawyer', 'civil-office'], 'decision') }),
  'psychological-consultation': (asked) => ({
    attendance: attendance(asked),
    medicalReferral: asked.trait(0.04, 'medical-referral'),
  }),
  'contact-attempt': (asked) => ({
    reached: asked.tired || asked.happens(asked.rates.reachedAtAttempt, 'reached'),
    channel: asked.one(['phone', 'message', 'visit'], 'channel'),
  }),
  'course-offer': (asked): JsonObject => {
    const course = asked.first ? wishedCourse(asked) : asked.one(COURSES, 'course');
    const provider = asked.choice(asked.staff.teaches, 'provider');
    if (asked.first && asked.happens(asked.staff.waitingList, 'waits'))
      return { decision: 'waiting-list', course, provider };
    return { decision: 'offered', course, provider, startsOn: asked.inDays(7) };
  },
  'offer-answer': (asked) => ({
    answer: asked.happens(asked.rates.declinesCourse, 'declines') ? 'declined' : 'accepted',
    needsSignature: asked.first && asked.happens(asked.rates.noSignatureForCourse, 'no-signature'),
  }),
  'call-learner': (asked) => ({ result: asked.choice(asked.rates.call, 'result') }),
  'study-result': (asked) => {
    const exam = asked.tired ? 'passed' : asked.choice(asked.rates.exam, 'exam');
    const attended: [number, number] = exam === 'passed' || exam === 'failed' ? [75, 100] : [10, 74];
    return { exam, attendancePercent: asked.between(attended, 'attended') };
  },
  'attendance-check': (asked) => ({ attendancePercent: asked.between([60, 100], 'true-attendance') }),
  'resit-result': (asked) => ({ exam: asked.choice(asked.rates.resit, 'exam') }),
  'next-step': (asked) => ({ decision: asked.tired ? 'stop' : asked.choice(asked.staff.nextStep, 'decision') }),
  'sign-certificate': (asked) => ({
    decision: asked.first && asked.happens(asked.staff.certificateSentBack, 'sent-back') ? 'return' : 'sign',
  }),
  'correct-certificate': () => ({ corrected: true }),
  'hand-over': (asked) => ({
    decision: asked.first && asked.happens(asked.staff.certificateMisspelt, 'misspelt') ? 'misspelt' : 'handed',
  }),
  'after-courses': (asked): JsonObject =>
    asked.traitChoice(asked.rates.goal, 'goal') === 'own-business'
      ? { decision: 'grant', applicants: asked.situation.family.adults }
      : { decision: 'goal-met' },
  'grant-preparation': (asked) => {
    const bid = {
      programme: 'new-business-ideas',
      waveClosesOn: asked.inDays(asked.between(asked.staff.waveClosesInDays, 'wave')),
      wantsAdvice: asked.happens(asked.staff.wantsAdvice, 'advice'),
    };
    if (asked.first && asked.happens(asked.rates.goalMetBeforeGrant, 'goal-met'))
      return { ...bid, decision: 'goal-met', rules: 'met' };
    if (asked.first && asked.happens(asked.staff.rulesForbid, 'rules'))
      return {
        ...bid,
        decision: 'rules-forbid',
        rules: asked.one(['no-certificate', 'category-expired', 'loan', 'business-too-old'], 'rule'),
      };
    const signs = !asked.first || !asked.happens(asked.rates.noSignature, 'no-signature');
    const papers = ['certificate', 'category-proof', 'business-plan', 'price-offers'];
    return { ...bid, decision: 'ready', papers, rules: signs ? 'met' : 'no-signature' };
  },
  'grant-submission': (asked): JsonObject =>
    asked.tired || !asked.happens(asked.rates.missesWave, 'misses-wave')
      ? { submitted: true, submittedOn: asked.inDays(0), portalNumber: `P-${asked.situation.family.number}` }
      : { submitted: false },
  'commission-decision': (asked) => {
    const decision = asked.tired ? 'refused' : asked.choice(asked.staff.commission, 'decision');
    return {
      decision,
      decidedOn: asked.inDays(0),
      reason: decision === 'refused' ? asked.one(REFUSAL_REASONS, 'reason') : decision === 'reserve' ? 'quota' : 'none',
    };
  },
  'after-refusal': (asked) => ({
    decision: asked.tired ? 'stop' : asked.choice(asked.rates.afterRefusal, 'decision'),
  }),
  'lodge-complaint': (asked) => ({
    decision: asked.happens(asked.rates.lodgesComplaint, 'lodges') ? 'lodged' : 'given-up',
  }),
  'complaint-answer': (asked) => ({ decision: asked.choice(asked.staff.complaint, 'decision') }),
  'grant-contract': (asked) => ({
    decision: asked.happens(asked.rates.declinesGrant, 'declines') ? 'declined' : 'signed',
  }),
  'contract-overdue': (asked) => ({ decision: asked.choice(asked.staff.contractOverdue, 'decision') }),
  'grant-follow-up': () => ({ decision: 'used-as-agreed' }),
  'consent-withdrawal': () => ({ consents: [] }),
  'grant-payment': (asked): JsonObject =>
    asked.first && asked.happens(asked.staff.accountBlocked, 'blocked')
      ? { result: 'account-blocked' }
      : { result: 'paid', paidOn: asked.inDays(0) },
  'spending-report': (asked) => ({ result: asked.choice(asked.rates.report, 'result') }),
  'follow-up-visit': (asked) => ({ result: asked.choice(asked.rates.visit, 'result') }),
  'follow-up-problem': (asked) => ({ decision: asked.choice(asked.staff.followUpProblem, 'decision') }),
  'akimat-notice': (asked) => ({ toldOn: asked.situation.openedOn }),
  'partner-problem': (asked) => ({
    decision: asked.first ? asked.choice(asked.staff.partnerProblem, 'decision') : 'go-on',
  }),
  'other-partner': (asked) => ({
    decision: asked.first ? asked.choice(asked.staff.otherPartner, 'decision') : 'go-on',
  }),
};

/** The forms that simulated staff can fill in. */
export const KNOWN_FORMS = Object.keys(ANSWERS);

/** By which paper a category is proved, and for how many days where that ends. */
const PAPERS: Record<string, { paper: string; days?: number }> = {
  large: { paper: 'children-list' },
  'single-parent': { paper: 'divorce' },
  'low-income': { paper: 'asp-notice', days: 120 },
  'special-needs-child': { paper: 'disability-certificate', days: 300 },
};

function evidence(asked: Asked): JsonObject[] {
  const { categories } = asked.situation.family;
  // Who was in no category at first brought a paper that puts it into one.
  return (categories.length > 0 ? categories : ['low-income']).map((category) => {
    const { paper, days } = PAPERS[category] ?? { paper: 'other' };
    return { category, paper, ...(days === undefined ? {} : { validUntil: asked.inDays(days) }) };
  });
}

/** The applicant, and sometimes another adult of the family. */
function learners(asked: Asked): JsonObject[] {
  const [first = 1, second] = asked.situation.family.adults;
  const course = wishedCourse(asked);
  if (second === undefined || !asked.trait(asked.rates.secondLearner, 'second-learner'))
    return [{ member: first, course }];
  return [
    { member: first, course },
    { member: second, course: asked.one(COURSES, 'second-course') },
  ];
}

function wishedCourse({ situation: { family } }: Asked): string {
  return COURSES.includes(family.interest) ? family.interest : 'other';
}

function attendance(asked: Asked): 'present' | 'no-show' {
  const { attempt } = asked.situation;
  if (attempt > 1) return 'present';
  return asked.happens(attempt === 0 ? asked.rates.noShow : asked.rates.noShowAgain, 'no-show') ? 'no-show' : 'present';
}
