import { loadWorkflow } from '../src/statechart/load.js';
import { start, step } from '../src/statechart/step.js';
import type {
  Actor,
  Calendar,
  ChartState,
  Effect,
  Entry,
  Input,
  Json,
  JsonObject,
  StepResult,
  Workflow,
} from '../src/statechart/types.js';

/** Nine to six, Monday to Friday, no holidays. */
export const OFFICE_HOURS: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: {},
};

/** A Monday, 09:00 in Almaty. */
export const MONDAY = '2026-01-05T04:00:00.000Z';

/** A workflow from its YAML alone. */
export function aWorkflow(yaml: string, files: Record<string, string> = {}): Workflow {
  return loadWorkflow({ 'workflow.yaml': yaml, ...files });
}

/** A case of a chart: stored as JSON and restored between every two steps, its clock set by hand. */
export class ChartCase {
  readonly workflow: Workflow;
  now = MONDAY;
  by: Actor = { id: 'ana', roles: ['curator'] };
  seq = 0;
  effects: Effect[] = [];
  private stored = '';

  constructor(workflow: Workflow | string, input: JsonObject = {}) {
    this.workflow = typeof workflow === 'string' ? aWorkflow(workflow) : workflow;
    const started = start(this.workflow, input, this.scope());
    if (started.outcome !== 'taken') throw new Error(JSON.stringify(started));
    this.keep(started);
  }

  get state(): ChartState {
    return JSON.parse(this.stored) as ChartState;
  }

  get value(): Json {
    return this.state.snapshot.value;
  }

  get context(): JsonObject {
    return this.state.snapshot.context;
  }

  /** `open review`, `close review (left)`, `timer reminder`, … of the last step, in order. */
  get happened(): string[] {
    return this.effects.map(describe);
  }

  /** Ids of what is open. */
  get open(): string[] {
    return this.state.entries.map(({ id }) => id);
  }

  send(type: string, data?: Json): StepResult {
    return this.take(data === undefined ? { kind: 'event', type } : { kind: 'event', type, data });
  }

  answer(invoke: string, output: Json = null): StepResult {
    return this.take({ kind: 'answer', entry: this.entry(invoke), output });
  }

  fail(invoke: string, error: Json = null): StepResult {
    return this.take({ kind: 'failure', entry: this.entry(invoke), error });
  }

  fire(name: string): StepResult {
    return this.take({ kind: 'timer', entry: this.entry(name) });
  }

  take(input: Input): StepResult {
    const result = step(this.workflow, this.state, input, this.scope());
    this.keep(result);
    return result;
  }

  /** By its id, or by the name that the chart gives it. */
  entry(name: string): string {
    const found = this.state.entries.find((entry) => entry.id === name || nameOf(entry) === name);
    if (found === undefined) throw new Error(`Nothing called ${name} is open: ${this.open.join(', ')}`);
    return found.id;
  }

  private keep(result: StepResult): void {
    this.effects = result.outcome === 'taken' ? result.effects : [];
    if (result.outcome === 'taken') this.stored = JSON.stringify(result.state);
  }

  private scope() {
    this.seq += 1;
    return { now: this.now, by: this.by, seq: this.seq, calendar: OFFICE_HOURS };
  }
}

function nameOf(entry: Entry): string {
  if (entry.kind === 'timer') return entry.name;
  if (entry.kind === 'deadline') return `deadline ${entry.node}`;
  return entry.item === undefined ? entry.invoke : `${entry.invoke} ${entry.item.key}`;
}

function describe(effect: Effect): string {
  switch (effect.kind) {
    case 'action':
      return `${effect.type} ${JSON.stringify(effect.params)}`;
    case 'close':
    case 'cancel':
      return `${effect.kind} ${nameOf(effect.entry)} (${effect.reason})`;
    default:
      return `${effect.kind} ${nameOf(effect.entry)}`;
  }
}
