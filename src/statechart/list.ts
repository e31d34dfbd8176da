import type { InvokeDef } from './definition.js';
import { compileItems, type OpenedItem } from './invocation.js';
import { compileOnce, evaluate, type Names, StepFault } from './template.js';
import type { Json, ListProgress } from './types.js';

type Item = ListProgress['items'][number];

export function withAnswer(list: ListProgress, entry: string, status: 'done' | 'failed', output: Json): ListProgress {
  return { ...list, items: list.items.map((item) => (item.entry === entry ? { ...item, status, output } : item)) };
}

/** Open items with these keys are taken off; their entries are named so that they can be closed. */
export function dropFromList(list: ListProgress, keys: string[]): { list: ListProgress; entries: string[] } {
  const dropped = (item: Item) => item.status === 'open' && keys.includes(item.key);
  return {
    list: { ...list, items: list.items.map((item) => (dropped(item) ? { ...item, status: 'dropped' } : item)) },
    entries: list.items.filter(dropped).map((item) => item.entry),
  };
}

export function addToList(invoke: InvokeDef, list: ListProgress, items: Json[], names: Names): OpenedItem[] {
  const opened = itemsOf(invoke)(items, names, list.items.length);
  const taken = new Set(list.items.filter(({ status }) => status !== 'dropped').map(({ key }) => key));
  const twice = opened.find(({ key }) => taken.has(key));
  if (twice)
    throw new StepFault({
      rule: 'expression',
      state: invoke.node,
      message: `"${invoke.id}" already has an item with the key "${twice.key}".`,
    });
  return opened;
}

/** What XState gets as `event.output`: the answers in input order, without what was dropped or is still open. */
export function answerOf(list: ListProgress): Json[] {
  return list.items.filter(({ status }) => status === 'done').map(({ output }) => output ?? null);
}

/** Why a list of which one is enough has none: the last in input order that failed, whichever failed last. */
export function failureOf({ until }: InvokeDef, { items }: ListProgress): Item | undefined {
  if (until !== 'any' || items.some(({ status }) => status === 'done')) return undefined;
  return items.findLast(({ status }) => status === 'failed');
}

export function isComplete(invoke: InvokeDef, list: ListProgress, names: Names): boolean {
  const items = list.items.filter(({ status }) => status !== 'dropped');
  const results = answerOf(list);
  // Nothing more can come: some may have failed where `until` is an expression.
  if (items.every(({ status }) => status !== 'open')) return true;
  const until = invoke.until ?? 'all';
  if (until === 'all') return false;
  if (until === 'any') return results.length > 0;
  const seen = {
    ...names,
    results,
    items: items.map(({ key, status, output }) => ({ key, status, output: output ?? null })),
  };
  const complete = evaluate(compileOnce(until), seen, until, invoke.node);
  if (typeof complete === 'boolean') return complete;
  throw new StepFault({
    rule: 'guard-not-boolean',
    state: invoke.node,
    message: `\`until\` of "${invoke.id}" gives ${JSON.stringify(complete)}, not true or false.`,
  });
}

const items = new WeakMap<InvokeDef, ReturnType<typeof compileItems>>();

function itemsOf(invoke: InvokeDef): ReturnType<typeof compileItems> {
  const found = items.get(invoke) ?? compileItems(invoke);
  items.set(invoke, found);
  return found;
}
