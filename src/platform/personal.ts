/**
 * What a log must not say about anybody. Our own words are English and name things by id: letters of Kazakh and Russian,
 * long numbers and addresses can only have come out of somebody's record.
 */
const PERSONAL: [pattern: RegExp, instead: string][] = [
  [/[^\s@"'`<>()]+@[^\s@"'`<>()]+/g, '<address>'],
  // Neither a date nor a UUID.
  [/(?<![\w-])(?!\d{4}-\d\d-\d\d)(?![\da-f]{8}-[\da-f]{4}-)\+?\d[\d ()-]{7,}\d(?![\w-])/g, '<number>'],
  [/\p{Script=Cyrillic}[\p{Script=Cyrillic}\p{M}\s.-]*/gu, '<text> '],
];

const QUOTED = /(?<!\w)(["'`])((?:(?!\1)[^\\]|\\.)*)\1/gs;
/** Tables, codes, events, paths: one word, and not written like a name. */
const TECHNICAL = /^(?![A-Z][a-z])(?!\+?[\d-]{8,}$)[\w.:/-]{1,100}$/;

/** For sentences of our own. */
export function withoutPersonalData(text: string): string {
  return PERSONAL.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
}

/** For what a library says: it may quote what it could not read or store. */
export function withoutQuotes(text: string): string {
  const named = text.replace(QUOTED, (all, mark: string, content: string) =>
    TECHNICAL.test(content) ? all : `${mark}…${mark}`,
  );
  return withoutPersonalData(named);
}
