import { describe, expect, it } from '@jest/globals';
import { factsOf } from './facts.js';
import { loadWorkflow } from './load.js';
import type { JsonObject } from './types.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const workflow = (contextSchema?: JsonObject) =>
  loadWorkflow({
    'workflow.yaml': JSON.stringify({
      id: 'told',
      title: text('Told'),
      context: { reason: null, categories: [], visits: 0, note: 'kept' },
      ...(contextSchema ? { contextSchema } : {}),
      initial: 'here',
      states: { here: { type: 'final' } },
    }),
  });
const told = workflow({
  type: 'object',
  properties: {
    visits: { type: 'integer', 'x-title': text('Visits') },
    reason: { type: ['string', 'null'], 'x-title': text('Reason'), 'x-labels': { moved: text('Moved away') } },
    categories: { type: 'array', 'x-title': text('Categories'), 'x-labels': { large: text('Large family') } },
    note: { type: 'string' },
  },
});

describe('what a workflow tells about a case', () => {
  it('are the properties of its context with a title, in the order of the file, in words', () => {
    expect(factsOf(told, { reason: 'moved', categories: ['large', 'new'], visits: 2, note: 'kept' })).toEqual([
      { name: 'visits', title: text('Visits'), values: [{ value: 2, title: null }] },
      { name: 'reason', title: text('Reason'), values: [{ value: 'moved', title: text('Moved away') }] },
      {
        name: 'categories',
        title: text('Categories'),
        values: [
          { value: 'large', title: text('Large family') },
          { value: 'new', title: null },
        ],
      },
    ]);
  });

  it('say a record in one line, its parts in the order of the schema', () => {
    const items = {
      type: 'object',
      properties: {
        member: { type: 'integer', 'x-title': text('no.') },
        course: { type: 'string', 'x-labels': { sewing: text('Sewing') } },
      },
    };
    const learning = workflow({ properties: { learners: { type: 'array', 'x-title': text('Learners'), items } } });
    const learners: JsonObject[] = [{ course: 'sewing', member: 2 }, { member: 3, more: 'x' }, {}];
    expect(factsOf(learning, { learners })).toEqual([
      {
        name: 'learners',
        title: text('Learners'),
        values: [
          { value: '2 – sewing', title: text('no. 2 – Sewing') },
          { value: '3', title: text('no. 3') },
        ],
      },
    ]);
  });

  it('leaves out what is not known yet', () => {
    expect(factsOf(told, { reason: null, categories: [], note: 'kept' })).toEqual([]);
  });

  it('is nothing where the workflow names nothing', () => {
    expect(factsOf(workflow(), { reason: 'moved' })).toEqual([]);
  });
});
