import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { ImportService } from './import.service.js';
import type { ImportReport } from './import-report.js';
import { type Language, wordProblem } from './remarks.js';

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
  file: string,
  { json, language }: ImportCommandOptions,
  { importer, organisation, actor, out, err }: ImportCommandContext,
): Promise<0 | 1> {
  const words = WORDS[language];
  const progress = ({ rows, of }: { rows: number; of: number }) => err(`${words.read}: ${rows} / ${of}`);
  const report = await importer
    .importFamilies(createReadStream(file), { organisation, actor, language, progress })
    .catch((error: unknown) => reportUnreadable(file, error, language));
  if (json) out(JSON.stringify(report));
  else for (const line of inWords(report, language)) out(line);
  return report.problems.length > 0 ? 1 : 0;
}

/** A file that is not there is the clerk's matter like any other problem; a database that is not there is not. */
function reportUnreadable(file: string, error: unknown, language: Language): ImportReport {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR'].includes(code)) throw error;
  const facts = { value: basename(file) };
  const problem = wordProblem({ row: 1, column: null, reason: 'unreadable-file', facts }, language);
  return { imported: 0, updated: 0, unchanged: 0, problems: [problem], warnings: [] };
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
    problems: 'Қателер',
    warnings: 'Ескертулер',
    row: 'Жол',
  },
  ru: {
    read: 'Прочитано людей',
    imported: 'Загружено семей',
    updated: 'Обновлено семей',
    unchanged: 'Без изменений',
    problems: 'Ошибки',
    warnings: 'Предупреждения',
    row: 'Строка',
  },
  en: {
    read: 'People read',
    imported: 'Families imported',
    updated: 'Families updated',
    unchanged: 'Families unchanged',
    problems: 'Problems',
    warnings: 'Warnings',
    row: 'Row',
  },
} satisfies Record<Language, Record<string, string>>;
