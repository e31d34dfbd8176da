import { chartOf, invokeOf } from './chart.js';
import type { DelayRule, Entry, Workflow } from './types.js';

/**
 * Whether an entry is due by a date of the world: a day in court does not move with a case that stands still. Only `until`
 * says so; an expression by itself may be a span as well.
 */
export function isDated(workflow: Workflow, entry: Entry): boolean {
  return ruleOf(workflow, entry)?.kind === 'until';
}

/** A timer that does nothing but tell somebody something: nothing waits for it. */
export function onlyReminds(workflow: Workflow, entry: Entry): boolean {
  if (entry.kind !== 'timer') return false;
  const timer = chartOf(workflow)
    .definition.byPath.get(entry.node)
    ?.after.find(({ name }) => name === entry.name);
  return (
    timer?.transitions.every(
      ({ target, actions }) => target === undefined && actions.every(({ type }) => type === 'notify'),
    ) ?? false
  );
}

function ruleOf(workflow: Workflow, entry: Entry): DelayRule | undefined {
  const chart = chartOf(workflow);
  if (entry.kind === 'invocation') {
    const invoke = invokeOf(chart, entry);
    return invoke && chart.deadlines.get(invoke);
  }
  const node = chart.definition.byPath.get(entry.node);
  if (entry.kind === 'timer') return node?.after.find(({ name }) => name === entry.name)?.rule;
  return node && chart.stateDeadlines.get(node);
}
