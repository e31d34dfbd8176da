import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_DEPTH, parseStrictJson } from './strict-json.js';

const read = (text: string) => parseStrictJson(Buffer.from(text));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('a JSON body', () => {
  it('is read like JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        let given: unknown;
        try {
          given = read(text);
        } catch {
          return;
        }
        expect(given).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['not JSON', '{"a":'],
    ['empty', ''],
    ['a bare word', 'hello'],
    ['two values', '{} {}'],
    ['a field given twice', '{"a":1,"b":{"a":1},"a":2}'],
    ['a field given twice in disguise', '{"a":1,"\\u0061":2}'],
    ['a NUL', '{"a":"x\\u0000"}'],
    ['a NUL in a name', '{"a\\u0000":1}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['__proto__ in disguise', '{"\\u005f_proto__":{}}'],
    ['constructor', '{"a":{"constructor":{"prototype":{}}}}'],
    ['a number that is infinite', '{"a":1e400}'],
    ['a whole number that would lose digits', '{"a":9007199254740993}'],
    ['a bad escape', '{"a":"\\x"}'],
    ['a text without its end', '{"a":"'],
    ['too deep', nested(MAX_DEPTH + 1)],
    ['ten thousand deep', '['.repeat(10_000)],
  ])('is refused when it is %s', (_what, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'malformed', status: 400 }));
  });

  it('is refused when it is not UTF-8', () => {
    expect(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });

  it.each([
    ['as deep as allowed', nested(MAX_DEPTH)],
    ['the same name in two objects', '[{"a":1},{"a":2}]'],
    ['the same word as name and value', '{"a":"a","b":["a","a"]}'],
    ['a character pair', '"😀\\ud83d\\ude00"'],
    ['numbers', '[0,-0,1.5,-2e10,1e-400,9007199254740991]'],
    ['a quote and a backslash', '{"a\\"":"\\\\"}'],
  ])('is taken when it is %s', (_what, text) => {
    expect(read(text)).toEqual(JSON.parse(text));
  });
});
