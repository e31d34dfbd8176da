import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { sayViolation } from '../api/violations.js';
import { validatorOf, violationsOf } from '../engine/schemas.js';
import { projectPath } from '../platform/project-root.js';
import { check } from '../statechart/check.js';
import { EXPLORATION_LIMITS } from '../statechart/explore.js';
import { loadWorkflow } from '../statechart/load.js';
import { start, step } from '../statechart/step.js';
import type { Json, Workflow } from '../statechart/types.js';
import { catalogueOf } from './catalogue.js';
import { checkSchemas } from './check-schemas.js';
import { readScenarios, readWorkflowsFolder } from './folder.js';
import { playScenarios } from './scenario.js';

const calendar = { zone: 'Asia/Almaty', week: [1, 2, 3, 4, 5], hours: [{ from: '09:00', to: '18:00' }], days: {} };
const { workflows, catalogue } = readWorkflowsFolder(projectPath('workflows'));

function shipped(key: string): Workflow {
  return loadWorkflow(workflows.find(({ folder }) => folder.endsWith(key))?.files ?? {});
}

describe.each(workflows.map(({ folder, files }) => [folder.split('/').at(-1) ?? '', folder, files] as const))(
  'the workflow %s',
  (_name, folder, files) => {
    const workflow = loadWorkflow(files);
    const results = playScenarios(workflow, readScenarios(folder), calendar);
    const played = Object.values(readScenarios(folder))
      .join('\n')
      .replace(/result: .*/g, '');

    it.each(results.map((result) => [result.title, result] as const))('%s', (_title, result) => {
      expect(result.problem).toBeUndefined();
    });

    it('passes the check without a finding, and leaves a third of what a check may cost', () => {
      const known = Object.fromEntries(workflows.map((one) => [loadWorkflow(one.files).key, one.files]));
      const less = { work: (EXPLORATION_LIMITS.work * 2) / 3 };
      expect(check(workflow, catalogueOf(catalogue, known, '2026-11-22T00:00:00Z'), less)).toEqual([]);
      expect(checkSchemas(workflow)).toEqual([]);
    });

    it('has a scenario for every end', () => {
      const outcomes = (text: string) => [
        // Also where it depends: the word that an expression ends with.
        ...new Set(
          [...text.matchAll(/outcome: (?!null)(?:([a-z-]+)|'=[^']*"([a-z-]+)"')/g)].map(
            ([, word, last]) => word ?? last,
          ),
        ),
      ];
      const ends = outcomes(files['workflow.yaml'] ?? '');
      expect(ends.length).toBeGreaterThan(1);
      expect(outcomes(played).sort()).toEqual(ends.sort());
    });

    it('names the reason of every end but those that were aimed at', () => {
      for (const [, outcome, reason] of played.matchAll(/outcome: (?!null)([a-z-]+)(?:,?\s+reason: ([a-z-]+))?/g))
        expect({ outcome, reason }).toEqual({
          outcome,
          reason: ['grant-awarded', 'certified'].includes(outcome ?? '')
            ? 'null'
            : expect.stringMatching(/^(?!null$)./),
        });
    });
  },
);

describe('an exit', () => {
  const bid = { programme: 'new-business-ideas', wantsAdvice: false };
  const wave = { waveClosesOn: '2026-06-01' };
  const papers = ['certificate', 'category-proof', 'business-plan', 'price-offers'];
  it.each([
    ['family-support', 'eligibility', { decision: 'not-eligible', reason: 'none' }, '/reason'],
    ['grant-track', 'commission-decision', { decision: 'refused', reason: 'none', decidedOn: '2026-06-09' }, '/reason'],
    ['grant-track', 'commission-decision', { decision: 'refused', reason: 'quota' }, '/decidedOn'],
    ['grant-track', 'grant-payment', { result: 'paid' }, '/paidOn'],
    ['grant-track', 'grant-preparation', { ...bid, decision: 'rules-forbid', rules: 'met' }, '/rules'],
    ['grant-track', 'grant-preparation', { ...bid, decision: 'ready', rules: 'met', papers }, '/waveClosesOn'],
    ['grant-track', 'grant-preparation', { ...bid, ...wave, decision: 'ready', rules: 'met' }, '/papers'],
    ['grant-track', 'grant-preparation', { ...bid, ...wave, decision: 'ready', rules: 'loan', papers }, '/rules'],
  ])('of %s by the form %s needs its reason, and a bid its day and papers: %j', (key, form, answer, path) => {
    const workflow = shipped(key);
    const validate = validatorOf(workflow.forms[form]?.schema ?? {});
    expect(validate(answer)).toBe(false);
    const found = violationsOf(validate);
    expect(found.map((violation) => violation.path)).toEqual([path]);
    // With the words of the form, not its codes alone.
    for (const violation of found) expect(sayViolation(violation, 'kk')).toMatch(/[А-Яа-я][^«:]* \([a-zA-Z-]+\)/);
  });
});

describe('the papers that prove a category', () => {
  const scope = { now: '2026-03-02T04:00:00.000Z', by: { id: 'curator', roles: ['curator'] }, seq: 1, calendar };
  const until = (...evidence: object[]) => {
    const workflow = shipped('family-support');
    let made = start(workflow, { familyId: 'f' }, scope);
    const registered = { urgent: false, categories: [], interest: null, consents: [], papersMissing: false };
    for (const output of [
      { ...registered, addressRegistration: false, housingWish: false },
      { decision: 'eligible', evidence },
    ]) {
      if (made.outcome !== 'taken') throw new Error(JSON.stringify(made));
      const entry = made.state.entries.find(({ kind, node }) => kind === 'invocation' && node.includes('intake'));
      made = step(workflow, made.state, { kind: 'answer', entry: entry?.id ?? '', output: output as Json }, scope);
    }
    if (made.outcome !== 'taken') throw new Error(JSON.stringify(made));
    return made.state.snapshot.context['categoryUntil'];
  };
  const poor = (validUntil: string) => ({ category: 'low-income', paper: 'asp-notice', validUntil });

  it.each([
    ['the last of them ends', '2026-09-30', [poor('2026-06-30'), poor('2026-09-30')]],
    ['one proves it for good', null, [poor('2026-06-30'), { category: 'large', paper: 'children-list' }]],
    [
      'a divorce, which may not count, stands beside it',
      '2026-06-30',
      [{ category: 'single-parent', paper: 'divorce' }, poor('2026-06-30')],
    ],
    ['there is nothing but a divorce', null, [{ category: 'single-parent', paper: 'divorce' }]],
    [
      'an alimony paper ends and there is nothing else',
      '2026-06-30',
      [{ category: 'single-parent', paper: 'alimony', validUntil: '2026-06-30' }],
    ],
  ])('hold until %s: %s', (_when, day, evidence) => {
    expect(until(...evidence)).toBe(day);
  });
});

describe('consents that a family takes back with its case', () => {
  const scope = { now: '2026-03-02T04:00:00.000Z', by: { id: 'curator', roles: ['curator'] }, seq: 1, calendar };

  it('leave those that were there and are named, and give no others', () => {
    const workflow = shipped('family-support');
    const registered = {
      urgent: false,
      categories: [],
      interest: null,
      papersMissing: false,
      addressRegistration: false,
    };
    let made = start(workflow, { familyId: 'f' }, scope);
    const next = (input: (entry: string) => Parameters<typeof step>[2]) => {
      if (made.outcome !== 'taken') throw new Error(JSON.stringify(made));
      const entry = made.state.entries.find(({ kind, node }) => kind === 'invocation' && node.startsWith('support.'));
      made = step(workflow, made.state, input(entry?.id ?? ''), scope);
    };
    const answer = (output: Json) => next((entry) => ({ kind: 'answer', entry, output }));
    answer({ ...registered, housingWish: false, consents: ['otbasy-bank', 'atameken'] });
    next(() => ({ kind: 'event', type: 'WITHDRAW', data: { reason: 'own-wish', consent: 'withdrawn' } }));
    answer({ consents: ['otbasy-bank', 'civil-office'] });
    if (made.outcome !== 'taken') throw new Error(JSON.stringify(made));
    expect(made.state.snapshot.context['consents']).toEqual(['otbasy-bank']);
    expect(made.state.snapshot.status).toBe('done');
  });
});

describe('a bid', () => {
  it('is not ready while one of its four papers is missing', () => {
    const workflow = shipped('grant-track');
    const validate = validatorOf(workflow.forms['grant-preparation']?.schema ?? {});
    const bid = {
      decision: 'ready',
      programme: 'new-business-ideas',
      rules: 'met',
      waveClosesOn: '2026-06-01',
      wantsAdvice: false,
    };
    const papers = ['certificate', 'category-proof', 'business-plan', 'price-offers'];
    expect(validate({ ...bid, papers })).toBe(true);
    for (const missing of papers)
      expect(validate({ ...bid, papers: papers.filter((paper) => paper !== missing) })).toBe(false);
  });

  it('can be for a programme that is open, under the name that it has in programmes.yaml', () => {
    const { programmes } = parse(readFileSync(projectPath('workflows/programmes.yaml'), 'utf8'));
    const workflow = shipped('grant-track');
    const properties = workflow.forms['grant-preparation']?.schema['properties'] as Record<string, object> | undefined;
    const open = Object.entries(programmes as Record<string, { open: boolean; title: object }>).filter(
      ([, { open }]) => open,
    );
    expect(properties?.['programme']).toMatchObject({
      enum: open.map(([key]) => key),
      'x-labels': Object.fromEntries(open.map(([key, { title }]) => [key, title])),
    });
  });
});

describe('the monthly calculation index', () => {
  it('is known for every day without a gap, and gives the grant of 400 its size', () => {
    const { mci } = parse(readFileSync(projectPath('workflows/programmes.yaml'), 'utf8'));
    const values = mci.values as { from: string; until: string | null; tenge: number }[];
    const dayAfter = (day: string) => new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
    expect(values.slice(1).map(({ from }) => from)).toEqual(
      values.slice(0, -1).map(({ until }) => dayAfter(until ?? '')),
    );
    expect(values.at(-1)?.until).toBeNull();
    expect(values.map(({ tenge }) => 400 * tenge)).toEqual([1_225_200, 1_380_000, 1_476_800, 1_572_800, 1_730_000]);
  });
});

describe('playing a scenario', () => {
  const play = (scenario: string) => playScenarios(shipped('family-support'), { tried: scenario }, calendar)[0];
  const given = 'given: { input: { familyId: f }, at: 2026-03-02T09:00:00+05:00 }';

  it('says which step went another way, and how', () => {
    const result = play(
      `{ title: t, ${given}, then: { waitsFor: [registration] }, steps: [ { when: { time: 1 day }, then: { stage: course } } ] }`,
    );
    expect(result).toMatchObject({
      ok: false,
      problem: { step: 1, message: 'Expected the stage to be "course"; it is "intake".' },
    });
  });

  it('does not let an answer pass that its form would refuse', () => {
    const result = play(
      `{ title: t, ${given}, steps: [ { when: { task: registration, answer: { urgent: perhaps } } } ] }`,
    );
    expect(result?.problem?.message).toContain('urgent must be boolean');
  });

  it('does not let a refusal pass that did not happen', () => {
    const leave = '{ event: WITHDRAW, data: { reason: own-wish }, by: registrar }';
    const result = play(`{ title: t, ${given}, steps: [ { when: ${leave}, then: { refused: true } } ] }`);
    expect(result?.problem).toEqual({ step: 1, message: 'It was taken, and should be refused.' });
  });

  it.each([
    ['WITHDRAW', 'own-wish', 'The grant has been paid, so nobody can withdraw any more'],
    ['GOAL_MET', 'job', 'The grant has been paid, so the case cannot be closed as “Goal met”'],
  ])('says about %s what its sender would hear when it is refused', (event, reason, words) => {
    const begun = `{ title: t, ${given}, steps: [] }`;
    const paid = 'given: { scenario: begun, until: registration, context: { grantPaid: true } }';
    const tried = `{ title: t, ${paid}, steps: [ { when: { event: ${event}, data: { reason: ${reason} }, by: curator } } ] }`;
    const [, result] = playScenarios(shipped('family-support'), { begun, tried }, calendar);
    expect(result?.problem?.message).toContain(`takes it (guard-refused). ${words}`);
  });

  it('does not let an event pass from someone who may not send it', () => {
    const result = play(
      `{ title: t, ${given}, steps: [ { when: { event: WITHDRAW, data: { reason: own-wish }, by: lawyer } } ] }`,
    );
    expect(result?.problem?.message).toBe('lawyer may not send WITHDRAW.');
  });

  it.each([
    [
      'data: { reason: tired }, event: WITHDRAW',
      'WITHDRAW does not take this data: data/reason must be equal to one of the allowed values.',
    ],
    ['event: WITHDRAW', 'WITHDRAW does not take this data: data must be object'],
    ['data: { a: 1 }, event: UNREACHABLE', 'UNREACHABLE carries no data.'],
  ])('does not let an event pass whose data the case would refuse: %s', (event, message) => {
    const result = play(`{ title: t, ${given}, steps: [ { when: { ${event}, by: curator } } ] }`);
    expect(result?.problem?.message).toContain(message);
  });

  it('reopens a case only after it has ended', () => {
    const result = play(
      `{ title: t, ${given}, steps: [ { when: { act: reopen, reason: came back, by: supervisor } } ] }`,
    );
    expect(result?.problem?.message).toBe('The case is open: it cannot be reopened.');
  });

  it('refuses a scenario that it does not understand', () => {
    expect(() => play(`{ title: t, ${given}, steps: [ { when: { miracle: true } } ] }`)).toThrow(
      '"tried" cannot be read',
    );
  });
});
