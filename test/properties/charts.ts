import type { Json, JsonObject } from '../../src/statechart/types.js';

/** Chooses one of `n` numbers, 0 first: smaller is simpler, so that failures shrink. */
export type Pick = (n: number) => number;

/** Every expression that a random chart may hold, with what it means in JavaScript: XState's side never sees FEEL. */
export const EXPRESSIONS: Record<string, (names: { context: Context; event: ChartEvent }) => Json> = {
  '= context.n + 1': ({ context }) => context.n + 1,
  '= context.laps + 1': ({ context }) => context.laps + 1,
  '= context.n': ({ context }) => context.n,
  '= context.n >= 2': ({ context }) => context.n >= 2,
  '= context.n < 3': ({ context }) => context.n < 3,
  '= modulo(context.n, 2) = 0': ({ context }) => context.n % 2 === 0,
  '= context.laps < 3': ({ context }) => context.laps < 3,
  '= event.type': ({ event }) => event.type,
  '= if event.data = null then 0 else event.data.v': ({ event }) => event.data?.v ?? 0,
  '= if event.output = null then -1 else event.output': ({ event }) => (event.output as Json | undefined) ?? -1,
};

export interface Context extends JsonObject {
  n: number;
  laps: number;
  last: string;
}

export interface ChartEvent {
  type: string;
  data?: { v: number };
  output?: unknown;
}

export const EVENTS = ['E0', 'E1', 'E2.a', 'E2.b.c'];

/** What takes several of them; `E2.*` takes `E2` too. */
const FAMILIES = ['E2.*', 'E2.b.*'];

/** No chart names these; wildcards may take them. */
export const UNNAMED = ['UNHEARD_OF', 'E2', 'E2.z', 'E2.b.z'];

/** Only raised, never sent. */
const RAISED = ['R0', 'R1', 'R2'];

/** Milliseconds of the named delays. */
export const DELAYS = { short: 1000, middle: 5000, long: 60_000 };

interface Draft {
  key: string;
  path: string[];
  id?: string;
  type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  parent: Draft | null;
  children: Draft[];
  config: JsonObject;
}

const MAX_STATES = 10;
const GUARDS = ['= context.n >= 2', '= context.n < 3', '= modulo(context.n, 2) = 0'];

/** A random chart as its author would write it: JSON, every shorthand of XState's included. */
export function randomChart(pick: Pick): JsonObject {
  return new Chart(pick).build();
}

class Chart {
  private readonly nodes: Draft[] = [];
  private invokes = 0;

  constructor(private readonly pick: Pick) {}

  build(): JsonObject {
    const root = this.grow('m', null, this.odds(3) ? 'parallel' : 'compound');
    for (const node of [...this.nodes]) this.addHistory(node);
    for (const node of this.nodes) this.furnish(node);
    const config = this.written(root);
    return { id: 'm', context: { n: 0, laps: 0, last: '' }, delays: DELAYS, output: { n: '= context.n' }, ...config };
  }

  /** One in `n`. */
  private odds(n: number): boolean {
    return this.pick(n) === n - 1;
  }

  private one<Item>(items: readonly Item[]): Item {
    return items[this.pick(items.length)] as Item;
  }

  private grow(key: string, parent: Draft | null, type: Draft['type']): Draft {
    const path = parent === null ? [] : [...parent.path, key];
    const node: Draft = { key, path, type, parent, children: [], config: {} };
    this.nodes.push(node);
    if (type === 'final' || type === 'atomic') return node;
    const count = type === 'parallel' ? 2 + this.pick(2) : 2 + this.pick(3);
    for (let index = 0; index < count; index++) {
      const childKey = `${'abcdefgh'[path.length]}${index}`;
      node.children.push(this.grow(childKey, node, this.childType(node, index, count)));
    }
    return node;
  }

  private childType(node: Draft, index: number, count: number): Draft['type'] {
    const room = this.nodes.length < MAX_STATES && node.path.length < 3;
    const chosen = room ? this.pick(10) : 0;
    if (chosen >= 8) return 'parallel';
    if (chosen >= 4 || (node.type === 'parallel' && room)) return 'compound';
    const last = index === count - 1 && index > 0 && node.type === 'compound';
    return last && this.odds(node.parent === null ? 8 : 2) ? 'final' : 'atomic';
  }

  private addHistory(node: Draft): void {
    if (node.children.length === 0 || !this.odds(2)) return;
    const deep = this.odds(2);
    const history: Draft = {
      key: 'back',
      path: [...node.path, 'back'],
      type: 'history',
      parent: node,
      children: [],
      config: {},
    };
    history.config.type = 'history';
    if (deep || this.odds(2)) history.config.history = deep ? 'deep' : 'shallow';
    if (this.odds(2) && node.type === 'compound')
      history.config.target = this.one(node.children.filter(({ type }) => type !== 'history' && type !== 'final')).key;
    node.children.push(history);
    this.nodes.push(history);
  }

  private furnish(node: Draft): void {
    if (node.type === 'history') return;
    const { config } = node;
    if (node.parent !== null && this.odds(3)) node.id = `n${node.path.join('_')}`;
    if (node.type === 'parallel' || node.type === 'final') config.type = node.type;
    if (node.type === 'compound') config.initial = this.initial(node);
    if (this.odds(2)) config.entry = this.actions(node, 'in');
    if (this.odds(3)) config.exit = this.actions(node, 'out');
    if (node.type === 'final') {
      if (this.odds(2)) config.output = '= context.n';
      return;
    }
    config.on = this.on(node);
    if (this.odds(4)) config.after = this.after(node);
    if (this.odds(6) && node.parent !== null) config.always = this.lap(node);
    if (this.odds(node.type === 'atomic' ? 3 : 4)) config.invoke = this.invoke(node);
    if (this.odds(5)) config.meta = { deadline: 'long' };
    if (node.children.some(({ type }) => type === 'final') || (node.type === 'parallel' && this.odds(2))) {
      if (node.parent !== null) config.onDone = this.transition(node);
    }
  }

  private initial(node: Draft): Json {
    const key = this.one(node.children.filter(({ type }) => type !== 'history' && type !== 'final')).key;
    return this.odds(4) ? { target: key, actions: this.actions(node, 'first') } : key;
  }

  private on(node: Draft): JsonObject {
    const on: JsonObject = {};
    for (const event of EVENTS) {
      if (this.odds(2)) on[event] = this.candidates(node);
    }
    for (const event of RAISED) {
      if (this.odds(3)) on[event] = this.lap(node);
    }
    for (const family of FAMILIES) {
      if (this.odds(12)) on[family] = this.odds(4) ? {} : this.candidates(node);
    }
    if (this.odds(5)) on['*'] = this.odds(3) ? {} : this.lap(node);
    return on;
  }

  private candidates(node: Draft): Json {
    const first = this.transition(node);
    return this.odds(3) ? [guarded(first, this.one(GUARDS)), this.transition(node)] : first;
  }

  /** What a chart may do by itself is counted, so that most charts come to rest. */
  private lap(node: Draft): Json {
    const target = this.target(node, this.one(this.nodes.slice(1)));
    const count = { type: 'set', params: { laps: '= context.laps + 1' } };
    return [{ guard: '= context.laps < 3', target, actions: this.odds(2) ? [count, this.action(node, 'lap')] : count }];
  }

  private transition(node: Draft): Json {
    const kind = this.pick(10);
    if (kind === 0) return this.odds(2) ? {} : { actions: this.actions(node, 'stay') };
    const target =
      kind <= 2
        ? this.selfTarget(node)
        : kind === 3
          ? this.regions()
          : this.target(node, this.one(this.nodes.slice(1)));
    if (target === undefined) return { actions: this.actions(node, 'stay') };
    if (this.odds(3) && typeof target === 'string') return target;
    return {
      target,
      ...(this.odds(4) && { guard: this.one(GUARDS) }),
      ...(this.odds(2) && { actions: this.actions(node, 'go') }),
      ...(this.odds(4) && { reenter: true }),
    };
  }

  private selfTarget(node: Draft): Json | undefined {
    return node.parent === null ? undefined : node.key;
  }

  /** Several targets in different regions of one parallel state. */
  private regions(): Json | undefined {
    const parallels = this.nodes.filter(({ type }) => type === 'parallel');
    if (parallels.length === 0) return undefined;
    const regions = this.one(parallels).children.filter(({ type }) => type !== 'history');
    const targets = regions.slice(0, 2).map((region) => this.one([region, ...region.children]));
    return targets.map((target) => `#${target.id ?? ['m', ...target.path].join('.')}`);
  }

  /** One of the ways of writing a target that fit. */
  private target(from: Draft, to: Draft): string {
    const ways = [`#${['m', ...to.path].join('.')}`];
    if (to.id !== undefined) ways.push(`#${to.id}`);
    const own = from.path.join('.');
    const path = to.path.join('.');
    if (own === '' || path.startsWith(`${own}.`)) ways.push(`.${own === '' ? path : path.slice(own.length + 1)}`);
    const parent = from.parent?.path.join('.');
    if (parent !== undefined && (parent === '' || path.startsWith(`${parent}.`)))
      ways.push(parent === '' ? path : path.slice(parent.length + 1));
    return this.one(ways);
  }

  private actions(node: Draft, where: string): Json {
    const count = 1 + this.pick(2);
    return Array.from({ length: count }, () => this.action(node, where));
  }

  private action(node: Draft, where: string): Json {
    switch (this.pick(7)) {
      case 0:
      case 1:
        return { type: 'notify', params: { where: `${where} ${node.path.join('.')}`, n: '= context.n' } };
      case 2:
        return { type: 'set', params: { n: '= context.n + 1' } };
      case 3:
        return { type: 'set', params: { last: '= event.type', n: '= if event.data = null then 0 else event.data.v' } };
      case 4:
        return { type: 'set', params: { n: '= if event.output = null then -1 else event.output' } };
      case 5:
        // A lap taken anew, but only where a person's event can lead.
        return where === 'go' || where === 'stay'
          ? { type: 'set', params: { laps: 0 } }
          : { type: 'set', params: { n: 0 } };
      default:
        return {
          type: 'raise',
          params: { event: this.odds(2) ? this.one(RAISED) : { type: this.one(RAISED), data: { v: '= context.n' } } },
        };
    }
  }

  private after(node: Draft): JsonObject {
    const after: JsonObject = { [this.one([...Object.keys(DELAYS), '2500'])]: this.candidates(node) };
    if (this.odds(3)) after.middle = this.transition(node);
    return after;
  }

  private invoke(node: Draft): Json {
    const sibling = node.parent?.type === 'compound' && node.type === 'atomic' && this.odds(3);
    const one = (id: string): JsonObject => ({
      id,
      src: 'task',
      input: { n: '= context.n', on: '= event.type' },
      ...(!this.odds(8) && { onDone: this.candidates(node) }),
      ...(this.odds(2) && { onError: this.transition(node) }),
    });
    // Siblings of a compound state are never open together and may share an id.
    const first = one(sibling ? `shared_${node.parent?.path.join('_') ?? ''}` : `i${this.invokes++}`);
    return this.odds(4) ? [first, one(`i${this.invokes++}`)] : first;
  }

  private written(node: Draft): JsonObject {
    return {
      ...(node.id !== undefined && { id: node.id }),
      ...node.config,
      ...(node.children.length > 0 && {
        states: Object.fromEntries(node.children.map((child) => [child.key, this.written(child)])),
      }),
    };
  }
}

function guarded(transition: Json, guard: string): Json {
  return typeof transition === 'string' ? { target: transition, guard } : { ...(transition as JsonObject), guard };
}
