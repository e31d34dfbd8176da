import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Violation } from '../engine/errors.js';
import { validatorOf, violationsOf } from '../engine/schemas.js';
import type { JsonObject, Language } from '../statechart/types.js';
import { sayViolation, VIOLATIONS, zodViolations } from './violations.js';

function violations(schema: JsonObject, value: unknown): Violation[] {
  const validate = validatorOf(schema);
  expect(validate(value)).toBe(false);
  return violationsOf(validate);
}
const only = (found: Violation[]): Violation => {
  expect(found).toHaveLength(1);
  return found[0] as Violation;
};
const say = (found: Violation[], language: Language) => sayViolation(only(found), language);
const text = (en: string) => ({ kk: `${en} (қаз)`, ru: `${en} (рус)`, en });

describe('what does not fit', () => {
  /** One value that breaks each keyword of JSON Schema that a form may use. */
  const BREAKS: Record<string, [JsonObject, unknown]> = {
    type: [{ type: ['integer', 'null'] }, 'x'],
    enum: [{ enum: ['a', 'b'] }, 'c'],
    const: [{ const: 7 }, 8],
    multipleOf: [{ multipleOf: 5 }, 7],
    minimum: [{ minimum: 3 }, 1],
    maximum: [{ maximum: 3 }, 7],
    exclusiveMinimum: [{ exclusiveMinimum: 3 }, 3],
    exclusiveMaximum: [{ exclusiveMaximum: 3 }, 3],
    minLength: [{ minLength: 3 }, 'x'],
    maxLength: [{ maxLength: 3 }, 'xxxx'],
    pattern: [{ pattern: '^[0-9]+$' }, 'x'],
    format: [{ format: 'date' }, '15.03.2026'],
    formatMinimum: [{ format: 'date', formatMinimum: '2000-01-01' }, '1026-03-15'],
    formatMaximum: [{ format: 'date', formatMaximum: '2100-12-31' }, '9999-12-31'],
    minItems: [{ minItems: 2 }, [1]],
    maxItems: [{ maxItems: 2 }, [1, 2, 3]],
    items: [{ prefixItems: [{}], items: false }, [1, 2]],
    unevaluatedItems: [{ prefixItems: [{}], unevaluatedItems: false }, [1, 2]],
    uniqueItems: [{ uniqueItems: true }, [1, 1]],
    contains: [{ contains: { const: 1 } }, []],
    minProperties: [{ minProperties: 1 }, {}],
    maxProperties: [{ maxProperties: 0 }, { a: 1 }],
    required: [{ required: ['room'] }, {}],
    dependentRequired: [{ dependentRequired: { a: ['b'] } }, { a: 1 }],
    additionalProperties: [{ additionalProperties: false }, { colour: 1 }],
    unevaluatedProperties: [{ unevaluatedProperties: false }, { colour: 1 }],
    not: [{ not: {} }, 1],
    oneOf: [{ oneOf: [{}, {}] }, 1],
    if: [JSON.parse('{"if": {}, "then": false}'), 1],
  };

  it.each(Object.entries(BREAKS))(
    'to %s is said in three languages, with nothing left out',
    (_keyword, [schema, value]) => {
      const found = violations(schema, value);
      const sentences = (['kk', 'ru', 'en'] as const).map((language) => say(found, language));
      expect(new Set(sentences).size).toBe(3);
      for (const sentence of sentences) expect(sentence).not.toMatch(/—|undefined|\[object|NaN/);
      expect(sentences.slice(0, 2).join('')).toMatch(/[а-яәғқңөұүһі]/);
    },
  );

  it('to several parts of a schema is said for each', () => {
    const found = violations({ anyOf: [{ type: 'string' }, { type: 'boolean' }] }, 1);
    expect(found.map((one) => sayViolation(one, 'ru'))).toEqual([
      'нужно: текст',
      'нужно: да или нет (true, false)',
      'не подходит ни под один из допустимых вариантов',
    ]);
    const names = violations({ propertyNames: { maxLength: 1 } }, { long: 1 });
    expect(names.map((one) => sayViolation(one, 'en'))).toContain('the field name "long" is not possible');
  });

  it('names the allowed values, by their labels where the form has them', () => {
    const schema = { enum: ['sewing', 'cooking'], 'x-labels': { sewing: text('Sewing') } };
    expect(say(violations(schema, 'x'), 'ru')).toBe('выберите одно из: Sewing (рус) (sewing), cooking');
    expect(say(violations(schema, 'x'), 'kk')).toContain('Sewing (қаз) (sewing)');
  });

  it('names the field that is missing, or too many, and points at it', () => {
    const inner = {
      required: ['on'],
      properties: { on: { 'x-title': text('Visit on') } },
      additionalProperties: false,
    };
    const schema = { properties: { visit: inner } };
    const missing = violations(schema, { visit: {} });
    expect(only(missing).path).toBe('/visit/on');
    expect(say(missing, 'ru')).toBe('заполните поле «Visit on (рус) (on)», оно обязательно');
    const extra = violations(schema, { visit: { on: 1, 'a/b': 2 } });
    expect(only(extra).path).toBe('/visit/a~1b');
    expect(say(extra, 'en')).toBe('there is no field "a/b" here; remove it');
  });

  it('under a condition names the field and its values as the form does, once', () => {
    const isLate = { properties: { kind: { const: 'late' } }, required: ['kind'] };
    // A literal with a property `then` could pass for a promise.
    const whenLate = (demand: JsonObject): JsonObject =>
      Object.fromEntries([
        ['if', isLate],
        ['then', demand],
      ]);
    const schema = {
      required: ['kind', 'why'],
      properties: {
        kind: { enum: ['late', 'early'] },
        why: { enum: ['none', 'ill'], 'x-labels': { ill: text('Ill') } },
        on: { 'x-title': text('Day') },
      },
      allOf: [whenLate({ properties: { why: { enum: ['ill'] } } }), whenLate({ required: ['on'] })],
    };
    const why = violations(schema, { kind: 'late', why: 'none', on: 1 });
    expect(only(why).path).toBe('/why');
    expect(say(why, 'ru')).toBe('выберите одно из: Ill (рус) (ill)');
    const on = violations(schema, { kind: 'late', why: 'ill' });
    expect(only(on).path).toBe('/on');
    expect(say(on, 'kk')).toBe('«Day (қаз) (on)» өрісін толтырыңыз, ол міндетті');
    expect(only(violations(schema, { why: 'none' })).path).toBe('/kind');
  });

  it('says that a text is empty where it must not be', () => {
    expect(say(violations({ minLength: 1 }, ''), 'ru')).toBe('не должно быть пустым');
  });

  it('is said as it came where no rule is known', () => {
    expect(sayViolation({ path: '', message: 'as it is' }, 'kk')).toBe('as it is');
    expect(sayViolation({ path: '', message: 'as it is', rule: 'of-tomorrow' }, 'kk')).toBe('as it is');
  });
});

describe('a body or a query that does not fit', () => {
  const schema = z.strictObject({
    name: z.string().min(1).max(3),
    kind: z.enum(['a', 'b']),
    count: z.coerce.number().int().min(1).max(200),
    id: z.uuid(),
    at: z.iso.datetime({ offset: true }),
    list: z.array(z.string()).min(1).max(2),
    act: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('x') }),
      z.strictObject({ type: z.literal('y') }),
    ]),
    either: z.union([z.string(), z.number()]),
    even: z.number().multipleOf(2),
    code: z.string().regex(/^[0-9]+$/),
    record: z.record(z.string(), z.string()),
  });
  const right = {
    name: 'x',
    kind: 'a',
    count: '1',
    id: '019f0000-0000-7000-8000-000000000000',
    at: '2026-03-15T09:00:00+05:00',
    list: ['x'],
    act: { type: 'x' },
    either: 1,
    even: 2,
    code: '1',
    record: {},
  };
  it.each([
    ['name', '', '/name', 'не должно быть пустым'],
    ['name', 'xxxx', '/name', 'знаков должно быть не больше 3'],
    ['name', 5, '/name', 'нужно: текст'],
    ['name', undefined, '/name', 'заполните поле «name», оно обязательно'],
    ['kind', 'c', '/kind', 'выберите одно из: a, b'],
    ['kind', undefined, '/kind', 'заполните поле «kind», оно обязательно'],
    ['count', 'many', '/count', 'нужно: число'],
    ['count', '1.5', '/count', 'нужно: целое число'],
    ['count', '0', '/count', 'должно быть не меньше 1'],
    ['count', '201', '/count', 'должно быть не больше 200'],
    ['id', 'x', '/id', 'нужно: id записи в системе'],
    ['at', 'x', '/at', 'нужно: дата и время, например 2026-03-15T09:00:00+05:00'],
    ['list', [], '/list', 'в списке должно быть не меньше 1'],
    ['list', ['a', 'b', 'c'], '/list', 'в списке должно быть не больше 2'],
    ['list', [5], '/list/0', 'нужно: текст'],
    ['act', { type: 'z' }, '/act/type', 'выберите одно из: x, y'],
    ['act', {}, '/act/type', 'заполните поле «type», оно обязательно'],
    ['either', true, '/either', 'не подходит ни под один из допустимых вариантов'],
    ['even', 3, '/even', 'должно делиться на 2'],
    ['code', 'x', '/code', 'должно соответствовать образцу /^[0-9]+$/'],
    ['record', 5, '/record', 'нужно: объект с полями'],
    ['more', 5, '', 'поля «more» здесь нет, уберите его'],
  ])('in %s by %p is told at %s: %s', (field, value, path, sentence) => {
    const given = { ...right, [field]: value };
    const result = schema.safeParse(given);
    const found = zodViolations(result.error as z.ZodError, given);
    expect({ path: only(found).path, sentence: say(found, 'ru') }).toEqual({ path, sentence });
  });

  it('fits otherwise', () => {
    expect(schema.safeParse(right).error).toBeUndefined();
  });
});

describe('the table', () => {
  it('has each rule in three languages, with the same gaps', () => {
    for (const [rule, texts] of Object.entries(VIOLATIONS)) {
      expect(Object.keys(texts).sort()).toEqual(['en', 'kk', 'ru']);
      const gaps = (language: Language) => [...texts[language].matchAll(/\{\w+\}/g)].map(String).sort();
      expect({ rule, ru: gaps('ru'), kk: gaps('kk') }).toEqual({ rule, ru: gaps('en'), kk: gaps('en') });
    }
  });
});
