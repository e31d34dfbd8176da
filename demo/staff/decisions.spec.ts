import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { readBehaviour } from './behaviour.js';
import { Chance } from './chance.js';
import { Decisions, KNOWN_FORMS, type Situation } from './decisions.js';

const FORMS = 'workflows/family-support/forms';
const behaviour = readBehaviour('demo/behaviour.yaml');
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);

function situation(overrides: Partial<Situation> = {}): Situation {
  return {
    family: { number: 'Q-00001', categories: ['large'], interest: 'sewing' },
    form: 'registration',
    invocation: 'registration',
    attempt: 0,
    openedOn: '2026-03-02',
    ...overrides,
  };
}

function decisions(seed = '1') {
  return new Decisions(new Chance(seed), behaviour);
}

const families = Array.from({ length: 400 }, (_, index) => ({
  number: `Q-${index}`,
  categories: ['low-income'],
  interest: 'cooking',
}));

describe('simulated staff', () => {
  it('can fill in every form of the workflow', () => {
    const forms = readdirSync(FORMS).map((file) => file.replace('.yaml', ''));
    expect([...KNOWN_FORMS].sort()).toEqual(forms.sort());
  });

  it.each(KNOWN_FORMS)('fills in "%s" as its schema asks, at every attempt', (form) => {
    const validate = ajv.compile(parse(readFileSync(join(FORMS, `${form}.yaml`), 'utf8')));
    for (const family of families.slice(0, 100)) {
      for (let attempt = 0; attempt < 6; attempt++) {
        const answer = decisions().answer(situation({ family, form, invocation: form, attempt }));
        expect({ valid: validate(answer), errors: validate.errors, answer }).toMatchObject({ valid: true });
      }
    }
  });

  it('decides the same whatever was asked before', () => {
    const late = decisions();
    for (const family of families) late.answer(situation({ family }));
    const asked = situation({ family: families[7], form: 'study-result', invocation: 'study' });
    expect(late.answer(asked)).toEqual(decisions().answer(asked));
    expect(late.takes(asked)).toBe(decisions().takes(asked));
  });

  it('decides otherwise under another seed', () => {
    const answers = (seed: string) =>
      families.map((family) =>
        decisions(seed).answer(situation({ family, form: 'commission-decision', invocation: 'commission' })),
      );
    expect(answers('1')).not.toEqual(answers('2'));
  });

  it('refuses more than half of the bids', () => {
    const refused = families.filter(
      (family) =>
        decisions().answer(situation({ family, form: 'commission-decision', invocation: 'commission' })).decision ===
        'refused',
    );
    expect(refused.length).toBeGreaterThan(200);
  });

  it('lets some families withdraw, each in one place', () => {
    const places = families.flatMap((family) =>
      KNOWN_FORMS.filter((form) => decisions().withdrawal(situation({ family, form, invocation: form })) !== null).map(
        () => family.number,
      ),
    );
    expect(places.length).toBeGreaterThan(10);
    expect(new Set(places).size).toBe(places.length);
  });
});
