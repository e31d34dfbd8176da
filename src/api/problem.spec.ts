import { describe, expect, it } from '@jest/globals';
import { AppError } from '../engine/errors.js';
import { problemAnswer } from './problem.js';

describe('a problem', () => {
  it('A65: that nobody expected tells its reference and nothing of its inside', () => {
    const secret = new Error('password "hunter2" at /srv/qamqor');
    const { status, body } = problemAnswer(secret, 'ru', () => 'ref-1');
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'internal', reference: 'ref-1', detail: expect.stringContaining('ref-1') });
    expect(JSON.stringify(body)).not.toMatch(/hunter2|srv/);
  });

  it('is told in the words of the workflow where it has some, and by its code in a language that it lacks', () => {
    const words = { ru: 'Грант выплачен.', en: 'The grant was paid.' };
    const error = new AppError('guard-refused', 409, 'Not now.', { accepts: ['LEFT'] }, undefined, undefined, words);
    const details = (['kk', 'ru', 'en'] as const).map((language) => problemAnswer(error, language, () => '').body);
    expect(details.map(({ detail }) => detail)).toEqual([
      'Бұл оқиғаның шарттары қазір орындалмаған. Іс қабылдайтын оқиғалар: LEFT.',
      'Грант выплачен.',
      'The grant was paid.',
    ]);
    expect(details[1]).toMatchObject({ code: 'guard-refused', accepts: ['LEFT'] });
  });

  it('carries the sentences of its errors and nothing else of them', () => {
    const errors = [{ path: '/on', message: 'must match format "date"', rule: 'format', facts: { format: 'date' } }];
    const { body } = problemAnswer(new AppError('schema', 422, 'It does not fit.', {}, errors), 'kk', () => '');
    expect(body['errors']).toEqual([{ path: '/on', message: 'керегі: күн, мысалы 2026-03-15' }]);
  });
});
