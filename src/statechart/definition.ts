import type { DelayRule, Finding, Json, JsonObject, PublicEvent, Text } from './types.js';

/** A workflow as a typed tree: every shorthand spelled out, every target resolved to a path. */
export interface Definition {
  key: string;
  /** The machine's own id, which `#id` targets and XState's event names start with. */
  id: string;
  title: Text;
  /** Initial context; strings that start with `=` are expressions over `input`. */
  context: JsonObject;
  /** Without an `events` map every plain name in `on` is public. */
  events: PublicEvent[];
  eventsDeclared: boolean;
  stages: { key: string; title: Text }[];
  delays: Record<string, DelayRule>;
  output?: Json;
  root: ChartNode;
  /** Document order, the root first. */
  nodes: ChartNode[];
  byPath: Map<string, ChartNode>;
}

export type NodeType = 'atomic' | 'compound' | 'parallel' | 'final' | 'history';

export interface ChartNode {
  /** Place in document order; the root's is 0. */
  order: number;
  /** Dotted path without the machine's key, '' for the root. */
  path: string;
  key: string;
  /** XState's id of the node: its own `id`, or the machine's id and the path. */
  id: string;
  type: NodeType;
  /** Only on history nodes. */
  history?: 'shallow' | 'deep';
  /** Where a history node leads before there is any history. */
  historyTarget?: string[];
  parent: ChartNode | null;
  children: ChartNode[];
  /** Path of the child that is entered by default. */
  initial?: string;
  initialActions: ActionDef[];
  invokes: InvokeDef[];
  after: AfterDef[];
  on: Record<string, TransitionDef[]>;
  always: TransitionDef[];
  onDone: TransitionDef[];
  entry: ActionDef[];
  exit: ActionDef[];
  output?: Json;
  meta: JsonObject;
  tags: string[];
}

export interface InvokeDef {
  id: string;
  src: string;
  input: Json;
  /** Expressions of a list: one entry per item. */
  each?: string;
  key?: string;
  /** `all` (default), `any`, or an expression over `results` and `items`. */
  until?: string;
  onDone: TransitionDef[];
  onError: TransitionDef[];
  node: string;
}

export interface AfterDef {
  name: string;
  rule: DelayRule;
  transitions: TransitionDef[];
  node: string;
}

export interface ActionDef {
  type: string;
  params: JsonObject;
}

export interface TransitionDef {
  /** The descriptor as XState knows it; '' for `always`. */
  event: string;
  /** Resolved paths; undefined for a transition that stays where it is. */
  target?: string[];
  /** The target as it was written: XState resolves it by itself. */
  written?: string[];
  guard?: string;
  actions: ActionDef[];
  reenter?: boolean;
  /** Path of the state that declares it. */
  node: string;
}

/** True for a string that is evaluated: it starts with `=`. */
export function isExpression(value: Json | undefined): value is `=${string}` {
  return typeof value === 'string' && value.startsWith('=');
}

/** An event that only the engine itself may raise. */
export function isReserved(event: string): boolean {
  return event === '' || event === 'xstate' || event.startsWith('xstate.') || event.includes('*');
}

/** A transition that does something; XState calls the others forbidden: they keep the event from ancestors. */
export function isEffective(transition: TransitionDef): boolean {
  return transition.target !== undefined || transition.actions.length > 0;
}

export function ancestorsOf(node: ChartNode): ChartNode[] {
  const ancestors: ChartNode[] = [];
  for (let parent = node.parent; parent !== null; parent = parent.parent) ancestors.push(parent);
  return ancestors;
}

/** Collects what is wrong, so that an author sees all of it at once. */
export class Problems {
  readonly findings: Finding[] = [];
  /** Those of `findings` without which nothing could be built, or something else than was written. */
  readonly broken: Finding[] = [];

  /** What is there means nothing, or cannot be followed. */
  add(rule: string, state: string, message: string, hint: string): void {
    this.broken.push(this.refuse(rule, state, message, hint));
  }

  /**
   * What is there is read as it stands, and would run as written; we do not want it in anything new. A version that a
   * release before us took goes on with it.
   */
  refuse(rule: string, state: string, message: string, hint: string): Finding {
    const finding: Finding = { rule, severity: 'error', state, message, hint };
    this.findings.push(finding);
    return finding;
  }
}
