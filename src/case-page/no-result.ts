import type { JournalBody, JournalPayload } from '../engine/types.js';
import type { Language } from '../statechart/types.js';
import type { Titles } from '../workflows/titles.js';

/** One hand-off, as far as a history needs it. */
export interface HandedOff {
  partner: string;
  service: string;
  invocation: string;
  reasonCode: string | null;
}

type Why = Record<'EXPIRED' | 'TECHNICAL' | 'RECALLED' | 'none', string> & { refused(code: string): string };

const WHY: Record<Language, Why> = {
  kk: {
    EXPIRED: 'мерзімінде жауап келмеді',
    TECHNICAL: 'техникалық ақау салдарынан жолдама жеткізілмеді',
    RECALLED: 'жолдама кері қайтарып алынды',
    none: 'себебі көрсетілмеген',
    refused: (code) => `серіктестің бас тарту коды: ${code}`,
  },
  ru: {
    EXPIRED: 'ответ в срок не поступил',
    TECHNICAL: 'направление не доставлено из-за технического сбоя',
    RECALLED: 'направление отозвано',
    none: 'причина не указана',
    refused: (code) => `отказ партнёра, код: ${code}`,
  },
  en: {
    EXPIRED: 'no answer in time',
    TECHNICAL: 'the hand-off could not be delivered for a technical reason',
    RECALLED: 'the hand-off was recalled',
    none: 'no reason given',
    refused: (code) => `refused by the partner, code: ${code}`,
  },
};

/** Whose service brought no result, and why. */
export function whyNoResult(
  { partner, service, reasonCode }: HandedOff,
  { onBehalfOf }: JournalBody,
  payload: JournalPayload | null,
  { language, titles }: { language: Language; titles: Titles },
): string {
  const whose = `${titles.partner(partner, language)}, ${titles.service(partner, service, language) ?? service}`;
  const code = codeIn(payload) ?? reasonCode;
  return `${whose}: ${inWords(code, onBehalfOf !== null, WHY[language])}`;
}

/** A partner may give one of our own codes: then it has answered, and its word stands. */
function inWords(code: string | null, byPartner: boolean, words: Why): string {
  if (code === null) return words.none;
  if (!byPartner && (code === 'EXPIRED' || code === 'TECHNICAL' || code === 'RECALLED')) return words[code];
  return words.refused(code);
}

/** The payload may have been erased. */
function codeIn(payload: JournalPayload | null): string | null {
  const input = payload?.input;
  if (input?.kind !== 'failure') return null;
  const { error } = input;
  if (typeof error !== 'object' || error === null || Array.isArray(error)) return null;
  return typeof error['code'] === 'string' ? error['code'] : null;
}
