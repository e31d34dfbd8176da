import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { Language } from './remarks.js';

/** A spreadsheet that cannot even be opened, in the words of whoever asked for it. */
export class FileUnusable extends Error {
  constructor(
    readonly code: keyof typeof WORDS,
    file: string,
    language: Language,
  ) {
    super(WORDS[code][language].replace('{file}', basename(file)));
    this.name = 'FileUnusable';
  }
}

/** Looked at before anything is started for it. @throws FileUnusable */
export async function openFamiliesFile(file: string, language: Language): Promise<Readable> {
  await refuseUnusableFile(file, language);
  return createReadStream(file);
}

/** @throws FileUnusable */
export async function refuseUnusableFile(file: string, language: Language): Promise<void> {
  await stat(file).then(
    (found) => {
      if (found.isDirectory()) throw new FileUnusable('file-is-folder', file, language);
    },
    () => {
      throw new FileUnusable('file-not-found', file, language);
    },
  );
  await access(file, constants.R_OK).catch(() => {
    throw new FileUnusable('file-not-readable', file, language);
  });
}

const WORDS = {
  'file-not-found': {
    kk: '«{file}» файлы табылмады. Атауы мен қай қалтада жатқанын тексеріңіз.',
    ru: 'Файл «{file}» не найден. Проверьте его имя и папку, в которой он лежит.',
    en: 'There is no file "{file}". Check its name and the folder it lies in.',
  },
  'file-is-folder': {
    kk: '«{file}» — файл емес, қалта. Ішіндегі CSV файлын көрсетіңіз.',
    ru: '«{file}» — это папка, а не файл. Укажите CSV-файл, который в ней лежит.',
    en: '"{file}" is a folder, not a file. Give the CSV file that lies in it.',
  },
  'file-not-readable': {
    kk: '«{file}» файлын оқуға рұқсатыңыз жоқ. Рұқсат беруді файл иесінен сұраңыз немесе файлды өз қалтаңызға көшіріңіз.',
    ru: 'Файл «{file}» нельзя прочитать: у вас нет права на чтение. Попросите владельца файла дать его или скопируйте файл к себе.',
    en: 'The file "{file}" may not be read by you. Ask its owner for the right to, or copy it to a folder of your own.',
  },
} satisfies Record<string, Record<Language, string>>;
