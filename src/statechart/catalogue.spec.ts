import { expect, it } from '@jest/globals';
import { parseCatalogue } from './catalogue.js';

it('a ladder names the roles of all its steps, one or several at a step', () => {
  const ladders = `
late:
  title: { en: Late }
  steps:
    - { at: 50 %, tell: assignee }
    - { after: 1 day, role: curator }
    - { after: 2 days, role: [supervisor, director] }
`;
  expect(parseCatalogue({ 'escalation.yaml': ladders })).toEqual({
    ladders: [{ key: 'late', roles: ['curator', 'supervisor', 'director'] }],
  });
});
