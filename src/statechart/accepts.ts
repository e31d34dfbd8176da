import { chartOf } from './chart.js';
import { type ChartNode, type Definition, isEffective, type TransitionDef } from './definition.js';
import type { CompiledExpression } from './expression.js';
import { compileOnce } from './template.js';
import type { ChartState, Json, JsonObject, Position, PublicEvent, StepResult, Text, Workflow } from './types.js';

/** What an event would meet at a node: a transition that does something, one that only keeps the event from ancestors, or nothing. */
type Meeting = 'taken' | 'kept' | 'none';

/**
 * Public events that could be taken now, as declared. A guard that looks at the event, the moment or the sender
 * cannot be known beforehand and counts as open.
 */
export function accepts(workflow: Workflow, state: ChartState): PublicEvent[] {
  if (state.snapshot.status !== 'active') return [];
  const { definition } = chartOf(workflow);
  const { value, context } = state.snapshot;
  return definition.events.filter((event) => meet(definition.root, value, event.type, context) === 'taken');
}

/** What the workflow itself says to whoever sent an event that every guard refused; undefined where it has no words. */
export function refusalOf({ events }: Workflow, type: string, result: StepResult): Text | undefined {
  if (result.outcome !== 'refused' || result.reason !== 'guard-refused') return undefined;
  return events.find((event) => event.type === type)?.refused;
}

/** Where a case is, for the board. */
export function position(workflow: Workflow, state: ChartState): Position {
  const { definition } = chartOf(workflow);
  const active = new Set(activeNodes(definition, state.snapshot.value).map(stageOf));
  const stages = definition.stages.map(({ key }) => key).filter((key) => active.has(key));
  return { state: state.snapshot.value, stages, stage: stages.at(-1) ?? null };
}

/** Dotted paths of the active states of a state value, the root ('') first. */
export function activePaths(workflow: Workflow, value: Json): string[] {
  return activeNodes(chartOf(workflow).definition, value).map(({ path }) => path);
}

/** The active states of a state value, the root first. */
export function activeNodes(definition: Definition, value: Json): ChartNode[] {
  const found: ChartNode[] = [];
  collectActive(definition.root, value, found);
  return found;
}

/** XState's rule: `*` is every event, `order.*` every event whose first words are these. */
export function matchesDescriptor(type: string, descriptor: string): boolean {
  if (descriptor === type || descriptor === '*') return true;
  return descriptor.endsWith('.*') && `${type}.`.startsWith(descriptor.slice(0, -1));
}

/** Transitions of one node for an event: the event's own first, then wildcards, the longest first. */
export function candidates(node: ChartNode, type: string): TransitionDef[] {
  const own = Object.hasOwn(node.on, type) ? (node.on[type] ?? []) : [];
  const wild = wildcardsOf(node).filter((descriptor) => descriptor !== type && matchesDescriptor(type, descriptor));
  if (wild.length === 0) return own;
  return [
    ...own,
    ...wild.sort((one, other) => other.length - one.length).flatMap((descriptor) => node.on[descriptor] ?? []),
  ];
}

const wildcards = new WeakMap<ChartNode, string[]>();

/** Most nodes have none: then nothing is compared at every event. */
function wildcardsOf(node: ChartNode): string[] {
  let found = wildcards.get(node);
  if (found === undefined) {
    found = Object.keys(node.on).filter((descriptor) => descriptor.includes('*'));
    wildcards.set(node, found);
  }
  return found;
}

function collectActive(node: ChartNode, value: Json, found: ChartNode[]): void {
  found.push(node);
  for (const [child, inner] of activeChildren(node, value)) collectActive(child, inner, found);
}

const NOTHING: Json = {};

function activeChildren(node: ChartNode, value: Json): [ChartNode, Json][] {
  if (typeof value === 'string') {
    const child = node.children.find(({ key }) => key === value);
    return child ? [[child, NOTHING]] : [];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const found: [ChartNode, Json][] = [];
  for (const child of node.children) {
    const inner = Object.hasOwn(value, child.key) ? value[child.key] : undefined;
    if (inner !== undefined) found.push([child, inner]);
  }
  return found;
}

/** Children are asked first; a region that keeps the event keeps it from all ancestors. */
function meet(node: ChartNode, value: Json, type: string, context: JsonObject): Meeting {
  const inner = activeChildren(node, value).map(([child, childValue]) => meet(child, childValue, type, context));
  if (inner.includes('taken')) return 'taken';
  if (inner.includes('kept')) return 'kept';
  for (const transition of candidates(node, type)) {
    const passes = passesNow(transition, context);
    if (passes === false) continue;
    if (isEffective(transition)) return 'taken';
    if (passes === true) return 'kept';
  }
  return 'none';
}

const guards = new WeakMap<TransitionDef, CompiledExpression | null>();

/** Null where it cannot be known without the event, the moment or the sender, or where the expression warns. */
function passesNow(transition: TransitionDef, context: JsonObject): boolean | null {
  if (transition.guard === undefined) return true;
  let guard = guards.get(transition);
  if (guard === undefined) {
    const compiled = compileOnce(transition.guard);
    guard = ['event', 'now', 'by'].some((name) => compiled.mentions(name)) ? null : compiled;
    guards.set(transition, guard);
  }
  if (guard === null) return null;
  const { value, warnings } = guard.evaluate({ context });
  return typeof value === 'boolean' && warnings.length === 0 ? value : null;
}

function stageOf({ meta }: ChartNode): Json {
  const { stage } = meta;
  return typeof stage === 'object' && stage !== null && !Array.isArray(stage) ? (stage.key ?? null) : (stage ?? null);
}
