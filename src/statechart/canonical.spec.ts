import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from './canonical.js';

describe('canonical JSON', () => {
  it('sorts keys by UTF-16 code units, at every level', () => {
    expect(canonicalJson({ b: 1, a: { d: [3, 2], c: null } })).toBe('{"a":{"c":null,"d":[3,2]},"b":1}');
    expect(
      canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });

  it('sorts objects of any size alike', () => {
    for (let size = 2; size < 60; size++) {
      const keys = Array.from({ length: size }, (_, index) => `k${(index * 7919) % 101}`);
      const inOrder = [...new Set(keys)].sort().map((key) => `"${key}":0`);
      expect(canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])))).toBe(`{${inOrder.join(',')}}`);
    }
  });

  it('writes numbers as JavaScript does, and minus zero as zero', () => {
    expect(canonicalJson([1e21, 1e-7, 333333333.3333333, -0, 4.5])).toBe('[1e+21,1e-7,333333333.3333333,0,4.5]');
  });

  it('escapes only what must be escaped', () => {
    expect(canonicalJson('\u20ac$\u000f\u000aA\'B"\\\\"/ Қ')).toBe('"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/ Қ"');
  });

  it('leaves out undefined properties', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['undefined', undefined],
    ['a hole', [undefined]],
    ['a function', { f: () => 1 }],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a big integer', 1n],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate as a key', { '\udc00': 1 }],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('refuses a value that refers to itself', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(() => canonicalJson(cycle)).toThrow('refers to itself');
  });
});
