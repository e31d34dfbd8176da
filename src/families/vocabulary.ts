/** Words of the records, and the ways people write them in spreadsheets. The code is what is stored. */

export const CATEGORIES = ['large', 'single-parent', 'low-income', 'special-needs-child'] as const;
/** Why the centre serves a family. It may hold several at once. */
export type Category = (typeof CATEGORIES)[number];

export const RELATIONS = [
  'applicant',
  'spouse',
  'child',
  'parent',
  'sibling',
  'grandparent',
  'grandchild',
  'ward',
  'other',
] as const;
/** What a person is to the one who applied. */
export type Relation = (typeof RELATIONS)[number];

export const SEXES = ['m', 'f'] as const;
export const LANGUAGES = ['kk', 'ru', 'en'] as const;

const CATEGORY_WORDS: Record<Category, string[]> = {
  large: ['көп балалы', 'көп балалы отбасы', 'многодетная', 'многодетная семья', 'large family'],
  'single-parent': ['толық емес', 'толық емес отбасы', 'неполная', 'неполная семья', 'single parent'],
  'low-income': ['аз қамтылған', 'аз қамтылған отбасы', 'малообеспеченная', 'малообеспеченная семья', 'low income'],
  'special-needs-child': [
    'ерекше бала',
    'ерекше бала тәрбиелеуші',
    'особый ребёнок',
    'особый ребенок',
    'special needs child',
  ],
};

const RELATION_WORDS: Record<Relation, string[]> = {
  applicant: ['өтініш беруші', 'заявитель', 'заявительница'],
  spouse: ['жұбайы', 'зайыбы', 'күйеуі', 'әйелі', 'супруг', 'супруга', 'муж', 'жена', 'husband', 'wife'],
  child: ['баласы', 'бала', 'ұлы', 'қызы', 'ребёнок', 'ребенок', 'сын', 'дочь', 'son', 'daughter'],
  parent: ['ата-анасы', 'анасы', 'әкесі', 'родитель', 'мать', 'отец', 'mother', 'father'],
  sibling: ['ағасы', 'інісі', 'әпкесі', 'сіңлісі', 'қарындасы', 'бауыры', 'брат', 'сестра', 'brother', 'sister'],
  grandparent: ['атасы', 'әжесі', 'дедушка', 'бабушка', 'grandmother', 'grandfather'],
  grandchild: ['немересі', 'внук', 'внучка'],
  ward: ['қамқорлықтағы бала', 'опекаемый', 'подопечный'],
  other: ['басқа', 'другой', 'другое', 'иное'],
};

const SEX_WORDS: Record<(typeof SEXES)[number], string[]> = {
  m: ['м', 'муж', 'мужской', 'ер', 'е', 'male'],
  f: ['ж', 'жен', 'женский', 'әйел', 'ә', 'female'],
};

const LANGUAGE_WORDS: Record<(typeof LANGUAGES)[number], string[]> = {
  kk: ['kz', 'каз', 'қаз', 'қазақ', 'қазақша', 'қазақ тілі', 'казахский', 'kazakh'],
  ru: ['рус', 'орыс', 'орысша', 'орыс тілі', 'русский', 'russian'],
  en: ['ағылшын', 'ағылшынша', 'английский', 'english'],
};

export const readCategory = reader(CATEGORY_WORDS);
export const readRelation = reader(RELATION_WORDS);
export const readSex = reader(SEX_WORDS);
export const readLanguage = reader(LANGUAGE_WORDS);

function reader<Code extends string>(words: Record<Code, string[]>): (text: string) => Code | null {
  const codes = Object.keys(words) as Code[];
  const known = new Map<string, Code>(
    codes.flatMap((code) => [code, ...words[code]].map((word) => [word, code] as const)),
  );
  return (text) => known.get(text.trim().toLowerCase()) ?? null;
}
