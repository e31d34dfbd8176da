import { assign, raise } from 'xstate';
import type { ActionDef, AfterDef, ChartNode, Definition, InvokeDef, TransitionDef } from './definition.js';
import { compileInvocation, type Opening } from './invocation.js';
import { compileOnce, compileTemplate, evaluate, type Names, StepFault } from './template.js';
import type { ActionType, Fault, Json, JsonObject } from './types.js';

/** The type of our only action: its params are what happened. */
export const HAPPENING = 'qamqor.happening';

/** A hand puts a case into other states: an event of the engine, which no definition can name. */
export const MOVE = 'xstate.qamqor.move';

/** Where a case is while it moves from one version to another: in none of its states. */
export const BETWEEN = 'qamqor:between';

/** How `MOVE` is taken: which targets (paths inside it) each state leads to. */
export type Moves = ReadonlyMap<ChartNode, readonly string[]>;

/** What a macrostep asks for. `names` is what expressions saw at that point, for the due time that is computed later. */
export type Happening =
  | { kind: 'open'; invoke: InvokeDef; opening: Opening; names: Names }
  | { kind: 'close'; invoke: InvokeDef }
  | { kind: 'timer'; after: AfterDef; names: Names }
  | { kind: 'cancel'; after: AfterDef }
  | { kind: 'deadline'; node: ChartNode; names: Names }
  | { kind: 'met'; node: ChartNode }
  | { kind: 'action'; type: ActionType; params: JsonObject };

/** What the running machine gives to its compiled parts. */
export interface Running {
  names(context: JsonObject, event: JsonObject): Names;
  keep(fault: Fault): void;
}

interface XStateArguments {
  context: JsonObject;
  event: JsonObject;
}

type Config = Record<string, unknown>;

/** Builds XState's machine config from a definition. */
export class MachineConfig {
  constructor(
    private readonly definition: Definition,
    private readonly running: Running,
    private readonly moves: Moves = new Map(),
  ) {}

  root(tolerantStart: boolean): Config {
    const { root, context } = this.definition;
    const config = { ...this.node(root), context: this.context(context, tolerantStart) };
    if (this.moves.size === 0 || root.type !== 'compound') return config;
    // Last in document order: the order of the others stays what it is.
    return { ...config, states: { ...(config.states as Config | undefined), [BETWEEN]: {} } };
  }

  /** Entry and exit are in XState's own order: actions, then timers, then invocations. */
  private node(node: ChartNode): Config & { states?: unknown } {
    const { initial, children, output } = node;
    return {
      id: node.id,
      type: node.type,
      ...(initial !== undefined && {
        initial: { target: lastKey(initial), actions: this.actions(node.initialActions, node) },
      }),
      ...(node.type === 'history' && historyConfig(node)),
      ...(children.length > 0 && {
        states: Object.fromEntries(children.map((child) => [child.key, this.node(child)])),
      }),
      on: this.on(node),
      always: this.transitions(node.always, node),
      ...(node.onDone.length > 0 && { onDone: this.transitions(node.onDone, node) }),
      entry: [
        ...(node.meta.deadline === undefined ? [] : [this.happening((names) => ({ kind: 'deadline', node, names }))]),
        ...this.actions(node.entry, node),
        ...node.after.map((after) => this.happening((names) => ({ kind: 'timer', after, names }))),
        ...node.invokes.map((invoke) => this.opening(invoke)),
      ],
      exit: [
        ...this.actions(node.exit, node),
        ...node.after.map((after) => fixed({ kind: 'cancel', after })),
        ...node.invokes.map((invoke) => fixed({ kind: 'close', invoke })),
        ...(node.meta.deadline === undefined ? [] : [fixed({ kind: 'met', node })]),
      ],
      ...(output !== undefined && { output: this.value(output, node) }),
      tags: node.tags,
    };
  }

  private on(node: ChartNode): Config {
    const answers = node.invokes.flatMap((invoke) => [invoke.onDone, invoke.onError]);
    const timers = node.after.map(({ transitions }) => transitions);
    const engine = [...answers, ...timers].filter(([first]) => first !== undefined);
    const moves = this.moves.get(node);
    return Object.fromEntries([
      ...Object.entries(node.on).map(([event, transitions]) => [event, this.transitions(transitions, node)]),
      ...engine.map((transitions) => [transitions[0]?.event, this.transitions(transitions, node)]),
      ...(moves === undefined ? [] : [[MOVE, { target: moves.map((path) => `.${path}`) }]]),
    ]);
  }

  private transitions(transitions: TransitionDef[], node: ChartNode): Config[] {
    return transitions.map((transition) => ({
      ...(transition.written !== undefined && { target: transition.written }),
      ...this.guarding(transition),
      actions: this.actions(transition.actions, node),
      ...(transition.reenter === true && { reenter: true }),
    }));
  }

  /** `*` means every event of the case, never the engine's own: an answer must reach the transition that waits for it. */
  private guarding({ event, guard, node }: TransitionDef): Config {
    const passes = guard === undefined ? undefined : this.guard(guard, node);
    if (event !== '*') return passes === undefined ? {} : { guard: passes };
    return {
      guard: (args: XStateArguments) =>
        !String(args.event.type).startsWith('xstate.') && (passes === undefined || passes(args)),
    };
  }

  private guard(text: string, place: string): (args: XStateArguments) => boolean {
    const expression = compileOnce(text);
    const ask = (names: Names) => {
      const value = evaluate(expression, names, text, place);
      if (typeof value === 'boolean') return value;
      const message = `The guard ${text} gives ${JSON.stringify(value)}, not true or false.`;
      throw new StepFault({ rule: 'guard-not-boolean', state: place, message });
    };
    return (args) => this.guarded(ask, args);
  }

  private actions(actions: ActionDef[], node: ChartNode): unknown[] {
    return actions.map(({ type, params }) => {
      if (type === 'set') return assign(this.value(params, node) as (args: XStateArguments) => JsonObject);
      if (type === 'raise') return this.raise(params, node);
      const template = compileTemplate(params, node.path);
      return this.happening((names) => ({
        kind: 'action',
        type: type as ActionType,
        params: template.resolve(names) as JsonObject,
      }));
    });
  }

  private raise({ event }: JsonObject, node: ChartNode): unknown {
    const resolve = this.value(typeof event === 'string' ? { type: event } : (event ?? {}), node);
    return raise((args: unknown) => resolve(args as XStateArguments) as { type: string });
  }

  private value(value: Json, node: ChartNode): (args: XStateArguments) => Json {
    const template = compileTemplate(value, node.path);
    return template.constant ? () => value : (args) => this.guarded((names) => template.resolve(names), args);
  }

  private context(context: JsonObject, tolerant: boolean): unknown {
    const template = compileTemplate(context, '', tolerant);
    if (template.constant) return context;
    return ({ input }: { input: JsonObject }) =>
      this.guarded((names) => template.resolve({ ...names, input }), {
        context: {},
        event: { type: 'xstate.init', input },
      });
  }

  private opening(invoke: InvokeDef): unknown {
    const open = compileInvocation(invoke);
    return this.happening((names) => ({ kind: 'open', invoke, opening: open(names), names }));
  }

  private happening(make: (names: Names) => Happening): unknown {
    return { type: HAPPENING, params: (args: XStateArguments) => this.guarded(make, args) };
  }

  /** Runs what a definition evaluates; XState wraps or swallows what is thrown through it, so the fault is kept. */
  private guarded<Result>(run: (names: Names) => Result, { context, event }: XStateArguments): Result {
    try {
      return run(this.running.names(context, event));
    } catch (error) {
      if (error instanceof StepFault) this.running.keep(error.fault);
      throw error;
    }
  }
}

function historyConfig({ history, historyTarget, parent }: ChartNode): Config {
  const inside = (path: string) => (parent === null || parent.path === '' ? path : path.slice(parent.path.length + 1));
  return { history, ...(historyTarget !== undefined && { target: historyTarget.map(inside) }) };
}

function fixed(happening: Happening): unknown {
  return { type: HAPPENING, params: happening };
}

function lastKey(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
