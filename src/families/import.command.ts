import type { ImportService } from './import.service.js';
import type { ImportReport } from './import-report.js';
import type { Language } from './remarks.js';

export interface ImportCommandOptions {
  /** The report as one line of JSON, the last of the output, instead of words. */
  json: boolean;
  language: Language;
}

export interface ImportCommandContext {
  importer: Pick<ImportService, 'importFamilies'>;
  organisation: string;
  actor: string;
  /** Results. Each call is one line. */
  out: (line: string) => void;
  /** How far it is. Each call is one line. */
  err: (line: string) => void;
}

/** `qamqor import FILE.csv`. Gives the exit code: 0, or 1 if there is any problem. */
export async function runImport(
  source: AsyncIterable<Uint8Array | string>,
  { json, language }: ImportCommandOptions,
  { importer, organisation, actor, out, err }: ImportCommandContext,
): Promise<0 | 1> {
  const words = WORDS[language];
  const progress = ({ rows, of }: { rows: number; of: number }) => err(`${words.read}: ${rows} / ${of}`);
  const report = await importer.importFamilies(source, { organisation, actor, language, progress });
  if (json) out(JSON.stringify(report));
  else for (const line of inWords(report, language)) out(line);
  return report.problems.length > 0 ? 1 : 0;
}

function inWords(report: ImportReport, language: Language): string[] {
  const words = WORDS[language];
  const list = (title: string, remarks: ImportReport['problems'] | ImportReport['warnings'], omitted = 0) => {
    if (remarks.length === 0) return [];
    const lines = remarks.map(({ row, column, message }) => {
      return `  ${words.row} ${row}${column ? `, ${column}` : ''}: ${message}`;
    });
    return ['', `${title}: ${remarks.length + omitted}`, ...lines, ...(omitted > 0 ? [`  … +${omitted}`] : [])];
  };
  return [
    `${words.imported}: ${report.imported}`,
    `${words.updated}: ${report.updated}`,
    `${words.unchanged}: ${report.unchanged}`,
    `${words.leftOut}: ${report.leftOut}`,
    ...list(words.problems, report.problems, report.omitted?.problems),
    ...list(words.warnings, report.warnings, report.omitted?.warnings),
  ];
}

const WORDS = {
  kk: {
    read: 'Оқылған адам',
    imported: 'Енгізілген отбасы',
    updated: 'Жаңартылған отбасы',
    unchanged: 'Өзгермеген отбасы',
    leftOut: 'Енгізілмей қалған отбасы',
    problems: 'Қателер',
    warnings: 'Ескертулер',
    row: 'Жол',
  },
  ru: {
    read: 'Прочитано людей',
    imported: 'Загружено семей',
    updated: 'Обновлено семей',
    unchanged: 'Без изменений',
    leftOut: 'Не загружено семей',
    problems: 'Ошибки',
    warnings: 'Предупреждения',
    row: 'Строка',
  },
  en: {
    read: 'People read',
    imported: 'Families imported',
    updated: 'Families updated',
    unchanged: 'Families unchanged',
    leftOut: 'Families left out',
    problems: 'Problems',
    warnings: 'Warnings',
    row: 'Row',
  },
} satisfies Record<Language, Record<string, string>>;
