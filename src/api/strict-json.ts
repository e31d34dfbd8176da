import { AppError } from '../engine/errors.js';
import type { Json } from '../statechart/types.js';

/** Deeper bodies are refused: nothing of ours nests that far. */
export const MAX_DEPTH = 32;

/** Names that would reach JavaScript's object machinery instead of being stored. */
const DANGEROUS_NAMES = new Set(['__proto__', 'constructor', 'prototype']);

export interface StrictJsonOptions {
  /** Lets texts with NUL and lone surrogates through: whoever reads them says where they stand. */
  anyText?: boolean;
}

/**
 * Reads a JSON body and refuses what JSON.parse would take silently: a name given twice, deep nesting, NUL and lone
 * surrogates (PostgreSQL cannot store them), numbers that would change their value, names that reach prototypes.
 * @throws AppError `malformed` (400), with the position where there is one
 */
export function parseStrictJson(body: Buffer, options: StrictJsonOptions = {}): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw malformed('it is not UTF-8');
  }
  new Scanner(text, options.anyText ?? false).scan();
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw malformed('it is not JSON');
  }
}

function malformed(reason: string, position?: number): AppError {
  const where = position === undefined ? '' : ` (at character ${position + 1})`;
  return new AppError('malformed', 400, `The body cannot be read: ${reason}${where}. Send one JSON value in UTF-8.`, {
    reason,
    ...(position === undefined ? {} : { position: position + 1 }),
  });
}

function refuseUnstorable(value: string, start: number): void {
  if (!value.isWellFormed()) throw malformed('a text holds half of a character pair (a lone surrogate)', start);
  if (value.includes('\0')) throw malformed('a text holds the character NUL', start);
}

/** One pass over the text; what is syntactically wrong is left to JSON.parse. */
class Scanner {
  private at = 0;
  /** Names seen in each open object, undefined for arrays. */
  private readonly open: (Set<string> | undefined)[] = [];
  private nameExpected: boolean = false;

  constructor(
    private readonly text: string,
    private readonly anyText: boolean,
  ) {}

  scan(): void {
    while (this.at < this.text.length) {
      const char = this.text[this.at];
      if (char === '"') this.string();
      else if (char === '{') this.enter(new Set());
      else if (char === '[') this.enter(undefined);
      else if (char === '}' || char === ']') this.leave();
      else if (char === ',') this.nameExpected = this.open.at(-1) !== undefined;
      else if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) {
        this.number();
        continue;
      }
      this.at += 1;
    }
  }

  private enter(names: Set<string> | undefined): void {
    this.open.push(names);
    this.nameExpected = names !== undefined;
    if (this.open.length > MAX_DEPTH) throw malformed(`it is nested more than ${MAX_DEPTH} levels deep`, this.at);
  }

  private leave(): void {
    this.open.pop();
    this.nameExpected = false;
  }

  private string(): void {
    const start = this.at;
    let escaped = false;
    for (this.at += 1; this.at < this.text.length && this.text[this.at] !== '"'; this.at += 1) {
      if (this.text[this.at] !== '\\') continue;
      escaped = true;
      this.at += 1;
    }
    const value = escaped ? this.unescaped(start) : this.text.slice(start + 1, this.at);
    if (!this.anyText) refuseUnstorable(value, start);
    if (this.nameExpected) this.name(value, start);
    this.nameExpected = false;
  }

  private name(name: string, start: number): void {
    if (DANGEROUS_NAMES.has(name)) throw malformed(`"${name}" cannot be the name of a field`, start);
    const names = this.open.at(-1);
    if (names?.has(name)) throw malformed(`the field "${name.slice(0, 100)}" is given twice`, start);
    names?.add(name);
  }

  private unescaped(start: number): string {
    try {
      return JSON.parse(this.text.slice(start, this.at + 1)) as string;
    } catch {
      throw malformed('it is not JSON', start);
    }
  }

  private number(): void {
    const start = this.at;
    while (this.at < this.text.length && /[-+.0-9eE]/.test(this.text.charAt(this.at))) this.at += 1;
    const digits = this.text.slice(start, this.at);
    const value = Number(digits);
    const exact = Number.isFinite(value) && (!/^-?\d+$/.test(digits) || Number.isSafeInteger(value));
    if (!Number.isNaN(value) && !exact)
      throw malformed('a number is too large to be kept exactly; send it as text', start);
  }
}
