import { activePaths } from '../statechart/accepts.js';
import { type Diagram, type DiagramNode, diagram } from '../statechart/diagram.js';
import type { Json, Language, Workflow } from '../statechart/types.js';

/** A workflow's states in one language, ready to look things up in. */
export interface Outline extends Diagram {
  byPath: ReadonlyMap<string, DiagramNode>;
  /** Invocation → the state that waits for it. */
  byInvoke: ReadonlyMap<string, DiagramNode>;
}

const outlines = new WeakMap<Workflow, Map<Language, Outline>>();

/** Made once per version and language. */
export function outlineOf(workflow: Workflow, language: Language): Outline {
  const made = outlines.get(workflow) ?? new Map<Language, Outline>();
  outlines.set(workflow, made);
  let outline = made.get(language);
  if (outline === undefined) {
    const drawn = diagram(workflow, language);
    outline = {
      ...drawn,
      byPath: new Map(drawn.nodes.map((node) => [node.path, node])),
      byInvoke: new Map(drawn.nodes.flatMap((node) => node.invokes.map((invoke) => [invoke, node] as const))),
    };
    made.set(language, outline);
  }
  return outline;
}

/** What people call a state: by its stage where it has no title of its own, and by its path where nobody named it; of the whole chart the workflow's title. */
export function stateTitle(workflow: Workflow, path: string, language: Language): string {
  if (path === '') return workflow.title[language] ?? workflow.title.en ?? workflow.key;
  const node = outlineOf(workflow, language).byPath.get(path);
  if (node && !isUntitled(node)) return node.title;
  const stage = workflow.stages.find(({ key }) => key === node?.stage)?.title;
  return stage?.[language] ?? stage?.en ?? path;
}

/** What is due, in words: the state itself, or the one that waits for the invocation of this name. */
export function dueTitle(what: string, name: string, workflow: Workflow, language: Language): string {
  const path = what === 'state' ? name : outlineOf(workflow, language).byInvoke.get(name)?.path;
  return path === undefined ? name : stateTitle(workflow, path, language);
}

/**
 * Titles of the innermost active states: where a case stands, in words. A part that is over says nothing while others
 * go on, and neither does a state without a title; they are named only where there is nothing else to say.
 */
export function standsIn(workflow: Workflow, value: Json, language: Language): string[] {
  const { byPath } = outlineOf(workflow, language);
  const active = activePaths(workflow, value);
  const inner = active
    .filter((path) => !active.some((other) => isInside(other, path)))
    .flatMap((path) => byPath.get(path) ?? []);
  const telling = inner.filter((node) => node.type !== 'final' && !isUntitled(node));
  const titled = inner.filter((node) => !isUntitled(node));
  const said = [telling, titled, inner].find((nodes) => nodes.length > 0) ?? [];
  return [...new Set(said.map(({ title }) => title))];
}

/** Without a title a state is called by its key. */
export function isUntitled({ path, title }: DiagramNode): boolean {
  return path.split('.').at(-1) === title;
}

/** Whether a state lies in another one, however deep. Everything lies in the root. */
export function isInside(path: string, container: string): boolean {
  return path !== container && (container === '' || path.startsWith(`${container}.`));
}
