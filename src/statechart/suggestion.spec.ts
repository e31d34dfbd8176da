import { describe, expect, it } from '@jest/globals';
import { suggestion } from './suggestion.js';

describe('a suggestion', () => {
  it('names the nearest of what there is', () => {
    expect(suggestion('intkae', ['intake', 'interview', 'course'])).toBe(' Did you mean "intake"?');
  });

  it('is silent where nothing is near', () => {
    expect(suggestion('certificate', ['intake', 'course'])).toBe('');
  });

  it('costs nothing for a name that nobody means, however long it is', () => {
    const started = performance.now();
    expect(suggestion('x'.repeat(250_000), ['intake', 'y'.repeat(250_000)])).toBe('');
    expect(suggestion('intake', ['x'.repeat(250_000)])).toBe('');
    // A hang limit: comparing the two letter by letter takes minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
