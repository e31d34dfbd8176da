import { hasRightCheckDigit } from './check-digit.js';

type BinProblem = 'not-12-digits' | 'bad-check-digit' | 'impossible-month' | 'unknown-kind' | 'unknown-unit';

export type BinReading =
  | {
      ok: true;
      /** Month of registration, `2022-01`. Two digits stand for the year: 80–99 are read as the 1900s. */
      registered: string;
      kind: 'resident' | 'non-resident' | 'joint-entrepreneurs';
      unit: 'head' | 'branch' | 'representative-office' | 'farm';
    }
  | { ok: false; problem: BinProblem };

const KINDS = { 4: 'resident', 5: 'non-resident', 6: 'joint-entrepreneurs' } as const;
const UNITS = { 0: 'head', 1: 'branch', 2: 'representative-office', 3: 'farm' } as const;

/** Reads a business identification number (БСН, БИН). A sole trader has none: they use their IIN. */
export function readBin(bin: string): BinReading {
  if (!/^[0-9]{12}$/.test(bin)) return { ok: false, problem: 'not-12-digits' };
  if (!hasRightCheckDigit(bin)) return { ok: false, problem: 'bad-check-digit' };
  const month = Number(bin.slice(2, 4));
  if (month < 1 || month > 12) return { ok: false, problem: 'impossible-month' };
  const kind = KINDS[Number(bin[4]) as keyof typeof KINDS];
  if (!kind) return { ok: false, problem: 'unknown-kind' };
  const unit = UNITS[Number(bin[5]) as keyof typeof UNITS];
  if (!unit) return { ok: false, problem: 'unknown-unit' };
  return { ok: true, registered: `${century(bin)}${bin.slice(0, 2)}-${bin.slice(2, 4)}`, kind, unit };
}

function century(bin: string): string {
  return Number(bin.slice(0, 2)) >= 80 ? '19' : '20';
}
