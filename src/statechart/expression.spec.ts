import { describe, expect, it } from '@jest/globals';
import { compileExpression, ExpressionError } from './expression.js';
import type { Json } from './types.js';

const names = {
  context: {
    familyId: 'f1',
    bids: 2,
    consents: ['atameken', 'otbasy-bank'],
    people: [
      { name: 'a', age: 30, tags: ['x'] },
      { name: 'b', age: 7, tags: [] },
    ],
    none: null,
    flag: true,
  },
  event: { type: 'done', data: null, output: { decision: 'won', sum: 3.5, until: '2026-05-01' } },
  now: '2026-11-22T20:30:00.000Z',
  by: { id: 'u1', roles: ['curator'] },
};

function value(text: string): Json | undefined {
  const result = compileExpression(text).evaluate(names);
  expect(result.warnings).toEqual([]);
  return result.value;
}

function warnings(text: string): string[] {
  return compileExpression(text).evaluate(names).warnings;
}

function refusal(text: string): string {
  try {
    compileExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
  throw new Error(`"${text}" was not refused`);
}

describe('an expression', () => {
  it.each<[string, Json]>([
    ['event.output.decision = "won" and context.bids < 3', true],
    ['= context.bids + 1', 3],
    ['"family " + context.familyId', 'family f1'],
    ['list contains(context.consents, "atameken")', true],
    ['not(context.flag) or context.none = null', true],
    ['if event.output.sum > 3 then "much" else "little"', 'much'],
    ['context.people[age > 17].name', ['a']],
    ['context.people[1].name', 'a'],
    ['every p in context.people satisfies p.age > 5', true],
    ['for p in context.people return p.age * 2', [60, 14]],
    ['some n in 1..3 satisfies n = context.bids', true],
    ['count(context.people)', 2],
    ['context.bids in [1..3]', true],
    ['context.bids in (1, 5, >6)', false],
    ['event.output.decision in ("won", "reserve")', true],
    ['{ sum: event.output.sum, double: sum * 2 }', { sum: 3.5, double: 7 }],
    ['sort(context.people, function(one, other) one.age < other.age)[1].name', 'b'],
    ['index of(context.consents, "otbasy-bank")', [2]],
    ['list contains(by.roles, "curator")', true],
    ['context.bids between 1 and 2', true],
    ['-context.bids', -2],
    ['context.bids /* so far */ = 2 // enough', true],
  ])('%s is %j', (text, expected) => {
    expect(value(text)).toEqual(expected);
  });

  it('gives dates and durations as ISO 8601 text', () => {
    expect(value('date(event.output.until) + duration("P10D")')).toBe('2026-05-11');
    expect(value('date and time(now)')).toBe('2026-11-22T20:30:00Z');
    expect(value('date and time(now) - date and time("2026-11-21T20:30:00Z")')).toBe('P1D');
    expect(value('date and time("2026-05-01T10:00:00@Asia/Almaty")')).toBe('2026-05-01T10:00:00.000+05:00');
  });

  it('takes date(now) for the day where the family lives, not in UTC', () => {
    expect(value('date(now)')).toBe('2026-11-23');
    expect(value('date(now) > date("2026-11-22") and date( now ) = date("2026-11-23")')).toBe(true);
    expect(compileExpression('date(now)').evaluate({ ...names, zone: 'UTC' }).value).toBe('2026-11-22');
  });

  it('says when a name is misspelt, instead of being quietly null', () => {
    expect(warnings('context.bidz > 1')).toEqual([expect.stringContaining('bidz')]);
    expect(warnings('contex.bids > 1').join()).toContain('contex');
  });

  it('says when types do not fit or the result cannot be stored', () => {
    expect(warnings('context.bids + "1"')).toHaveLength(1);
    expect(warnings('context.bids > context.people').join()).toContain('unsupported range');
    expect(warnings('{ f: count }').join()).toContain('function');
    expect(warnings('date("not a date")')).toHaveLength(1);
  });

  it('gives the same warnings at every call, not those of the calls before', () => {
    const expression = compileExpression('context.a = 1');
    expect(expression.evaluate({ context: {} }).warnings).toHaveLength(1);
    expect(expression.evaluate({ context: {} }).warnings).toHaveLength(1);
    expect(expression.evaluate({ context: { a: 1 } })).toEqual({ value: true, warnings: [] });
  });

  it('does not see names that are not given, nor what lies on prototypes', () => {
    expect(warnings('item')).toHaveLength(1);
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
      expect(warnings(`context.${name} = 1`)).toHaveLength(1);
  });
});

describe('what an expression reads', () => {
  const paths = (text: string) =>
    compileExpression(text)
      .paths.map((path) => path.join('.'))
      .sort();

  it('is every property path, also in lists, loops and bound names', () => {
    expect(paths('event.output.decision = "won" and context.bids < 3')).toEqual([
      'context.bids',
      'event.output.decision',
    ]);
    expect(paths('context.people[age > 17].name')).toEqual(['context.people.[].age', 'context.people.name']);
    expect(paths('every p in context.people satisfies p.age > by.limit')).toEqual([
      'by.limit',
      'context.people',
      'context.people.[].age',
    ]);
    expect(paths('{ a: context.x, b: a.y }')).toEqual(['context.x', 'context.x.y']);
    expect(paths('get value(event.output, "phone")')).toEqual(['event.output.phone']);
    expect(paths('sort(context.l, function(a, b) a.n < b.n)')).toEqual(['context.l', 'context.l.[].n']);
    expect(paths('count(list: context.l)')).toEqual(['context.l']);
    expect(paths('misspelt > 1')).toEqual(['misspelt']);
  });

  it('names the roots it mentions', () => {
    const expression = compileExpression('context.bids = 1 and "now" = "x"');
    expect(expression.mentions('context')).toBe(true);
    expect(expression.mentions('now')).toBe(false);
    expect(compileExpression('date(now)').mentions('now')).toBe(true);
  });
});

describe('an expression is refused', () => {
  it.each([
    ['a > ', 'The end'],
    ['', 'no expression'],
    ['// only words', 'no expression'],
    ['context.a b c +', 'does not belong'],
    ['1) + (2', 'does not belong'],
    ['1, 2', 'does not belong'],
    ['x = now()', 'use the name `now`'],
    ['today()', 'date(now)'],
    ['matches(context.a, "(a+)+$")', 'regular expression'],
    ['replace(context.a, "(a+)+$", "")', 'regular expression'],
    ['split(context.a, "(a+)+$")', 'regular expression'],
    ['for f in [matches] return 1', 'regular expression'],
    ['shout(context.a)', 'no function'],
    ['context.f(1)', 'no function'],
    ['(function(f) f(f))(function(f) f(f))', 'no function'],
    ['{ f: function(x) x }', 'only as the order'],
    ['for i in 1..context.n return i', 'written out'],
    ['for i in 1..100000 return i', 'at most 1000'],
    ['for i in 1..2.5 return i', 'whole numbers'],
    ['for i in (1..1] return i', 'include its bounds'],
    ['for i in [1..context.n] return i', 'whole numbers'],
    ['{ r: [1..1000000000] }', 'only after `in`'],
    ['for i in [[1..1000000000]][1] return i', 'only after `in`'],
    ['for a in 1..999 return for b in 1..999 return for c in 1..999 return 1', 'very long'],
    ['for a in context.l, b in context.l, c in context.l, d in context.l return 1', 'very long'],
  ])('%s: %s', (text, reason) => {
    expect(refusal(text)).toContain(reason);
  });

  it('if it is longer than 2 KB or nested too deep', () => {
    expect(refusal(`"${'x'.repeat(2048)}"`)).toContain('2 KB');
    expect(refusal(`${'('.repeat(400)}1${')'.repeat(400)}`)).toContain('nested');
    expect(refusal(`context.${'a.'.repeat(900)}b`)).toContain('nested');
  });

  it('if its result doubles again and again', () => {
    const entries = Array.from({ length: 40 }, (_, index) => `a${index + 1}: a${index} + a${index}`);
    expect(refusal(`{ a0: context.familyId, ${entries.join(', ')} }`)).toContain('larger than the data');
  });

  it('with the place of the mistake', () => {
    expect(refusal('context.a = now()')).toContain('at character 13');
  });
});

describe('loops', () => {
  it('take lists of the length at which they stay short, and warn about longer ones', () => {
    const once = compileExpression('every n in context.l satisfies n > 0');
    expect(once.evaluate({ context: { l: Array(5000).fill(1) } })).toEqual({ value: true, warnings: [] });
    expect(once.evaluate({ context: { l: Array(20_000).fill(1) } }).warnings.join()).toContain('too long');
    const twice = compileExpression('some a in context.l, b in context.l satisfies a > b');
    expect(twice.evaluate({ context: { l: Array(100).fill(1) } })).toEqual({ value: false, warnings: [] });
    expect(twice.evaluate({ context: { l: Array(3000).fill(1) } }).warnings.join()).toContain('too long');
  });
});
