import { checkDigit } from '../src/families/check-digit.js';

/** A spreadsheet of made-up families, as bytes; five people in each, all different, none of them anybody. */
export async function* manyFamilies(rows: number): AsyncGenerator<Buffer> {
  yield Buffer.from(
    'family_no,surname,given_name,patronymic,iin,birth_date,sex,relation,phone,language,address,kato,categories,interest,registered_on,note\n',
  );
  for (let from = 0; from < rows; from += 500) {
    const lines = Array.from({ length: Math.min(500, rows - from) }, (_, at) => line(from + at));
    yield Buffer.from(lines.join(''));
  }
}

const MEMBERS = ['applicant', 'spouse', 'child', 'child', 'child'];
const SURNAMES = ['Омарова', 'Жұмабаева', 'Ысқақова', 'Шәріпова', 'Қожахметова', 'Ғабдуллина'];
const NAMES = ['Айгүл', 'Іңкәр', 'Өрзия', 'Бағила', 'Ұлпан', 'Мөлдір', 'Әсел'];

function line(at: number): string {
  const family = Math.floor(at / MEMBERS.length);
  const relation = MEMBERS[at % MEMBERS.length];
  const day = `${1800 + (at % 99)}-${two((Math.floor(at / 99) % 12) + 1)}-${two((Math.floor(at / 1188) % 28) + 1)}`;
  const place = `ул. Төле би, ${family % 200}`;
  const own =
    relation === 'applicant'
      ? ['87026135241', 'kk', place, '611000000', 'large|low-income', 'sewing', '2026-03-05']
      : [];
  const cells = [
    `L-${String(family).padStart(6, '0')}`,
    SURNAMES[family % SURNAMES.length],
    NAMES[at % NAMES.length],
    '',
    iinOf(day, at),
    day,
    'f',
    relation,
    ...Array.from({ length: 7 }, (_, column) => own[column] ?? ''),
    '',
  ];
  return `${cells.map((cell) => (cell?.includes(',') ? `"${cell}"` : cell)).join(',')}\n`;
}

/** Women born in the 1800s. Every third serial from 9000 up: the next one stands in where no check digit exists. */
function iinOf(day: string, at: number): string {
  for (let serial = 9000 + 3 * Math.floor(at / 33_264); ; serial++) {
    const number = `${day.slice(2, 4)}${day.slice(5, 7)}${day.slice(8, 10)}2${serial}`;
    const digit = checkDigit(number);
    if (digit !== null) return number + digit;
  }
}

const two = (number: number) => String(number).padStart(2, '0');
