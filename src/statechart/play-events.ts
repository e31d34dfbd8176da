import type { Json } from './types.js';

/** One thing to try. `text` is how it was asked for, without its data. */
export type PlayEvent =
  | { kind: 'event'; text: string; type: string; data?: Json }
  | { kind: 'done'; text: string; id: string; output?: Json }
  | { kind: 'error'; text: string; id: string; error?: Json }
  | { kind: 'wait'; text: string; duration: string };

/** Reads a comma-separated list of `NAME`, `NAME:{json}`, `done(id)`, `done(id):{json}`, `error(id)`, `wait(P3D)`. Throws Error. */
export function parsePlayEvents(list: string): PlayEvent[] {
  return split(list).map(parsePlayEvent);
}

export function parsePlayEvent(item: string): PlayEvent {
  const { name, data } = withData(item);
  const call = /^(done|error|wait)\((.*)\)$/s.exec(name);
  if (call === null) return { kind: 'event', text: name, type: name, ...(data !== undefined && { data }) };
  const [, verb, argument = ''] = call;
  const inside = argument.trim();
  if (verb === 'done') return { kind: 'done', text: name, id: inside, ...(data !== undefined && { output: data }) };
  if (verb === 'error') return { kind: 'error', text: name, id: inside, ...(data !== undefined && { error: data }) };
  return { kind: 'wait', text: name, duration: inside };
}

/** The data begin at the first colon after which everything is JSON: names and ids may hold colons themselves. */
function withData(item: string): { name: string; data?: Json } {
  for (let colon = item.indexOf(':'); colon >= 0; colon = item.indexOf(':', colon + 1)) {
    try {
      return { name: item.slice(0, colon).trim(), data: JSON.parse(item.slice(colon + 1)) as Json };
    } catch {
      // Not here; perhaps at the next colon.
    }
  }
  if (/:\s*[{["]/.test(item)) throw new Error(`"${item}": what stands behind the colon is not JSON.`);
  return { name: item.trim() };
}

/** Splits at commas outside of brackets and of JSON texts. */
function split(list: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let quoted = false;
  let begin = 0;
  for (let at = 0; at < list.length; at++) {
    const character = list[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[' || character === '(') depth++;
    else if (character === '}' || character === ']' || character === ')') depth--;
    else if (character === ',' && depth === 0) {
      items.push(list.slice(begin, at));
      begin = at + 1;
    }
  }
  items.push(list.slice(begin));
  return items.map((item) => item.trim()).filter((item) => item !== '');
}
