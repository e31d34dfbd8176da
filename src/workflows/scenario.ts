import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { z } from 'zod';
import { position, refusalOf } from '../statechart/accepts.js';
import { patchSchema } from '../statechart/context-patch.js';
import { dueAt, parseDelay } from '../statechart/delay.js';
import { standsStill } from '../statechart/liveness.js';
import { move, start, step } from '../statechart/step.js';
import type {
  Calendar,
  ChartState,
  Effect,
  Input,
  InvocationEntry,
  JsonObject,
  Scope,
  StepResult,
  TimerEntry,
  Workflow,
} from '../statechart/types.js';

const json = z.record(z.string(), z.json());
const expectation = z.strictObject({
  stage: z.string().optional(),
  /** Ids of the open invocations, in any order; an item of a list as `id/key`. */
  waitsFor: z.array(z.string()).optional(),
  closed: z.array(z.string()).optional(),
  /** Templates of the notifications that went out in this step. */
  told: z.array(z.string()).optional(),
  /** The state does not take what is said in `when`, and nothing changes. */
  refused: z.literal(true).optional(),
  /** `null`: the case is open. */
  outcome: z.string().nullable().optional(),
  /** Why it ended so. */
  reason: z.string().nullable().optional(),
});
const occurrence = z.union([
  z.strictObject({ task: z.string(), answer: json }),
  z.strictObject({ handOff: z.string(), result: json }),
  z.strictObject({ handOff: z.string(), fails: z.string() }),
  z.strictObject({ service: z.string(), result: json }),
  z.strictObject({ service: z.string(), fails: z.string() }),
  /** A sub-case, by `id` or `id/key`, ends with a result, or was cancelled. */
  z.strictObject({ case: z.string(), result: json }),
  z.strictObject({ case: z.string(), fails: z.string() }),
  z.strictObject({ event: z.string(), data: json.optional(), by: z.string() }),
  /** A hand opens the closed case again. Who may is said in roles.yaml, not by the workflow. */
  z.strictObject({ act: z.literal('reopen'), reason: z.string().min(1), by: z.string() }),
  z.strictObject({ time: z.string() }),
  z.strictObject({ until: z.string() }),
]);
const schema = z.strictObject({
  title: z.string(),
  given: z.union([
    z.strictObject({ input: json, at: z.string() }),
    /** Plays another scenario up to a stage, or up to the step before an invocation is answered. */
    z.strictObject({ scenario: z.string(), until: z.string(), context: json.optional() }),
  ]),
  // biome-ignore lint/suspicious/noThenProperty: "then" is the word that people read in a scenario
  then: expectation.optional(),
  steps: z.array(
    z.strictObject({
      when: occurrence,
      // biome-ignore lint/suspicious/noThenProperty: as above
      then: expectation.optional(),
    }),
  ),
});

type Scenario = z.infer<typeof schema>;
type Occurrence = z.infer<typeof occurrence>;
type Expectation = z.infer<typeof expectation>;

export interface ScenarioResult {
  name: string;
  title: string;
  ok: boolean;
  /** Where it went another way: step (1 is the first, 0 the beginning), what was expected, what happened. */
  problem?: { step: number; message: string };
}

/** Plays the scenarios of a workflow (file name → YAML) on the pure statechart. */
export function playScenarios(workflow: Workflow, texts: Record<string, string>, calendar: Calendar): ScenarioResult[] {
  const scenarios = new Map(Object.entries(texts).map(([name, text]) => [name, readScenario(name, text)]));
  return [...scenarios].map(([name, scenario]) => {
    const play = new Play(workflow, calendar, scenarios);
    try {
      play.all(scenario);
      return { name, title: scenario.title, ok: true };
    } catch (error) {
      if (!(error instanceof Deviation)) throw error;
      return { name, title: scenario.title, ok: false, problem: { step: play.at, message: error.message } };
    }
  });
}

function readScenario(name: string, text: string): Scenario {
  const result = schema.safeParse(yamlOf(name, text));
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ScenarioUnreadable(name, problems.join('\n'));
}

function yamlOf(name: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new ScenarioUnreadable(name, error instanceof Error ? error.message : String(error));
  }
}

/** A scenario that says nothing we understand: what is wrong with it, place by place. */
export class ScenarioUnreadable extends Error {
  constructor(name: string, problems: string) {
    super(`The scenario "${name}" cannot be read.\n${problems}`);
    this.name = 'ScenarioUnreadable';
  }
}

/** The case did something else than the scenario says. */
class Deviation extends Error {}

class Play {
  /** The step that is being played: 0 is the beginning. */
  at = 0;
  private now = '';
  private seq = 0;
  private state: ChartState | null = null;
  private effects: Effect[] = [];
  /** The step says that it is refused. */
  private mayRefuse = false;
  private readonly ajv: Ajv2020;

  constructor(
    private readonly workflow: Workflow,
    private readonly calendar: Calendar,
    private readonly scenarios: Map<string, Scenario>,
  ) {
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.ajv);
  }

  all(scenario: Scenario): void {
    this.begin(scenario);
    this.at = 0;
    if (scenario.then) this.expect(scenario.then);
    for (const { when, then } of scenario.steps) {
      this.at += 1;
      this.mayRefuse = then?.refused === true;
      this.happen(when);
      if (then) this.expect(then);
    }
  }

  private begin({ given }: Scenario): void {
    if ('input' in given) {
      this.now = new Date(given.at).toISOString();
      this.seq = 1;
      this.take(start(this.workflow, given.input, this.scope(null)));
      return;
    }
    const other = this.scenarios.get(given.scenario);
    if (!other) throw new Deviation(`There is no scenario "${given.scenario}" to begin with.`);
    this.begin(other);
    for (const { when, then } of other.steps) {
      if (this.isAt(given.until)) break;
      this.mayRefuse = then?.refused === true;
      this.happen(when);
    }
    if (!this.isAt(given.until))
      throw new Deviation(`The scenario "${given.scenario}" never comes to "${given.until}".`);
    this.mayRefuse = false;
    if (given.context) Object.assign(this.current.snapshot.context, structuredClone(given.context));
  }

  private isAt(place: string): boolean {
    return this.open().some((entry) => entry.invoke === place) || position(this.workflow, this.current).stage === place;
  }

  private happen(when: Occurrence): void {
    this.effects = [];
    if ('task' in when) {
      this.checkAnswer(when.task, when.answer);
      this.answer(when.task, { kind: 'answer', output: when.answer });
    } else if ('handOff' in when || 'service' in when || 'case' in when) {
      const invocation = 'handOff' in when ? when.handOff : 'service' in when ? when.service : when.case;
      this.answer(
        invocation,
        'fails' in when
          ? { kind: 'failure', error: { code: when.fails } }
          : { kind: 'answer', output: 'handOff' in when ? this.asFromPartner(when.result) : when.result },
      );
    } else if ('event' in when) this.event(when.event, when.data, when.by);
    else if ('act' in when) this.reopen(when.by);
    else if ('time' in when) this.passUntil(this.after(when.time));
    else this.passUntil(new Date(when.until).toISOString());
  }

  /** In the shape in which the engine gives a hand-off's answer to the statechart. */
  private asFromPartner(result: JsonObject): JsonObject {
    return { result, partnerRef: null, at: this.now };
  }

  private answer(
    invocation: string,
    answer: { kind: 'answer'; output: JsonObject } | { kind: 'failure'; error: JsonObject },
  ): void {
    const entry = this.open().find((candidate) => nameOf(candidate) === invocation);
    if (!entry)
      throw new Deviation(
        `Nothing waits for "${invocation}"; it waits for ${this.openNames().join(', ') || 'nothing'}.`,
      );
    this.step({ ...answer, entry: entry.id });
  }

  private checkAnswer(invocation: string, answer: JsonObject): void {
    const entry = this.open().find((candidate) => nameOf(candidate) === invocation);
    const form = typeof entry?.input.form === 'string' ? this.workflow.forms[entry.input.form] : undefined;
    if (!form || this.ajv.validate(form.schema, answer)) return;
    throw new Deviation(`The form "${form.name}" does not take this answer: ${this.ajv.errorsText()}.`);
  }

  private event(type: string, data: JsonObject | undefined, by: string): void {
    const declared = this.workflow.events.find((event) => event.type === type);
    const mayBy = declared?.roles.length === 0 || declared?.roles.includes(by);
    if (!declared || !mayBy) throw new Deviation(`${by} may not send ${type}.`);
    if (declared.schema && !this.ajv.validate(declared.schema, data ?? null))
      throw new Deviation(`${type} does not take this data: ${this.ajv.errorsText()}.`);
    if (!declared.schema && data) throw new Deviation(`${type} carries no data.`);
    this.step({ kind: 'event', type, ...(data && { data }) }, by);
  }

  /** As the engine's act plans it. */
  private reopen(by: string): void {
    if (this.current.snapshot.status !== 'done') throw new Deviation('The case is open: it cannot be reopened.');
    const target = this.workflow.reopen;
    if (target === undefined) throw new Deviation('The workflow names no state to reopen from (meta.reopen).');
    this.seq += 1;
    this.take(move(this.workflow, this.current, target, {}, this.scope(by), true));
    const [still] = standsStill(this.workflow, this.current);
    if (still) throw new Deviation(`The case would stand still in "${still.state}": ${still.message}`);
  }

  private after(span: string): string {
    const scope = this.scope(null);
    const names = {
      context: this.current.snapshot.context,
      event: {},
      now: this.now,
      by: null,
      zone: this.calendar.zone,
    };
    const due = dueAt(parseDelay(span), names, scope);
    if (due === null) throw new Deviation(`It cannot be told when "${span}" is over.`);
    return due;
  }

  /** Timers fire in the order in which they are due. */
  private passUntil(moment: string): void {
    for (;;) {
      const timers = this.current.entries.filter(
        (entry): entry is TimerEntry => entry.kind === 'timer' && entry.due <= moment,
      );
      const next = timers.sort((one, other) => one.due.localeCompare(other.due))[0];
      if (!next) break;
      if (next.due > this.now) this.now = next.due;
      this.step({ kind: 'timer', entry: next.id });
    }
    this.now = moment;
  }

  private step(input: Input, by: string | null = null): void {
    this.seq += 1;
    const result = step(this.workflow, this.current, input, this.scope(by));
    this.take(result, input.kind === 'event' ? refusalOf(this.workflow, input.type, result)?.en : undefined);
  }

  /** `words`: what the workflow says to whoever sent what it refuses. */
  private take(result: StepResult, words?: string): void {
    if (result.outcome === 'fault') throw new Deviation(`The step cannot be made: ${result.fault.message}`);
    if (result.outcome === 'refused' && this.mayRefuse) return;
    if (this.mayRefuse) throw new Deviation('It was taken, and should be refused.');
    if (result.outcome !== 'taken')
      throw new Deviation(
        `Nothing in ${JSON.stringify(this.current.snapshot.value)} takes it (${result.reason}).${words ? ` ${words}` : ''}`,
      );
    this.state = result.state;
    this.effects.push(...result.effects);
    if (!this.ajv.validate(patchSchema(this.workflow), result.state.snapshot.context))
      throw new Deviation(`The context would hold what \`contextSchema\` does not allow: ${this.ajv.errorsText()}.`);
  }

  private expect(expected: Expectation): void {
    const { stage } = position(this.workflow, this.current);
    const output = this.current.snapshot.output as { outcome?: unknown; reason?: unknown } | undefined;
    compare('the stage', expected.stage, stage);
    compare('the outcome', expected.outcome, output?.outcome ?? null);
    compare('the reason', expected.reason, output?.reason ?? null);
    compare('what it waits for', expected.waitsFor?.toSorted(), this.openNames());
    const told = this.effects.flatMap((effect) =>
      effect.kind === 'action' && effect.type === 'notify' ? [String(effect.params.template)] : [],
    );
    compare('what was told', expected.told?.toSorted(), told.sort());
    const closed = this.effects.flatMap((effect) => (effect.kind === 'close' ? [nameOf(effect.entry)] : []));
    compare('what was closed', expected.closed?.toSorted(), closed.sort());
  }

  private get current(): ChartState {
    if (!this.state) throw new Error('The scenario has not begun.');
    return this.state;
  }

  private open(): InvocationEntry[] {
    return this.current.entries.filter((entry): entry is InvocationEntry => entry.kind === 'invocation');
  }

  private openNames(): string[] {
    return this.open().map(nameOf).sort();
  }

  private scope(by: string | null): Scope {
    return {
      now: this.now,
      by: by === null ? null : { id: 'scenario', roles: [by] },
      seq: this.seq,
      calendar: this.calendar,
    };
  }
}

function nameOf({ invoke, item }: InvocationEntry): string {
  return item ? `${invoke}/${item.key}` : invoke;
}

function compare(what: string, expected: unknown, actual: unknown): void {
  if (expected === undefined || JSON.stringify(expected) === JSON.stringify(actual)) return;
  throw new Deviation(`Expected ${what} to be ${JSON.stringify(expected)}; it is ${JSON.stringify(actual)}.`);
}
