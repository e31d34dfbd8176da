import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TWO_STEPS } from '../../test/two-steps.js';
import { ORPHAN, PARTNER_GONE, TIMER_FAILED } from '../engine/incident-rules.js';
import { OPENS_WITHOUT_END } from '../engine/sub-cases.js';
import { projectPath } from '../platform/project-root.js';
import { PERHAPS_DONE } from '../services/service-source.js';
import { loadWorkflow } from '../statechart/load.js';
import { INCIDENT_TEXTS, sayIncident } from './incident-texts.js';

const source = (path: string) => readFileSync(projectPath(`src/${path}`), 'utf8');
const wordsIn = (text: string) => [...text.matchAll(/'([a-z-]+)'/g)].map(([, word]) => word ?? '');

/** Rules of faults and of answers that nothing takes, as the statechart's types name them. */
function rulesOfSteps(): string[] {
  const types = source('statechart/types.ts');
  const faults = /interface Fault \{\s*rule:\s*([^;]+);/.exec(types)?.[1] ?? '';
  const notTaken = /outcome: 'not-taken'; reason: ([^}]+)\}/.exec(types)?.[1] ?? '';
  return [...wordsIn(faults), ...wordsIn(notTaken)];
}

/** What an outbox row can be about: each has somebody who carries it out. */
function topics(): string[] {
  const files = readdirSync(projectPath('src'), { recursive: true, encoding: 'utf8' });
  const made = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  return made.flatMap((file) =>
    [...source(join('.', file)).matchAll(/registerOutbox\('([A-Za-z.]+)'/g)].map(([, topic]) => topic ?? ''),
  );
}

const workflow = loadWorkflow(
  Object.fromEntries(
    Object.entries({ 'workflow.yaml': TWO_STEPS.workflow, ...TWO_STEPS.files }).map(([path, content]) => [
      path,
      JSON.stringify(content),
    ]),
  ),
);
const orphan = (state: string, because: string | null = 'task') => ({ rule: ORPHAN, state, because });

describe('what happened to a case', () => {
  it('is said for each rule that an incident can have, and for no other', () => {
    const rules = [
      ...rulesOfSteps(),
      ORPHAN,
      TIMER_FAILED,
      'not-delivered',
      PARTNER_GONE,
      OPENS_WITHOUT_END,
      PERHAPS_DONE,
    ];
    expect(Object.keys(INCIDENT_TEXTS).sort()).toEqual(rules.sort());
  });

  it('is said of each thing that could not be carried out, and of each that can be gone', () => {
    expect(Object.keys(INCIDENT_TEXTS['not-delivered']?.because ?? {}).sort()).toEqual(topics().sort());
    expect(Object.keys(INCIDENT_TEXTS[ORPHAN]?.because ?? {})).toEqual(['task', 'handOff', 'service', 'case', 'timer']);
  });

  it('is said in three languages, with the same gaps', () => {
    for (const { text, because = {} } of Object.values(INCIDENT_TEXTS))
      for (const texts of [text, ...Object.values(because)]) {
        const gaps = (['kk', 'ru', 'en'] as const).map((language) => texts[language].match(/\{\w+\}/g)?.join());
        expect(new Set(gaps).size).toBe(1);
        expect(texts.kk).toMatch(/[әғқңөұүһі]/i);
        expect(texts.ru).not.toMatch(/[әғқңөұүһі]/i);
      }
  });

  it('names the state as people do, its path where it has no title, and the workflow where it belongs to none', () => {
    expect(sayIncident(orphan('first.paper.filling'), workflow, 'kk')).toContain('«Қағаз толтыру»');
    expect(sayIncident(orphan('first.paper.filling'), workflow, 'en')).toContain('“Қағаз толтыру (en)”');
    expect(sayIncident(orphan('first.paper'), workflow, 'kk')).toContain('«first.paper»');
    expect(sayIncident({ rule: 'endless', state: '', because: null }, workflow, 'ru')).toContain('«Екі қадам (ru)»');
  });

  it('is said in general where no more is known, also of a rule that nobody knows any more', () => {
    expect(sayIncident(orphan('', null), workflow, 'en')).toMatch(/^The case waits for nothing/);
    expect(sayIncident({ rule: 'of-old', state: '', because: null }, workflow, 'kk')).toContain('әкімшіге');
  });
});
