import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { projectPath } from '../platform/project-root.js';
import { ACT_REASONS } from './act-reasons.js';

const SOURCES = ['engine/lost.ts', 'engine/moves.ts', 'statechart/migrate.ts', 'statechart/move-target.ts'];

describe('why an act is not possible', () => {
  it('is said for each rule of the sources, and for no other', () => {
    const text = SOURCES.map((file) => readFileSync(projectPath(`src/${file}`), 'utf8')).join('\n');
    const rules = [...text.matchAll(/\brule: '([a-z-]+)'/g)].map(([, rule]) => rule);
    expect([...new Set(rules)].sort()).toEqual(Object.keys(ACT_REASONS).sort());
  });

  it('is said in three languages, with the same gaps', () => {
    for (const texts of Object.values(ACT_REASONS)) {
      const gaps = (['kk', 'ru', 'en'] as const).map((language) => [...texts[language].matchAll(/\{\w+\}/g)].join());
      expect(new Set(gaps).size).toBe(1);
    }
  });
});
