const MAX_DEPTH = 500;
/** What a string must not hold to be written as it is: quotes, backslashes, control characters, lone surrogates. */
const NEEDS_CARE = /["\\\p{Cc}\p{Cs}]/u;

/**
 * Canonical JSON (RFC 8785): one text per value, whatever the order of its keys, so that hashes can be compared.
 * Properties that are undefined are left out, as JSON does. Throws TypeError on anything else that JSON cannot carry
 * (NaN, dates, class instances, cycles, lone surrogates).
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} is not JSON.`);
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) throw new TypeError('The value is too deep, or refers to itself.');
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      throw new TypeError(`A value of type ${typeof value} is not JSON.`);
  }
}

function writeArray(values: unknown[], depth: number): string {
  let text = '[';
  for (let index = 0; index < values.length; index++) {
    if (index > 0) text += ',';
    text += write(values[index], depth + 1);
  }
  return `${text}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !isPlainElsewhere(prototype)) {
    throw new TypeError(`An object of class ${value.constructor?.name ?? 'unknown'} is not JSON.`);
  }
  const record = value as Record<string, unknown>;
  let text = '';
  for (const key of sortedKeys(record)) {
    const property = record[key];
    if (property === undefined) continue;
    text += `${text === '' ? '{' : ','}${quotedKey(key)}${write(property, depth + 1)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Objects made in another realm (a test runner's sandbox) have an `Object.prototype` of their own. */
function isPlainElsewhere(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf')
  );
}

const FEW_KEYS = 24;

/** Sorted in place: objects are small and mostly in order already, and `sort` allocates more than all the rest here. */
function sortedKeys(record: Record<string, unknown>): string[] {
  const keys = Object.keys(record);
  if (keys.length > FEW_KEYS) return keys.sort((one, other) => (one < other ? -1 : 1));
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] ?? '';
    let place = index;
    for (; place > 0 && (keys[place - 1] ?? '') > key; place--) keys[place] = keys[place - 1] ?? '';
    if (place !== index) keys[place] = key;
  }
  return keys;
}

const MAX_KNOWN_KEYS = 2000;
const knownKeys = new Map<string, string>();

/** With its colon. The same few keys come again and again. */
function quotedKey(key: string): string {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const quoted = `${quote(key)}:`;
  if (knownKeys.size < MAX_KNOWN_KEYS) knownKeys.set(key, quoted);
  return quoted;
}

function quote(text: string): string {
  if (!NEEDS_CARE.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('A string holds half a character (a lone surrogate).');
  return JSON.stringify(text);
}
