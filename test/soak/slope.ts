/** One look at everything that must not grow. `atS`: seconds since the beginning. */
export interface Sample {
  atS: number;
  figures: Readonly<Record<string, number>>;
}

/** What a figure may grow by in the second half of the run: a share of what it is, or so much, whichever is more. */
export interface Allowance {
  share: number;
  least: number;
}

export interface Line {
  name: string;
  first: number;
  highest: number;
  last: number;
  /** By what a straight line through the second half rises from its beginning to its end. */
  rise: number;
  allowed: number;
  isFlat: boolean;
}

/** Whether each figure has come to a flat line: the first half is for what is compiled, cached and allotted once. */
export function lines(samples: Sample[], allowances: Readonly<Record<string, Allowance>>): Line[] {
  if (samples.length < 4) throw new Error(`Four looks or more make a line; there are ${samples.length}.`);
  const second = samples.slice(samples.length >> 1);
  return Object.entries(allowances).map(([name, { share, least }]) => {
    const values = samples.map(({ figures }) => figures[name] ?? Number.NaN);
    const later = second.map(({ atS, figures }) => ({ x: atS, y: figures[name] ?? Number.NaN }));
    const rise = riseOf(later);
    const allowed = Math.max(least, share * mean(later.map(({ y }) => y)));
    return {
      name,
      first: values[0] ?? Number.NaN,
      highest: Math.max(...values),
      last: values.at(-1) ?? Number.NaN,
      rise,
      allowed,
      // What was not seen is not flat.
      isFlat: rise <= allowed,
    };
  });
}

/** By least squares. */
function riseOf(points: { x: number; y: number }[]): number {
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (spread === 0) return 0;
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return slope * ((points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0));
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function tableOf(found: Line[]): string {
  const rows = found.map(({ name, first, highest, last, rise, allowed, isFlat }) => [
    name,
    ...[first, highest, last, rise, allowed].map((value) => value.toFixed(Math.abs(value) < 100 ? 1 : 0)),
    isFlat ? 'flat' : 'GROWS',
  ]);
  const all = [['', 'first', 'highest', 'last', 'rise', 'allowed', ''], ...rows];
  const widths = all[0]?.map((_cell, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}
