import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { accepts } from '../../src/statechart/accepts.js';
import { canonicalJson } from '../../src/statechart/canonical.js';
import { loadWorkflow } from '../../src/statechart/load.js';
import { type ReplayRow, replay } from '../../src/statechart/replay.js';
import { start, step } from '../../src/statechart/step.js';
import type {
  Calendar,
  ChartState,
  Effect,
  Input,
  InvocationEntry,
  JsonObject,
  StepResult,
  TimerEntry,
  Workflow,
} from '../../src/statechart/types.js';
import { EVENTS, type Pick, randomChart, UNNAMED } from './charts.js';
import { FEATURES, type Feature, featuresOf } from './features.js';
import { LiveActor, type LiveStep, lasting } from './live.js';

const FULL = process.env.QAMQOR_TEST === 'full';
const RUNS = Number(process.env.QAMQOR_PROPERTY_RUNS ?? (FULL ? 10_000 : 1000));
const SEED = Number(process.env.QAMQOR_PROPERTY_SEED ?? Date.now() % 1_000_000_000);
const STEPS = 12;
const CALENDAR: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: {},
};

/** What each kind of thing that happens came to, over all runs. */
const outcomes: Record<string, number> = {};
const shares = new Map<Feature, number>(FEATURES.map((feature) => [feature, 0]));

describe('a chart, stored and restored between every two steps', () => {
  it(
    `does what one live XState actor does, for ${RUNS} random charts`,
    () => {
      fc.assert(
        fc.property(fc.gen(), (g) => {
          const pick: Pick = (n) => (n <= 1 ? 0 : g(below, n));
          new Duel(pick).fight();
        }),
        {
          numRuns: RUNS,
          seed: SEED,
          path: process.env.QAMQOR_PROPERTY_PATH ?? '',
          endOnFailure: process.env.QAMQOR_PROPERTY_SHRINK === undefined,
        },
      );
      const percent = [...shares].map(([feature, count]) => [feature, Math.floor((100 * count) / RUNS)] as const);
      console.info(
        `seed ${SEED}\n${percent.map(([feature, share]) => `${feature}: ${share} %`).join('\n')}\n${JSON.stringify(outcomes)}`,
      );
      for (const [feature, share] of percent)
        expect({ feature, enough: share >= 10 }).toEqual({ feature, enough: true });
    },
    FULL ? 3_600_000 : 300_000,
  );
});

function below(n: number) {
  return fc.nat({ max: n - 1 });
}

/** One chart, played twice side by side. */
class Duel {
  private readonly chart: JsonObject;
  private readonly workflow: Workflow;
  private readonly live: LiveActor;
  private readonly features: Set<Feature>;
  private state: ChartState | null = null;
  private readonly journal: ReplayRow[] = [];
  private seq = 0;
  private now = 0;
  /** Entries that were open once, for late answers. */
  private readonly closed: InvocationEntry[] = [];
  /** Timers that passed without a transition. */
  private readonly passed = new Set<string>();

  constructor(private readonly pick: Pick) {
    this.chart = randomChart(pick);
    this.workflow = loadWorkflow({ 'workflow.json': JSON.stringify(this.chart) });
    this.live = new LiveActor(this.chart);
    this.features = featuresOf(this.chart);
  }

  fight(): void {
    const ours = start(this.workflow, {}, this.scope({ kind: 'start', input: {} }));
    const live = this.live.start();
    const goesOn = !this.fails(ours) && this.compare([ours], live, 'start');
    for (let turn = 0; goesOn && turn < STEPS && this.live.snapshot.status === 'active'; turn++) {
      if (!this.turn()) break;
    }
    expect(replay(this.journal).state).toEqual(this.state);
    this.count();
  }

  /** False when neither can go on, which ends the duel. */
  private turn(): boolean {
    const invocations = this.entries().filter((entry) => entry.kind === 'invocation');
    const kind = this.pick(10);
    if (kind >= 8 && this.timers().length > 0) return this.wait();
    if (kind >= 5 && invocations.length > 0)
      return this.answer(invocations[this.pick(invocations.length)] as InvocationEntry);
    if (kind === 4 && this.closed.length > 0)
      return this.late(this.closed[this.pick(this.closed.length)] as InvocationEntry);
    return this.event();
  }

  private one(names: string[]): string {
    return names[this.pick(names.length)] as string;
  }

  private event(): boolean {
    const type = this.one(this.pick(12) === 11 ? UNNAMED : EVENTS);
    const data = this.pick(3) === 2 ? { v: this.pick(4) } : undefined;
    const can = this.live.snapshot.can({ type });
    expect(
      accepts(this.workflow, this.stored())
        .map((event) => event.type)
        .includes(type),
    ).toBe(can && this.workflow.events.some((event) => event.type === type));
    const ours = this.step({ kind: 'event', type, ...(data && { data }) });
    const live = this.live.send({ type, ...(data && { data }) });
    if (this.fails(ours)) return false;
    expect(ours.outcome).toBe(can ? 'taken' : 'refused');
    return this.compare([ours], live, `event ${type}`);
  }

  private answer(entry: InvocationEntry): boolean {
    const failing = this.pick(4) === 3;
    const payload = this.pick(5);
    const event = failing
      ? { type: `xstate.error.actor.${entry.invoke}`, error: payload }
      : { type: `xstate.done.actor.${entry.invoke}`, output: payload };
    const input: Input = failing
      ? { kind: 'failure', entry: entry.id, error: payload }
      : { kind: 'answer', entry: entry.id, output: payload };
    if (!this.live.selects(event)) {
      const ours = this.step(input);
      this.note(failing ? 'failure' : 'answer', ours);
      expect(ours.outcome).toBe('not-taken');
      return true;
    }
    const ours = this.step(input);
    const live = failing ? this.live.fail(entry.invoke, payload) : this.live.answer(entry.invoke, payload);
    if (this.fails(ours)) return false;
    expect(ours.outcome).toBe('taken');
    if (!this.compare([ours], live, failing ? 'failure' : 'answer')) return false;
    this.features.add(failing ? 'failure taken' : 'answer taken');
    // The same answer a second time changes nothing.
    expect(this.step(input)).toEqual({ outcome: 'ignored', reason: 'entry-closed' });
    this.features.add('answer given twice');
    return true;
  }

  private late(entry: InvocationEntry): boolean {
    const input: Input =
      this.pick(2) === 1
        ? { kind: 'failure', entry: entry.id, error: 'late' }
        : { kind: 'answer', entry: entry.id, output: 1 };
    const ours = this.step(input);
    this.note('late', ours);
    expect(ours).toEqual({ outcome: 'ignored', reason: 'entry-closed' });
    this.features.add('late answer');
    return true;
  }

  /** On to the next moment at which something is due; several timers may be due at it. */
  private wait(): boolean {
    const at = Math.min(...this.timers().map(({ due }) => Date.parse(due)));
    this.now = at;
    const steps: StepResult[] = [];
    for (let timer = this.dueTimer(at); timer !== undefined; timer = this.dueTimer(at)) {
      const ours = this.step({ kind: 'timer', entry: timer.id });
      if (ours.outcome === 'fault') {
        this.live.fire(at);
        this.fails(ours);
        return false;
      }
      steps.push(ours);
      if (ours.outcome === 'taken') {
        this.state = ours.state;
        this.features.add('timer fired');
      } else this.passed.add(timer.id);
    }
    return this.compare(steps, this.live.fire(at), 'timer');
  }

  private dueTimer(at: number): TimerEntry | undefined {
    return this.timers().find(({ due }) => Date.parse(due) <= at);
  }

  private compare(ours: StepResult[], live: LiveStep, kind: string): boolean {
    for (const result of ours) {
      this.note(kind.split(' ')[0] as string, result);
      if (result.outcome === 'fault') throw new Error(`${result.fault.state}: ${result.fault.message}`);
      if (result.outcome === 'taken') this.remember(result);
    }
    const state = this.stored();
    const { value, context, status, output } = this.live.snapshot;
    const effects = ours.flatMap((result) =>
      result.outcome === 'taken' ? result.effects.flatMap((effect) => this.written(effect)) : [],
    );
    expect({
      kind,
      value: state.snapshot.value,
      context: state.snapshot.context,
      status: state.snapshot.status,
      output: state.snapshot.output,
      effects: lasting(effects).effects,
      timers: Object.fromEntries(this.timers().map((timer) => [this.timerType(timer), Date.parse(timer.due)])),
      open: state.entries.flatMap((entry) => (entry.kind === 'invocation' ? [entry.invoke] : [])),
      deadlines: state.entries.flatMap((entry) => (entry.kind === 'deadline' ? [entry.node] : [])).toSorted(),
    }).toEqual({
      kind,
      value,
      context,
      status,
      output,
      effects: live.effects,
      timers: this.live.timers(),
      open: this.live.open(),
      deadlines:
        status === 'done'
          ? []
          : this.live.snapshot._nodes
              .flatMap((node) => (node.meta === undefined ? [] : [node.path.join('.')]))
              .toSorted(),
    });
    if (live.passedThrough > 0) this.features.add('invocation passed through');
    if (this.live.enteredTwice) outcomes.enteredTwice = (outcomes.enteredTwice ?? 0) + 1;
    return !this.live.enteredTwice;
  }

  private step(input: Input): StepResult {
    return step(this.workflow, this.stored(), input, this.scope(input));
  }

  /** As it comes back from the database: keys in another order, and nothing may change it. */
  private stored(): ChartState {
    if (this.state === null) throw new Error('The chart has not been started.');
    return frozen(JSON.parse(canonicalJson(this.state)) as ChartState);
  }

  private remember(result: Extract<StepResult, { outcome: 'taken' }>): void {
    this.state = result.state;
    for (const effect of result.effects) {
      if (effect.kind === 'close') this.closed.push(effect.entry);
    }
  }

  private entries() {
    return this.state?.entries ?? [];
  }

  /** In the order in which they will fire. */
  private timers(): TimerEntry[] {
    const open = this.entries().filter(
      (entry): entry is TimerEntry => entry.kind === 'timer' && !this.passed.has(entry.id),
    );
    return open.toSorted((one, other) => Date.parse(one.due) - Date.parse(other.due));
  }

  private timerType({ name, node }: TimerEntry): string {
    const config = node
      .split('.')
      .reduce<JsonObject>(
        (state, key) => (key === '' ? state : ((state.states as JsonObject)[key] as JsonObject)),
        this.chart,
      );
    return `xstate.after.${name}.${(config.id as string | undefined) ?? (node === '' ? 'm' : `m.${node}`)}`;
  }

  private written(effect: Effect): string[] {
    switch (effect.kind) {
      case 'open':
        return [`open ${effect.entry.invoke} ${JSON.stringify(effect.entry.input)}`];
      case 'close':
        return [`close ${effect.entry.invoke}`];
      case 'cancel':
        // To XState a timer that nothing took is over; to the engine it stays, as an incident, until its state is left.
        if (this.passed.has(effect.entry.id)) return [];
        return [`cancel ${this.timerType(effect.entry)}`];
      case 'timer':
        return [`timer ${this.timerType(effect.entry)}`];
      case 'action':
        return [`action ${effect.type} ${JSON.stringify(effect.params)}`];
      default:
        return [];
    }
  }

  /** XState going round in circles, or into states that cannot be active together, is a fault to us: nothing is stored. */
  private fails(ours: StepResult): boolean {
    const rule = ours.outcome === 'fault' ? ours.fault.rule : null;
    const { status, error } = this.live.snapshot;
    const { wentIllegal } = this.live;
    expect({ ours: rule, live: error && String(error) }).toEqual({
      ours: status === 'error' ? 'endless' : wentIllegal ? 'state-error' : null,
      live: error && expect.stringContaining('Infinite loop'),
    });
    if (rule === 'endless') this.note('endless', ours);
    if (wentIllegal) outcomes.illegal = (outcomes.illegal ?? 0) + 1;
    return rule !== null;
  }

  private note(kind: string, { outcome }: StepResult): void {
    const key = `${kind} ${outcome}`;
    outcomes[key] = (outcomes[key] ?? 0) + 1;
  }

  private count(): void {
    for (const feature of this.features) shares.set(feature, (shares.get(feature) ?? 0) + 1);
  }

  /** Every input is journaled, those that changed nothing too. */
  private scope(input: NonNullable<ReplayRow['input']>) {
    this.seq += 1;
    const scope = { now: new Date(this.now).toISOString(), by: null, seq: this.seq, calendar: CALENDAR };
    this.journal.push({ seq: this.seq, workflow: this.workflow, scope, input });
    return scope;
  }
}

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
