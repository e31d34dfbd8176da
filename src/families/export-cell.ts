/**
 * Signs that make a spreadsheet take a cell for a formula, also after blanks and in their full-width forms. Apostrophes
 * in front are looked through, so that taking one off always gives back what was exported.
 */
const FORMULA = /^'*(?:[\t\r\n]|[\s\u00a0\ufeff]*[=+\-@|\uff1d\uff0b\uff0d\uff20])/u;

type Cell = string | number | boolean | null | undefined;

/**
 * One cell of a CSV or spreadsheet export. Text that would run as a formula gets an apostrophe in front, which a
 * spreadsheet takes for "this is text" and `importedCell` takes off again. Numbers stay numbers.
 */
export function exportCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  return FORMULA.test(value) ? `'${value}` : value;
}

/** Undoes `exportCell`, so that what was exported can be imported again unchanged. */
export function importedCell(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

/** One line of a CSV export: cells neutralised, quoted where needed, ended as spreadsheets do. */
export function exportLine(cells: Cell[], delimiter = ','): string {
  const quoted = cells.map((cell) => {
    const text = exportCell(cell);
    return /["\r\n;,\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${quoted.join(delimiter)}\r\n`;
}
