import type { Column } from './columns.js';
import { readDate } from './dates.js';
import { importedCell } from './export-cell.js';
import { readIin, type Sex, tidyIin } from './iin.js';
import { doubtName, tidyName, tidyText } from './names.js';
import { readPhone } from './phone.js';
import type { Facts, Language, ProblemReason, Remark, WarningReason } from './remarks.js';
import type { Row } from './spreadsheet.js';
import {
  CATEGORIES,
  type Category,
  type Relation,
  readCategory,
  readLanguage,
  readRelation,
  readSex,
} from './vocabulary.js';

/** One person as a row states them, in the form in which records are kept. `null`: the row does not say. */
export interface PersonRow {
  row: number;
  relation: Relation;
  surname: string | null;
  given: string | null;
  patronymic: string | null;
  iin: string | null;
  /** A row always says it; of whom a clerk enters by hand it may not be known yet. */
  birthDate: string | null;
  sex: Sex | null;
  phone: string | null;
  language: Language | null;
  address: string | null;
  kato: string | null;
  categories: Category[];
  interest: string | null;
  registeredOn: string | null;
  note: string | null;
}

export interface RowReading {
  row: number;
  familyNumber: string | null;
  /** Also where the rest of the row is wrong: a repeated person is found by it. */
  iin: string | null;
  /** `null` where anything in the row is wrong. */
  person: PersonRow | null;
  problems: Remark<ProblemReason>[];
  warnings: Remark<WarningReason>[];
}

/** A name as it is compared: Excel keeps no trace of capitals in `q-00001`. */
export function tidyFamilyNumber(cell: string): string {
  return tidyText(importedCell(cell)).toUpperCase();
}

/** `today` (ISO) is only for warnings about days that have not come. */
export function readPersonRow(
  row: Row,
  today: string,
  needs: { birthDate: boolean } = { birthDate: true },
): RowReading {
  return new RowReader(row, today, needs).read();
}

class RowReader {
  private readonly problems: Remark<ProblemReason>[] = [];
  private readonly warnings: Remark<WarningReason>[] = [];

  constructor(
    private readonly row: Row,
    private readonly today: string,
    private readonly needs: { birthDate: boolean },
  ) {}

  read(): RowReading {
    const familyNumber = this.familyNumber();
    const [surname, given] = this.fullName();
    const { iin, said } = this.iin();
    const birthDate = this.birthDate(said?.birthDate);
    const relation = this.code('relation', readRelation, 'unknown-relation') ?? this.wrong('relation', 'missing');
    const rest = {
      row: this.row.row,
      surname,
      given,
      patronymic: this.patronymic(),
      iin,
      sex: this.sex(said?.sex),
      phone: this.phone(),
      language: this.code('language', readLanguage, 'unknown-language'),
      address: this.text('address', 300),
      kato: this.kato(),
      categories: this.categories(),
      interest: this.text('interest', 100)?.toLowerCase() ?? null,
      registeredOn: this.date('registered_on'),
      note: this.note(),
    };
    if (!iin && !this.filled('iin') && !rest.note) this.warn('iin', 'iin-missing');
    if (relation === 'applicant' && !this.filled('categories')) this.warn('categories', 'no-category');
    if (this.row.overflows) this.problems.push({ row: this.row.row, column: null, reason: 'too-many-cells' });

    const whole = this.problems.length === 0 && relation && (birthDate || !this.needs.birthDate);
    const person = whole ? { ...rest, relation, birthDate } : null;
    return { row: this.row.row, familyNumber, iin, person, problems: this.problems, warnings: this.warnings };
  }

  private familyNumber(): string | null {
    const number = this.text('family_no', 40);
    return number ? tidyFamilyNumber(number) : this.wrong('family_no', 'missing');
  }

  /** Some people have only one name: that is asked about, and taken. */
  private fullName(): [string | null, string | null] {
    const surname = this.name('surname');
    const given = this.name('given_name');
    if (this.problems.some(({ column }) => column === 'surname' || column === 'given_name')) return [surname, given];
    if (!surname && !given) {
      this.wrong('surname', 'missing');
      this.wrong('given_name', 'missing');
    } else if (!surname) this.warn('surname', 'one-name');
    else if (!given) this.warn('given_name', 'one-name');
    return [surname, given];
  }

  private patronymic(): string | null {
    const name = this.name('patronymic');
    return name && /^(жоқ|нет)$/i.test(name) ? null : name;
  }

  private name(column: Column): string | null {
    const text = this.text(column, 100);
    // A dash in the cell says that there is none.
    if (!text || /^[\p{P}\s]+$/u.test(text)) return null;
    if (!/\p{L}/u.test(text)) return this.wrong(column, 'no-letters', { value: text });
    const name = tidyName(text);
    const doubt = doubtName(name);
    if (doubt) this.warn(column, doubt, { value: name });
    return name;
  }

  private iin(): { iin: string | null; said?: { birthDate: string; sex: Sex } } {
    const text = this.cell('iin');
    const iin = tidyIin(text);
    if (iin === '') return { iin: null };
    if (/^\d[.,]?\d*e\+?\d+$/i.test(iin)) return { iin: this.wrong('iin', 'shortened-number', { value: iin }) };
    const reading = readIin(iin);
    return reading.ok ? { iin, said: reading } : { iin: this.wrong('iin', reading.problem) };
  }

  private birthDate(fromIin: string | undefined): string | null {
    const told = this.problems.length;
    const date = this.date('birth_date');
    if (date && fromIin && date !== fromIin) this.warn('birth_date', 'birth-date-differs');
    if (date || this.problems.length > told) return date;
    if (!fromIin) return this.needs.birthDate ? this.wrong('birth_date', 'missing') : null;
    this.warn('birth_date', 'birth-date-from-iin');
    return fromIin;
  }

  private sex(fromIin: Sex | undefined): Sex | null {
    const sex = this.code('sex', readSex, 'unknown-sex');
    if (sex && fromIin && sex !== fromIin) this.warn('sex', 'sex-differs');
    return sex ?? (this.filled('sex') ? null : (fromIin ?? null));
  }

  private phone(): string | null {
    const text = this.text('phone', 60);
    if (!text) return null;
    const reading = readPhone(text);
    if (!reading.ok) return this.wrong('phone', 'not-a-phone', { value: text });
    if (reading.unusual) this.warn('phone', 'phone-unusual', { value: reading.e164 });
    return reading.e164;
  }

  private kato(): string | null {
    const code = this.text('kato', 40)?.replace(/\s/g, '');
    if (!code) return null;
    return /^[0-9]{9}$/.test(code) ? code : this.wrong('kato', 'not-kato');
  }

  private categories(): Category[] {
    const words = this.cell('categories')
      .split(/[|;,/\n]/)
      .map(tidyText)
      .filter(Boolean);
    const unknown = words.filter((word) => !readCategory(word));
    if (unknown.length > 0) this.wrong('categories', 'unknown-category', { value: unknown.join(', ') });
    const named = words.map(readCategory);
    return CATEGORIES.filter((category) => named.includes(category));
  }

  private date(column: Column): string | null {
    const text = this.text(column, 40);
    if (!text) return null;
    const date = readDate(text);
    if (!date) return this.wrong(column, 'not-a-date', { value: text });
    if (date > this.today) this.warn(column, 'in-future', { value: date });
    return date;
  }

  private note(): string | null {
    const text = importedCell(this.cell('note'));
    const lines = text.split(/\r\n|\r|\n/).map(tidyText);
    return this.checked('note', lines.join('\n').trim(), 2000);
  }

  private code<Code extends string>(
    column: Column,
    read: (text: string) => Code | null,
    reason: ProblemReason,
  ): Code | null {
    const text = this.text(column, 60);
    return text ? (read(text) ?? this.wrong(column, reason, { value: text })) : null;
  }

  private text(column: Column, limit: number): string | null {
    return this.checked(column, tidyText(importedCell(this.cell(column))), limit);
  }

  private checked(column: Column, text: string, limit: number): string | null {
    if (text.length > limit) return this.wrong(column, 'too-long', { limit });
    if (text.includes('\ufffd')) return this.wrong(column, 'damaged-letters');
    return text || null;
  }

  private cell(column: Column): string {
    return this.row.cells[column] ?? '';
  }

  private filled(column: Column): boolean {
    return this.cell(column).trim() !== '';
  }

  /** One problem for each cell: the first says what to do, the second would only follow from it. */
  private wrong(column: Column, reason: ProblemReason, facts?: Facts): null {
    if (!this.problems.some((problem) => problem.column === column)) {
      this.problems.push({ row: this.row.row, column, reason, ...(facts && { facts }) });
    }
    return null;
  }

  private warn(column: Column, reason: WarningReason, facts?: Facts): void {
    this.warnings.push({ row: this.row.row, column, reason, ...(facts && { facts }) });
  }
}
