import type { PartnerCounts } from './partners/ledger.js';
import type { Summary } from './summary.js';

/** What goes wrong in real life, and must have gone wrong in a run that claims to show it: how often each did. */
export type Mishaps = Record<keyof ReturnType<typeof mishapsOf>, number>;

export function mishapsOf({ answers, events, timers, outcomes, ends, expired }: Summary, partners: PartnerCounts[]) {
  const answered = (invocation: string, ...words: string[]) =>
    words.reduce((sum, word) => sum + (answers[invocation]?.[word] ?? 0), 0);
  // A grant that was not taken is no withdrawal, and one person may give up where the family goes on.
  const withdrew = Object.values(ends).filter(
    (end) => end.startsWith('withdrawn/') && end !== 'withdrawn/grant-not-taken',
  ).length;
  const sum = (of: (partner: PartnerCounts) => number) => partners.reduce((total, partner) => total + of(partner), 0);
  return {
    // The ways out, X1 to X6.
    notEligible: outcomes['not-eligible'] ?? 0,
    withdrawal: withdrew,
    unreachable: outcomes.unreachable ?? 0,
    refusedByCommission: answered('commission', 'refused'),
    refusedForGood: outcomes.refused ?? 0,
    goalMetWithoutGrant: outcomes['goal-met'] ?? 0,
    movedOrMerged: outcomes.left ?? 0,
    // On the way.
    gaveUpAlone: Math.max(0, (events.WITHDRAW ?? 0) - withdrew),
    conflictOfInterest: answered('conflictOfInterest', 'another-lawyer', 'civil-office'),
    urgentRisk: answered('protection', 'safe', 'watched', 'handed-over'),
    riskFoundLater: events.URGENT_RISK ?? 0,
    refusalSentBack: answered('refusal', 'return'),
    papersNotBrought: timers.papersTerm ?? 0,
    noShow:
      answered('plan', 'no-show') +
      answered('legalConsultation', 'no-show') +
      answered('urgentLegalConsultation', 'no-show') +
      answered('psychologicalConsultation', 'no-show'),
    lookedFor: answered('contactAttempt', 'true', 'false'),
    waitingList: answered('courseOffer', 'waiting-list'),
    offerExpired: timers.offerTerm ?? 0,
    offerDeclined: answered('offerAnswer', 'declined'),
    twoMisses: events.MISSED_TWICE ?? 0,
    lessonRecorded: events.LESSON_HELD ?? 0,
    notAdmitted: answered('study', 'not-admitted'),
    failedExam: answered('study', 'failed'),
    resit: answered('resit', 'passed', 'failed', 'absent'),
    anotherCourse: answered('nextStep', 'another-course'),
    courseNotCompleted: outcomes['not-completed'] ?? 0,
    certificateSentBack: answered('signature', 'return'),
    certificateReissued: answered('handOver', 'misspelt'),
    rulesForbid: answered('preparation', 'rules-forbid'),
    reserve: answered('commission', 'reserve'),
    missedWave: answered('submission', 'false'),
    nextWave: answered('refusalAdvice', 'next-wave'),
    complaint: answered('complaint', 'upheld', 'rejected'),
    complaintLapsed: timers.complaintTerm ?? 0,
    grantDeclined: answered('contract', 'declined'),
    grantLapsed: timers.contractTerm ?? 0,
    accountBlocked: answered('payment', 'account-blocked'),
    doubtfulReport: answered('report', 'doubtful', 'not-given'),
    followUpProblem: answered('followUpProblem', 'go-on', 'repayment'),
    repayment: answered('followUpProblem', 'repayment'),
    courtSitsSoon: ['courtConsultation', 'urgentLegalConsultation'].reduce(
      (total, consultation) => total + answered(consultation, 'answered', 'free-legal-aid', 'no-show'),
      0,
    ),
    categoryRenewed: answered('categoryRenewal', 'renewed', 'for-good'),
    categoryLost: answered('categoryRenewal', 'lost'),
    // Partners.
    papersAsked: sum(({ papersRequested }) => papersRequested),
    papersSupplied: sum(({ papersSupplied }) => papersSupplied),
    rejectedByPartner: sum(({ rejected }) => rejected),
    anotherPartner: answered('reviewProblem', 'another-partner') + answered('registrationProblem', 'another-partner'),
    recalled: sum(({ recalled }) => recalled),
    silentPartner: expired,
    duplicateCallbacks: sum(({ duplicates }) => duplicates),
    lateAnswers: sum(({ manners }) => manners.late),
    answersOutOfOrder: sum(({ manners }) => manners.disorder),
    temporaryFailures: sum((partner) => partner.temporaryFailures),
    repliesLost: sum((partner) => partner.repliesLost),
    earlyCallbacks: sum(({ outcomes: told }) => told.parked ?? 0),
  };
}

/** For people; JSON keeps the keys. */
export const MISHAP_WORDS: Record<keyof Mishaps, string> = {
  notEligible: 'not eligible',
  withdrawal: 'withdrew',
  unreachable: 'could not be reached',
  refusedByCommission: 'refused by the commission',
  refusedForGood: 'refused for good',
  goalMetWithoutGrant: 'goal met without a grant',
  movedOrMerged: 'moved away or merged',
  gaveUpAlone: 'one of the family gave up',
  conflictOfInterest: 'lawyer had a conflict of interest',
  urgentRisk: 'urgent risk dealt with',
  riskFoundLater: 'risk found later',
  refusalSentBack: 'refusal sent back',
  papersNotBrought: 'papers not brought in time',
  noShow: 'did not come',
  lookedFor: 'looked for',
  waitingList: 'put on a waiting list',
  offerExpired: 'course offer lapsed',
  offerDeclined: 'course offer declined',
  twoMisses: 'missed two lessons',
  lessonRecorded: 'lesson recorded by itself',
  notAdmitted: 'not admitted to the exam',
  failedExam: 'exam failed',
  resit: 'exam taken again',
  anotherCourse: 'went to another course',
  courseNotCompleted: 'course not completed',
  certificateSentBack: 'certificate sent back',
  certificateReissued: 'certificate issued again',
  rulesForbid: 'rules forbid a grant',
  reserve: 'put on the reserve list',
  missedWave: 'bid not filed in time',
  nextWave: 'waits for the next wave',
  complaint: 'complaint decided',
  complaintLapsed: 'complaint not made in time',
  grantDeclined: 'grant declined',
  grantLapsed: 'contract not signed in time',
  accountBlocked: 'account blocked',
  doubtfulReport: 'report doubtful or missing',
  followUpProblem: 'problem found in follow-up',
  repayment: 'grant to be repaid',
  courtSitsSoon: 'advised before a court sat',
  categoryRenewed: 'category proved anew',
  categoryLost: 'category lost',
  papersAsked: 'partner asked for papers',
  papersSupplied: 'partner was given papers',
  rejectedByPartner: 'rejected by a partner',
  anotherPartner: 'another partner was asked',
  recalled: 'recalled from a partner',
  silentPartner: 'partner never answered',
  duplicateCallbacks: 'partner answered twice',
  lateAnswers: 'partner answered late',
  answersOutOfOrder: 'partner answered out of order',
  temporaryFailures: 'partner failed for a while',
  repliesLost: 'reply of a partner was lost',
  earlyCallbacks: 'partner answered too early',
};

/** Names of those that did not happen. */
export function missing(mishaps: Mishaps): (keyof Mishaps)[] {
  return (Object.keys(mishaps) as (keyof Mishaps)[]).filter((name) => mishaps[name] === 0);
}
