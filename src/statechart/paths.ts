import { chartOf } from './chart.js';
import type { TransitionDef } from './definition.js';
import { type Cause, type Edge, type ExplorationLimits, explore, type Rest } from './explore.js';
import type { Workflow } from './types.js';

/** One thing that happens to a case, and where it rests then. */
export interface PathStep {
  happens:
    | { kind: 'start' }
    | { kind: 'event'; type: string }
    | { kind: 'done' | 'error'; invoke: string; node: string }
    | { kind: 'timer'; name: string; node: string };
  /** How guards must answer for this step, in the order in which they are asked. */
  guards: [guard: string, passes: boolean][];
  /** The active states without active children, as dotted paths. */
  states: string[];
  done: boolean;
}

export type Path = PathStep[];

/**
 * Ways through a workflow, each from its start, that together take every transition which can be taken: for tests.
 * Guards are free, so a test must give the data that make them answer as written. Throws an Error if the workflow has
 * too many configurations to be walked.
 */
export function paths(workflow: Workflow, limits?: Partial<ExplorationLimits>): Path[] {
  const { rests, starts, tooLarge } = explore(chartOf(workflow).definition, limits);
  if (tooLarge) throw new Error(`${workflow.key} has too many configurations to walk all of them.`);
  const ways = shortestWays(starts);
  const covered = new Set<TransitionDef>();
  const found: Edge[][] = [];
  for (const edge of [...starts, ...rests.flatMap((rest) => rest.edges)]) {
    if (!addsTo(covered, edge) && !(found.length === 0 && edge.from === null)) continue;
    const before = edge.from === null ? [] : ways.get(edge.from);
    if (before !== undefined) found.push(goOn([...before, edge], covered));
  }
  return found.map((edges) => edges.map(stepOf));
}

/** Goes on as long as the next step takes a transition that no way has taken. */
function goOn(way: Edge[], covered: Set<TransitionDef>): Edge[] {
  for (const { transitions } of way) for (const transition of transitions) covered.add(transition);
  for (let next = fresh(way, covered); next !== undefined; next = fresh(way, covered)) {
    way.push(next);
    for (const transition of next.transitions) covered.add(transition);
  }
  return way;
}

function fresh(way: Edge[], covered: Set<TransitionDef>): Edge | undefined {
  return way.at(-1)?.to.edges.find((edge) => addsTo(covered, edge));
}

function addsTo(covered: Set<TransitionDef>, { transitions }: Edge): boolean {
  return transitions.some((transition) => !covered.has(transition));
}

function shortestWays(starts: Edge[]): Map<Rest, Edge[]> {
  const ways = new Map<Rest, Edge[]>();
  for (const edge of starts) if (!ways.has(edge.to)) ways.set(edge.to, [edge]);
  // Breadth first: the map grows while it is walked.
  for (const [rest, way] of ways) {
    for (const edge of rest.edges) if (!ways.has(edge.to)) ways.set(edge.to, [...way, edge]);
  }
  return ways;
}

function stepOf({ cause, guards, to }: Edge): PathStep {
  return {
    happens: happening(cause),
    guards,
    states: to.leaves.map(({ path }) => path),
    done: to.configuration.done,
  };
}

function happening(cause: Cause): PathStep['happens'] {
  if (cause.kind === 'start' || cause.kind === 'event') return cause;
  if (cause.kind === 'timer') return { kind: 'timer', name: cause.name, node: cause.node.path };
  return { kind: cause.kind, invoke: cause.invoke.id, node: cause.node.path };
}
