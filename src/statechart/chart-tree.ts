import { candidates } from './accepts.js';
import type { ChartNode, Definition, TransitionDef } from './definition.js';
import { transitionsOf } from './targets.js';

/** What history states remember. */
export type History = ReadonlyMap<ChartNode, ChartNode[]>;

/** The node tree with what XState asks of it: document order, who is inside whom, and how far a transition reaches. */
export class ChartTree {
  /** History states that something leads to; what the others remember makes no difference. */
  readonly comeBackTo: ReadonlySet<ChartNode>;
  /** By a state's place in document order: the place of the last one inside it. */
  private readonly last: number[] = [];
  /** By a state's place, then by event; those of the engine's own events from the start. */
  private readonly transitions: Map<string, TransitionDef[]>[];

  constructor(private readonly definition: Definition) {
    this.transitions = definition.nodes.map(engineTransitions);
    this.measure(definition.root);
    const targets = new Set(
      definition.nodes.flatMap((node) => [
        ...transitionsOf(node).flatMap(({ target = [] }) => target),
        ...(node.historyTarget ?? []),
        node.initial ?? '',
      ]),
    );
    this.comeBackTo = new Set(definition.nodes.filter(({ type, path }) => type === 'history' && targets.has(path)));
  }

  transitionsFor(node: ChartNode, event: string): TransitionDef[] {
    const known = this.transitions[node.order];
    let found = known?.get(event);
    if (found === undefined) {
      found = event.startsWith('xstate.') ? [] : candidates(node, event);
      known?.set(event, found);
    }
    return found;
  }

  node(path: string): ChartNode {
    return this.definition.byPath.get(path) ?? this.definition.root;
  }

  get root(): ChartNode {
    return this.definition.root;
  }

  /** The same for the same set of states. */
  keyOf(nodes: Iterable<ChartNode>): string {
    const places: number[] = [];
    for (const { order } of nodes) places.push(order);
    return places.sort((one, other) => one - other).join();
  }

  /** In document order. */
  sorted(nodes: Iterable<ChartNode>, direction: 1 | -1 = 1): ChartNode[] {
    return [...nodes].sort((one, other) => direction * (one.order - other.order));
  }

  /** Every node is inside `null`, which stands for what is outside the root. */
  isInside(node: ChartNode, ancestor: ChartNode | null): boolean {
    if (ancestor === null) return true;
    return node.order > ancestor.order && node.order <= (this.last[ancestor.order] ?? 0);
  }

  initialNodes(node: ChartNode, found = new Set<ChartNode>()): Set<ChartNode> {
    if (found.has(node)) return found;
    found.add(node);
    if (node.type === 'compound') this.initialNodes(this.node(node.initial ?? ''), found);
    if (node.type === 'parallel') for (const child of node.children) this.initialNodes(child, found);
    return found;
  }

  /** What a transition leads to once history has been looked up. */
  effectiveTargets(targets: readonly ChartNode[], history: History): ChartNode[] {
    const found = targets.flatMap((target) =>
      target.type === 'history'
        ? (history.get(target) ?? this.effectiveTargets(this.historyDefault(target), history))
        : [target],
    );
    return [...new Set(found)];
  }

  historyDefault(node: ChartNode): ChartNode[] {
    if (node.historyTarget !== undefined) return node.historyTarget.map((path) => this.node(path));
    if (node.parent === null) return [];
    return node.parent.type === 'parallel' ? [node.parent] : [this.node(node.parent.initial ?? '')];
  }

  /** The state inside which everything is left and entered; null for all, the root too. */
  domain(transition: TransitionDef, history: History): ChartNode | null {
    const source = this.node(transition.node);
    const targets = this.effectiveTargets(this.targets(transition), history);
    const reenter = transition.reenter === true;
    if (!reenter && targets.every((target) => target === source || this.isInside(target, source))) return source;
    const nodes = [...targets, source];
    for (let ancestor = nodes[0]?.parent ?? null; ancestor !== null; ancestor = ancestor.parent) {
      const common = ancestor;
      if (nodes.slice(1).every((node) => this.isInside(node, common))) return common;
    }
    return reenter ? null : this.root;
  }

  targets(transition: TransitionDef): ChartNode[] {
    return (transition.target ?? []).map((path) => this.node(path));
  }

  private measure(node: ChartNode): number {
    const last = node.children.reduce((_, child) => this.measure(child), node.order);
    this.last[node.order] = last;
    return last;
  }
}

/** Transitions that the engine's own events take. */
function engineTransitions(node: ChartNode): Map<string, TransitionDef[]> {
  const byEvent = new Map<string, TransitionDef[]>();
  const lists = [
    node.onDone,
    ...node.invokes.flatMap(({ onDone, onError }) => [onDone, onError]),
    ...node.after.map(({ transitions }) => transitions),
  ];
  for (const transition of lists.flat())
    byEvent.set(transition.event, [...(byEvent.get(transition.event) ?? []), transition]);
  return byEvent;
}

export function isComplete(node: ChartNode, active: ReadonlySet<ChartNode>): boolean {
  if (node.type === 'compound') return node.children.some((child) => child.type === 'final' && active.has(child));
  if (node.type === 'parallel')
    return node.children.filter((child) => child.type !== 'history').every((child) => isComplete(child, active));
  return node.type === 'final';
}

/** How many states can be active at once, this one included. */
export function activeAtOnce({ type, children }: ChartNode): number {
  const inside = children.map((child) => (child.type === 'history' ? 0 : activeAtOnce(child)));
  return 1 + (type === 'parallel' ? inside.reduce((sum, one) => sum + one, 0) : Math.max(0, ...inside));
}

/** From the parent up, without `until`. */
export function properAncestors(node: ChartNode, until: ChartNode | null): ChartNode[] {
  const found: ChartNode[] = [];
  if (node === until) return found;
  for (let ancestor = node.parent; ancestor !== null && ancestor !== until; ancestor = ancestor.parent)
    found.push(ancestor);
  return found;
}
