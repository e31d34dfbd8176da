import { parseDocument } from 'yaml';
import type { Problems } from './definition.js';
import { twinInJson, twinInYaml } from './twins.js';
import type { Json } from './types.js';

/** Of all files together, in bytes of UTF-8. */
const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;
/** Open brackets at a time; some may stand in texts and be no structure at all. */
const MAX_BRACKETS = 1000;
/** Values in one file after aliases are written out. */
const MAX_VALUES = 200_000;
/** Each costs about a millisecond to compile. */
const MAX_EXPRESSIONS = 5000;
/** How often aliases may repeat what stands behind an anchor, in all. */
const MAX_ALIASES = 1000;
/** Keys that reach an object's prototype in careless code. */
const REFUSED_KEYS = new Set(['__proto__', 'prototype', 'constructor']);

/** Reads YAML or JSON texts into plain JSON. Files that cannot be read are left out and named in `problems`. */
export function readFiles(files: Record<string, string>, problems: Problems): Record<string, Json> {
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > MAX_BYTES) {
    problems.add(
      'too-large',
      '',
      `The workflow has ${bytes} bytes; ${MAX_BYTES} is the most.`,
      'Move what is not the workflow out of its folder.',
    );
    return {};
  }
  const read: Record<string, Json> = {};
  for (const [path, text] of Object.entries(files)) {
    if (REFUSED_KEYS.has(path)) continue;
    const value = readFile(path, text, problems);
    if (value !== undefined) read[path] = value;
  }
  return read;
}

function readFile(path: string, text: string, problems: Problems): Json | undefined {
  if (text.includes('\u0000') || !text.isWellFormed()) {
    problems.add('not-text', '', `${path} holds a NUL or half a character.`, 'Save it as UTF-8 text.');
    return undefined;
  }
  try {
    const value: unknown = parse(path, text, problems);
    new Inspection().inspect(value, '', 0);
    return value as Json;
  } catch (error) {
    problems.add(
      'unreadable',
      '',
      `${path}: ${explain(error)}`,
      'Mend the file; it must be YAML or JSON of plain values.',
    );
    return undefined;
  }
}

/** Parsers work from the inside out and slow down long before they give up: a look at the text is enough. */
function refuseNesting(text: string): void {
  let depth = 0;
  for (const character of text.match(/[[\]{}]/g) ?? []) {
    depth += character === '[' || character === '{' ? 1 : -1;
    if (depth > MAX_BRACKETS) throw new RangeError('brackets');
  }
  if (/(?:[-?] ){200}/.test(text)) throw new RangeError('lists of lists');
}

function parse(path: string, text: string, problems: Problems): unknown {
  refuseNesting(text);
  if (path.endsWith('.json') || /^\s*[{[]/.test(text)) {
    try {
      const value: unknown = JSON.parse(text);
      const twin = twinInJson(text);
      if (twin !== undefined) problems.refuse('unreadable', '', `${path}: ${twin}`, 'Keep one of them.');
      return value;
    } catch (error) {
      if (path.endsWith('.json')) throw error;
    }
  }
  // The parser's own search for keys that are written twice compares each with each.
  const document = parseDocument(text, { version: '1.2', merge: true, uniqueKeys: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw problem;
  const twin = twinInYaml(document, text);
  if (twin !== undefined) throw new Error(twin);
  return document.toJS({ maxAliasCount: MAX_ALIASES });
}

function explain(error: unknown): string {
  if (error instanceof RangeError) return 'it is nested too deep.';
  return error instanceof Error ? error.message : String(error);
}

/** Walks what was read: only plain JSON, no cycles, nothing that hides from a reader. */
class Inspection {
  private values = 0;
  private expressions = 0;
  /** What the value stands in, and where that begins. */
  private readonly around = new Map<object, string>();

  inspect(value: unknown, place: string, depth: number): void {
    this.values += 1;
    if (this.values > MAX_VALUES)
      throw new Error(`it has more than ${MAX_VALUES} values once its aliases are written out.`);
    if (depth > MAX_DEPTH) throw new Error(`"${shorten(place)}" is nested more than ${MAX_DEPTH} levels deep.`);
    if (typeof value === 'string') {
      this.inspectText(value, place);
      if (value.startsWith('=') && ++this.expressions > MAX_EXPRESSIONS) {
        throw new Error(`it has more than ${MAX_EXPRESSIONS} expressions.`);
      }
    }
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return;
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw new Error(`"${shorten(place)}" is ${value}, which JSON cannot carry.`);
      return;
    }
    if (typeof value !== 'object') throw new Error(`"${shorten(place)}" is not plain data.`);
    const around = this.around.get(value);
    if (around !== undefined)
      throw new Error(
        `"${shorten(place)}" is an alias of ${around === '' ? 'the whole file' : `"${shorten(around)}"`}, in which it stands itself: it would go on without end.`,
      );
    this.around.set(value, place);
    this.inspectParts(value, place, depth);
    this.around.delete(value);
  }

  private inspectParts(value: object, place: string, depth: number): void {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.inspect(item, `${place}[${index}]`, depth + 1);
      return;
    }
    if (!isPlain(value)) throw new Error(`"${shorten(place)}" is not plain data.`);
    for (const [key, part] of Object.entries(value)) {
      this.inspectText(key, place);
      if (REFUSED_KEYS.has(key)) throw new Error(`"${shorten(place)}" has the key "${key}", which is refused.`);
      this.inspect(part, place === '' ? key : `${place}.${key}`, depth + 1);
    }
  }

  private inspectText(text: string, place: string): void {
    if (text.includes('\u0000')) throw new Error(`"${shorten(place)}" holds a NUL character.`);
    if (!text.isWellFormed()) throw new Error(`"${shorten(place)}" holds half a character (a lone surrogate).`);
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    (typeof prototype === 'object' &&
      Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype, 'isPrototypeOf'))
  );
}

function shorten(place: string): string {
  return place.length > 120 ? `${place.slice(0, 60)}…${place.slice(-50)}` : place;
}
