import { activeNodes } from './accepts.js';
import type { Catalogue } from './catalogue.js';
import { chartOf } from './chart.js';
import { Life, leadsOutOf, quietLeaves, WAITING_HINT, waitingMessage } from './check-life.js';
import type { ChartNode, Definition } from './definition.js';
import { type Cause, type ExplorationLimits, leadsOut, restAt } from './explore.js';
import type { ChartState, Entry, Workflow } from './types.js';
import { type Configuration, invokeKey, timerKey } from './walk.js';

export interface StandsStill {
  /** Dotted path. */
  state: string;
  /** What it would mean for a family. */
  message: string;
  hint: string;
}

/** A case is moved while its row is locked: no more than this is looked at. */
const LIMITS: ExplorationLimits = { configurations: 2000, ways: 256, work: 2_000_000 };

/**
 * The rule of `check` that no family waits for ever, for one case as it stands: each active state in which it would, with
 * what is open now and not what was open once. Empty when something that is due will lead it on, or is heard of.
 */
export function standsStill(workflow: Workflow, state: ChartState, catalogue: Catalogue = {}): StandsStill[] {
  if (state.snapshot.status === 'done') return [];
  const { definition } = chartOf(workflow);
  const life = new Life(catalogue);
  const configuration = configurationOf(definition, state);
  const { active } = configuration;
  const leaves = [...active].filter((node) => !node.children.some((child) => active.has(child)));
  const quiet = quietLeaves(life, { configuration, leaves });
  if (quiet.length === 0) return [];
  const here = restAt(definition, configuration, LIMITS);
  const limits = { ...LIMITS, work: LIMITS.work / quiet.length };
  const moves = (cause: Cause) => life.moves(cause);
  return quiet
    .filter((leaf) => !leadsOut(definition, configuration, limits, moves, (edge) => leadsOutOf(edge, leaf)))
    .map((leaf) => ({ state: leaf.path, message: waitingMessage(leaf, here), hint: WAITING_HINT }));
}

function configurationOf(definition: Definition, { snapshot, entries, lists }: ChartState): Configuration {
  const active = activeNodes(definition, snapshot.value);
  const open = new Set([...entries.map(keyOf), ...lists.map(({ invoke }) => `list ${invoke}`)]);
  const spent = active.flatMap((node) => [
    ...node.invokes
      .filter(({ id }) => !open.has(invokeKey(node, id)) && !open.has(`list ${id}`))
      .map(({ id }) => invokeKey(node, id)),
    ...node.after.filter(({ name }) => !open.has(timerKey(node, name))).map(({ name }) => timerKey(node, name)),
  ]);
  return { active: new Set(active), history: historyOf(definition, snapshot), spent: new Set(spent), done: false };
}

/** As `invokeKey` and `timerKey` write them. */
function keyOf(entry: Entry): string {
  if (entry.kind === 'invocation') return `${entry.node}:${entry.invoke}`;
  return entry.kind === 'timer' ? `${entry.node}:after:${entry.name}` : entry.id;
}

function historyOf(definition: Definition, { historyValue }: ChartState['snapshot']): Configuration['history'] {
  const byId = new Map(definition.nodes.map((node) => [node.id, node]));
  const history = new Map<ChartNode, ChartNode[]>();
  for (const [id, nodes] of Object.entries(historyValue as Record<string, { id: string }[]>)) {
    const node = byId.get(id);
    if (node !== undefined)
      history.set(
        node,
        nodes.flatMap((remembered) => byId.get(remembered.id) ?? []),
      );
  }
  return history;
}
