import { type Document, isNode, isScalar, visit } from 'yaml';

/** A key that stands twice in one map, where it stands for the second time: a parser would take the last one silently. */
export function twinInYaml(document: Document, text: string): string | undefined {
  let twin: string | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (name !== '<<' && seen.has(name)) {
          twin = told(String(name), text, (isNode(key) && key.range?.[0]) || 0);
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return twin;
}

/** A text with the colon that makes it a key, or a bracket. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}[\]]/g;

/** @param text JSON that can be read */
export function twinInJson(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const { 0: token, 1: key, 2: colon, index } of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (key !== undefined && colon !== undefined) {
      const name = JSON.parse(key) as string;
      const seen = open.at(-1);
      if (seen?.has(name)) return told(name, text, index);
      seen?.add(name);
    }
  }
  return undefined;
}

function told(name: string, text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  return `the key "${name}" stands twice in one map (${place}).`;
}
