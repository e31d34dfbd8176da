import { describe, expect, it } from '@jest/globals';
import { PartnerResult } from './partner-result.js';

const closed = (properties: object, more: object = {}) =>
  new PartnerResult({ type: 'object', additionalProperties: false, properties, ...more } as never);

describe('the result of a service', () => {
  it('reaches the statechart without the fields that nobody named, however deep they lie', () => {
    const result = closed({
      places: {
        type: 'array',
        items: { type: 'object', additionalProperties: false, properties: { day: { type: 'string' } } },
      },
    });
    const said = { places: [{ day: 'Monday', phone: '+77011234567' }], diagnosis: 'none of your business' };
    expect(result.errorsIn(said)).toEqual([]);
    expect(result.forChart(said)).toEqual({ places: [{ day: 'Monday' }] });
  });

  it('reaches it without what is personal, which is checked all the same', () => {
    const result = closed(
      { number: { type: 'string' }, iin: { type: 'string', 'x-personal': true } },
      { required: ['iin'] },
    );
    expect(result.forChart({ number: '7', iin: '900101300017' })).toEqual({ number: '7' });
    expect(result.errorsIn({ number: '7', iin: 7 })).toEqual([{ path: '/iin', message: 'must be string' }]);
    expect(result.errorsIn({ number: '7' })).toEqual([expect.objectContaining({ path: '/iin' })]);
  });

  it('is wrong where a named field is of another kind, and says where', () => {
    const result = closed({ a: closedSchema({ b: { type: 'array', items: { type: 'integer' } } }) });
    expect(result.errorsIn({ a: { b: [1, 'two'] } })).toEqual([{ path: '/a/b/1', message: 'must be integer' }]);
    expect(result.errorsIn({ a: 'text' })).toEqual([{ path: '/a', message: 'must be object' }]);
  });

  it('is a kind, a number and a date where nothing else is said', () => {
    const usual = new PartnerResult();
    expect(usual.forChart({ kind: 'advice', number: '7', date: '2026-11-22', x: 1 })).toEqual({
      kind: 'advice',
      number: '7',
      date: '2026-11-22',
    });
    expect(usual.errorsIn({ date: 'tomorrow' })).toEqual([expect.objectContaining({ path: '/date' })]);
  });

  it('never takes a field from the prototype for one that was named', () => {
    expect(closed({}).forChart(JSON.parse('{"constructor": 1, "__proto__": 2, "toString": 3}'))).toEqual({});
  });

  it.each([
    ['open', { type: 'object' }],
    ['open further in', { type: 'object', additionalProperties: false, properties: { a: { type: 'object' } } }],
    ['without types', { type: 'object', additionalProperties: false, properties: { a: {} } }],
    ['put together from parts', { allOf: [{ type: 'object' }] }],
    ['of lists of anything', { type: 'object', additionalProperties: false, properties: { a: { type: 'array' } } }],
  ])('is not described by a schema that is %s', (_what, schema) => {
    expect(() => new PartnerResult(schema as never)).toThrow();
  });
});

function closedSchema(properties: object) {
  return { type: 'object', additionalProperties: false, properties };
}
