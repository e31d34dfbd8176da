import { z } from 'zod';
import type { Language } from '../statechart/types.js';

const text = z.object({ kk: z.string(), ru: z.string(), en: z.string() });

/** `documents/certificate.yaml` of a workflow: what is printed, in three languages. */
export const certificateTexts = z.object({
  title: text,
  /** `{name}`, `{course}` and `{date}` are filled in. */
  body: text,
  issuer: text,
  /** `{number}` is filled in. */
  number: text,
  signer: text,
});
export type CertificateTexts = z.infer<typeof certificateTexts>;

/** Words that are the same on every certificate. */
export const FIXED_TEXTS = {
  issuedOn: { kk: 'Берілген күні', ru: 'Дата выдачи', en: 'Date of issue' },
  check: {
    kk: 'Түпнұсқалығын тексеру үшін кодты сканерлеңіз',
    ru: 'Чтобы проверить подлинность, отсканируйте код',
    en: 'Scan the code to check that it is genuine',
  },
} as const satisfies Record<string, Record<Language, string>>;

/** `2026-11-22` as a person of that language writes it. */
export function dateInWords(date: string, language: Language): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' });
  return format.format(new Date(`${date}T00:00:00Z`));
}
