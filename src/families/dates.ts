const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?$/;
const DOTTED = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?: 0?0:00(?::00)?)?$/;

/**
 * A day as a person or a spreadsheet writes it, `2026-03-05` or `05.03.2026` (with or without a midnight), as ISO.
 * `null` where it is none, or a day that no calendar has.
 */
export function readDate(text: string): string | null {
  const trimmed = text.trim();
  const iso = ISO.exec(trimmed);
  if (iso) return real(iso[1], iso[2], iso[3]);
  const dotted = DOTTED.exec(trimmed);
  return dotted ? real(dotted[3], dotted[2], dotted[1]) : null;
}

/** True for `YYYY-MM-DD` of a day that exists, in the years 1800–2199: nobody we meet was born outside them. */
export function isRealDate(iso: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(iso);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (year < 1800 || year > 2199 || month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function real(year = '', month = '', day = ''): string | null {
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  return isRealDate(iso) ? iso : null;
}
