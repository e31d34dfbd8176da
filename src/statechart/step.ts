import { activeNodes, candidates } from './accepts.js';
import { type CompiledChart, chartOf, invokeOf } from './chart.js';
import { type Definition, type InvokeDef, isExpression, isReserved } from './definition.js';
import { Draft } from './draft.js';
import { addToList, answerOf, dropFromList, failureOf, isComplete, withAnswer } from './list.js';
import { type EngineEvent, Machine, type Macrostep, type Moment } from './machine.js';
import { MOVE } from './machine-config.js';
import { movesTo, readTarget } from './move-target.js';
import { type Names, StepFault } from './template.js';
import type {
  ChartState,
  Effect,
  Input,
  InvocationEntry,
  Json,
  JsonObject,
  ListProgress,
  Scope,
  StepResult,
  Workflow,
} from './types.js';

/** How often lists without items may follow each other in one step. */
const MAX_EMPTY_LISTS = 1000;

/** Opens a case: the state it comes to rest in, and what must be carried out. */
export function start(workflow: Workflow, input: JsonObject, scope: Scope): StepResult {
  const chart = chartOf(workflow);
  return guarded(() => {
    const first = chart.machine.start(input, momentOf(scope));
    return new Step(chart, { entries: [], lists: [] }, scope).taken(first);
  });
}

/** Makes one step. Pure: the state is never changed, and the same arguments give the same result. */
export function step(workflow: Workflow, state: ChartState, input: Input, scope: Scope): StepResult {
  const chart = chartOf(workflow);
  return guarded(() => {
    switch (input.kind) {
      case 'event':
        return takeEvent(chart, state, input, scope);
      case 'answer':
      case 'failure':
        return takeAnswer(chart, state, input, scope);
      case 'timer':
        return takeTimer(chart, state, input.entry, scope);
      case 'list':
        return changeList(chart, state, input, scope);
    }
  });
}

/**
 * Puts a case into other states by hand (see `readTarget`), with `patch` laid over its context: states are left and entered
 * as by a transition, so that invocations and timers close and open. What is not on the way stays as it is; `afresh`
 * leaves everything, as for a case that was closed.
 */
export function move(
  workflow: Workflow,
  state: ChartState,
  target: Json,
  patch: JsonObject,
  scope: Scope,
  afresh = state.snapshot.status === 'done',
): StepResult {
  const chart = chartOf(workflow);
  return guarded(() => {
    const { definition } = chart;
    const targets = readTarget(workflow, target);
    if (!Array.isArray(targets)) return { outcome: 'refused', reason: 'event-not-accepted' };
    const { output: _output, ...snapshot } = state.snapshot;
    const before: ChartState = {
      ...state,
      snapshot: { ...snapshot, status: 'active', context: { ...snapshot.context, ...patch } },
    };
    const staying = afresh ? [definition.root] : activeNodes(definition, snapshot.value);
    const machine = new Machine(definition, { moves: movesTo(targets, staying) });
    return new Step({ ...chart, machine }, before, scope).take({ type: MOVE }, true);
  });
}

function takeEvent(
  chart: CompiledChart,
  state: ChartState,
  input: Extract<Input, { kind: 'event' }>,
  scope: Scope,
): StepResult {
  const { definition, machine } = chart;
  const refused: StepResult = { outcome: 'refused', reason: 'event-not-accepted' };
  if (state.snapshot.status !== 'active' || !isPublic(definition, input.type)) return refused;
  const snapshot = machine.restore(state.snapshot);
  const heard = activeNodes(definition, state.snapshot.value).some((node) => candidates(node, input.type).length > 0);
  // XState remembers every name that it is asked about: what nobody listens to goes no further.
  if (!heard) return refused;
  const event: EngineEvent = input.data === undefined ? { type: input.type } : { type: input.type, data: input.data };
  const macrostep = machine.take(snapshot, event, momentOf(scope));
  if (macrostep.selected === 'effective') return new Step(chart, state, scope).taken(macrostep);
  return macrostep.selected === 'none' ? { outcome: 'refused', reason: 'guard-refused' } : refused;
}

function isPublic({ events, eventsDeclared }: Definition, type: string): boolean {
  return !isReserved(type) && (!eventsDeclared || events.some((event) => event.type === type));
}

function takeAnswer(
  chart: CompiledChart,
  state: ChartState,
  input: Extract<Input, { kind: 'answer' | 'failure' }>,
  scope: Scope,
): StepResult {
  const entry = state.entries.find(
    (open): open is InvocationEntry => open.id === input.entry && open.kind === 'invocation',
  );
  const invoke = entry && invokeOf(chart, entry);
  if (entry === undefined || invoke === undefined) return { outcome: 'ignored', reason: 'entry-closed' };
  const step = new Step(chart, state, scope);
  const list = state.lists.find((progress) => progress.items.some((item) => item.entry === entry.id));
  if (input.kind === 'failure') {
    step.draft.settle(entry.id, 'failed');
    const after = list && withAnswer(list, entry.id, 'failed', input.error);
    if (list && after && goesOnWithout(invoke)) return step.progress(invoke, list, after, failed(invoke, input.error));
    if (list && after) step.completeList(list, after);
    return step.take(failed(invoke, input.error), invoke.onError.length > 0);
  }
  step.draft.settle(entry.id, 'answered');
  if (list === undefined) return step.take(done(invoke, input.output), invoke.onDone.length > 0);
  return step.progress(invoke, list, withAnswer(list, entry.id, 'done', input.output), done(invoke, input.output));
}

/**
 * One that failed takes no other along where the author says until when a list goes on (`until` sees its status), nor where
 * another may be the one that is enough.
 */
function goesOnWithout({ until }: InvokeDef): boolean {
  return isExpression(until) || until === 'any';
}

function takeTimer(chart: CompiledChart, state: ChartState, id: string, scope: Scope): StepResult {
  const entry = state.entries.find((open) => open.id === id);
  const node = entry && chart.definition.byPath.get(entry.node);
  if (entry?.kind !== 'timer' || node === undefined) return { outcome: 'ignored', reason: 'entry-closed' };
  const after = node.after.find(({ name }) => name === entry.name);
  const step = new Step(chart, state, scope);
  step.draft.settle(entry.id, 'fired');
  return step.take({ type: `xstate.after.${entry.name}.${node.id}` }, (after?.transitions.length ?? 0) > 0);
}

function changeList(
  chart: CompiledChart,
  state: ChartState,
  input: Extract<Input, { kind: 'list' }>,
  scope: Scope,
): StepResult {
  const list = state.lists.find(({ invoke }) => invoke === input.invoke);
  const invoke = list && listInvoke(chart, state, list);
  if (list === undefined || invoke === undefined) return { outcome: 'ignored', reason: 'entry-closed' };
  const step = new Step(chart, state, scope);
  const { list: dropped, entries } = dropFromList(list, input.drop ?? []);
  for (const entry of entries) step.draft.settle(entry, 'dropped');
  const event: EngineEvent = { type: 'qamqor.list' };
  const names = step.names(event);
  const added = addToList(invoke, dropped, input.add ?? [], names);
  if (entries.length === 0 && added.length === 0) return { outcome: 'ignored', reason: 'entry-closed' };
  const items = step.draft.addItems(invoke, added, names);
  return step.progress(invoke, list, { ...dropped, items: [...dropped.items, ...items] }, event);
}

/** A list whose items are all answered has no entry left to name its state; its invocation is open all the same. */
function listInvoke(chart: CompiledChart, state: ChartState, list: ListProgress): InvokeDef | undefined {
  const open = state.entries.find(
    (entry): entry is InvocationEntry => entry.kind === 'invocation' && entry.invoke === list.invoke,
  );
  if (open !== undefined) return invokeOf(chart, open);
  return activeNodes(chart.definition, state.snapshot.value)
    .flatMap((node) => node.invokes)
    .find(({ id }) => id === list.invoke);
}

/** One step in the making. */
export class Step {
  readonly draft: Draft;

  constructor(
    private readonly chart: CompiledChart,
    private readonly before: Pick<ChartState, 'entries' | 'lists'> & { snapshot?: ChartState['snapshot'] },
    private readonly scope: Scope,
  ) {
    this.draft = new Draft(chart, scope, before);
  }

  /** Offers XState an event of the engine. `expected`: the chart has transitions for it, so that only guards can refuse it. */
  take(event: EngineEvent, expected: boolean): StepResult {
    const { machine } = this.chart;
    const macrostep =
      this.before.snapshot && machine.take(machine.restore(this.before.snapshot), event, momentOf(this.scope));
    if (macrostep === undefined || macrostep.selected === 'none') {
      return { outcome: 'not-taken', reason: expected ? 'guard-refused' : 'no-transition' };
    }
    return this.taken(macrostep);
  }

  taken(first: Macrostep): StepResult {
    let macrostep = first;
    this.apply(macrostep);
    for (let told = 0; macrostep.snapshot.status === 'active'; told++) {
      const list = this.draft.nextEmptyList();
      if (list === undefined) break;
      if (told >= MAX_EMPTY_LISTS)
        throw new StepFault({
          rule: 'endless',
          state: '',
          message: `Lists without items follow each other more than ${MAX_EMPTY_LISTS} times.`,
        });
      macrostep = this.tellEmpty(macrostep, list);
    }
    return this.result(this.chart.machine.store(macrostep.snapshot));
  }

  /** A list has moved on: XState hears of it only when the list is complete. `event` is what `until` sees. */
  progress(invoke: InvokeDef, before: ListProgress, after: ListProgress, event: EngineEvent): StepResult {
    if (isComplete(invoke, after, this.names(event))) {
      this.completeList(before, after);
      const failure = failureOf(invoke, after);
      if (failure) return this.take(failed(invoke, failure.output ?? null), invoke.onError.length > 0);
      return this.take(done(invoke, answerOf(after)), invoke.onDone.length > 0);
    }
    this.draft.replaceList(before, after, false);
    if (this.before.snapshot === undefined) throw new Error('A list cannot move on before the case has started.');
    return this.result(this.before.snapshot);
  }

  /** What is still open in it is closed with it. */
  completeList(before: ListProgress, after: ListProgress): void {
    for (const item of after.items) {
      if (item.status === 'open') this.draft.settle(item.entry, 'dropped');
    }
    this.draft.replaceList(before, after, true);
  }

  names(event: EngineEvent): Names {
    return {
      context: this.before.snapshot?.context ?? {},
      event: { data: null, output: null, ...event },
      ...momentOf(this.scope),
    };
  }

  private tellEmpty(macrostep: Macrostep, list: ListProgress): Macrostep {
    const { machine } = this.chart;
    const event = { type: `xstate.done.actor.${list.invoke}`, output: [], actorId: list.invoke };
    const next = machine.take(macrostep.snapshot, event, momentOf(this.scope));
    if (next.selected === 'none')
      throw new StepFault({
        rule: 'empty-list',
        state: this.stateOf(list, macrostep),
        message: `The list of "${list.invoke}" has no items, and no \`onDone\` leads on from there: nothing would ever answer.`,
      });
    this.draft.finishList(list);
    this.apply(next);
    return next;
  }

  private stateOf({ invoke }: ListProgress, { snapshot }: Macrostep): string {
    const { definition, machine } = this.chart;
    const opens = (path: string) => definition.byPath.get(path)?.invokes.some(({ id }) => id === invoke);
    return machine.active(snapshot).find(opens) ?? '';
  }

  private apply(macrostep: Macrostep): void {
    this.draft.apply(macrostep, () => this.chart.machine.active(macrostep.snapshot));
  }

  private result(snapshot: ChartState['snapshot']): StepResult {
    const { entries, lists, effects }: { entries: ChartState['entries']; lists: ListProgress[]; effects: Effect[] } =
      this.draft.finish();
    return { outcome: 'taken', state: { snapshot, entries, lists }, effects };
  }
}

function done(invoke: InvokeDef, output: Json): EngineEvent {
  return { type: `xstate.done.actor.${invoke.id}`, output, actorId: invoke.id };
}

function failed(invoke: InvokeDef, error: Json): EngineEvent {
  return { type: `xstate.error.actor.${invoke.id}`, error, actorId: invoke.id };
}

export function momentOf({ now, by, calendar }: Scope): Moment {
  return { now, by, zone: calendar.zone };
}

/** What cannot be evaluated comes back as a fault. */
export function guarded<Result>(make: () => Result | StepResult): Result | StepResult {
  try {
    return make();
  } catch (error) {
    if (error instanceof StepFault) return { outcome: 'fault', fault: error.fault };
    throw error;
  }
}
