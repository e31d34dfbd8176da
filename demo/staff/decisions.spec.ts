import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { readBehaviour } from './behaviour.js';
import { Chance } from './chance.js';
import { Decisions, KNOWN_FORMS, type Situation } from './decisions.js';

const WORKFLOWS = ['family-support', 'course-track', 'grant-track'];
/** Path by name: where two workflows have a form of one name, each. */
const forms = WORKFLOWS.flatMap((workflow) => {
  const folder = join('workflows', workflow, 'forms');
  return readdirSync(folder).map((file) => ({ form: file.replace('.yaml', ''), path: join(folder, file) }));
});
const behaviour = readBehaviour('demo/behaviour.yaml');
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);

function situation(overrides: Partial<Situation> = {}): Situation {
  return {
    family: { number: 'Q-00001', categories: ['large'], interest: 'sewing', adults: [1, 2] },
    track: null,
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
  adults: [1, 2],
}));

describe('simulated staff', () => {
  it('can fill in every form of the workflows', () => {
    expect([...KNOWN_FORMS].sort()).toEqual([...new Set(forms.map(({ form }) => form))].sort());
  });

  it.each(forms)('fills in $path as its schema asks, at every attempt', ({ form, path }) => {
    const validate = ajv.compile(parse(readFileSync(path, 'utf8')));
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

  it('lets some families go out in the middle, each in one place and in every way', () => {
    const ways = families.flatMap((family) =>
      KNOWN_FORMS.flatMap((form) => {
        const met = decisions().interruption(situation({ family, form, invocation: form }));
        return met?.instead ? [{ number: family.number, way: `${met.to} ${met.type}` }] : [];
      }),
    );
    expect(new Set(ways.map(({ number }) => number)).size).toBe(ways.length);
    expect(new Set(ways.map(({ way }) => way))).toEqual(
      new Set(['family WITHDRAW', 'family LEFT', 'family GOAL_MET', 'track WITHDRAW']),
    );
  });

  it('brings a partner most of the papers that it asks for, each time by itself', () => {
    const halfDaysFor = (service: string, attempt = 0) =>
      families.map(({ number }) => decisions().partnerPapersAfter(number, '', 'atameken', service, attempt));
    const brought = halfDaysFor('plan-advice').filter((halfDays) => halfDays !== null);
    expect(brought.length).toBeGreaterThan(families.length / 2);
    expect(brought.length).toBeLessThan(families.length);
    expect(halfDaysFor('plan-advice')).toEqual(halfDaysFor('plan-advice'));
    expect(halfDaysFor('plan-advice')).not.toEqual(halfDaysFor('course-enrolment'));
    expect(halfDaysFor('plan-advice')).not.toEqual(halfDaysFor('plan-advice', 1));
  });

  it('lets two people of one family fare differently', () => {
    const exams = (track: string) =>
      families.map((family) =>
        decisions().answer(situation({ family, form: 'study-result', invocation: 'study', track })),
      );
    expect(exams('1/1')).not.toEqual(exams('2/1'));
  });
});
