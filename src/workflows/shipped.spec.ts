import { describe, expect, it } from '@jest/globals';
import { sayViolation } from '../api/violations.js';
import { validatorOf, violationsOf } from '../engine/schemas.js';
import { projectPath } from '../platform/project-root.js';
import { check } from '../statechart/check.js';
import { loadWorkflow } from '../statechart/load.js';
import { catalogueOf } from './catalogue.js';
import { checkSchemas } from './check-schemas.js';
import { readScenarios, readWorkflowsFolder } from './folder.js';
import { playScenarios } from './scenario.js';

const calendar = { zone: 'Asia/Almaty', week: [1, 2, 3, 4, 5], hours: [{ from: '09:00', to: '18:00' }], days: {} };
const { workflows, catalogue } = readWorkflowsFolder(projectPath('workflows'));

describe.each(workflows.map(({ folder, files }) => [folder.split('/').at(-1) ?? '', folder, files] as const))(
  'the workflow %s',
  (_name, folder, files) => {
    const workflow = loadWorkflow(files);
    const results = playScenarios(workflow, readScenarios(folder), calendar);

    it.each(results.map((result) => [result.title, result] as const))('%s', (_title, result) => {
      expect(result.problem).toBeUndefined();
    });

    it('passes the check without a finding', () => {
      const keys = workflows.map((one) => loadWorkflow(one.files).key);
      expect(check(workflow, catalogueOf(catalogue, keys, '2026-11-22T00:00:00Z'))).toEqual([]);
      expect(checkSchemas(workflow)).toEqual([]);
    });

    it('has a scenario for every end', () => {
      const outcomes = (text: string) => [
        ...new Set([...text.matchAll(/outcome: (?!null)([a-z-]+)/g)].map(([, word]) => word)),
      ];
      const ends = outcomes(files['workflow.yaml'] ?? '');
      expect(ends.length).toBeGreaterThan(1);
      const played = Object.values(readScenarios(folder)).map((text) => text.replace(/result: .*/g, ''));
      expect(outcomes(played.join('\n')).sort()).toEqual(ends.sort());
    });
  },
);

describe('an exit', () => {
  const bid = { programme: 'new-business-ideas', wantsAdvice: false };
  it.each([
    ['family-support', 'eligibility', { decision: 'not-eligible', reason: 'none' }, '/reason'],
    ['grant-track', 'commission-decision', { decision: 'refused', reason: 'none' }, '/reason'],
    ['grant-track', 'grant-preparation', { ...bid, decision: 'rules-forbid', rules: 'met' }, '/rules'],
    ['grant-track', 'grant-preparation', { ...bid, decision: 'ready', rules: 'met' }, '/waveClosesOn'],
    ['grant-track', 'grant-preparation', { ...bid, decision: 'next-wave', rules: 'met' }, '/waveClosesOn'],
  ])('of %s by the form %s needs its reason, and a bid its day: %j', (key, form, answer, path) => {
    const workflow = loadWorkflow(workflows.find(({ folder }) => folder.endsWith(key))?.files ?? {});
    const validate = validatorOf(workflow, workflow.forms[form]?.schema ?? {});
    expect(validate(answer)).toBe(false);
    const found = violationsOf(validate);
    expect(found.map((violation) => violation.path)).toEqual([path]);
    // With the words of the form, not its codes alone.
    for (const violation of found) expect(sayViolation(violation, 'kk')).toMatch(/[А-Яа-я][^«:]* \([a-zA-Z-]+\)/);
  });
});

describe('playing a scenario', () => {
  const family = workflows.find(({ folder }) => folder.endsWith('family-support'));
  const play = (scenario: string) => playScenarios(loadWorkflow(family?.files ?? {}), { tried: scenario }, calendar)[0];
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
