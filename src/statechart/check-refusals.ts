import { candidates } from './accepts.js';
import type { ChartNode, Definition } from './definition.js';
import type { Findings } from './findings.js';
import type { PublicEvent } from './types.js';

/**
 * An event that guards alone can refuse says to its sender why, and what to do instead: without words of its own people
 * read that conditions are not met. What only the engine sends nobody reads the answer to.
 */
export function checkRefusals({ events, eventsDeclared, nodes, root }: Definition, findings: Findings): void {
  if (!eventsDeclared) return;
  for (const event of events) {
    const { type, refused } = event;
    if (refused !== undefined || isForEngineOnly(event) || !hearings(root, type).has(GUARDED)) continue;
    const [listener = root] = nodes.filter((node) => hearingAt(node, type) === GUARDED);
    findings.warning(
      'refusal-without-words',
      listener.path,
      `${type} is refused when no guard says yes, and whoever sends it for a family hears neither why nor what to do instead.`,
      `Give the event ${type} words in kk, ru and en (\`refused\`), or let its last branch have no \`guard\`.`,
    );
  }
}

function isForEngineOnly({ roles }: PublicEvent): boolean {
  return roles.length > 0 && roles.every((role) => role === 'engine');
}

/** How active states meet an event, the more certain the greater: the last takes or keeps it whatever the guards say. */
const [SILENT, GUARDED, SETTLED] = [0, 1, 2];

function hearingAt(node: ChartNode, type: string): number {
  const transitions = candidates(node, type);
  if (transitions.length === 0) return SILENT;
  return transitions.every(({ guard }) => guard !== undefined) ? GUARDED : SETTLED;
}

/** Each way in which a state may meet the event while it is active, with what may be active inside it. */
function hearings(node: ChartNode, type: string): Set<number> {
  const own = hearingAt(node, type);
  const parts = node.children.filter((child) => canBeActive(child)).map((child) => [...hearings(child, type)]);
  if (parts.length === 0) return new Set([own]);
  const inside = node.type === 'parallel' ? together(parts) : parts.flat();
  return new Set(inside.map((hearing) => Math.max(hearing, own)));
}

/** One way of each region, in every combination: what one region settles no other one leaves open. */
function together(regions: number[][]): number[] {
  return regions.reduce(
    (ways, region) => [...new Set(ways.flatMap((way) => region.map((hearing) => Math.max(way, hearing))))],
    [SILENT],
  );
}

/** A closed case hears nothing. */
function canBeActive({ type, parent }: ChartNode): boolean {
  return type !== 'history' && !(type === 'final' && parent?.parent === null);
}
