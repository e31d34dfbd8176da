import { chartOf } from './chart.js';
import type { ChartNode, Definition, TransitionDef } from './definition.js';
import type { Language, Text, Workflow } from './types.js';

export interface DiagramNode {
  /** Dotted path without the machine's key, '' for the root. */
  path: string;
  parent: string | null;
  type: ChartNode['type'];
  title: string;
  /** Entered by default. */
  initial: boolean;
  stage: string | null;
  /** Ids of what it waits for. */
  invokes: string[];
}

export interface DiagramEdge {
  from: string;
  to: string;
  label: string;
  guard: string | null;
}

export interface Diagram {
  nodes: DiagramNode[];
  edges: DiagramEdge[];
  /** The same as a Mermaid state diagram. */
  mermaid: string;
}

/** A workflow as a picture: nodes and edges for whoever draws, and Mermaid for whoever reads. */
export function diagram(workflow: Workflow, language: Language = 'en'): Diagram {
  const { definition } = chartOf(workflow);
  const titleOf = titles(definition, language);
  const nodes = definition.nodes.map((node) => describe(node, titleOf));
  const edges = definition.nodes.flatMap(edgesOf);
  return { nodes, edges, mermaid: mermaid(definition.root, edges, titleOf) };
}

function describe(node: ChartNode, titleOf: TitleOf): DiagramNode {
  const { stage } = node.meta;
  return {
    path: node.path,
    parent: node.parent?.path ?? null,
    type: node.type,
    title: titleOf(node),
    initial: node.parent?.initial === node.path,
    stage: typeof stage === 'string' ? stage : null,
    invokes: node.invokes.map(({ id }) => id),
  };
}

/** A transition without a target stays where it is, and is not drawn. */
function edgesOf(node: ChartNode): DiagramEdge[] {
  const labelled: [string, TransitionDef[]][] = [
    ...Object.entries(node.on),
    ...node.invokes.flatMap(({ id, onDone, onError }): [string, TransitionDef[]][] => [
      [`${id} done`, onDone],
      [`${id} failed`, onError],
    ]),
    ...node.after.map(({ name, transitions }): [string, TransitionDef[]] => [`after ${name}`, transitions]),
    ['', node.always],
    ['done', node.onDone],
  ];
  const edges = labelled.flatMap(([label, transitions]) =>
    transitions.flatMap(({ target, guard }) =>
      (target ?? []).map((to) => ({ from: node.path, to, label, guard: guard ?? null })),
    ),
  );
  const history = (node.historyTarget ?? []).map((to) => ({ from: node.path, to, label: 'otherwise', guard: null }));
  return [...edges, ...history];
}

function mermaid(root: ChartNode, edges: DiagramEdge[], titleOf: TitleOf): string {
  const lines = ['stateDiagram-v2', ...inside(root, titleOf, 1)];
  for (const { from, to, label, guard } of edges) {
    // Mermaid has no node for the whole machine: what it takes is written beside its first state.
    if (from === '' || to === '') continue;
    const text = [label, guard === null ? '' : `[${guard.replace(/^=\s*/, '')}]`].filter(Boolean).join(' ');
    lines.push(`  ${name(from)} --> ${name(to)}${text === '' ? '' : ` : ${plain(text)}`}`);
  }
  return `${lines.join('\n')}\n`;
}

function inside(node: ChartNode, titleOf: TitleOf, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const lines = node.initial === undefined ? [] : [`${indent}[*] --> ${name(node.initial)}`];
  node.children.forEach((child, index) => {
    if (node.type === 'parallel' && index > 0) lines.push(`${indent}--`);
    lines.push(`${indent}state "${plain(titleOf(child))}" as ${name(child.path)}`);
    if (child.children.length > 0)
      lines.push(`${indent}state ${name(child.path)} {`, ...inside(child, titleOf, depth + 1), `${indent}}`);
    if (child.type === 'final') lines.push(`${indent}${name(child.path)} --> [*]`);
  });
  return lines;
}

type TitleOf = (node: ChartNode) => string;

/** A state's own title, else that of the stage it stands for, else its key. */
function titles({ stages }: Definition, language: Language): TitleOf {
  const ofStages = new Map(stages.map(({ key, title }) => [key, title]));
  return ({ key, type, history, meta }) => {
    const own = typeof meta.title === 'object' && meta.title !== null ? (meta.title as Text) : undefined;
    const title = own ?? (typeof meta.stage === 'string' ? ofStages.get(meta.stage) : undefined);
    if (title !== undefined) return title[language] ?? title.en ?? key;
    return type === 'history' ? `${key} (H${history === 'deep' ? '*' : ''})` : key;
  };
}

/** Mermaid's names are words; two paths never give the same one. */
function name(path: string): string {
  return `s_${path.replace(/[^A-Za-z0-9.]/g, (character) => `_${character.codePointAt(0)?.toString(16)}_`).replaceAll('.', '__')}`;
}

function plain(text: string): string {
  return text
    .replaceAll('"', "'")
    .replace(/[:;#\n]/g, ' ')
    .trim();
}
