import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectPath } from '../platform/project-root.js';
import { fillIn, PROBLEMS } from './errors.js';

/** Every code that stands as a literal beside `new AppError(`, also where one of two is chosen. */
function codesIn(folder: string): Map<string, string> {
  const codes = new Map<string, string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, code] of text.matchAll(/new AppError\(\s*'([a-z-]+)'/g)) codes.set(code ?? '', file);
    for (const [, ...found] of text.matchAll(/\bcode(?::[^=;]*)? = [^;]*\? '([a-z-]+)' : '([a-z-]+)'/g))
      for (const code of found) codes.set(code ?? '', file);
  }
  return codes;
}

/** Codes that stand beside another status in the sources than in the table. */
function otherStatuses(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/new AppError\(\s*'([a-z-]+)',\s*(\d{3})/g)]
        .filter(([, code, status]) => PROBLEMS[code ?? '']?.status !== Number(status))
        .map(([, code, status]) => `${file}: ${code} ${status}`),
    );
}

/** Every word in quotes of every spec; but not this one, which names none. */
function wordsOfSpecs(): Set<string> {
  const words = new Set<string>();
  for (const folder of ['src', 'test', 'demo'])
    for (const file of readdirSync(projectPath(folder), { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.spec.ts'))
        for (const [, word] of readFileSync(join(projectPath(folder), file), 'utf8').matchAll(/['"]([a-z-]+)['"]/g))
          words.add(word ?? '');
  return words;
}

describe('the table of errors', () => {
  it('has no code that no spec names', () => {
    const words = wordsOfSpecs();
    expect(Object.keys(PROBLEMS).filter((code) => !words.has(code))).toEqual([]);
  });

  it('gives each code the status with which it is told', () => {
    expect(otherStatuses(projectPath('src'))).toEqual([]);
  });

  it('has every code that the sources can give, with the status of the contract', () => {
    const missing = [...codesIn(projectPath('src'))].filter(([code]) => !Object.hasOwn(PROBLEMS, code));
    expect(missing).toEqual([]);
  });

  it('says each in three languages, as a title and as what to do', () => {
    for (const [code, { title, detail, because = {}, status }] of Object.entries(PROBLEMS)) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(status).toBeGreaterThanOrEqual(400);
      for (const texts of [title, detail, ...Object.values(because)]) {
        expect(Object.keys(texts).sort()).toEqual(['en', 'kk', 'ru']);
        for (const text of Object.values(texts)) expect(text.length).toBeGreaterThan(4);
      }
      // The same gaps in each language: a fact must not be told to some only.
      const gaps = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
      expect(gaps(detail.ru)).toEqual(gaps(detail.kk));
      expect(gaps(detail.en)).toEqual(gaps(detail.kk));
    }
  });

  it('fills its gaps from the facts, and leaves a dash where there is none', () => {
    expect(fillIn('{a}: {b}, {c}', { a: 1, b: ['x', 'y'] })).toBe('1: x, y, —');
  });
});
