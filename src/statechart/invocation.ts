import type { InvokeDef } from './definition.js';
import { compileOnce, compileTemplate, evaluate, type Names, StepFault, type Template } from './template.js';
import type { Json, JsonObject } from './types.js';

/** More items than a list may have; each is a task, a hand-off or a sub-case of its own. */
const MAX_ITEMS = 1000;

/** What an invocation asks for, evaluated at the moment it is opened. */
export type Opening = { kind: 'single'; input: JsonObject } | { kind: 'list'; items: OpenedItem[] };

export interface OpenedItem {
  key: string;
  index: number;
  input: JsonObject;
  /** What the item's expressions see as `item`. */
  item: Json;
}

/** Evaluates `input`, once, or for a list once per item with the names `item` and `index`. */
export function compileInvocation(invoke: InvokeDef): (names: Names) => Opening {
  const input = compileTemplate(invoke.input, invoke.node);
  const { each } = invoke;
  if (each === undefined) return (names) => ({ kind: 'single', input: resolveInput(input, names, invoke) });
  const list = compileOnce(each);
  const open = compileItems(invoke);
  return (names) => {
    const items = evaluate(list, names, each, invoke.node);
    if (!Array.isArray(items))
      throw fault(invoke, `\`each\` of "${invoke.id}" gives ${JSON.stringify(items)}, not a list.`);
    return { kind: 'list', items: open(items, names, 0) };
  };
}

/** For items that come later: `first` is the index of the first of them. */
export function compileItems(invoke: InvokeDef): (items: Json[], names: Names, first: number) => OpenedItem[] {
  const input = compileTemplate(invoke.input, invoke.node);
  const key = invoke.key === undefined ? undefined : compileTemplate(invoke.key, invoke.node);
  return (items, names, first) => {
    if (first + items.length > MAX_ITEMS)
      throw fault(
        invoke,
        `The list "${invoke.id}" would have ${first + items.length} items; ${MAX_ITEMS} is the most.`,
      );
    const opened = items.map((item, offset) => {
      const index = first + offset;
      const seen = { ...names, item, index };
      return { key: itemKey(key, seen, index, invoke), index, input: resolveInput(input, seen, invoke), item };
    });
    const twice = opened.find(({ key: own }, index) => opened.findIndex((other) => other.key === own) < index);
    if (twice) throw fault(invoke, `Two items of "${invoke.id}" have the key "${twice.key}".`);
    return opened;
  };
}

function itemKey(template: Template | undefined, names: Names, index: number, invoke: InvokeDef): string {
  const key = template === undefined ? index : template.resolve(names);
  if ((typeof key === 'string' && key !== '') || typeof key === 'number') return String(key);
  throw fault(
    invoke,
    `The key of item ${index} of "${invoke.id}" is ${JSON.stringify(key)}; it must be text or a number.`,
  );
}

function resolveInput(template: Template, names: Names, invoke: InvokeDef): JsonObject {
  const input = template.resolve(names);
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  throw fault(invoke, `The input of "${invoke.id}" is ${JSON.stringify(input)}, not a map.`);
}

function fault(invoke: InvokeDef, message: string): StepFault {
  return new StepFault({ rule: 'expression', state: invoke.node, message });
}
