import { chartOf, invokeOf } from './chart.js';
import { leads } from './explore.js';
import type { DelayRule, Entry, Workflow } from './types.js';

/** Whether an entry is due by a date of the world (`until`): a day in court does not move with a case that stands still. */
export function isDated(workflow: Workflow, entry: Entry): boolean {
  return ruleOf(workflow, entry)?.kind === 'until';
}

/** A timer that tells somebody something and leads nowhere: nothing waits for it. */
export function onlyReminds(workflow: Workflow, entry: Entry): boolean {
  if (entry.kind !== 'timer') return false;
  const timer = chartOf(workflow)
    .definition.byPath.get(entry.node)
    ?.after.find(({ name }) => name === entry.name);
  return timer !== undefined && !timer.transitions.some(leads);
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
