import { tidyText } from './names.js';

export const COLUMNS = [
  'family_no',
  'surname',
  'given_name',
  'patronymic',
  'iin',
  'birth_date',
  'sex',
  'relation',
  'phone',
  'language',
  'address',
  'kato',
  'categories',
  'interest',
  'registered_on',
  'note',
] as const;

export type Column = (typeof COLUMNS)[number];

/** Without these no family can be made. The others may be missing: their cells count as empty. */
const REQUIRED: Column[] = ['family_no', 'surname', 'given_name', 'iin', 'birth_date', 'relation', 'categories'];

/** How a header may be written besides the name itself. */
const TITLES: Record<Column, string[]> = {
  family_no: ['отбасы №', 'отбасы нөмірі', 'номер семьи', '№ семьи', 'family no', 'family number'],
  surname: ['тегі', 'фамилия', 'last name'],
  given_name: ['аты', 'имя', 'first name'],
  patronymic: ['әкесінің аты', 'отчество'],
  iin: ['жсн', 'иин'],
  birth_date: ['туған күні', 'дата рождения', 'date of birth'],
  sex: ['жынысы', 'пол'],
  relation: ['туыстығы', 'кім болады', 'родство', 'кем приходится'],
  phone: ['телефон', 'телефоны', 'тел', 'тел.'],
  language: ['тілі', 'тіл', 'язык'],
  address: ['мекенжай', 'мекенжайы', 'адрес'],
  kato: ['әаож', 'като'],
  categories: ['санаты', 'санаттары', 'категория', 'категории', 'category'],
  interest: ['қызықтырған курс', 'курс', 'интересующий курс'],
  registered_on: ['тіркелген күні', 'дата регистрации', 'registered'],
  note: ['ескертпе', 'ескерту', 'примечание'],
};

const BY_TITLE = new Map<string, Column>(
  COLUMNS.flatMap((column) => [column, ...TITLES[column]].map((title) => [titleKey(title), column] as const)),
);

export function columnOf(header: string): Column | null {
  return BY_TITLE.get(titleKey(header)) ?? null;
}

export interface Header {
  /** Column by place; `null` where nothing is read from it. */
  places: (Column | null)[];
  missing: Column[];
  /** Columns that stand there twice. */
  double: Column[];
  /** Headers that mean nothing to us, as written. */
  unknown: string[];
}

export function readHeader(cells: string[]): Header {
  const places = cells.map(columnOf);
  return {
    places,
    missing: REQUIRED.filter((column) => !places.includes(column)),
    double: COLUMNS.filter((column) => places.indexOf(column) !== places.lastIndexOf(column)),
    unknown: cells.filter((cell, at) => places[at] === null && tidyText(cell) !== '').map(tidyText),
  };
}

function titleKey(title: string): string {
  return tidyText(title)
    .toLowerCase()
    .replace(/[\s_-]+/g, '_');
}
