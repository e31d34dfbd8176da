import { hasRightCheckDigit } from './check-digit.js';
import { isRealDate } from './dates.js';

export type Sex = 'm' | 'f';

type IinProblem = 'not-12-digits' | 'bad-check-digit' | 'unknown-century' | 'impossible-birth-date';

export type IinReading = { ok: true; birthDate: string; sex: Sex } | { ok: false; problem: IinProblem };

/** Digit 7: century of birth and sex. 0, 7, 8 and 9 are not assigned. */
const CENTURIES: Record<string, { century: string; sex: Sex }> = {
  1: { century: '18', sex: 'm' },
  2: { century: '18', sex: 'f' },
  3: { century: '19', sex: 'm' },
  4: { century: '19', sex: 'f' },
  5: { century: '20', sex: 'm' },
  6: { century: '20', sex: 'f' },
};

/**
 * Reads an individual identification number (ЖСН, ИИН): what it says about its owner, or what is wrong with it.
 * A number that passes need not exist, and registers hold errors: what it says is compared with the papers, and never
 * put in their place.
 */
export function readIin(iin: string): IinReading {
  if (!/^[0-9]{12}$/.test(iin)) return { ok: false, problem: 'not-12-digits' };
  if (!hasRightCheckDigit(iin)) return { ok: false, problem: 'bad-check-digit' };
  const born = CENTURIES[iin.charAt(6)];
  if (!born) return { ok: false, problem: 'unknown-century' };
  const birthDate = `${born.century}${iin.slice(0, 2)}-${iin.slice(2, 4)}-${iin.slice(4, 6)}`;
  if (!isRealDate(birthDate)) return { ok: false, problem: 'impossible-birth-date' };
  return { ok: true, birthDate, sex: born.sex };
}

/** An IIN as a spreadsheet or a person writes it: spaces, dashes and a leading apostrophe are left out. */
export function tidyIin(text: string): string {
  return text.replace(/[\s\u00a0\u202f-]/g, '').replace(/^'/, '');
}

/** For lists and logs: `900101******`. */
export function maskIin(iin: string): string {
  return iin.slice(0, 6).padEnd(12, '*');
}
