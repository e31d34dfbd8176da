import { type ChartNode, type Definition, type InvokeDef, isExpression } from './definition.js';
import { parseDelay } from './delay.js';
import { Machine } from './machine.js';
import type { Chart, DelayRule, Json, JsonObject, Source, Workflow } from './types.js';

/** What stands behind the opaque `Workflow.chart`. */
export interface CompiledChart {
  definition: Definition;
  machine: Machine;
  /** When an invocation's answer is due (`input.deadline`), where it says so. */
  deadlines: Map<InvokeDef, DelayRule>;
  /** When the work on a task should have begun (`input.startBy`), where it says so. */
  startBys: Map<InvokeDef, DelayRule>;
  /** When a state should be over (`meta.deadline`). */
  stateDeadlines: Map<ChartNode, DelayRule>;
}

export const SOURCES: readonly Source[] = ['task', 'handOff', 'service', 'case'];

export function isSource(src: string): src is Source {
  return SOURCES.some((source) => source === src);
}

/** Throws where an expression or a deadline cannot be read: the loader looks for that first. */
export function compileChart(definition: Definition, options: { forPlay?: boolean } = {}): Chart {
  const deadlines = new Map<InvokeDef, DelayRule>();
  const startBys = new Map<InvokeDef, DelayRule>();
  const stateDeadlines = new Map<ChartNode, DelayRule>();
  for (const node of definition.nodes) {
    if (node.meta.deadline !== undefined) stateDeadlines.set(node, deadlineRule(node.meta.deadline, definition));
    for (const invoke of node.invokes) {
      const deadline = writtenDeadline(invoke);
      if (deadline !== undefined && isSource(invoke.src)) deadlines.set(invoke, deadlineRule(deadline, definition));
      const startBy = startByRule(invoke, definition);
      if (startBy !== undefined) startBys.set(invoke, startBy);
    }
  }
  const machine = new Machine(definition, { tolerantStart: options.forPlay === true });
  return { definition, machine, deadlines, startBys, stateDeadlines } satisfies CompiledChart as unknown as Chart;
}

export function chartOf(workflow: Workflow): CompiledChart {
  return workflow.chart as unknown as CompiledChart;
}

/** A deadline names one of `delays`, or says itself how long. */
export function deadlineRule(written: Json, definition: Definition): DelayRule {
  const named =
    typeof written === 'string' && Object.hasOwn(definition.delays, written) ? definition.delays[written] : undefined;
  return named ?? parseDelay(written);
}

export function writtenDeadline(invoke: InvokeDef): Json | undefined {
  return inputOf(invoke).deadline;
}

/**
 * Is written like a deadline, and evaluated with the rest of the input, when the task is opened. Of a text, only one that is
 * an expression as a whole is evaluated there. Throws an Error that says what is expected.
 */
export function startByRule(invoke: InvokeDef, definition: Definition): DelayRule | undefined {
  const { startBy } = inputOf(invoke);
  if (invoke.src !== 'task' || startBy === undefined) return undefined;
  const rule = deadlineRule(startBy, definition);
  if (rule.kind === 'until' && typeof startBy === 'string')
    throw new Error('Write a date as {until: "= <date>"}, with `before` or `after` if it is moved.');
  if (rule.kind === 'expression' && !isExpression(startBy))
    throw new Error('It names an expression; write the expression itself.');
  return rule;
}

function inputOf({ input }: InvokeDef): JsonObject {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {};
}

export function invokeOf(chart: CompiledChart, entry: { node: string; invoke: string }): InvokeDef | undefined {
  return chart.definition.byPath.get(entry.node)?.invokes.find((invoke) => invoke.id === entry.invoke);
}
