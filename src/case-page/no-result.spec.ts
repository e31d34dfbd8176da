import { describe, expect, it } from '@jest/globals';
import type { JournalBody } from '../engine/types.js';
import { Titles } from '../workflows/titles.js';
import { whyNoResult } from './no-result.js';

const titles = new Titles({
  'partners.yaml': JSON.stringify({
    bank: { title: { ru: 'Банк' }, services: { advice: { title: { ru: 'Совет' } } } },
  }),
});
const own = { onBehalfOf: null } as JournalBody;
const partners = { onBehalfOf: 'bank' } as JournalBody;
const why = (body: JournalBody, code: string | null, reasonCode: string | null = null) =>
  whyNoResult(
    { partner: 'bank', service: 'advice', invocation: 'ask', reasonCode },
    body,
    code === null ? null : { input: { kind: 'failure', entry: 'e', error: { code } } },
    { language: 'ru', titles },
  );

describe('why a hand-off brought no result', () => {
  it.each([
    ['EXPIRED', 'ответ в срок не поступил'],
    ['TECHNICAL', 'направление не доставлено из-за технического сбоя'],
    ['RECALLED', 'направление отозвано'],
    ['NO_PLACES', 'отказ партнёра, код: NO_PLACES'],
  ])('is said in words: %s', (code, words) => {
    expect(why(own, code)).toBe(`Банк, Совет: ${words}`);
  });

  it('is a refusal where the partner itself gave one of our codes', () => {
    expect(why(partners, 'EXPIRED')).toBe('Банк, Совет: отказ партнёра, код: EXPIRED');
  });

  it('is known from the hand-off when the answer was erased', () => {
    expect(why(own, null, 'EXPIRED')).toBe('Банк, Совет: ответ в срок не поступил');
    expect(why(own, null)).toBe('Банк, Совет: причина не указана');
  });
});
