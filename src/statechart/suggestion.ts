/** Nobody means a name that is longer: comparing takes time and memory that grow with the product of both lengths. */
const LONGEST = 200;

/** ` Did you mean "…"?`, or nothing when no name is near. */
export function suggestion(name: string, names: Iterable<string>): string {
  if (name.length > LONGEST) return '';
  const furthest = Math.max(1, Math.floor(name.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) > furthest) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= furthest && distance < (best?.distance ?? Infinity)) best = { name: candidate, distance };
  }
  return best === undefined ? '' : ` Did you mean "${best.name}"?`;
}

/** Insertions, deletions, replacements, and two letters in the wrong order. */
function editDistance(one: string, other: string): number {
  const rows: number[][] = Array.from({ length: one.length + 1 }, (_, row) => [row]);
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let row = 0; row <= one.length; row++) {
    for (let column = 1; column <= other.length; column++) {
      if (row === 0) {
        rows[0]?.push(column);
        continue;
      }
      const same = one[row - 1] === other[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const steps = [at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + same];
      rows[row]?.push(Math.min(...steps, swapped ? at(row - 2, column - 2) + 1 : Infinity));
    }
  }
  return at(one.length, other.length);
}
