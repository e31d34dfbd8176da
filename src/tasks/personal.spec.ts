import { describe, expect, it } from '@jest/globals';
import type { Json, JsonObject } from '../statechart/types.js';
import { joinPersonal, splitPersonal } from './personal.js';

const ids = () => {
  let count = 0;
  return () => `p${++count}`;
};

describe('the personal part of an answer', () => {
  const schema: JsonObject = {
    type: 'object',
    properties: {
      decision: { type: 'string' },
      note: { type: 'string', 'x-personal': true },
      people: { type: 'array', items: { type: 'object', properties: { name: { 'x-personal': true }, age: {} } } },
      home: { $ref: '#/$defs/address' },
    },
    if: { properties: { decision: { const: 'no' } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { reason: { 'x-personal': true } } },
    $defs: { address: { type: 'object', 'x-personal': true } },
  };

  it('leaves a reference in place of each field that the form marks, and keeps the rest', () => {
    const answer: Json = {
      decision: 'no',
      note: 'Ақбота',
      people: [{ name: 'А', age: 3 }, { age: 4 }],
      home: { street: 'X' },
      reason: 'why',
    };
    const { answer: left, values } = splitPersonal(schema, answer, ids());
    expect(JSON.stringify(left)).not.toMatch(/Ақбота|street|why|"А"/);
    expect(left).toMatchObject({ decision: 'no', people: [{ age: 3 }, { age: 4 }] });
    const byPath = Object.fromEntries(values.map(({ path, value }) => [path, value]));
    expect(byPath).toEqual({ '/note': 'Ақбота', '/people/0/name': 'А', '/home': { street: 'X' }, '/reason': 'why' });
    const references = JSON.stringify(left).match(/p\d+/g) ?? [];
    expect(references.sort()).toEqual(values.map(({ id }) => id).sort());
  });

  it('takes nothing where nothing is marked', () => {
    const answer = { decision: 'yes', people: [{ age: 3 }] };
    expect(splitPersonal(schema, answer, ids())).toEqual({ answer, values: [] });
  });

  it('ends for a schema that refers to itself', () => {
    const tree: JsonObject = {
      $ref: '#/$defs/node',
      $defs: { node: { $ref: '#', properties: { child: { $ref: '#/$defs/node' }, name: { 'x-personal': true } } } },
    };
    const { answer } = splitPersonal(tree, { name: 'a', child: { name: 'b' } }, ids());
    expect(answer).toEqual({
      name: { $personal: expect.any(String) },
      child: { name: { $personal: expect.any(String) } },
    });
  });

  it('leaves null as it is: there is nothing to hide', () => {
    expect(splitPersonal(schema, { note: null }, ids())).toEqual({ answer: { note: null }, values: [] });
  });
});

describe('an answer with its personal part put back', () => {
  const personal = { type: 'string', 'x-personal': true };
  const schema: JsonObject = {
    properties: {
      decision: { type: 'string' },
      note: personal,
      'a/b': personal,
      people: { type: 'array', items: { properties: { name: { $ref: '#/$defs/name' }, age: {} } } },
      told: { type: 'array', items: personal },
    },
    allOf: [{ properties: { notes: { ...personal, 'x-closed': true } } }],
    $defs: { name: personal },
  };
  const answer: Json = {
    decision: 'yes',
    note: 'Ақбота',
    'a/b': 'slash',
    people: [{ name: 'А', age: 3 }, { age: 4 }],
    told: ['one', 'two'],
    notes: 'closed',
  };
  const { answer: stored, values: taken } = splitPersonal(schema, answer, ids());
  const values = new Map(taken.map(({ id, value }) => [id, value]));

  it('is what was given', () => {
    expect(joinPersonal(schema, stored, values, () => true)).toEqual({ output: answer, hidden: [], erased: [] });
  });

  it('leaves out, and names, what the reader may not see', () => {
    const { output, hidden, erased } = joinPersonal(schema, stored, values, () => false);
    expect(output).toEqual({ decision: 'yes', people: [{ age: 3 }, { age: 4 }], told: [null, null] });
    expect(hidden).toEqual(['/note', '/a~1b', '/people/0/name', '/told/0', '/told/1', '/notes']);
    expect(erased).toEqual([]);
  });

  it('leaves out what is closed to who may see the rest', () => {
    const { output, hidden } = joinPersonal(schema, stored, values, (closed) => !closed);
    expect(hidden).toEqual(['/notes']);
    expect(output).toMatchObject({ note: 'Ақбота', told: ['one', 'two'] });
    expect(output).not.toHaveProperty('notes');
  });

  it('names what was erased', () => {
    const { output, erased } = joinPersonal(
      schema,
      { decision: 'yes', note: { $personal: 'gone' } },
      values,
      () => true,
    );
    expect({ output, erased }).toEqual({ output: { decision: 'yes' }, erased: ['/note'] });
  });
});
