import { describe, expect, it } from '@jest/globals';
import { follow, listOf, objectOf, schemaShape } from './shape.js';
import type { JsonObject } from './types.js';

/** A literal with a property `then` could pass for a promise. */
const when = (condition: JsonObject, demand: JsonObject): JsonObject =>
  Object.fromEntries([
    ['if', condition],
    ['then', demand],
  ]);

const form = schemaShape({
  type: 'object',
  properties: {
    decision: { type: 'string' },
    people: { type: 'array', items: { $ref: '#/$defs/person' } },
    free: { type: 'object' },
    extra: { type: 'object', properties: { known: {} }, additionalProperties: true },
    either: { oneOf: [{ properties: { one: {} } }, { properties: { other: {} } }] },
    maybe: { type: ['object', 'null'], properties: { inside: { type: 'string' } } },
    secret: { type: 'object', 'x-personal': true, properties: { phone: {} } },
    closed: {
      additionalProperties: false,
      properties: { kind: {}, on: {} },
      allOf: [
        when({ properties: { kind: { const: 'late' } } }, { required: ['on'] }),
        when({ required: ['on'] }, { properties: { inside: { properties: { phone: { 'x-personal': true } } } } }),
      ],
    },
    loop: { $ref: '#/properties/loop' },
  },
  allOf: [{ properties: { more: { type: 'string' } } }],
  $defs: { person: { type: 'object', properties: { id: {}, phone: { 'x-personal': true } } } },
});

const kind = (path: string, shape = form) => follow(shape, path.split('.')).kind;

describe('a path through a schema', () => {
  it.each([
    'decision',
    'people',
    'people.id',
    'people.[].id',
    'free.anything.deep',
    'extra.known',
    'extra.other',
    'either.one',
    'either.other',
    'maybe.inside',
    'more',
    'closed.on',
    'loop.x',
  ])('%s exists', (path) => {
    expect(kind(path)).toBe('found');
  });

  it.each(['decisoin', 'people.name', 'decision.length', 'maybe.outside', 'either.neither', 'more.x', 'closed.onn'])(
    '%s does not',
    (path) => {
      expect(kind(path)).toBe('unknown');
    },
  );

  it.each(['secret', 'secret.phone', 'secret.anything', 'closed.inside.phone', 'people.phone', 'people.[].phone'])(
    '%s is personal',
    (path) => {
      expect(kind(path)).toBe('personal');
    },
  );

  it('names what would have been there', () => {
    expect(follow(form, ['people', 'nam'])).toEqual({ kind: 'unknown', name: 'nam', known: ['id', 'phone'] });
  });

  it('goes through parts with documents of their own', () => {
    const event = objectOf({ output: form, list: listOf(form) });
    expect(kind('output.people.id', event)).toBe('found');
    expect(kind('list.decision', event)).toBe('found');
    expect(kind('list.[].decisoin', event)).toBe('unknown');
    expect(kind('outputs', event)).toBe('unknown');
  });
});
