import { accepts, refusalOf } from './accepts.js';
import { dueAt, parseDelay } from './delay.js';
import { type PlayEvent, parsePlayEvents } from './play-events.js';
import { start, step } from './step.js';
import type {
  Calendar,
  ChartState,
  Effect,
  Fault,
  Input,
  InvocationEntry,
  Json,
  JsonObject,
  Scope,
  StepResult,
  Text,
  TimerEntry,
  Workflow,
} from './types.js';

export interface PlayStep {
  /** As it was asked for, without its data; null for the start. */
  event: string | null;
  accepted: boolean;
  /** XState's state value. */
  state: Json;
  accepts: string[];
  effects: PlayEffect[];
  /** Why a step could not be made at all. */
  fault?: Fault;
  /** What the workflow says to whoever sent an event that its guards refused. */
  refused?: Text;
}

/** `id` is the invocation's id in the chart, the delay's name, or the action's type; `input` also holds an action's params. */
export interface PlayEffect {
  kind: 'open' | 'close' | 'timer' | 'cancel' | 'action';
  id: string;
  src?: string;
  input?: JsonObject;
  due?: string;
}

export interface PlayOptions {
  input?: JsonObject;
  /** Where the virtual clock begins, ISO 8601. */
  now?: string;
  calendar?: Calendar;
}

/** A Monday morning, so that what is played today is played the same tomorrow. */
const BEGINNING = '2026-01-05T04:00:00.000Z';
/** More timers than this in one `wait` go round in a circle. */
const MAX_FIRED = 2000;
const TOO_MANY = `More than ${MAX_FIRED} timers fired in one wait: they set each other going in a circle.`;

const WORKING_WEEK: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [
    { from: '09:00', to: '13:00' },
    { from: '14:00', to: '18:00' },
  ],
  days: {},
};

/** Plays a chart on a virtual clock; the state is stored as text and restored between every two steps. */
export function play(
  workflow: Workflow,
  events: PlayEvent[] | string,
  options: PlayOptions = {},
): { steps: PlayStep[] } {
  const player = new Player(workflow, options);
  const parsed = typeof events === 'string' ? parsePlayEvents(events) : events;
  return { steps: [player.start(), ...parsed.map((event) => player.play(event))] };
}

/** The same, one step at a time. */
export class Player {
  private state: ChartState | null = null;
  private now: string;
  private seq = 0;
  /** Timers that have passed without a transition: as in XState they do not come again. */
  private readonly passed = new Set<string>();

  constructor(
    private readonly workflow: Workflow,
    private readonly options: PlayOptions = {},
  ) {
    this.now = options.now ?? BEGINNING;
  }

  start(): PlayStep {
    return this.report(null, [this.keep(start(this.workflow, this.options.input ?? {}, this.scope()))]);
  }

  play(event: PlayEvent): PlayStep {
    const { state } = this;
    if (state === null) return this.report(event.text, []);
    switch (event.kind) {
      case 'event':
        return this.send(state, event);
      case 'done':
        return this.report(
          event.text,
          this.answer(state, event.id, (entry) => ({ kind: 'answer', entry, output: event.output ?? null })),
        );
      case 'error':
        return this.report(
          event.text,
          this.answer(state, event.id, (entry) => ({ kind: 'failure', entry, error: event.error ?? null })),
        );
      case 'wait':
        return this.wait(event.text, event.duration);
    }
  }

  private send(state: ChartState, { text, type, data }: Extract<PlayEvent, { kind: 'event' }>): PlayStep {
    const result = this.make(state, { kind: 'event', type, ...(data !== undefined && { data }) });
    const refused = refusalOf(this.workflow, type, result);
    return { ...this.report(text, [result]), ...(refused !== undefined && { refused }) };
  }

  private answer(state: ChartState, id: string, input: (entry: string) => Input): StepResult[] {
    const entry = state.entries.find(
      (open) => open.kind === 'invocation' && (open.invoke === id || itemId(open) === id || open.id === id),
    );
    return entry === undefined ? [] : [this.make(state, input(entry.id))];
  }

  /** Timers fire in the order in which they are due, those that were set meanwhile included. */
  private wait(text: string, duration: string): PlayStep {
    const until = this.later(duration);
    const results: StepResult[] = [];
    for (let timer = this.nextTimer(until); timer !== undefined; timer = this.nextTimer(until)) {
      if (this.state === null) break;
      if (results.length >= MAX_FIRED) {
        results.push({ outcome: 'fault', fault: { rule: 'endless', state: timer.node, message: TOO_MANY } });
        break;
      }
      if (timer.due > this.now) this.now = timer.due;
      this.passed.add(timer.id);
      results.push(this.make(this.state, { kind: 'timer', entry: timer.id }));
    }
    this.now = until;
    return { ...this.report(text, results), accepted: results.every(({ outcome }) => outcome !== 'fault') };
  }

  private nextTimer(until: string): TimerEntry | undefined {
    const due = (this.state?.entries ?? []).filter(
      (entry) => entry.kind === 'timer' && entry.due <= until && !this.passed.has(entry.id),
    ) as TimerEntry[];
    return due.reduce<TimerEntry | undefined>(
      (first, timer) => (first === undefined || timer.due < first.due ? timer : first),
      undefined,
    );
  }

  private later(duration: string): string {
    const number = Number(duration);
    const rule = Number.isNaN(number)
      ? parseDelay(duration)
      : ({ kind: 'span', amount: number, unit: 'milliseconds' } as const);
    const { now, by, calendar } = this.scope();
    const until = dueAt(
      rule,
      { context: this.state?.snapshot.context ?? {}, event: {}, now, by, zone: calendar.zone },
      this.scope(),
    );
    return until === null || until < this.now ? this.now : until;
  }

  private make(state: ChartState, input: Input): StepResult {
    return this.keep(step(this.workflow, state, input, this.scope()));
  }

  private keep(result: StepResult): StepResult {
    if (result.outcome === 'taken') this.state = JSON.parse(JSON.stringify(result.state)) as ChartState;
    return result;
  }

  private scope(): Scope {
    this.seq += 1;
    return { now: this.now, by: null, seq: this.seq, calendar: this.options.calendar ?? WORKING_WEEK };
  }

  private report(event: string | null, results: StepResult[]): PlayStep {
    const effects: PlayEffect[] = [];
    let fault: Fault | undefined;
    for (const result of results) {
      if (result.outcome === 'fault') fault = result.fault;
      if (result.outcome === 'taken') effects.push(...result.effects.flatMap(shown));
    }
    const { state } = this;
    return {
      event,
      accepted: results.length > 0 && results.every(({ outcome }) => outcome === 'taken'),
      state: state?.snapshot.value ?? null,
      accepts: state === null ? [] : accepts(this.workflow, state).map(({ type }) => type),
      effects,
      ...(fault !== undefined && { fault }),
    };
  }
}

function itemId({ invoke, item }: InvocationEntry): string {
  return item === undefined ? invoke : `${invoke}:${item.key}`;
}

/** Deadlines move nothing by themselves and are not shown. */
function shown(effect: Effect): PlayEffect[] {
  switch (effect.kind) {
    case 'open': {
      const { entry } = effect;
      return [
        {
          kind: 'open',
          id: itemId(entry),
          src: entry.src,
          input: entry.input,
          ...(entry.due !== undefined && { due: entry.due }),
        },
      ];
    }
    case 'close':
      return [{ kind: 'close', id: itemId(effect.entry), src: effect.entry.src }];
    case 'timer':
      return [{ kind: 'timer', id: effect.entry.name, due: effect.entry.due }];
    case 'cancel':
      return [{ kind: 'cancel', id: effect.entry.name }];
    case 'action':
      return [{ kind: 'action', id: effect.type, input: effect.params }];
    case 'deadline':
    case 'met':
      return [];
  }
}
