import { chartOf, invokeOf } from './chart.js';
import { dueAt } from './delay.js';
import type { Calendar, DelayRule, InvocationEntry, Json, Workflow } from './types.js';

/**
 * When the work on a task should have begun, ISO 8601 in UTC. Null where the task says nothing, or where its expression gave
 * neither a span nor a moment: nobody is late then.
 */
export function startByOf(
  workflow: Workflow,
  entry: Pick<InvocationEntry, 'node' | 'invoke' | 'input'>,
  scope: { now: string; calendar: Calendar },
): string | null {
  const { startBy } = entry.input;
  if (startBy === undefined || startBy === null) return null;
  const chart = chartOf(workflow);
  const invoke = invokeOf(chart, entry);
  const rule = invoke && chart.startBys.get(invoke);
  if (rule === undefined) return null;
  if (rule.kind === 'expression') return dueAt(EVALUATED, { item: startBy }, scope);
  if (rule.kind === 'until') return dueAt({ ...rule, expression: 'item' }, { item: untilOf(startBy) }, scope);
  return dueAt(rule, {}, scope);
}

/** Whether that is a date of the world, see `isDated`. */
export function startByIsDated(workflow: Workflow, entry: Pick<InvocationEntry, 'node' | 'invoke'>): boolean {
  const chart = chartOf(workflow);
  const invoke = invokeOf(chart, entry);
  return invoke !== undefined && chart.startBys.get(invoke)?.kind === 'until';
}

/** The entry's input holds values where the workflow has expressions. */
const EVALUATED: DelayRule = { kind: 'expression', expression: 'item' };

function untilOf(value: Json): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value.until ?? null) : null;
}
