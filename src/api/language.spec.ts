import { describe, expect, it } from '@jest/globals';
import { pickLanguage } from './language.js';

describe('the language of an answer', () => {
  it.each([
    [undefined, 'kk'],
    ['', 'kk'],
    ['de', 'kk'],
    ['*', 'kk'],
    ['ru', 'ru'],
    ['ru-RU,ru;q=0.9,en;q=0.8', 'ru'],
    ['de, en;q=0.4, ru;q=0.7', 'ru'],
    ['en;q=0, ru;q=0.1', 'ru'],
    ['EN-us', 'en'],
    [';;;q=,,', 'kk'],
  ])('for Accept-Language %p is %s', (header, language) => {
    expect(pickLanguage(header)).toBe(language);
  });
});
