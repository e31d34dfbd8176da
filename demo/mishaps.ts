import type { PartnerCounts } from './partners/ledger.js';
import type { Summary } from './summary.js';

/** What goes wrong in real life, and must have gone wrong in a run that claims to show it: how often each did. */
export interface Mishaps {
  refusedByCommission: number;
  noShow: number;
  failedExam: number;
  resit: number;
  papersAsked: number;
  silentPartner: number;
  duplicateCallbacks: number;
  earlyCallbacks: number;
  withdrawal: number;
}

export function mishapsOf({ answers, events, expired }: Summary, partners: PartnerCounts[]): Mishaps {
  const answered = (invocation: string, ...words: string[]) =>
    words.reduce((sum, word) => sum + (answers[invocation]?.[word] ?? 0), 0);
  const sum = (of: (partner: PartnerCounts) => number) => partners.reduce((total, partner) => total + of(partner), 0);
  return {
    refusedByCommission: answered('commission', 'refused'),
    noShow:
      answered('plan', 'no-show') +
      answered('legalConsultation', 'no-show') +
      answered('psychologicalConsultation', 'no-show'),
    failedExam: answered('study', 'failed'),
    resit: answered('resit', 'passed', 'failed', 'absent'),
    papersAsked: sum(({ papersRequested }) => papersRequested),
    silentPartner: expired,
    duplicateCallbacks: sum(({ duplicates }) => duplicates),
    earlyCallbacks: sum(({ outcomes }) => outcomes.parked ?? 0),
    withdrawal: events.WITHDRAW ?? 0,
  };
}

/** Names of those that did not happen. */
export function missing(mishaps: Mishaps): string[] {
  return Object.entries(mishaps)
    .filter(([, times]) => times === 0)
    .map(([name]) => name);
}
