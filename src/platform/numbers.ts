const SHORT = /^(\p{L}{1,4})[-\s]?0*(\d{1,9})$/u;

/** What `q-74` may mean of numbers like `Q-000074`: every width that numbers are written with. Empty for anything else. */
export function numbersMeantBy(text: string): string[] {
  const [, letters, digits] = SHORT.exec(text.trim()) ?? [];
  if (letters === undefined || digits === undefined) return [];
  return Array.from(
    { length: 10 - digits.length },
    (_, more) => `${letters.toUpperCase()}-${'0'.repeat(more)}${digits}`,
  );
}
