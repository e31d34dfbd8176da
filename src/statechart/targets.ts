import { ancestorsOf, type ChartNode, type Problems, type TransitionDef } from './definition.js';

/** Resolves every target to a path, by XState's rules: `sibling`, `sibling.child`, `.child`, `#id`, `#id.child`, arrays of these. */
export function resolveTargets(nodes: ChartNode[], problems: Problems): void {
  const byId = idsOf(nodes, problems);
  for (const node of nodes) {
    for (const transition of transitionsOf(node)) resolveTransition(transition, node, byId, problems);
    if (node.historyTarget !== undefined) resolveHistory(node, byId, problems);
  }
  for (const node of nodes) {
    if (node.type === 'history' && leadsToItself(node, nodes)) {
      problems.add(
        'target-unknown',
        node.path,
        'Before there is any history this state leads only to itself.',
        'Give it a `target` that is a real state.',
      );
    }
  }
}

/** Everything that can take place at a node, in no special order. */
export function transitionsOf(node: ChartNode): TransitionDef[] {
  return [
    ...Object.values(node.on).flat(),
    ...node.always,
    ...node.onDone,
    ...node.invokes.flatMap((invoke) => [...invoke.onDone, ...invoke.onError]),
    ...node.after.flatMap((after) => after.transitions),
  ];
}

function resolveTransition(
  transition: TransitionDef,
  node: ChartNode,
  byId: Map<string, ChartNode>,
  problems: Problems,
): void {
  if (transition.written === undefined) return;
  const found = transition.written.map((target) => resolve(target, node, byId));
  transition.target = found.flatMap((target) => (target === undefined ? [] : [target.path]));
  found.forEach((target, index) => {
    if (target !== undefined) return;
    const written = transition.written?.[index] ?? '';
    problems.add(
      'target-unknown',
      node.path,
      `${place(transition)} leads to "${written}", which does not exist.`,
      'Name a sibling, `.child`, `#id` or `#id.child` that exists.',
    );
  });
  const targets = found.filter((target) => target !== undefined);
  const exclusive = targets.find((target, index) =>
    targets.slice(0, index).some((other) => !compatible(target, other)),
  );
  if (exclusive !== undefined) {
    problems.add(
      'target-conflict',
      node.path,
      `${place(transition)} leads to ${targets.map((target) => `"${target.path}"`).join(' and ')}, which cannot be active together.`,
      'Several targets must lie in different regions of one parallel state.',
    );
  }
}

function place(transition: TransitionDef): string {
  return transition.event === '' ? '`always`' : `"${transition.event}"`;
}

function resolve(target: string, node: ChartNode, byId: Map<string, ChartNode>): ChartNode | undefined {
  if (target.startsWith('#')) {
    const [id = '', ...keys] = target.slice(1).split('.');
    const start = byId.get(id);
    return start && descend(start, keys);
  }
  if (target.startsWith('.')) return descend(node, target.slice(1).split('.'));
  return node.parent === null ? undefined : descend(node.parent, target.split('.'));
}

function resolveHistory(node: ChartNode, byId: Map<string, ChartNode>, problems: Problems): void {
  const parent = node.parent;
  node.historyTarget = node.historyTarget?.flatMap((target) => {
    const found = target.startsWith('#')
      ? resolve(target, node, byId)
      : parent === null || target.startsWith('.')
        ? undefined
        : descend(parent, target.split('.'));
    const inside = found !== undefined && ancestorsOf(found).some((ancestor) => ancestor === parent);
    if (!inside) {
      problems.add(
        'target-unknown',
        node.path,
        `The history state's default "${target}" is not inside "${parent?.path ?? ''}".`,
        'Name a state beside it.',
      );
    }
    return inside ? [found.path] : [];
  });
}

/** XState stops at an empty key: `a.` is `a`. */
function descend(start: ChartNode, keys: string[]): ChartNode | undefined {
  let node: ChartNode | undefined = start;
  for (const key of keys) {
    if (key === '') break;
    node = node && childrenByKey(node).get(key);
  }
  return node;
}

const childrenOf = new WeakMap<ChartNode, Map<string, ChartNode>>();

function childrenByKey(node: ChartNode): Map<string, ChartNode> {
  const known = childrenOf.get(node);
  if (known !== undefined) return known;
  const children = new Map(node.children.map((child) => [child.key, child]));
  childrenOf.set(node, children);
  return children;
}

function idsOf(nodes: ChartNode[], problems: Problems): Map<string, ChartNode> {
  const byId = new Map<string, ChartNode>();
  for (const node of nodes) {
    const other = byId.get(node.id);
    if (other !== undefined) {
      problems.add(
        'id-twice',
        node.path,
        `Its id "${node.id}" is also the id of "${other.path}".`,
        'Give each state an id of its own.',
      );
    }
    byId.set(node.id, node);
  }
  return byId;
}

/** Two targets can be entered together: one holds the other, or they lie in two regions of a parallel state. */
export function compatible(one: ChartNode, other: ChartNode): boolean {
  if (one === other) return true;
  const mine = [one, ...ancestorsOf(one)];
  const common = [other, ...ancestorsOf(other)].find((node) => mine.includes(node));
  return common === one || common === other || common?.type === 'parallel';
}

function leadsToItself(node: ChartNode, nodes: ChartNode[]): boolean {
  const seen = new Set<ChartNode>();
  let next: ChartNode | undefined = node;
  while (next?.type === 'history') {
    if (seen.has(next)) return true;
    seen.add(next);
    const [path]: (string | undefined)[] = next.historyTarget ?? [
      next.parent?.type === 'parallel' ? undefined : next.parent?.initial,
    ];
    next = path === undefined ? undefined : nodes.find((candidate) => candidate.path === path);
  }
  return false;
}
