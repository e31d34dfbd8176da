import type { ElkExtendedEdge, ElkNode } from 'elkjs';
import { activePaths } from '../statechart/accepts.js';
import type { DiagramNode } from '../statechart/diagram.js';
import type { Json, Language, Workflow } from '../statechart/types.js';
import { layOut } from './layout.js';
import { isInside, isUntitled, type Outline, outlineOf } from './outline.js';

/** A drawn statechart. Lengths are pixels at 14 px type, from the upper left corner of the whole. */
export interface Picture {
  width: number;
  height: number;
  nodes: {
    path: string;
    /** Broken into lines that fit. */
    lines: string[];
    type: DiagramNode['type'];
    x: number;
    y: number;
    width: number;
    height: number;
    active: boolean;
    /** Has states inside that are not drawn. */
    folded: boolean;
  }[];
  edges: {
    from: string;
    to: string;
    points: { x: number; y: number }[];
    /** `x`, `y`: where its text begins, at 12 px type. Null where there is nothing to say. */
    label: { text: string; x: number; y: number } | null;
  }[];
}

const CHARACTER = 8.4;
const LINE = 19;
const LABEL_CHARACTER = 6.9;
const LABEL_LINE = 16;
const LINE_LENGTH = 22;
const HEADING = 34;
const PADDING = 14;
/** How many drawings are kept; a case that moves on needs another one. */
const KEPT = 500;

/** On a line that time takes. */
const IN_TIME: Record<Language, string> = { kk: 'мерзімі келгенде', ru: 'по сроку', en: 'when its time comes' };

const LAYOUT = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.spacing.nodeNode': '24',
  'elk.layered.spacing.nodeNodeBetweenLayers': '36',
  'elk.spacing.edgeLabel': '4',
};

/**
 * Draws a workflow for one case. States that the case is not in stay folded, so that a person sees the whole way at a
 * glance and the present stage in full; `whole` unfolds everything.
 */
export class Pictures {
  private readonly drawn = new Map<string, Promise<Picture>>();

  draw(workflow: Workflow, value: Json, language: Language, whole = false): Promise<Picture> {
    const active = activePaths(workflow, value);
    const key = [workflow.hash, language, whole, ...active].join('\n');
    let picture = this.drawn.get(key);
    if (picture === undefined) {
      picture = this.layout(workflow, language, new Set(active), whole);
      picture.catch(() => this.drawn.delete(key));
      this.drawn.set(key, picture);
      const oldest = this.drawn.size > KEPT ? this.drawn.keys().next().value : undefined;
      if (oldest !== undefined) this.drawn.delete(oldest);
    }
    return picture;
  }

  private async layout(
    workflow: Workflow,
    language: Language,
    active: ReadonlySet<string>,
    whole: boolean,
  ): Promise<Picture> {
    const outline = outlineOf(workflow, language);
    const shown = shownNodes(outline, active, whole);
    const edges = shownEdges(workflow, language, shown);
    const laid = await layOut({
      id: 'drawing',
      layoutOptions: LAYOUT,
      children: [...shown.values()].filter(({ parent }) => parent === '').map((node) => boxOf(node, shown)),
      edges: edges.map(lineOf),
    });
    const boxes = new Map(flat(laid).map((box) => [box.id, box]));
    return {
      width: Math.ceil(laid.width ?? 0),
      height: Math.ceil(laid.height ?? 0),
      nodes: [...shown.values()].map((node) => ({
        path: node.path,
        lines: linesOf(node, shown),
        type: node.type,
        ...placeOf(boxes.get(node.path)),
        active: active.has(node.path),
        folded: !hasShownChildren(node, shown) && outline.nodes.some(({ parent }) => parent === node.path),
      })),
      edges: edges.map(({ from, to }, index) => {
        const line = laid.edges?.[index];
        return { from, to, points: pointsOf(line), label: labelOf(line) };
      }),
    };
  }
}

/** A state is drawn when the state around it is unfolded: everything, or what the case is in. */
function shownNodes({ nodes }: Outline, active: ReadonlySet<string>, whole: boolean): Map<string, DiagramNode> {
  const shown = new Map<string, DiagramNode>();
  for (const node of nodes) {
    if (node.path === '' || node.type === 'history') continue;
    const parent = node.parent ?? '';
    const unfolded = parent === '' || (shown.has(parent) && (whole || active.has(parent)));
    if (unfolded) shown.set(node.path, node);
  }
  return shown;
}

/** Transitions between what is drawn: those of folded states begin and end at the state around them. Each pair once. */
function shownEdges(
  workflow: Workflow,
  language: Language,
  shown: ReadonlyMap<string, DiagramNode>,
): { from: string; to: string; label: string }[] {
  const { byPath, edges } = outlineOf(workflow, language);
  const events = new Map(workflow.events.map(({ type, title }) => [type, title[language] ?? title.en ?? type]));
  const lift = (path: string): string | undefined => {
    let at: string | null | undefined = path;
    while (at && !shown.has(at)) at = byPath.get(at)?.parent;
    return at || undefined;
  };
  const found = new Map<string, { from: string; to: string; labels: Set<string> }>();
  for (const edge of edges) {
    const [from, to] = [lift(edge.from), lift(edge.to)];
    if (!from || !to || from === to || isInside(from, to) || isInside(to, from)) continue;
    const key = `${from} ${to}`;
    const known = found.get(key) ?? { from, to, labels: new Set<string>() };
    const event = events.get(edge.label);
    if (event !== undefined) known.labels.add(event);
    else if (edge.label.startsWith('after ')) known.labels.add(IN_TIME[language]);
    found.set(key, known);
  }
  return [...found.values()].map(({ from, to, labels }) => ({ from, to, label: [...labels].join(', ') }));
}

function boxOf(node: DiagramNode, shown: ReadonlyMap<string, DiagramNode>): ElkNode {
  const lines = linesOf(node, shown);
  const width = Math.max(90, Math.max(0, ...lines.map((line) => line.length)) * CHARACTER + 24);
  const children = [...shown.values()].filter(({ parent }) => parent === node.path);
  if (children.length === 0) return { id: node.path, width, height: lines.length * LINE + 20 };
  const top = lines.length === 0 ? PADDING : HEADING + (lines.length - 1) * LINE;
  return {
    id: node.path,
    layoutOptions: {
      'elk.padding': `[top=${top},left=${PADDING},bottom=${PADDING},right=${PADDING}]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${width}, ${top})`,
    },
    children: children.map((child) => boxOf(child, shown)),
  };
}

function lineOf({ from, to, label }: { from: string; to: string; label: string }, index: number): ElkExtendedEdge {
  const labels = label === '' ? [] : [{ text: label, width: label.length * LABEL_CHARACTER, height: LABEL_LINE }];
  return { id: String(index), sources: [from], targets: [to], labels };
}

function labelOf(line: ElkExtendedEdge | undefined): { text: string; x: number; y: number } | null {
  const label = line?.labels?.[0];
  return label?.text ? { text: label.text, x: label.x ?? 0, y: (label.y ?? 0) + LABEL_LINE * 0.75 } : null;
}

function hasShownChildren(node: DiagramNode, shown: ReadonlyMap<string, DiagramNode>): boolean {
  return [...shown.values()].some(({ parent }) => parent === node.path);
}

function flat(node: ElkNode): ElkNode[] {
  return (node.children ?? []).flatMap((child) => [child, ...flat(child)]);
}

function placeOf(box: ElkNode | undefined) {
  return { x: box?.x ?? 0, y: box?.y ?? 0, width: box?.width ?? 0, height: box?.height ?? 0 };
}

function pointsOf(edge: ElkExtendedEdge | undefined): { x: number; y: number }[] {
  return (edge?.sections ?? []).flatMap((section) => [
    section.startPoint,
    ...(section.bendPoints ?? []),
    section.endPoint,
  ]);
}

/** Words are kept whole. A state that only holds others together says nothing. */
function linesOf(node: DiagramNode, shown: ReadonlyMap<string, DiagramNode>): string[] {
  const { title } = node;
  if (isUntitled(node) && hasShownChildren(node, shown)) return [];
  const lines: string[] = [];
  for (const word of title.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_LENGTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
