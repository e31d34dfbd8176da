import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The numbers of docs/faults.md's tables, in their order. */
export function numbersOfTable(): string[] {
  return [...readFileSync('docs/faults.md', 'utf8').matchAll(/^\| ([FA]\d+) \|/gm)].map(([, number = '']) => number);
}

/** By spec file, the numbers at the heads of its titles: `F9, F41: …`. */
export function numbersInTitles(): Map<string, Set<string>> {
  const heads = specs().map((file) => {
    const found = readFileSync(file, 'utf8').matchAll(/['"`]((?:[FA]\d+, )*[FA]\d+): /g);
    return [file, new Set([...found].flatMap(([, numbers = '']) => numbers.split(', ')))] as const;
  });
  return new Map(heads.filter(([, numbers]) => numbers.size > 0));
}

/** Finds the numbers anywhere in a test's full name, which begins with the titles around it. */
export function titleWith(numbers: string[]): string {
  return `\\b(?:${numbers.join('|')})(?:, [FA]\\d+)*: `;
}

function specs(): string[] {
  return ['src', 'test'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.spec.ts'))
      .map((name) => join(folder, name)),
  );
}
