import type { Catalogue } from './catalogue.js';
import { chartOf } from './chart.js';
import type { ChartNode, Definition } from './definition.js';
import { type Edge, type Exploration, explore, type Rest } from './explore.js';
import type { Findings } from './findings.js';
import type { Json, Workflow } from './types.js';

/**
 * Cases that open each other in a circle in which nobody is waited for would be opened without end. A circle in which a person, a
 * partner, a sub-case or a time is waited for goes no faster than they do.
 */
export function checkOpenings(
  { key }: Workflow,
  definition: Definition,
  exploration: Exploration,
  catalogue: Catalogue,
  findings: Findings,
): void {
  for (const { workflow, state } of opened(definition, exploration)) {
    const circle = circleFrom(workflow, key, catalogue);
    if (circle === undefined) continue;
    findings.error(
      'opens-without-end',
      state,
      `A case opens others here without end, with nobody having done anything: ${[key, ...circle].join(' → ')}.`,
      'Let a task, an event or a time come before the opening, or do not open it.',
    );
  }
}

/** Keys of the workflows of which a case of this one opens another by itself: before anybody is waited for. */
export function opensByItself(workflow: Workflow): string[] {
  const { definition } = chartOf(workflow);
  return opened(definition, explore(definition)).map((one) => one.workflow);
}

/** From one workflow to another by what each opens by itself; undefined where no way leads there. */
function circleFrom(from: string, to: string, { opens }: Catalogue): string[] | undefined {
  const ways = new Map([[from, [from]]]);
  for (const [key, way] of ways) {
    if (key === to) return way;
    for (const next of opens?.(key) ?? []) if (!ways.has(next)) ways.set(next, [...way, next]);
  }
  return undefined;
}

function opened(definition: Definition, { starts }: Exploration): { workflow: string; state: string }[] {
  const edges = [...starts];
  const seen = new Set<Rest>();
  // Grows while it is walked.
  for (const { to } of edges) {
    if (!seen.has(to)) edges.push(...to.edges.filter(isByItself));
    seen.add(to);
  }
  return edges.flatMap((edge) => openedBy(definition, edge));
}

/** A background step answers within moments; whoever else answers takes their time. */
function isByItself({ cause }: Edge): boolean {
  return (cause.kind === 'done' || cause.kind === 'error') && cause.invoke.src === 'service';
}

function openedBy(definition: Definition, edge: Edge): { workflow: string; state: string }[] {
  const { active } = edge.to.configuration;
  const entered = definition.nodes.filter((node) => isEntered(node, edge));
  const subCases = entered
    .filter((node) => active.has(node))
    .flatMap((node) => node.invokes.filter(({ src }) => src === 'case').map(({ input }) => named(node.path, input)));
  const actions = [
    ...entered.flatMap((node) =>
      [...node.entry, ...node.initialActions].map((action) => ({ path: node.path, action })),
    ),
    ...[...edge.exited].flatMap((node) => node.exit.map((action) => ({ path: node.path, action }))),
    ...edge.transitions.flatMap(({ node, actions }) => actions.map((action) => ({ path: node, action }))),
  ];
  const further = actions
    .filter(({ action }) => action.type === 'openCase')
    .map(({ path, action }) => named(path, action.params));
  return [...subCases, ...further].flat();
}

/** Also where it was only passed through. */
function isEntered(node: ChartNode, { from, to, exited }: Edge): boolean {
  const wasActive = from?.configuration.active.has(node) ?? false;
  return to.configuration.active.has(node) ? !wasActive || exited.has(node) : !wasActive && exited.has(node);
}

/** A name that is evaluated is known only when it runs. */
function named(state: string, input: Json): { workflow: string; state: string }[] {
  const workflow = typeof input === 'object' && input !== null && !Array.isArray(input) ? input.workflow : undefined;
  return typeof workflow === 'string' && !workflow.startsWith('=') ? [{ workflow, state }] : [];
}
