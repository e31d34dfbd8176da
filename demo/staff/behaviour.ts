import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const rate = z.number().min(0).max(1);
const span = z.tuple([z.number().int().min(0), z.number().int().min(0)]);
const shares = (names: readonly [string, ...string[]]) =>
  z
    .strictObject(Object.fromEntries(names.map((name) => [name, rate])))
    .refine(
      (parts) => Math.abs(Object.values(parts).reduce((sum, part) => sum + part, 0) - 1) < 1e-6,
      'shares must add up to 1',
    );

/** The `staff:` and `families:` sections of `behaviour.yaml`. All rates are shares between 0 and 1. */
const schema = z.object({
  staff: z.strictObject({
    /** Half working days from the opening of a task to its answer, least and most, by form. */
    halfDays: z.record(z.string(), span),
    /** How many tasks lie longer than they may, and for how many half days more. */
    late: z.strictObject({ rate, halfDays: span }),
    refusalSentBack: rate,
    planSentBack: rate,
    conflictOfInterest: rate,
    certificateSentBack: rate,
    certificateMisspelt: rate,
    waitingList: rate,
    teaches: shares(['atameken', 'centre']),
    partnerProblem: shares(['send-again', 'go-on', 'stop']),
    /** The same where another partner can do it. */
    otherPartner: shares(['send-again', 'another-partner', 'go-on']),
    nextStep: shares(['another-course', 'goal-met', 'stop']),
    /** Days from the preparation of a bid to the end of its wave. */
    waveClosesInDays: span,
    commission: shares(['refused', 'reserve', 'won']),
    complaint: shares(['rejected', 'upheld']),
    rulesForbid: rate,
    wantsAdvice: rate,
    accountBlocked: rate,
    followUpProblem: shares(['go-on', 'repayment']),
    contractOverdue: shares(['signed', 'declined', 'lapsed']),
  }),
  families: z.strictObject({
    contactChannel: shares(['visit', 'phone', 'mobile-group', 'school', 'line-111', 'other']),
    consents: rate,
    papersMissing: rate,
    addressRegistration: rate,
    housingWish: rate,
    urgent: rate,
    riskFoundLater: rate,
    secondLearner: rate,
    unclaimedBenefits: rate,
    civilOffice: rate,
    outsideCity: rate,
    noCategory: rate,
    papersNeeded: rate,
    papersBrought: rate,
    papersBroughtAfterHalfDays: span,
    partnerPapersBrought: rate,
    partnerPapersAfterHalfDays: span,
    goal: shares(['own-business', 'home-income', 'consultation-only']),
    noShow: rate,
    noShowAgain: rate,
    freeLegalAid: rate,
    courtSitsSoon: rate,
    /** What comes of it when the paper that proves a category ends. */
    categoryRenewal: shares(['renewed', 'for-good', 'lost']),
    reachedAtAttempt: rate,
    /** Has to be looked for in the middle of the work. */
    lost: rate,
    declinesCourse: rate,
    missesTwice: rate,
    /** A trainer who records a lesson, and whether the learner came to it. */
    lessonRecorded: z.strictObject({ rate, came: rate }),
    call: shares(['comes-back', 'no-answer', 'leaves']),
    exam: shares(['passed', 'failed', 'not-admitted']),
    resit: shares(['passed', 'failed', 'absent']),
    goalMetBeforeGrant: rate,
    missesWave: rate,
    noSignature: rate,
    noSignatureForCourse: rate,
    afterRefusal: shares(['next-wave', 'complaint', 'stop']),
    lodgesComplaint: rate,
    declinesGrant: rate,
    report: shares(['accepted', 'doubtful', 'not-given']),
    visit: shares(['works', 'idle', 'moved-away']),
    /** How often a family lets the term of a task pass, by form. */
    letsPass: z.record(z.string(), rate),
    /** Ways out in the middle; each family goes at most one. */
    leaves: shares(['withdraws', 'moves', 'reaches-goal', 'one-person', 'stays']),
  }),
});

export type Behaviour = z.infer<typeof schema>;

/** Throws with the place and the reason when the file is not as it should be. */
export function readBehaviour(path: string): Behaviour {
  const result = schema.safeParse(parse(readFileSync(path, 'utf8')));
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`${path} is not as it should be.\n${problems.join('\n')}`);
}
