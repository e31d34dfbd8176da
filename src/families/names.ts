/** Separate words of a patronymic that stay small: «Мамед оғлы». */
const PARTICLES = new Set([
  'оглы',
  'оғлы',
  'улы',
  'ұлы',
  'углы',
  'кызы',
  'қызы',
  'кизи',
  'гызы',
  'ogly',
  'uly',
  'kyzy',
  'qyzy',
]);

/** Zero-width signs, soft hyphens and marks of direction: invisible, so that two equal names would differ. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** One line of text: composed letters (NFC), single spaces, nothing invisible. */
export function tidyText(text: string): string {
  return text.normalize('NFC').replace(INVISIBLE, '').replace(CONTROL, ' ').replace(/\s+/g, ' ').trim();
}

/**
 * One part of a person's name as it is kept. A part written all in capitals or all in small letters gets capitals at the
 * start of its words; any other stays as the identity document has it. Never splits one part into several.
 */
export function tidyName(text: string): string {
  const name = tidyText(text);
  const shouted = name === name.toUpperCase() && /\p{L}.*\p{L}/u.test(name);
  const whispered = name === name.toLowerCase();
  if (!shouted && !whispered) return name;
  return name
    .toLowerCase()
    .split(' ')
    .map((word, at) => (at > 0 && PARTICLES.has(word) ? word : capitalised(word)))
    .join(' ');
}

export type NameDoubt = 'mixed-letters' | 'unusual-characters';

/** What a person should look at again in a name that is kept as it is. */
export function doubtName(name: string): NameDoubt | null {
  const mixed = name
    .split(/[\s-]+/)
    .some((word) => /\p{Script=Cyrillic}/u.test(word) && /\p{Script=Latin}/u.test(word));
  if (mixed) return 'mixed-letters';
  return /^[\p{L}\p{M} .'’ʼ()-]*$/u.test(name) ? null : 'unusual-characters';
}

/**
 * A key under which the same name is found however it is written: in Kazakh or Russian letters, in Latin ones, with
 * look-alikes, in capitals. `Қожахметова`, `Кожахметова` and `Kozhakhmetova` share one. For searching, not for display:
 * names that differ may share a key.
 */
export function searchKey(text: string): string {
  const words = tidyText(text)
    .toLowerCase()
    .split(/[^\p{L}\p{M}\p{N}]+/u);
  return words.map(wordKey).filter(Boolean).join(' ');
}

function wordKey(word: string): string {
  const cyrillic = /\p{Script=Cyrillic}/u.test(word) ? word.replace(/./gu, (sign) => LOOK_ALIKES[sign] ?? sign) : word;
  const latin = cyrillic.replace(/\p{Script=Cyrillic}/gu, (letter) => TRANSLITERATION[letter] ?? '');
  return latin
    .replace(/ş/g, 'sh')
    .replace(/[əı]/g, (letter) => (letter === 'ə' ? 'a' : 'i'))
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/shch/g, 'sh')
    .replace(/([kg])h/g, (_, letter: string) => (letter === 'k' ? 'h' : 'g'))
    .replace(/j/g, 'zh')
    .replace(/q/g, 'k')
    .replace(/x/g, 'h')
    .replace(/w/g, 'u')
    .replace(/y/g, 'i')
    .replace(/i+e/g, 'e')
    .replace(/(.)\1+/gu, '$1');
}

function capitalised(word: string): string {
  return word.replace(/(^|[-(.])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase());
}

/** Latin letters that a hurried hand leaves inside a Cyrillic word. */
const LOOK_ALIKES: Record<string, string> = {
  a: 'а',
  c: 'с',
  e: 'е',
  h: 'һ',
  i: 'і',
  k: 'к',
  m: 'м',
  o: 'о',
  p: 'р',
  t: 'т',
  x: 'х',
  y: 'у',
  ə: 'ә',
};

/** Kazakh letters fold to their Russian neighbours first (ә→а, қ→к, …), so both spellings share one Latin form. */
const TRANSLITERATION: Record<string, string> = {
  а: 'a',
  ә: 'a',
  б: 'b',
  в: 'v',
  г: 'g',
  ғ: 'g',
  д: 'd',
  е: 'e',
  ё: 'e',
  ж: 'zh',
  з: 'z',
  и: 'i',
  й: 'i',
  і: 'i',
  к: 'k',
  қ: 'k',
  л: 'l',
  м: 'm',
  н: 'n',
  ң: 'n',
  о: 'o',
  ө: 'o',
  п: 'p',
  р: 'r',
  с: 's',
  т: 't',
  у: 'u',
  ұ: 'u',
  ү: 'u',
  ф: 'f',
  х: 'h',
  һ: 'h',
  ц: 'ts',
  ч: 'ch',
  ш: 'sh',
  щ: 'sh',
  ы: 'i',
  э: 'e',
  ю: 'iu',
  я: 'ia',
};
