const FIRST_WEIGHTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const SECOND_WEIGHTS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2];

/**
 * The twelfth digit that belongs to the first eleven of an IIN or a BIN.
 * `null` when both passes give 10: such a number is never issued.
 */
export function checkDigit(number: string): number | null {
  for (const weights of [FIRST_WEIGHTS, SECOND_WEIGHTS]) {
    const rest = weights.reduce((sum, weight, at) => sum + weight * Number(number[at]), 0) % 11;
    if (rest < 10) return rest;
  }
  return null;
}

export function hasRightCheckDigit(number: string): boolean {
  return checkDigit(number) === Number(number[11]);
}
