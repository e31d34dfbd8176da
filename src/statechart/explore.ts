import { ChartTree } from './chart-tree.js';
import type { ChartNode, Definition, InvokeDef, TransitionDef } from './definition.js';
import { isEffective } from './definition.js';
import { type Configuration, invokeKey, timerKey, type Walked, Walker } from './walk.js';

/** What may happen to a resting case. */
export type Cause =
  | { kind: 'start' }
  | { kind: 'event'; type: string }
  | { kind: 'done' | 'error'; node: ChartNode; invoke: InvokeDef }
  | { kind: 'timer'; node: ChartNode; name: string };

export interface Rest {
  index: number;
  configuration: Configuration;
  /** Active states without active children. */
  leaves: ChartNode[];
  edges: Edge[];
}

export interface Edge {
  from: Rest | null;
  to: Rest;
  cause: Cause;
  transitions: TransitionDef[];
  /** How each guard that was asked answered; the same guard may answer differently later in the step. */
  guards: [guard: string, passes: boolean][];
  exited: ReadonlySet<ChartNode>;
}

export interface Exploration {
  rests: Rest[];
  starts: Edge[];
  /** States that were active at some point, also those only passed through. */
  entered: Set<ChartNode>;
  taken: Set<TransitionDef>;
  /** Steps that never come to rest, whatever the guards say. */
  endless: { cause: Cause; from: Rest | null; transition: TransitionDef | undefined }[];
  /** What all walks together have cost, see `Walked`. */
  work: number;
  /** More than can be looked at; the rest of the exploration is incomplete. */
  tooLarge: boolean;
}

/** Counted, not timed: a workflow is judged alike on every machine. */
export interface ExplorationLimits {
  configurations: number;
  /** How many ways one step may go, by the answers of its guards. */
  ways: number;
  /** What all walks together may cost, see `Walked`. */
  work: number;
}

/** A million of work takes 20 to 60 ms of a core; the largest shipped workflow needs 100 million. */
export const EXPLORATION_LIMITS: ExplorationLimits = { configurations: 50_000, ways: 4096, work: 250_000_000 };

/** Every configuration in which a case can rest, guards being free, and what leads from one to another. */
export function explore(definition: Definition, limits: Partial<ExplorationLimits> = {}): Exploration {
  return new Explorer(definition, { ...EXPLORATION_LIMITS, ...limits }).explore();
}

/** A case in this configuration, with what can happen to it next. */
export function restAt(definition: Definition, at: Configuration, limits: ExplorationLimits): Rest {
  return new Explorer(definition, limits).next(at);
}

/**
 * Whether causes that are `followed` lead from this configuration to an edge that `leaves`. True also where nobody can say
 * within the limits: what was deployed has passed `check`.
 */
export function leadsOut(
  definition: Definition,
  from: Configuration,
  limits: ExplorationLimits,
  followed: (cause: Cause) => boolean,
  leaves: (edge: Edge) => boolean,
): boolean {
  return new Explorer(definition, limits).leadsOut(from, followed, leaves);
}

class Explorer {
  private readonly tree: ChartTree;
  private readonly walker: Walker;
  private readonly found = new Map<string, Rest>();
  private readonly publicTypes: string[];
  private readonly result: Exploration = {
    rests: [],
    starts: [],
    entered: new Set(),
    taken: new Set(),
    endless: [],
    work: 0,
    tooLarge: false,
  };

  constructor(
    definition: Definition,
    private readonly limits: ExplorationLimits,
  ) {
    this.tree = new ChartTree(definition);
    this.walker = new Walker(definition, this.tree);
    this.publicTypes = [...definition.events.map(({ type }) => type), ...unnamedEvents(definition)];
  }

  explore(): Exploration {
    const { result } = this;
    this.expand(null, { kind: 'start' }, (choose) => this.walker.initial(choose));
    // Breadth first: `rests` grows while it is walked, and shortest ways are found first.
    for (let index = 0; index < result.rests.length && !result.tooLarge; index++) {
      const rest = result.rests[index];
      if (rest !== undefined) this.leave(rest);
    }
    return result;
  }

  next(at: Configuration): Rest {
    const rest = this.rest(at);
    this.leave(rest);
    return rest;
  }

  leadsOut(from: Configuration, followed: (cause: Cause) => boolean, leaves: (edge: Edge) => boolean): boolean {
    const { result } = this;
    this.rest(from);
    for (let index = 0; index < result.rests.length && !result.tooLarge; index++) {
      const rest = result.rests[index];
      if (rest === undefined) continue;
      this.leave(rest, followed);
      if (rest.edges.some(leaves)) return true;
    }
    return result.tooLarge;
  }

  private leave(rest: Rest, followed: (cause: Cause) => boolean = () => true): void {
    if (rest.configuration.done) return;
    for (const cause of this.causes(rest.configuration).filter(followed)) {
      const [event, spend] = eventOf(cause);
      this.expand(rest, cause, (choose) => this.walker.walk(rest.configuration, event, choose, spend));
    }
  }

  private causes({ active, spent }: Configuration): Cause[] {
    const nodes = this.tree.sorted(active);
    const events = this.publicTypes.filter((type) =>
      nodes.some((node) => this.tree.transitionsFor(node, type).length > 0),
    );
    return [
      ...events.map((type): Cause => ({ kind: 'event', type })),
      ...nodes.flatMap((node) => [
        ...node.invokes.flatMap((invoke) => (spent.has(invokeKey(node, invoke.id)) ? [] : answersOf(node, invoke))),
        ...node.after.flatMap(({ name }): Cause[] =>
          spent.has(timerKey(node, name)) ? [] : [{ kind: 'timer', node, name }],
        ),
      ]),
    ];
  }

  /** Tries every combination of answers that the guards of one step can give. */
  private expand(from: Rest | null, cause: Cause, walk: (choose: (question: string) => boolean) => Walked): void {
    let decisions: boolean[] = [];
    for (let ways = 0; ; ways++) {
      if (ways >= this.limits.ways || this.result.work > this.limits.work) this.result.tooLarge = true;
      if (this.result.tooLarge) return;
      const guards: [string, boolean][] = [];
      const walked = walk((question) => {
        const passes = decisions[guards.length] ?? true;
        guards.push([question, passes]);
        return passes;
      });
      this.keep(from, cause, walked, guards);
      const lastYes = guards.findLastIndex(([, passes]) => passes);
      if (lastYes === -1) return;
      decisions = [...guards.slice(0, lastYes).map(([, passes]) => passes), false];
    }
  }

  private keep(from: Rest | null, cause: Cause, walked: Walked, guards: Edge['guards']): void {
    const { result } = this;
    result.work += walked.work;
    if (walked.selected === 'none') return;
    for (const node of walked.entered) result.entered.add(node);
    for (const transition of walked.transitions) result.taken.add(transition);
    if (walked.endless) result.endless.push({ cause, from, transition: walked.transitions.at(-1) });
    if (!walked.atRest) return;
    const to = this.rest(walked.configuration);
    const edge = { from, to, cause, transitions: walked.transitions, guards, exited: walked.exited };
    (from === null ? result.starts : from.edges).push(edge);
  }

  private rest(configuration: Configuration): Rest {
    const key = this.keyOf(configuration);
    const known = this.found.get(key);
    if (known !== undefined) return known;
    const leaves = this.tree
      .sorted(configuration.active)
      .filter((node) => !node.children.some((child) => configuration.active.has(child)));
    const rest: Rest = { index: this.result.rests.length, configuration, leaves, edges: [] };
    this.found.set(key, rest);
    this.result.rests.push(rest);
    if (this.result.rests.length > this.limits.configurations) this.result.tooLarge = true;
    return rest;
  }

  private keyOf({ active, history, spent, done }: Configuration): string {
    const states = this.tree.keyOf(active);
    if (done) return `done ${states}`;
    if (history.size === 0 && spent.size === 0) return states;
    const remembered = [...history].map(([node, nodes]) => `${node.path}=${this.tree.keyOf(nodes)}`);
    return [states, remembered.sort().join(), [...spent].sort().join()].join('|');
  }
}

/** Without declared events a wildcard takes any event: one stands for them all. */
function unnamedEvents({ eventsDeclared, nodes }: Definition): string[] {
  if (eventsDeclared) return [];
  const wildcards = nodes.flatMap((node) => Object.keys(node.on)).filter((descriptor) => descriptor.includes('*'));
  return [...new Set(wildcards)].map((descriptor) => descriptor.replace('*', ANY_EVENT));
}

export const ANY_EVENT = '(any)';

export function eventOf(cause: Cause): [event: string, spend?: string] {
  switch (cause.kind) {
    case 'start':
      return ['xstate.init'];
    case 'event':
      return [cause.type];
    case 'timer':
      return [`xstate.after.${cause.name}.${cause.node.id}`, timerSpend(cause)];
    default:
      return [`xstate.${cause.kind}.actor.${cause.invoke.id}`, invokeKey(cause.node, cause.invoke.id)];
  }
}

/** A timer that only reminds can be forgotten once it has fired: nothing depends on it. */
function timerSpend({ node, name }: Extract<Cause, { kind: 'timer' }>): string | undefined {
  const transitions = node.after.find((after) => after.name === name)?.transitions ?? [];
  return transitions.some(leads) ? timerKey(node, name) : undefined;
}

function answersOf(node: ChartNode, invoke: InvokeDef): Cause[] {
  const done: Cause = { kind: 'done', node, invoke };
  return invoke.onError.length > 0 ? [done, { kind: 'error', node, invoke }] : [done];
}

/** It may move the case, by itself or through an event it raises. */
export function leads(transition: TransitionDef): boolean {
  return (
    isEffective(transition) &&
    (transition.target !== undefined || transition.actions.some(({ type }) => type === 'raise'))
  );
}
