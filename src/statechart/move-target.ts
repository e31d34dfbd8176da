import { chartOf } from './chart.js';
import { ancestorsOf, type ChartNode } from './definition.js';
import type { Moves } from './machine-config.js';
import { suggestion } from './suggestion.js';
import { compatible } from './targets.js';
import type { Json, Workflow } from './types.js';

/** Why a case cannot be put there. */
export interface TargetProblem {
  rule: 'target-malformed' | 'target-unknown' | 'target-conflict';
  /** Dotted paths. */
  states: string[];
  message: string;
}

const MAX_TARGETS = 50;

/**
 * Reads where a hand puts a case: the dotted path of a state, or a list of them, each in another region of a parallel
 * state. Regions that are not named begin where they always begin, unless they are active already. One path per active
 * leaf names any configuration.
 */
export function readTarget(workflow: Workflow, target: Json): ChartNode[] | TargetProblem {
  const paths = typeof target === 'string' ? [target] : target;
  if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string') || !isCount(paths.length))
    return {
      rule: 'target-malformed',
      states: [],
      message: `A target is the dotted path of a state, or a list of 1 to ${MAX_TARGETS} of them, one for each region.`,
    };
  const { byPath } = chartOf(workflow).definition;
  const found = paths.map((path) => byPath.get(path));
  const unknown = paths.filter((path, index) => path === '' || !found[index] || found[index]?.type === 'history');
  if (unknown.length > 0) {
    const known = [...byPath.values()].filter(({ path, type }) => path !== '' && type !== 'history');
    return {
      rule: 'target-unknown',
      states: unknown,
      message: unknown
        .map(
          (path) =>
            `There is no state "${path}".${suggestion(
              path,
              known.map((node) => node.path),
            )}`,
        )
        .join(' '),
    };
  }
  const nodes = found.filter((node) => node !== undefined);
  const rival = nodes.find((node, index) => nodes.slice(0, index).some((other) => !compatible(node, other)));
  if (rival !== undefined) {
    const states = [...new Set(paths)];
    return {
      rule: 'target-conflict',
      states,
      message: `${states.map((path) => `"${path}"`).join(' and ')} cannot be active together: name one state for each region of a parallel state.`,
    };
  }
  const inner = nodes.filter((node) => !nodes.some((other) => ancestorsOf(other).includes(node)));
  return [...new Set(inner)];
}

/** Each target is entered from the deepest state around it that stays active: what lies beside it is left alone. */
export function movesTo(targets: ChartNode[], staying: readonly ChartNode[]): Moves {
  const active = new Set(staying);
  const sources = targets.flatMap((target) => ancestorsOf(target).find((node) => active.has(node)) ?? []);
  const moves = new Map<ChartNode, string[]>();
  for (const target of targets) {
    // Of sources that lie in each other the outermost takes all: XState would ask the inner one only.
    const source = ancestorsOf(target).findLast((node) => sources.includes(node));
    if (source === undefined) continue;
    const path = source.path === '' ? target.path : target.path.slice(source.path.length + 1);
    moves.set(source, [...(moves.get(source) ?? []), path]);
  }
  return moves;
}

function isCount(length: number): boolean {
  return length > 0 && length <= MAX_TARGETS;
}
