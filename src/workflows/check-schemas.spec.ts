import { describe, expect, it } from '@jest/globals';
import { loadWorkflow } from '../statechart/load.js';
import { checkSchemas } from './check-schemas.js';

function findings(form: object): string[] {
  const workflow = loadWorkflow({
    'workflow.yaml': 'id: one\ninitial: a\nstates: { a: { type: final } }',
    'forms/paper.yaml': JSON.stringify({ type: 'object', ...form }),
  });
  return checkSchemas(workflow).map(({ rule, state, message }) => {
    expect([state, message.startsWith('Form paper: ')]).toEqual(['', true]);
    return rule;
  });
}

it('the schema of the context is looked at too', () => {
  const workflow = loadWorkflow({
    'workflow.yaml':
      'id: one\ncontextSchema: { properties: { reason: { enum: [null, moved], x-labels: { died: { kk: Д, ru: Д, en: D } } } } }\ninitial: a\nstates: { a: { type: final } }',
  });
  expect(checkSchemas(workflow).map(({ rule, message }) => `${rule} ${message}`)).toEqual([
    expect.stringMatching(/^no-label The context: .*"moved" of \/properties\/reason/),
  ]);
});

describe('the schemas of a workflow', () => {
  it.each([
    ['are no JSON Schema', { properties: { a: { type: 'string', title: { kk: 'А' } } } }, 'schema-malformed'],
    ['have a pattern that takes for ever', { properties: { a: { pattern: '^(a+)+$' } } }, 'unsafe-pattern'],
    ['match names by such a pattern', { patternProperties: { '(x*)*': {} } }, 'unsafe-pattern'],
    ['refer to another document', { properties: { a: { $ref: 'http://127.0.0.1/x' } } }, 'schema-elsewhere'],
    ['hide a personal field behind an anchor', { $defs: { p: { $anchor: 'p', 'x-personal': true } } }, 'schema-named'],
    [
      'mark as personal what is not found',
      { patternProperties: { '^a': { 'x-personal': true } } },
      'personal-out-of-reach',
    ],
    ['close what is not personal', { properties: { a: { 'x-closed': true } } }, 'closed-not-personal'],
    [
      'mark as one of the family what is no whole number',
      { properties: { a: { 'x-member': true } } },
      'member-no-integer',
    ],
    [
      'mark as one of the family a list and not its items',
      { properties: { a: { type: 'array', items: { type: 'integer' }, 'x-member': true } } },
      'member-no-integer',
    ],
    [
      'mark as one of the family what is not found',
      { patternProperties: { '^a': { type: 'integer', 'x-member': true } } },
      'member-out-of-reach',
    ],
    ['mark as passed what is no day', { properties: { a: { type: 'string', 'x-past': true } } }, 'past-no-date'],
    [
      'mark as passed what is not found',
      { patternProperties: { '^a': { format: 'date', 'x-past': true } } },
      'past-out-of-reach',
    ],
    [
      'mark a list of consents with a word that says nothing',
      { properties: { a: { type: 'array', items: { enum: ['x'] }, 'x-consents': 'stays' } } },
      'consents-unknown',
    ],
    [
      'mark as consents what names no partners',
      { properties: { a: { type: 'array', items: { type: 'string' }, 'x-consents': true } } },
      'consents-no-list',
    ],
    [
      'mark as consents what is only referred to',
      { $defs: { a: { type: 'array', items: { enum: ['x'] }, 'x-consents': true } } },
      'consents-no-list',
    ],
    [
      'mark as consents what is no field of the form itself',
      { properties: { a: { properties: { b: { type: 'array', items: { enum: ['x'] }, 'x-consents': true } } } } },
      'consents-no-list',
    ],
    [
      'leave one of several values without words',
      { properties: { a: { enum: ['x', 'y'], 'x-labels': { x: { kk: 'Х', ru: 'Х', en: 'X' } } } } },
      'no-label',
    ],
    [
      'leave one of several items without words',
      { properties: { a: { items: { enum: ['x', 'y'] }, 'x-labels': { x: { kk: 'Х', ru: 'Х', en: 'X' } } } } },
      'no-label',
    ],
  ])('are refused when they %s', (_what, form, rule) => {
    expect(findings(form)).toEqual([rule]);
  });

  it('are fine when they are ordinary, with references of their own and values that only look like keywords', () => {
    const phone = { type: 'string', pattern: '^\\+7\\d{10}$', 'x-personal': true };
    const member = { type: ['integer', 'null'], 'x-member': true };
    const shape = {
      properties: {
        member,
        people: { type: 'array', items: { type: 'integer', 'x-member': true } },
        phone: { $ref: '#/$defs/phone' },
        kind: { enum: [{ $anchor: 'x' }] },
      },
      $defs: { phone },
    };
    expect(findings(shape)).toEqual([]);
  });
});
