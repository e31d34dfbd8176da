import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  assign,
  createActor,
  createMachine,
  raise,
  SimulatedClock,
} from 'xstate';
import type { Json, JsonObject } from '../../src/statechart/types.js';
import { type ChartEvent, type Context, DELAYS, EXPRESSIONS } from './charts.js';

/** What one live XState actor did in a step, in its order. Invocations and timers that come and go within it are left out. */
export interface LiveStep {
  effects: string[];
  /** Invocations that were opened and stopped within the step. */
  passedThrough: number;
}

/**
 * XState itself, running: invocations are real child actors that wait to be told their answer, timers run on a
 * simulated clock. Built from the raw chart, by other code than ours.
 */
export class LiveActor {
  readonly clock = new SimulatedClock();
  private readonly machine: ReturnType<typeof createMachine>;
  private readonly actor: ReturnType<typeof createActor>;
  private log: { type: string; params: unknown }[] = [];
  private readonly openIds = new Set<string>();
  /** Event type → due, on the simulated clock. */
  private readonly openTimers = new Map<string, number>();
  /**
   * XState has entered a state without having left it (its parent's history leads to it from itself) and has lost sight
   * of what it had started there: from here on there is nothing to compare with.
   */
  enteredTwice = false;
  /**
   * XState's own faults can leave two states of one compound state active, a region without one, or a state without its
   * parent; its value does not show them.
   */
  wentIllegal = false;
  /** The timer whose firing is being looked at, until its state is seen to be left. */
  private firing: string | null = null;

  constructor(chart: JsonObject) {
    this.machine = createMachine(
      { ...machineConfig(chart), options: { maxIterations: 1000 } } as Parameters<typeof createMachine>[0],
      { delays: DELAYS, actors: { task: waiting } } as unknown as Parameters<typeof createMachine>[1],
    );
    this.actor = createActor(this.machine, {
      clock: this.clock,
      inspect: (event) => {
        if (event.actorRef !== this.actor) return;
        if (event.type === '@xstate.action') this.log.push(event.action as { type: string; params: unknown });
        if (event.type === '@xstate.event' && event.event.type.startsWith('xstate.after.')) {
          this.log.push({ type: 'fired', params: { event: event.event, selected: this.selects(event.event) } });
        }
      },
    });
    // Without a listener XState throws its errors into the event loop.
    this.actor.subscribe({
      error: () => undefined,
      next: (snapshot) => {
        this.wentIllegal ||= !isLegal(snapshot as AnyMachineSnapshot);
      },
    });
  }

  start(): LiveStep {
    return this.during(null, () => this.actor.start());
  }

  get snapshot(): AnyMachineSnapshot {
    return this.actor.getSnapshot() as AnyMachineSnapshot;
  }

  child(invoke: string): AnyActorRef {
    return this.snapshot.children[invoke] as AnyActorRef;
  }

  /** Whether anything would be selected: an answer that nothing takes is not given to XState. */
  selects(event: { type: string }): boolean {
    return this.machine.getTransitionData(this.snapshot as never, event as never).length > 0;
  }

  send(event: { type: string; data?: Json }): LiveStep {
    return this.during(null, () => this.actor.send(event));
  }

  answer(invoke: string, output: Json): LiveStep {
    return this.during(invoke, () => this.child(invoke).send({ type: 'finish', output }));
  }

  fail(invoke: string, error: Json): LiveStep {
    return this.during(invoke, () => this.child(invoke).send({ type: 'fail', error }));
  }

  /** Fires everything that is due at this moment of the clock. */
  fire(at: number): LiveStep {
    return this.during(null, () => this.clock.set(at));
  }

  timers(): Record<string, number> {
    return Object.fromEntries(this.openTimers);
  }

  open(): string[] {
    return [...this.openIds];
  }

  private during(answered: string | null, act: () => void): LiveStep {
    this.log = [];
    const wasOpen = answered !== null && this.openIds.has(answered);
    act();
    const effects: string[] = [];
    for (const { type, params } of this.log) this.see(type, params, effects);
    this.endFiring();
    // A child that is done stays among XState's children until its state is left; to us it is closed.
    if (wasOpen && !effects.includes(`close ${answered}`)) {
      effects.unshift(`close ${answered}`);
      this.openIds.delete(answered);
    }
    return lasting(effects);
  }

  private see(type: string, params: unknown, effects: string[]): void {
    const { id, event, delay, sendId, selected } = (params ?? {}) as ActionParams;
    if (type === 'fired' && event !== undefined) {
      this.endFiring();
      this.firing = event.type;
      // Where the state is left its cancel comes later, and takes this one's place.
      if (selected === true) effects.push(`fired ${event.type}`);
    } else if (type === 'xstate.spawnChild' && id !== undefined) {
      if (this.openIds.delete(id)) this.enteredTwice = effects.push(`close ${id}`) > 0;
      this.openIds.add(id);
      effects.push(`open ${id} ${JSON.stringify((params as { input: Json }).input)}`);
    } else if (type === 'xstate.stopChild') {
      if (id !== undefined && this.openIds.delete(id)) effects.push(`close ${id}`);
    } else if (type === 'xstate.raise') {
      if (delay === undefined || event === undefined) return;
      if (this.openTimers.has(event.type)) {
        this.enteredTwice = true;
        this.seeCancel(event.type, effects);
      }
      this.openTimers.set(event.type, this.clock.now() + delay);
      effects.push(`timer ${event.type}`);
    } else if (type === 'xstate.cancel') {
      if (sendId !== undefined) this.seeCancel(sendId, effects);
    } else effects.push(`action ${type} ${JSON.stringify(params)}`);
  }

  private seeCancel(timer: string, effects: string[]): void {
    if (!this.openTimers.delete(timer)) return;
    effects.push(`cancel ${timer}`);
    if (timer !== this.firing) return;
    this.firing = null;
    const marked = effects.lastIndexOf(`fired ${timer}`);
    if (marked >= 0) effects.splice(marked, 1);
  }

  private endFiring(): void {
    if (this.firing !== null) this.openTimers.delete(this.firing);
    this.firing = null;
  }
}

function isLegal({ _nodes: nodes }: AnyMachineSnapshot): boolean {
  const active = (parent: unknown) => nodes.filter((node) => node.parent === parent && node.type !== 'history').length;
  return nodes.every(
    (node) =>
      (node.parent === undefined || nodes.includes(node.parent)) &&
      (node.type !== 'compound' || active(node) === 1) &&
      (node.type !== 'parallel' ||
        Object.values(node.states).every((region) => region.type === 'history' || nodes.includes(region))),
  );
}

interface ActionParams {
  id?: string;
  event?: { type: string };
  delay?: number;
  sendId?: string;
  selected?: boolean;
}

/** Takes out what was opened and closed within the step. */
export function lasting(effects: string[]): LiveStep {
  const kept: (string | null)[] = [];
  const fresh = new Map<string, number>();
  let passedThrough = 0;
  for (const effect of effects) {
    const [kind = '', id = ''] = effect.replace(/^fired /, 'cancel ').split(' ');
    const slot = `${kind === 'open' || kind === 'close' ? 'invocation' : 'timer'} ${id}`;
    const opened = fresh.get(slot);
    if ((kind === 'close' || kind === 'cancel') && opened !== undefined) {
      kept[opened] = null;
      fresh.delete(slot);
      if (kind === 'close') passedThrough += 1;
      continue;
    }
    if (kind === 'open' || kind === 'timer') fresh.set(slot, kept.length);
    kept.push(kind === 'cancel' ? `cancel ${id}` : effect);
  }
  return { effects: kept.filter((effect) => effect !== null), passedThrough };
}

/** A child that does nothing until it is told its answer. */
const waiting = {
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  transition: (state: unknown, event: { type: string; output?: Json; error?: Json }) => {
    if (event.type === 'finish') return { status: 'done', output: event.output, error: undefined };
    if (event.type === 'fail') return { status: 'error', output: undefined, error: event.error };
    return state;
  },
  getPersistedSnapshot: (state: unknown) => state,
};

type Names = { context: Context; event: ChartEvent };

function machineConfig(state: JsonObject): JsonObject {
  const config: Record<string, unknown> = { ...state };
  delete config.delays;
  if (state.states !== undefined) config.states = mapValues(state.states as Record<string, JsonObject>, machineConfig);
  if (state.on !== undefined)
    config.on = mapEntries(state.on as JsonObject, (value, event) => transitions(value, event === '*'));
  if (state.after !== undefined) config.after = mapEntries(state.after as JsonObject, (value) => transitions(value));
  if (state.always !== undefined) config.always = transitions(state.always);
  if (state.onDone !== undefined) config.onDone = transitions(state.onDone);
  if (state.entry !== undefined) config.entry = actions(state.entry);
  if (state.exit !== undefined) config.exit = actions(state.exit);
  if (typeof state.initial === 'object' && state.initial !== null) {
    config.initial = { ...state.initial, actions: actions((state.initial as JsonObject).actions as Json) };
  }
  if (state.output !== undefined) config.output = (names: Names) => value(state.output as Json, names);
  if (state.invoke !== undefined)
    config.invoke = (Array.isArray(state.invoke) ? state.invoke : [state.invoke]).map((one) =>
      invoke(one as JsonObject),
    );
  return config as JsonObject;
}

function invoke(config: JsonObject): unknown {
  return {
    ...config,
    input: (names: Names) => value(config.input as Json, names),
    ...(config.onDone !== undefined && { onDone: transitions(config.onDone) }),
    ...(config.onError !== undefined && { onError: transitions(config.onError) }),
  };
}

function transitions(written: Json, wildcard = false): unknown {
  return (Array.isArray(written) ? written : [written]).map((item) => {
    const config = typeof item === 'string' ? { target: item } : (item as JsonObject);
    const guard =
      config.guard === undefined ? undefined : (names: Names) => value(config.guard as Json, names) as boolean;
    return {
      ...config,
      ...(guard !== undefined && { guard }),
      // The engine's own events are never offered to `*`: the one rule in which the engine differs from XState.
      ...(wildcard && {
        guard: (names: Names) => !names.event.type.startsWith('xstate.') && (guard === undefined || guard(names)),
      }),
      ...(config.actions !== undefined && { actions: actions(config.actions) }),
    };
  });
}

function actions(written: Json): unknown[] {
  return (Array.isArray(written) ? written : [written]).map((item) => {
    const { type, params } = item as { type: string; params: JsonObject };
    if (type === 'set') return assign((names: unknown) => value(params, names as Names) as JsonObject);
    if (type !== 'raise') return { type, params: (names: Names) => value(params, names) };
    const event = typeof params.event === 'string' ? { type: params.event } : params.event;
    return raise((names: unknown) => value(event as Json, names as Names) as { type: string });
  });
}

function value(written: Json, names: Names): Json {
  if (typeof written === 'string' && written.startsWith('=')) {
    const expression = EXPRESSIONS[written];
    if (expression === undefined) throw new Error(`No meaning for ${written}`);
    return expression(names);
  }
  if (Array.isArray(written)) return written.map((item) => value(item, names));
  if (typeof written === 'object' && written !== null) return mapEntries(written, (item) => value(item, names));
  return written;
}

function mapValues(
  record: Record<string, JsonObject>,
  map: (value: JsonObject) => JsonObject,
): Record<string, JsonObject> {
  return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, map(item)]));
}

function mapEntries<Result>(record: JsonObject, map: (value: Json, key: string) => Result): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, map(item, key)]));
}
