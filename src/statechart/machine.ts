import { type AnyMachineSnapshot, type AnyStateMachine, type AnyStateNode, createMachine } from 'xstate';
import type { Definition } from './definition.js';
import { HAPPENING, type Happening, MachineConfig, type Moves } from './machine-config.js';
import { type Names, StepFault } from './template.js';
import type { Actor, Fault, Json, JsonObject, StoredSnapshot } from './types.js';

const MAX_MICROSTEPS = 1000;
/** Combinations of active states kept ready; a chart rarely visits more. */
const MAX_CONFIGURATIONS = 5000;

export interface MachineOptions {
  /** Names that are missing from the initial context's expressions are null, not a fault. */
  tolerantStart?: boolean;
  /** Made for one move by hand. */
  moves?: Moves;
}

/** The outer command's; the same object for all guards of one step. */
export interface Moment {
  now: string;
  by: Actor;
  zone: string;
}

export type EngineEvent = { type: string } & JsonObject;

export interface Macrostep {
  snapshot: AnyMachineSnapshot;
  /** In XState's order. */
  happenings: Happening[];
  /** What the event itself selected: nothing, only transitions that do nothing, or some that do. */
  selected: 'none' | 'forbidden' | 'effective';
}

/**
 * The one file that knows how XState works inside. XState decides which transitions are taken and in which order
 * things happen; invocations, timers and deadlines are plain actions to it, so that nothing ever starts or waits
 * inside it: what happened comes back as data. The events of the engine (`xstate.done.actor.…`, `xstate.after.…`)
 * are ordinary events with XState's own names.
 */
export class Machine {
  private readonly machine: AnyStateMachine;
  private readonly nodesById = new Map<string, AnyStateNode>();
  private readonly configurations = new Map<string, AnyMachineSnapshot>();
  private readonly scope: Scope;
  private readonly hasHistory: boolean;
  /** By a state's place in document order: how many of its children are active with it, and how many were found to be. */
  private readonly asked: number[] = [];
  private readonly counted: Uint16Array;
  private moment: Moment = { now: '', by: null, zone: 'UTC' };
  private fault: Fault | null = null;
  private happenings: Happening[] = [];
  private selected: Macrostep['selected'] | null = null;
  private seen: { event: unknown; names: JsonObject } = { event: null, names: {} };

  constructor(definition: Definition, options: MachineOptions = {}) {
    const running = {
      names: (context: JsonObject, event: JsonObject) => this.names(context, event),
      keep: (fault: Fault) => {
        this.fault ??= fault;
      },
    };
    const config = new MachineConfig(definition, running, options.moves);
    this.machine = createMachine({
      ...config.root(options.tolerantStart === true),
      options: { maxIterations: MAX_MICROSTEPS },
    } as Parameters<typeof createMachine>[0]);
    this.remember(this.machine.root);
    this.counted = new Uint16Array(this.asked.length);
    this.scope = this.inertScope(definition.id);
    this.hasHistory = definition.nodes.some(({ type }) => type === 'history');
  }

  /** The first macrostep. Throws StepFault. */
  start(input: JsonObject, moment: Moment): Macrostep {
    this.begin(moment);
    const snapshot = this.machine.getInitialSnapshot(this.scope, input);
    if (snapshot.status === 'error') throw this.failure(snapshot.error);
    this.refuseIllegal(snapshot);
    return { snapshot, happenings: this.happenings, selected: 'effective' };
  }

  /** One macrostep. When nothing was selected the snapshot must be thrown away. Throws StepFault. */
  take(snapshot: AnyMachineSnapshot, event: EngineEvent, moment: Moment): Macrostep {
    this.begin(moment);
    try {
      const next: AnyMachineSnapshot = this.machine.transition(snapshot, event, this.scope);
      this.refuseIllegal(next);
      return { snapshot: next, happenings: this.happenings, selected: this.selected ?? 'none' };
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** As XState's `restoreSnapshot`, without its walk through the context: what the state value decides is kept ready. */
  restore(stored: StoredSnapshot): AnyMachineSnapshot {
    this.fault = null;
    const key = JSON.stringify(stored.value) + (stored.order?.join() ?? '');
    const resting = this.configurations.get(key) ?? this.configuration(stored, key);
    return {
      ...resting,
      status: stored.status,
      context: stored.context,
      historyValue: this.revive(stored.historyValue),
      output: stored.output,
    } as AnyMachineSnapshot;
  }

  store(snapshot: AnyMachineSnapshot): StoredSnapshot {
    const done = snapshot.status === 'done';
    const order = done ? undefined : permutation(snapshot._nodes);
    return {
      status: done ? 'done' : 'active',
      value: snapshot.value as Json,
      context: snapshot.context as JsonObject,
      historyValue: storedHistory(snapshot.historyValue),
      ...(snapshot.output !== undefined && { output: snapshot.output as Json }),
      ...(order !== undefined && { order }),
    };
  }

  /** Paths of the active states. */
  active(snapshot: AnyMachineSnapshot): string[] {
    return snapshot._nodes.map((node) => node.path.join('.'));
  }

  /**
   * A state that re-enters itself through its parent's history leaves XState with two active children of one state, or
   * with a state without its parent: no snapshot could tell. Only history leads there.
   */
  private refuseIllegal({ _nodes: nodes }: AnyMachineSnapshot): void {
    if (!this.hasHistory) return;
    const place = this.misplaced(nodes);
    if (place === undefined) return;
    const message = 'Coming back through a history state left a part of this state active twice, or not at all.';
    throw new StepFault({ rule: 'state-error', state: place.path.join('.'), message });
  }

  /** A state that is active without its parent, or with another number of active children than its type asks for. */
  private misplaced(nodes: readonly AnyStateNode[]): AnyStateNode | undefined {
    const { asked, counted } = this;
    counted.fill(0);
    for (const { parent } of nodes) if (parent !== undefined) counted[parent.order] = (counted[parent.order] ?? 0) + 1;
    let placed = 1;
    let wrong: AnyStateNode | undefined;
    for (const node of nodes) {
      const active = counted[node.order] ?? 0;
      placed += active;
      if (active !== asked[node.order]) wrong ??= node;
    }
    return placed === nodes.length ? wrong : nodes.find(({ parent }) => parent && !nodes.includes(parent))?.parent;
  }

  private begin(moment: Moment): void {
    this.moment = moment;
    this.fault = null;
    this.happenings = [];
    this.selected = null;
  }

  /** XState wraps or swallows what is thrown through it: the fault itself was kept. */
  private failure(error: unknown): StepFault {
    if (error instanceof StepFault) return error;
    if (this.fault !== null) return new StepFault(this.fault);
    const message = error instanceof Error ? error.message : String(error);
    if (!message.startsWith('Infinite loop')) return new StepFault({ rule: 'state-error', state: '', message });
    const endless = `The step did not come to rest within ${MAX_MICROSTEPS} transitions: \`always\` or \`raise\` go round in a circle.`;
    return new StepFault({ rule: 'endless', state: '', message: endless });
  }

  private names(context: JsonObject, event: JsonObject): Names {
    if (this.seen.event !== event)
      this.seen = { event, names: { ...event, data: event.data ?? null, output: event.output ?? null } };
    const { now, by, zone } = this.moment;
    return { context, event: this.seen.names, now, by, zone };
  }

  /** Everything that XState would start, schedule or send goes nowhere. */
  private inertScope(id: string): Scope {
    const nothing = () => undefined;
    return {
      self: {},
      id,
      sessionId: id,
      logger: nothing,
      defer: nothing,
      stopChild: nothing,
      emit: nothing,
      system: { _sendInspectionEvent: (report: InspectionReport) => this.inspect(report) },
      actionExecutor: (action: { type: string; params: unknown }) => {
        if (action.type === HAPPENING) this.happenings.push(action.params as Happening);
      },
    } as unknown as Scope;
  }

  /** The first microstep tells what the event itself selected. */
  private inspect({ type, _transitions: transitions }: InspectionReport): void {
    if (this.selected !== null || type !== '@xstate.microstep' || transitions === undefined) return;
    const effective = transitions.some(({ target, actions }) => target !== undefined || actions.length > 0);
    this.selected = effective ? 'effective' : transitions.length > 0 ? 'forbidden' : 'none';
  }

  private configuration(stored: StoredSnapshot, key: string): AnyMachineSnapshot {
    const persisted = { status: 'active', value: stored.value, context: {}, historyValue: {}, children: {} };
    const resting = this.resting(persisted as unknown as Persisted);
    const sorted = inDocumentOrder(resting._nodes);
    const nodes = stored.order?.length === sorted.length ? stored.order.flatMap((rank) => sorted[rank] ?? []) : sorted;
    const found = { ...resting, _nodes: nodes, value: stateValue(this.machine.root, nodes) } as AnyMachineSnapshot;
    if (this.configurations.size >= MAX_CONFIGURATIONS) this.configurations.clear();
    this.configurations.set(key, found);
    return found;
  }

  private resting(persisted: Persisted): AnyMachineSnapshot {
    try {
      return this.machine.restoreSnapshot(persisted, this.scope);
    } catch (error) {
      throw this.failure(error);
    }
  }

  private revive(stored: Json): AnyMachineSnapshot['historyValue'] {
    const revived: Record<string, AnyStateNode[]> = {};
    for (const [id, nodes] of Object.entries(stored as Record<string, { id: string }[]>)) {
      revived[id] = nodes.flatMap((node) => this.nodesById.get(node.id) ?? []);
    }
    return revived;
  }

  private remember(node: AnyStateNode): void {
    this.nodesById.set(node.id, node);
    const regions = Object.values(node.states).filter(({ type }) => type !== 'history').length;
    this.asked[node.order] = node.type === 'compound' ? 1 : node.type === 'parallel' ? regions : 0;
    for (const child of Object.values(node.states)) this.remember(child);
  }
}

interface InspectionReport {
  type: string;
  _transitions?: { target?: unknown; actions: unknown[] }[];
}

type Scope = Parameters<AnyStateMachine['transition']>[2];
type Persisted = Parameters<AnyStateMachine['restoreSnapshot']>[0];

/**
 * XState keeps active states in the order in which they were entered, and asks parallel regions in that order:
 * undefined when it is document order.
 */
function permutation(nodes: readonly AnyStateNode[]): number[] | undefined {
  if (nodes.every((node, index) => index === 0 || (nodes[index - 1]?.order ?? 0) < node.order)) return undefined;
  const sorted = inDocumentOrder(nodes);
  return nodes.map((node) => sorted.indexOf(node));
}

function inDocumentOrder(nodes: readonly AnyStateNode[]): AnyStateNode[] {
  return [...nodes].sort((one, other) => one.order - other.order);
}

function stateValue(node: AnyStateNode, active: readonly AnyStateNode[]): string | Record<string, unknown> {
  const children = active.filter((candidate) => candidate.parent === node);
  const [only] = children;
  if (node.type === 'compound' && (only?.type === 'atomic' || only?.type === 'final')) return only.key;
  return Object.fromEntries(children.map((child) => [child.key, stateValue(child, active)]));
}

function storedHistory(history: AnyMachineSnapshot['historyValue']): Json {
  const stored: JsonObject = {};
  for (const [id, nodes] of Object.entries(history)) stored[id] = nodes.map((node) => ({ id: node.id }));
  return stored;
}
