import { candidates } from './accepts.js';
import type { Catalogue } from './catalogue.js';
import { Life } from './check-life.js';
import {
  type ActionDef,
  ancestorsOf,
  type ChartNode,
  type Definition,
  type InvokeDef,
  isEffective,
  isExpression,
  type TransitionDef,
} from './definition.js';
import { leads } from './explore.js';
import { compileExpression } from './expression.js';
import type { Findings } from './findings.js';
import { suggestion } from './suggestion.js';
import { transitionsOf } from './targets.js';
import type { Json, JsonObject } from './types.js';

/** Answers, timers and deadlines, one state at a time: each must lead on whatever its guards say, and be heard of. */
export function checkBranches(definition: Definition, catalogue: Catalogue, findings: Findings): void {
  const life = new Life(catalogue);
  const invokes = definition.nodes.flatMap((node) => node.invokes);
  const known = knownEvents(definition);
  for (const node of definition.nodes) {
    for (const invoke of node.invokes) {
      checkAnswers(node, invoke, findings);
      checkDeadline(node, invoke, invokes, life, findings);
    }
    checkTimers(node, findings);
    checkFinished(node, findings);
    checkAlways(definition, node, findings);
    checkStateDeadline(node, life, findings);
    checkEvents(node, findings);
    checkConfirmed(definition, node, findings);
    if (definition.eventsDeclared) checkDeclared(node, known, findings);
    checkRaised(definition, node, findings);
  }
}

function checkAnswers(node: ChartNode, invoke: InvokeDef, findings: Findings): void {
  if (invoke.onDone.length === 0) {
    findings.error(
      'no-on-done',
      node.path,
      `Nothing follows when "${invoke.id}" is done: its answer is refused, and the family stays here.`,
      'Add `onDone` with a `target`.',
    );
  }
  checkDefaults(node, invoke.onDone, `\`onDone\` of "${invoke.id}"`, `"${invoke.id}" is done`, findings);
  checkDefaults(node, invoke.onError, `\`onError\` of "${invoke.id}"`, `"${invoke.id}" fails`, findings);
  // What fails in a list that goes on until its own expression says so is an item's status, and no error.
  if (invoke.onError.length > 0 || isExpression(invoke.until)) return;
  if (invoke.src === 'handOff') {
    findings.error(
      'no-on-error',
      node.path,
      `Nothing follows when the partner rejects "${invoke.id}" or never answers: the family stays here until somebody notices.`,
      'Add `onError`: for example a task in which the curator chooses to send it again or to go on.',
    );
  } else if (invoke.src === 'service' || invoke.src === 'case') {
    findings.warning(
      'no-on-error',
      node.path,
      `When "${invoke.id}" fails, the family waits until somebody works off the incident.`,
      'Add `onError` if the family can go on without it.',
    );
  }
}

function checkDefaults(
  node: ChartNode,
  transitions: TransitionDef[],
  what: string,
  when: string,
  findings: Findings,
): void {
  if (transitions.length === 0) return;
  if (transitions.every(({ guard }) => guard !== undefined)) {
    findings.error(
      'no-default',
      node.path,
      `When ${when} and no guard of ${what} says yes, nothing follows: the family stays here.`,
      'Add a last branch without a `guard`.',
    );
  }
  if (!what.includes('after') && transitions.some((transition) => !isEffective(transition))) {
    findings.error(
      'answer-leads-nowhere',
      node.path,
      `A branch of ${what} does nothing: when ${when}, the family stays here and nobody has anything to do.`,
      'Give the branch a `target`.',
    );
  }
}

/**
 * When its parts have finished nothing inside is awaited any more: every branch must lead on, or something else must.
 * A region that has finished waits for the others, and may only tell them.
 */
function checkFinished(node: ChartNode, findings: Findings): void {
  const when = 'the parts inside are finished';
  checkDefaults(node, node.onDone, 'its `onDone`', when, findings);
  if (
    node.onDone.every(leads) ||
    node.parent?.type === 'parallel' ||
    node.invokes.length > 0 ||
    node.always.length > 0 ||
    node.after.some(({ transitions }) => transitions.some(leads))
  )
    return;
  findings.error(
    'answer-leads-nowhere',
    node.path,
    `A branch of its \`onDone\` has no target: when ${when}, the family stays here and nobody has anything to do.`,
    'Give the branch a `target`.',
  );
}

function checkTimers(node: ChartNode, findings: Findings): void {
  for (const { name, transitions } of node.after) {
    checkDefaults(node, transitions, `\`after\` ${name}`, `the time "${name}" is over`, findings);
    if (transitions.every(isEffective)) continue;
    findings.error(
      'timer-leads-nowhere',
      node.path,
      `When the time "${name}" is over, nothing happens: the family waits on.`,
      'Give every branch of `after` a `target` or `actions`.',
    );
  }
  const idle =
    node.children.length === 0 &&
    node.invokes.length === 0 &&
    node.always.length === 0 &&
    node.meta.deadline === undefined;
  if (!idle || node.after.length === 0 || node.after.some(({ transitions }) => transitions.some(leads))) return;
  findings.error(
    'timer-leads-nowhere',
    node.path,
    'When the time is over the family stays here, and nobody has anything to do.',
    'Give a branch of `after` a `target`: for example a task in which the curator decides how to go on.',
  );
}

/** A state that only decides must decide: what it looks at may never change again. */
function checkAlways(definition: Definition, node: ChartNode, findings: Findings): void {
  if (node.always.some((transition) => !isEffective(transition))) {
    findings.error(
      'decision-leads-nowhere',
      node.path,
      'A branch of `always` does nothing: when it is chosen, the family stays here.',
      'Give the branch a `target`.',
    );
  }
  if (node.always.length === 0 || node.children.length > 0 || node.invokes.length > 0 || node.after.length > 0) return;
  if (
    Object.keys(node.on).length > 0 ||
    node.always.some(({ guard, target }) => guard === undefined && target !== undefined)
  )
    return;
  const looksAt = new Set(
    node.always
      .flatMap(({ guard }) => (guard === undefined ? [] : compileExpression(guard).paths))
      .flatMap(([root, name]) => (root === 'context' && name !== undefined ? [name] : [])),
  );
  if (regionsBeside(definition, node).some((other) => setsOf(other).some((name) => looksAt.has(name)))) return;
  findings.error(
    'no-default',
    node.path,
    'When no guard of `always` says yes, the family stays in a state in which nothing is to be done.',
    'Add a last branch without a `guard`.',
  );
}

function regionsBeside(definition: Definition, node: ChartNode): ChartNode[] {
  const own = [node, ...ancestorsOf(node)];
  return definition.nodes.filter((other) => {
    const common = [other, ...ancestorsOf(other)].find((ancestor) => own.includes(ancestor));
    return common?.type === 'parallel' && common !== other;
  });
}

function setsOf(node: ChartNode): string[] {
  return actionsOf(node).flatMap(({ type, params }) => (type === 'set' ? Object.keys(params) : []));
}

function checkDeadline(node: ChartNode, invoke: InvokeDef, all: InvokeDef[], life: Life, findings: Findings): void {
  const { deadline, escalation } = object(invoke.input);
  const hasDeadline = deadline !== undefined && deadline !== null;
  const hasLadder = typeof escalation === 'string' && escalation !== '';
  if (!hasDeadline && hasLadder) {
    findings.error(
      'no-deadline',
      node.path,
      `"${invoke.id}" names the ladder "${String(escalation)}" but has no \`deadline\`: it is never overdue, and nobody hears of a family that waits.`,
      'Add a `deadline`, for example `3 working days`.',
    );
  } else if (!hasDeadline && !life.ofState(node) && !hasTimer(node)) {
    findings.error(
      'no-deadline',
      node.path,
      `"${invoke.id}" has no \`deadline\`: a family can wait for it for ever, and nobody hears of it.`,
      'Add a `deadline`, for example `3 working days`, and an `escalation`.',
    );
  } else if (hasDeadline && !life.isHeard(escalation) && !life.ofState(node)) {
    checkUnheard(node, invoke, all, life, hasLadder, findings);
  }
}

/** Nothing but a ladder follows a task's deadline. A hand-off's leads on by `onError`; then the workflow's habit decides. */
function checkUnheard(
  node: ChartNode,
  invoke: InvokeDef,
  all: InvokeDef[],
  life: Life,
  hasLadder: boolean,
  findings: Findings,
): void {
  const leadsOn = life.ofInvoke(invoke) || hasTimer(node);
  const habit = all.some(
    (other) => other.src === invoke.src && other !== invoke && object(other.input).escalation !== undefined,
  );
  if (leadsOn && !habit && !hasLadder) return;
  findings.error(
    'no-escalation',
    node.path,
    hasLadder
      ? `The ladder of "${invoke.id}" names no role: when the deadline passes, nobody hears of it.`
      : `"${invoke.id}" has a deadline but no \`escalation\`: when it passes, nobody hears that the family waits.`,
    hasLadder ? 'Give a step of the ladder a `role`.' : 'Add `escalation` with the name of a ladder.',
  );
}

/** A timer of the state or above it that leads on. */
function hasTimer(node: ChartNode): boolean {
  return [node, ...ancestorsOf(node)].some(({ after }) => after.some(({ transitions }) => transitions.some(leads)));
}

function checkStateDeadline({ path, meta }: ChartNode, life: Life, findings: Findings): void {
  const isNamed = typeof meta.escalation === 'string' && meta.escalation !== '';
  if (meta.deadline !== undefined && !life.isHeard(meta.escalation)) {
    findings.error(
      'no-escalation',
      path,
      isNamed
        ? 'The ladder of the state names no role: when its deadline passes, nobody hears that the family stands still.'
        : 'The state has a deadline but no `escalation`: when it passes, nobody hears that the family stands still.',
      isNamed ? 'Give a step of the ladder a `role`.' : 'Add `meta.escalation` with the name of a ladder.',
    );
  }
  if (meta.deadline === undefined && isNamed) {
    findings.error(
      'no-deadline',
      path,
      'The state names a ladder but has no `deadline`: the ladder never begins, however long a family stands still.',
      'Add `meta.deadline`, for example `20 working days`.',
    );
  }
}

/** An empty transition keeps an event from the states around; where none of them takes it, something was forgotten. */
function checkEvents(node: ChartNode, findings: Findings): void {
  for (const [event, transitions] of Object.entries(node.on)) {
    if (transitions.length === 0 || transitions.some(isEffective)) continue;
    if (ancestorsOf(node).some((ancestor) => candidates(ancestor, event).some(isEffective))) continue;
    findings.error(
      'event-leads-nowhere',
      node.path,
      `${event} is taken here and does nothing: whoever sends it believes that the family goes on.`,
      'Give it a `target` or `actions`, or remove it.',
    );
  }
}

/** What people are asked to confirm has consequences: it leads on. */
function checkConfirmed(definition: Definition, node: ChartNode, findings: Findings): void {
  for (const { type, confirm } of definition.events) {
    if (
      confirm === undefined ||
      !(node.on[type] ?? []).some((transition) => isEffective(transition) && !leads(transition))
    )
      continue;
    findings.error(
      'event-leads-nowhere',
      node.path,
      `Who sends ${type} is asked to confirm it, and a branch of it leaves the family where it is.`,
      'Give the branch a `target`, or ask for no confirmation.',
    );
  }
}

/** Those that may come from outside, and those that the chart raises itself. */
function knownEvents({ events, nodes }: Definition): string[] {
  const raised = nodes.flatMap(actionsOf).flatMap((action) => raisedType(action) ?? []);
  return [...events.map(({ type }) => type), ...raised];
}

function checkDeclared(node: ChartNode, known: string[], findings: Findings): void {
  for (const event of Object.keys(node.on)) {
    if (event.includes('*') || known.includes(event)) continue;
    findings.warning(
      'event-undeclared',
      node.path,
      `${event} can never come: it is not among \`events\`, and nothing raises it.`,
      `Declare it in \`events\`, or remove it.${suggestion(event, known)}`,
    );
  }
}

function actionsOf(node: ChartNode): ActionDef[] {
  return [
    node.entry,
    node.exit,
    node.initialActions,
    ...transitionsOf(node).map((transition) => transition.actions),
  ].flat();
}

function raisedType({ type, params }: ActionDef): string | undefined {
  const event = typeof params.event === 'string' ? params.event : object(params.event ?? null).type;
  return type === 'raise' && typeof event === 'string' && !isExpression(event) ? event : undefined;
}

function checkRaised(definition: Definition, node: ChartNode, findings: Findings): void {
  for (const event of actionsOf(node).flatMap((action) => raisedType(action) ?? [])) {
    if (definition.nodes.some((other) => candidates(other, event).length > 0)) continue;
    findings.warning(
      'raise-unheard',
      node.path,
      `It raises ${event}, which no state takes: nothing happens.`,
      'Let a state take it with `on`, or remove it.',
    );
  }
}

function object(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
