import {
  type ActionDef,
  type ChartNode,
  type Definition,
  type InvokeDef,
  type Problems,
  type TransitionDef,
} from './definition.js';
import {
  declaredEvents,
  initialContext,
  list,
  object,
  parseDelays,
  plainEvents,
  stagesOf,
  strings,
  text,
} from './parse-head.js';
import { resolveTargets } from './targets.js';
import type { DelayRule, Json, JsonObject } from './types.js';

export { text } from './parse-head.js';

/** States inside states, deeper than anybody can read. */
const MAX_DEPTH = 40;
const MAX_STATES = 5000;

/**
 * Reads a workflow's config (XState's own shape, as data) into a tree with every shorthand spelled out.
 * What is wrong goes to `problems`; the tree is complete enough to go on looking for more.
 */
export function parseDefinition(config: JsonObject, problems: Problems): Definition {
  const id = typeof config.id === 'string' ? config.id : typeof config.key === 'string' ? config.key : '(machine)';
  const delays = parseDelays(config.delays, problems);
  const reader = new Reader(id, delays, problems);
  const root = reader.node(config, '', null, 0);
  const nodes = [...walk(root)];
  const byPath = new Map(nodes.map((node) => [node.path, node]));
  resolveTargets(nodes, problems);
  const declared = object(config.events);
  if (declared === undefined && config.events !== undefined && config.events !== null) {
    problems.add('malformed', '', '`events` is not a map.', 'Write `events: {NAME: {title, schema, roles}}`.');
  }
  return {
    key: typeof config.key === 'string' ? config.key : typeof config.id === 'string' ? config.id : 'workflow',
    id,
    title: text(config.title) ?? {},
    context: initialContext(config.context, problems),
    events: declared ? declaredEvents(declared, problems) : plainEvents(nodes),
    eventsDeclared: declared !== undefined,
    stages: stagesOf(config.stages, nodes),
    delays,
    ...(config.output !== undefined && { output: config.output }),
    root,
    nodes,
    byPath,
  };
}

class Reader {
  private count = 0;
  private made = 0;

  constructor(
    private readonly machineId: string,
    private readonly delays: Record<string, DelayRule>,
    private readonly problems: Problems,
  ) {}

  node(config: JsonObject, key: string, parent: ChartNode | null, depth: number): ChartNode {
    const path = parent === null ? '' : parent.path === '' ? key : `${parent.path}.${key}`;
    const id =
      parent !== null && typeof config.id === 'string' && config.id !== ''
        ? config.id
        : [this.machineId, ...(path === '' ? [] : [path])].join('.');
    const states = this.states(config, path, depth);
    if (config.spawn !== undefined)
      this.problems.add('spawn', path, 'It has `spawn`.', 'Use `invoke`, or an `invoke` with `each` for several.');
    const node: ChartNode = {
      order: this.made++,
      path,
      key,
      id,
      type: this.type(config, path, Object.keys(states).length > 0),
      parent,
      children: [],
      initialActions: [],
      invokes: [],
      after: [],
      on: {},
      always: this.transitions(config.always, '', path, 'always'),
      onDone: this.transitions(config.onDone, `xstate.done.state.${id}`, path, 'onDone'),
      entry: this.actions(config.entry, path),
      exit: this.actions(config.exit, path),
      meta: object(config.meta) ?? {},
      tags: list(config.tags).filter((tag) => typeof tag === 'string'),
    };
    if (node.type === 'history') {
      node.history = config.history === 'deep' ? 'deep' : 'shallow';
      if (config.target !== undefined && config.target !== null) node.historyTarget = strings(config.target);
    }
    if (config.output !== undefined && (node.type === 'final' || parent === null)) node.output = config.output;
    for (const [event, value] of Object.entries(this.section(config, 'on', path)))
      node.on[event] = this.transitions(value, event, path, `on ${event}`);
    node.invokes = list(config.invoke).map((value, index) => this.invoke(value, index, node));
    node.after = Object.entries(this.section(config, 'after', path)).map(([name, value]) =>
      this.after(name, value, node),
    );
    this.initial(config, node, states);
    for (const [childKey, child] of Object.entries(states))
      node.children.push(this.node(object(child) ?? {}, childKey, node, depth + 1));
    return node;
  }

  private states(config: JsonObject, path: string, depth: number): JsonObject {
    const states = this.section(config, 'states', path);
    if (depth >= MAX_DEPTH && Object.keys(states).length > 0) {
      this.problems.add(
        'too-deep',
        path,
        `States are nested more than ${MAX_DEPTH} levels deep.`,
        'Flatten them, or move a part into a sub-case.',
      );
      return {};
    }
    const before = this.count;
    this.count += Object.keys(states).length;
    if (this.count > MAX_STATES) {
      if (before <= MAX_STATES) {
        const hint = 'Move a part into a sub-case.';
        this.problems.add('too-large', path, `The chart has more than ${MAX_STATES} states.`, hint);
      }
      return {};
    }
    for (const [key, child] of Object.entries(states)) {
      if (object(child) === undefined && child !== null) {
        this.problems.add(
          'malformed',
          path,
          `State "${key}" is ${typeof child}, not a map.`,
          'Write `{}` for a state that has nothing in it.',
        );
      }
    }
    return states;
  }

  private type(config: JsonObject, path: string, hasChildren: boolean): ChartNode['type'] {
    const { type } = config;
    if (type === 'atomic' || type === 'compound' || type === 'parallel' || type === 'final' || type === 'history') {
      if (hasChildren && (type === 'atomic' || type === 'final' || type === 'history')) {
        this.problems.add(
          'malformed',
          path,
          `A ${type} state cannot have states inside it.`,
          'Remove its `states`, or its `type`.',
        );
      }
      if (!hasChildren && type === 'compound') {
        this.problems.add(
          'malformed',
          path,
          'A compound state has no states inside it.',
          'Give it `states` and `initial`, or remove its `type`.',
        );
        return 'atomic';
      }
      return type;
    }
    if (type !== undefined && type !== null) {
      this.problems.add(
        'malformed',
        path,
        `Unknown state type ${JSON.stringify(type)}.`,
        'Use atomic, compound, parallel, final or history.',
      );
    }
    if (hasChildren) return 'compound';
    return config.history === undefined || config.history === null || config.history === false ? 'atomic' : 'history';
  }

  /** Only names here; that the child exists is seen when targets are resolved. */
  private initial(config: JsonObject, node: ChartNode, states: JsonObject): void {
    if (node.type !== 'compound') return;
    const initial = object(config.initial);
    const key = initial ? initial.target : config.initial;
    if (initial) node.initialActions = this.actions(initial.actions, node.path);
    if (typeof key !== 'string' || !Object.hasOwn(states, key)) {
      this.initialUnknown(key, node, states);
      return;
    }
    node.initial = node.path === '' ? key : `${node.path}.${key}`;
  }

  private initialUnknown(key: Json | undefined, { path }: ChartNode, states: JsonObject): void {
    const where = path === '' ? 'The workflow' : `"${path}"`;
    const written = JSON.stringify(key);
    let message = `${where} begins in ${written}, which is not a state inside it.`;
    let hint = `Set \`initial\` to one of: ${Object.keys(states).join(', ')}.`;
    if (key === undefined || key === null) message = `${where} has states inside but no \`initial\`.`;
    else if (typeof key !== 'string' && Object.hasOwn(states, written ?? '')) {
      message = `${where} begins in ${written}, which is read as a ${typeof key}; names of states are text.`;
      hint = `Write it in quotes: \`initial: "${written}"\`.`;
    }
    this.problems.add('initial-unknown', path, message, hint);
  }

  private invoke(value: Json, index: number, node: ChartNode): InvokeDef {
    const config = object(value) ?? {};
    if (typeof config.src !== 'string') {
      this.problems.add(
        'source-unknown',
        node.path,
        'An `invoke` has no `src`.',
        'Name what it waits for: task, handOff, service or case.',
      );
    }
    for (const name of ['systemId', 'onSnapshot', 'logic', 'autoForward']) {
      if (config[name] === undefined) continue;
      this.problems.add(
        'invoke-option',
        node.path,
        `An \`invoke\` has \`${name}\`.`,
        'Remove it: nothing runs inside the chart, so there is nothing to address or to watch.',
      );
    }
    const id = typeof config.id === 'string' && config.id !== '' ? config.id : `${index}.${node.id}`;
    return {
      id,
      src: typeof config.src === 'string' ? config.src : '',
      input: config.input ?? {},
      ...this.expressions(config, node.path),
      onDone: this.transitions(config.onDone, `xstate.done.actor.${id}`, node.path, `onDone of ${id}`),
      onError: this.transitions(config.onError, `xstate.error.actor.${id}`, node.path, `onError of ${id}`),
      node: node.path,
    };
  }

  private expressions(config: JsonObject, path: string): Pick<InvokeDef, 'each' | 'key' | 'until'> {
    const found: Pick<InvokeDef, 'each' | 'key' | 'until'> = {};
    for (const name of ['each', 'key', 'until'] as const) {
      const value = config[name];
      if (value === undefined || value === null) continue;
      if (typeof value === 'string') found[name] = value;
      else
        this.problems.add(
          'expression',
          path,
          `\`${name}\` of an invoke must be text.`,
          'Write an expression that starts with `=`.',
        );
    }
    if (found.each === undefined && (found.key !== undefined || found.until !== undefined)) {
      this.problems.add(
        'malformed',
        path,
        '`key` and `until` belong to a list, but there is no `each`.',
        'Add `each`, or remove them.',
      );
    }
    return found;
  }

  private after(name: string, value: Json, node: ChartNode): ChartNode['after'][number] {
    const number = Number(name);
    const named = Number.isNaN(number) ? name : String(number);
    const rule = Number.isNaN(number)
      ? this.delays[name]
      : ({ kind: 'span', amount: number, unit: 'milliseconds' } satisfies DelayRule);
    if (rule === undefined) {
      this.problems.add(
        'delay-unknown',
        node.path,
        `\`after\` names the delay "${name}", which \`delays\` does not define.`,
        `Add "${name}" to \`delays\`.`,
      );
    } else if (!Number.isNaN(number) && !(number >= 0 && number <= Number.MAX_SAFE_INTEGER)) {
      this.problems.add(
        'delay-unknown',
        node.path,
        `\`after\` ${name} is not a number of milliseconds.`,
        'Use a whole number from 0.',
      );
    }
    return {
      name: named,
      rule: rule ?? { kind: 'span', amount: 0, unit: 'milliseconds' },
      transitions: this.transitions(value, `xstate.after.${named}.${node.id}`, node.path, `after ${name}`),
      node: node.path,
    };
  }

  private transitions(value: Json | undefined, event: string, path: string, place: string): TransitionDef[] {
    if (value === undefined || (value === null && !place.startsWith('on '))) return [];
    return (Array.isArray(value) ? value : [value]).map((item) => this.transition(item, event, path, place));
  }

  private transition(value: Json, event: string, path: string, place: string): TransitionDef {
    const config: JsonObject = typeof value === 'string' ? { target: value } : (object(value) ?? {});
    if (typeof value !== 'string' && value !== null && object(value) === undefined) {
      this.problems.add(
        'malformed',
        path,
        `\`${place}\` is ${JSON.stringify(value)}, not a transition.`,
        'Name a target, or write `{target, guard, actions}`.',
      );
    }
    if (config.cond !== undefined)
      this.problems.add('malformed', path, `\`${place}\` uses \`cond\`.`, 'Call it `guard`.');
    if (config.guard !== undefined && config.guard !== null && typeof config.guard !== 'string') {
      this.problems.add(
        'guard-unknown',
        path,
        `The guard of \`${place}\` is not an expression.`,
        'Write it as text that starts with `=`.',
      );
    }
    const written =
      config.target === undefined || config.target === null || config.target === ''
        ? undefined
        : strings(config.target);
    return {
      event,
      ...(written !== undefined && { written }),
      ...(typeof config.guard === 'string' && { guard: config.guard }),
      actions: this.actions(config.actions, path),
      ...(config.reenter === true && { reenter: true }),
      node: path,
    };
  }

  private actions(value: Json | undefined, path: string): ActionDef[] {
    return list(value).map((item) => {
      if (typeof item === 'string') return { type: item, params: {} };
      const config = object(item);
      if (config === undefined || typeof config.type !== 'string') {
        this.problems.add(
          'action-unknown',
          path,
          `An action is ${JSON.stringify(item)}, which has no \`type\`.`,
          'Write `{type, params}`.',
        );
        return { type: '', params: {} };
      }
      for (const key of Object.keys(config)) {
        if (key === 'type' || key === 'params') continue;
        this.problems.add(
          'action-unknown',
          path,
          `Action \`${config.type}\` has \`${key}\` beside its \`params\`.`,
          key === 'delay' ? 'An action cannot wait: use `after`.' : 'Put it inside `params`.',
        );
      }
      return { type: config.type, params: object(config.params) ?? {} };
    });
  }

  private section(config: JsonObject, name: string, path: string): JsonObject {
    const value = config[name];
    if (value === undefined || value === null) return {};
    const section = object(value);
    if (section === undefined)
      this.problems.add('malformed', path, `\`${name}\` is not a map.`, `Write \`${name}: {…}\`.`);
    return section ?? {};
  }
}

function* walk(node: ChartNode): Generator<ChartNode> {
  yield node;
  for (const child of node.children) yield* walk(child);
}
