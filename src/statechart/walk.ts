import { type ChartTree, type History, isComplete } from './chart-tree.js';
import { type ActionDef, type ChartNode, type Definition, isEffective, type TransitionDef } from './definition.js';
import { EntrySet } from './walk-entry.js';

/** Answers yes or no where the chart does not decide: guards are free. */
export type Choose = (question: string) => boolean;

/** Where a case rests, without its data: what is active, what history remembers, and what has had its answer. */
export interface Configuration {
  active: ReadonlySet<ChartNode>;
  history: History;
  /** Ids of invocations and timers of active states that were answered or have fired, and did not lead away. */
  spent: ReadonlySet<string>;
  done: boolean;
}

export interface Walked {
  configuration: Configuration;
  /** What the event itself selected, as `step()` says it. */
  selected: 'none' | 'forbidden' | 'effective';
  /** Every transition that was taken, in order. */
  transitions: TransitionDef[];
  entered: ChartNode[];
  exited: Set<ChartNode>;
  /** `always` or `raise` go round in a circle that no guard can open. */
  endless: boolean;
  /** False for a circle: this way the step does not end, and another answer of a guard leads out. */
  atRest: boolean;
  /** What the walk costs: for each microstep the square of how many states are active, as their steps take. */
  work: number;
}

/** The engine gives up later; a chain this long does not come to rest. */
const MAX_MICROSTEPS = 150;

/** XState's macrostep over the node tree, with free guards and without data. The explorer's tests hold it against `step()`. */
export class Walker {
  private readonly start: TransitionDef;

  constructor(
    { root }: Definition,
    private readonly tree: ChartTree,
  ) {
    const target = [...tree.initialNodes(root)].map((node) => node.path);
    this.start = { event: 'xstate.init', target, actions: [], reenter: true, node: '' };
  }

  initial(choose: Choose): Walked {
    const run = new Run(this.tree, { active: new Set(), history: new Map(), spent: new Set(), done: false }, choose);
    run.microstep([this.start], true);
    run.settle();
    return run.result('effective');
  }

  /** `spend` is the id of the invocation or timer whose answer the event is. */
  walk(from: Configuration, event: string, choose: Choose, spend?: string): Walked {
    const run = new Run(this.tree, from, choose);
    const transitions = run.select(event);
    const selected = transitions.some(isEffective) ? 'effective' : transitions.length > 0 ? 'forbidden' : 'none';
    if (selected === 'none') return run.result(selected);
    if (spend !== undefined) run.spent.add(spend);
    run.microstep(transitions, false);
    run.settle();
    return run.result(selected);
  }
}

/** One macrostep in the making. */
class Run {
  readonly active: Set<ChartNode>;
  readonly spent: Set<string>;
  private history: Map<ChartNode, ChartNode[]>;
  private readonly queue: string[] = [];
  private readonly transitions: TransitionDef[] = [];
  private readonly entered: ChartNode[] = [];
  private readonly exited = new Set<ChartNode>();
  private readonly seen = new Map<string, number>();
  private done: boolean;
  /** The last microstep changed states, history or data. */
  private changed = true;
  private endless = false;
  private atRest = true;
  private choices = 0;
  private work = 0;
  private readonly answers = new Map<string, boolean>();

  constructor(
    private readonly tree: ChartTree,
    from: Configuration,
    private readonly choose: Choose,
  ) {
    this.active = new Set(from.active);
    this.spent = new Set(from.spent);
    this.history = new Map(from.history);
    this.done = from.done;
  }

  result(selected: Walked['selected']): Walked {
    const { history, spent, done } = this;
    const active = this.restored(this.tree.root);
    const { transitions, entered, exited, endless, atRest, work } = this;
    const configuration = { active, history, spent, done };
    return { configuration, selected, transitions, entered, exited, endless, atRest, work };
  }

  /**
   * The states that a stored snapshot gives back. It differs from what was entered only where XState enters parts
   * without their parent: a history state reached from inside its own parent before there is any history.
   */
  private restored(node: ChartNode, found = new Set<ChartNode>()): Set<ChartNode> {
    found.add(node);
    if (node.type === 'compound') {
      const child = node.children.find((candidate) => this.active.has(candidate)) ?? this.tree.node(node.initial ?? '');
      this.restored(child, found);
    } else if (node.type === 'parallel')
      for (const child of node.children) if (child.type !== 'history') this.restored(child, found);
    return found;
  }

  /** Children are asked first; all regions of a parallel state are asked. */
  select(event: string): TransitionDef[] {
    this.work += this.active.size ** 2;
    const found: TransitionDef[] = [];
    const ask = (node: ChartNode): boolean => {
      let inside = false;
      for (const child of node.children) if (this.active.has(child) && ask(child)) inside = true;
      if (inside) return true;
      const own = this.tree.transitionsFor(node, event).find((transition) => this.pass(transition));
      if (own !== undefined) found.push(own);
      return own !== undefined;
    };
    ask(this.tree.root);
    return found;
  }

  /** Takes `always` and raised events until nothing is left to take. */
  settle(): void {
    for (let steps = 0; !this.done; steps++) {
      let transitions = this.changed ? this.selectAlways() : [];
      const always = transitions.length > 0;
      if (!always && this.queue.length === 0) return;
      if (this.isRound() || steps > MAX_MICROSTEPS) {
        this.atRest = false;
        return;
      }
      if (!always) {
        const event = this.queue.shift() ?? '';
        this.forget('event');
        transitions = this.select(event);
      }
      this.microstep(transitions, false);
      // XState asks `always` again after an event, or when the `always` before has changed something.
      this.changed ||= !always;
    }
  }

  microstep(selected: TransitionDef[], isStart: boolean): void {
    const transitions = this.withoutConflicts(selected);
    const before = new Set(this.active);
    this.changed = isStart;
    this.transitions.push(...transitions.filter((transition) => transition.event !== 'xstate.init'));
    if (!isStart) this.exit(this.exitSet(transitions));
    for (const transition of transitions) this.act(transition.actions);
    const entering = new EntrySet(this.tree, this.history, transitions);
    this.enter(this.tree.sorted(entering.nodes), entering.byDefault, isStart);
    this.changed ||= before.size !== this.active.size || [...before].some((node) => !this.active.has(node));
  }

  /** A round without a choice never ends; one with choices is left when a guard changes its answer. */
  private isRound(): boolean {
    const history = [...this.history.values()].map((nodes) => this.tree.keyOf(nodes)).join('+');
    // What has had its answer counts too: a round may enter again what then waits anew.
    const key = [this.tree.keyOf(this.active), history, this.queue.join(), [...this.spent].sort().join()].join('|');
    const before = this.seen.get(key);
    this.seen.set(key, this.choices);
    if (before === undefined) return false;
    this.endless = before === this.choices;
    return true;
  }

  /** A guard keeps its answer until something it may look at changes: the data, or the event. */
  private pass({ guard }: TransitionDef): boolean {
    if (guard === undefined) return true;
    const known = this.answers.get(guard);
    if (known !== undefined) return known;
    this.choices++;
    const answer = this.choose(guard);
    this.answers.set(guard, answer);
    return answer;
  }

  private forget(what: 'data' | 'event'): void {
    if (what === 'data') this.answers.clear();
    else for (const guard of this.answers.keys()) if (/\bevent\b/.test(guard)) this.answers.delete(guard);
  }

  private selectAlways(): TransitionDef[] {
    this.work += this.active.size ** 2;
    const found = new Set<TransitionDef>();
    for (const leaf of this.tree.sorted(this.active)) {
      if (leaf.children.some((child) => this.active.has(child))) continue;
      for (let node: ChartNode | null = leaf; node !== null; node = node.parent) {
        const transition = node.always.find((candidate) => this.pass(candidate));
        if (transition === undefined) continue;
        found.add(transition);
        break;
      }
    }
    return [...found];
  }

  /** Two regions that would leave the same states: XState prefers the one entered first, which only its data tells. */
  private withoutConflicts(transitions: TransitionDef[]): TransitionDef[] {
    if (transitions.length < 2) return transitions;
    const exits = new Map(transitions.map((transition) => [transition, this.exitSet([transition])]));
    const conflict = (one: TransitionDef, other: TransitionDef) =>
      (exits.get(one) ?? []).some((node) => exits.get(other)?.includes(node));
    const inOrder =
      this.hasTie(transitions, conflict) && !this.choose('(first region)') ? [...transitions].reverse() : transitions;
    let kept: TransitionDef[] = [];
    for (const transition of inOrder) {
      const rivals = kept.filter((other) => conflict(transition, other));
      if (rivals.every((other) => this.isBelow(transition, other)))
        kept = [...kept.filter((other) => !rivals.includes(other)), transition];
    }
    return kept;
  }

  private hasTie(
    transitions: TransitionDef[],
    conflict: (one: TransitionDef, other: TransitionDef) => boolean,
  ): boolean {
    return transitions.some((one, index) =>
      transitions
        .slice(0, index)
        .some((other) => conflict(one, other) && !this.isBelow(one, other) && !this.isBelow(other, one)),
    );
  }

  private isBelow(one: TransitionDef, other: TransitionDef): boolean {
    return this.tree.isInside(this.tree.node(one.node), this.tree.node(other.node));
  }

  private exitSet(transitions: TransitionDef[]): ChartNode[] {
    const leaving = new Set<ChartNode>();
    for (const transition of transitions) {
      if (transition.target === undefined || transition.target.length === 0) continue;
      const domain = this.tree.domain(transition, this.history);
      const source = this.tree.node(transition.node);
      if (transition.reenter === true && source === domain) leaving.add(source);
      for (const node of this.active) if (this.tree.isInside(node, domain)) leaving.add(node);
    }
    return [...leaving];
  }

  private exit(nodes: ChartNode[]): void {
    const leaving = this.tree.sorted(nodes, -1);
    for (const node of leaving) {
      for (const child of node.children) {
        if (child.type !== 'history') continue;
        this.changed = true;
        if (this.tree.comeBackTo.has(child)) this.history.set(child, this.remembered(child, node));
      }
    }
    for (const node of leaving) {
      this.act(node.exit);
      this.active.delete(node);
      this.exited.add(node);
      this.renew(node);
    }
  }

  private renew(node: ChartNode): void {
    for (const { id } of node.invokes) this.spent.delete(invokeKey(node, id));
    for (const { name } of node.after) this.spent.delete(timerKey(node, name));
  }

  private remembered(history: ChartNode, parent: ChartNode): ChartNode[] {
    const inside = this.tree.sorted(this.active).filter((node) => this.tree.isInside(node, parent));
    if (history.history !== 'deep') return inside.filter((node) => node.parent === parent);
    return inside.filter((node) => node.children.every((child) => child.type === 'history'));
  }

  private enter(nodes: ChartNode[], byDefault: Set<ChartNode>, isStart: boolean): void {
    const completed = new Set<ChartNode>();
    for (const node of nodes) {
      this.active.add(node);
      this.entered.push(node);
      // Through history XState may enter a state again that it has not left.
      this.renew(node);
      this.act(node.entry);
      if (byDefault.has(node) || (isStart && node === this.tree.root)) this.act(node.initialActions);
      if (node.type === 'final') this.complete(node, completed);
    }
  }

  /** A final child completes its parent; parallel ancestors complete with their last region; the root ends the case. */
  private complete(node: ChartNode, completed: Set<ChartNode>): void {
    const { parent } = node;
    if (parent?.type === 'compound') this.queue.push(`xstate.done.state.${parent.id}`);
    let ancestor = parent?.type === 'parallel' ? parent : (parent?.parent ?? null);
    while (ancestor?.type === 'parallel' && !completed.has(ancestor) && isComplete(ancestor, this.active)) {
      completed.add(ancestor);
      this.queue.push(`xstate.done.state.${ancestor.id}`);
      ancestor = ancestor.parent;
    }
    if (ancestor === null) this.done = true;
  }

  private act(actions: readonly ActionDef[]): void {
    for (const { type, params } of actions) {
      if (type === 'set') {
        this.changed = true;
        this.forget('data');
      }
      if (type !== 'raise') continue;
      const { event } = params;
      const raised = typeof event === 'object' && event !== null && !Array.isArray(event) ? event.type : event;
      if (typeof raised === 'string') this.queue.push(raised);
    }
  }
}

/** Ids of what a configuration has spent. */
export function invokeKey(node: ChartNode, id: string): string {
  return `${node.path}:${id}`;
}

export function timerKey(node: ChartNode, name: string): string {
  return `${node.path}:after:${name}`;
}
