import { activeNodes } from './accepts.js';
import { canonicalJson } from './canonical.js';
import { type CompiledChart, chartOf } from './chart.js';
import type { ChartNode, InvokeDef } from './definition.js';
import { compileInvocation } from './invocation.js';
import { Machine } from './machine.js';
import { BETWEEN, type Happening, MOVE } from './machine-config.js';
import { readTarget, type TargetProblem } from './move-target.js';
import { guarded, momentOf, Step } from './step.js';
import { compileTemplate } from './template.js';
import type { ChartState, Effect, Json, JsonObject, Scope, StepResult, StoredSnapshot, Workflow } from './types.js';

/** What stands in the way of another version. */
export interface Misfit {
  rule: TargetProblem['rule'] | 'state-missing' | 'state-changed' | 'region-new' | 'context-needed' | 'root-parallel';
  /** Dotted paths of states, or names of the context. */
  states: string[];
  message: string;
}

export type Migrated = StepResult | { outcome: 'misfit'; misfits: Misfit[] };

/** Asks for nothing: only `always` is looked at again. */
const SETTLE = 'xstate.qamqor.settle';

/**
 * Takes a case from one version of its workflow to another. Where its active states exist there, it stays in them: what is
 * open stays open under its id and due where its invocation, timer or deadline is written as before; what is new or
 * changed opens, what is gone closes; no entry or exit action runs. With a `target` the case leaves everything by the old
 * version and enters by the new one. Names that the context did not have begin as the new version says, or by `patch`.
 */
export function migrate(
  from: Workflow,
  to: Workflow,
  state: ChartState,
  { target, context: patch = {} }: { target?: Json; context?: JsonObject },
  scope: Scope,
): Migrated {
  return guarded((): Migrated => {
    const [before, after] = [chartOf(from), chartOf(to)];
    const { context, misfits } = contextOf(after, { ...state.snapshot.context, ...patch });
    if (target === undefined) {
      misfits.unshift(...stateMisfits(before, after, state));
      if (misfits.length > 0) return { outcome: 'misfit', misfits };
      return converted([from, to], state, context, [], after.machine, SETTLE, scope);
    }
    const targets = readTarget(to, target);
    if (!Array.isArray(targets)) misfits.unshift(targets);
    else if ([before, after].some(({ definition }) => definition.root.type !== 'compound')) misfits.unshift(ROOT);
    if (!Array.isArray(targets) || misfits.length > 0) return { outcome: 'misfit', misfits };
    const out = new Machine(before.definition, { moves: new Map([[before.definition.root, [BETWEEN]]]) });
    const left = new Step({ ...before, machine: out }, state, scope).take({ type: MOVE }, true);
    if (left.outcome !== 'taken') return left;
    const paths = targets.map(({ path }) => path);
    const into = new Machine(after.definition, { moves: new Map([[after.definition.root, paths]]) });
    const renewed = { ...context, ...changedBy(left.state, state), ...patch };
    return converted([from, to], left.state, renewed, left.effects, into, MOVE, scope);
  });
}

const ROOT: Misfit = {
  rule: 'root-parallel',
  states: [],
  message: 'The workflow itself is parallel: its cases can only stay in the states that they are in.',
};

/** The same states in the other version, its own invocations and timers beside those that stay, and then one event. */
function converted(
  [from, to]: [Workflow, Workflow],
  state: ChartState,
  context: JsonObject,
  earlier: Effect[],
  machine: Machine,
  event: string,
  scope: Scope,
): StepResult {
  const [before, after] = [chartOf(from), chartOf(to)];
  const snapshot: StoredSnapshot = { ...translated(before, after, state.snapshot), context };
  const step = new Step({ ...after, machine }, { ...state, snapshot }, scope);
  const happenings = activeNodes(after.definition, snapshot.value).flatMap((node) =>
    differences([from, to], before.definition.byPath.get(node.path), node, state, step),
  );
  const restored = machine.restore(snapshot);
  step.draft.apply({ snapshot: restored, happenings, selected: 'effective' }, () => []);
  const result = step.taken(machine.take(restored, { type: event }, momentOf(scope)));
  return result.outcome === 'taken' ? { ...result, effects: [...earlier, ...result.effects] } : result;
}

/** What closes and opens at one state that stays active. What was answered or has fired there before is not asked again. */
function differences(
  [from, to]: [Workflow, Workflow],
  old: ChartNode | undefined,
  node: ChartNode,
  state: ChartState,
  step: Step,
): Happening[] {
  const [before, after] = [chartOf(from), chartOf(to)];
  const names = step.names({ type: 'qamqor.migrate' });
  const happenings: Happening[] = [];
  const open = (test: (entry: ChartState['entries'][number]) => boolean) => state.entries.some(test);

  const deadlines = [old && deadlineOf(before, old), deadlineOf(after, node)].map((rule) =>
    canonicalJson(rule ?? null),
  );
  if (deadlines[0] !== deadlines[1]) {
    happenings.push({ kind: 'met', node });
    if (node.meta.deadline !== undefined) happenings.push({ kind: 'deadline', node, names });
  }
  for (const timer of old?.after ?? []) {
    if (!node.after.some(({ name }) => name === timer.name)) happenings.push({ kind: 'cancel', after: timer });
  }
  for (const after of node.after) {
    const was = old?.after.find(({ name }) => name === after.name);
    if (was && canonicalJson(was.rule as unknown as Json) === canonicalJson(after.rule as unknown as Json)) continue;
    const isOpen = open((entry) => entry.kind === 'timer' && entry.node === node.path && entry.name === after.name);
    if (!was || isOpen) happenings.push({ kind: 'timer', after, names });
  }
  for (const invoke of old?.invokes ?? []) {
    if (!node.invokes.some(({ id }) => id === invoke.id)) happenings.push({ kind: 'close', invoke });
  }
  for (const invoke of node.invokes) {
    const was = old?.invokes.find(({ id }) => id === invoke.id);
    if (was && written(from, before, was) === written(to, after, invoke)) continue;
    const isOpen =
      open((entry) => entry.kind === 'invocation' && entry.node === node.path && entry.invoke === invoke.id) ||
      state.lists.some((list) => list.invoke === invoke.id);
    if (!was || isOpen) happenings.push({ kind: 'open', invoke, opening: compileInvocation(invoke)(names), names });
  }
  return happenings;
}

function deadlineOf({ stateDeadlines }: CompiledChart, node: ChartNode): Json {
  const rule = stateDeadlines.get(node);
  return rule === undefined ? null : { rule: rule as unknown as Json, escalation: node.meta.escalation ?? null };
}

/** All that decides what is asked for, and until when; a task's form too. */
function written(workflow: Workflow, { deadlines, startBys }: CompiledChart, invoke: InvokeDef): string {
  const { src, input, each = null, key = null, until = null } = invoke;
  const name = typeof input === 'object' && input !== null && !Array.isArray(input) ? input.form : undefined;
  const form = typeof name === 'string' && Object.hasOwn(workflow.forms, name) ? workflow.forms[name] : null;
  const [deadline, startBy] = [deadlines.get(invoke) ?? null, startBys.get(invoke) ?? null];
  return canonicalJson({ src, input, each, key, until, form, deadline, startBy } as unknown as Json);
}

function stateMisfits(before: CompiledChart, after: CompiledChart, { snapshot }: ChartState): Misfit[] {
  const active = activeNodes(before.definition, snapshot.value);
  return active.flatMap((node): Misfit[] => {
    const same = after.definition.byPath.get(node.path);
    const states = [node.path];
    if (same === undefined)
      return [{ rule: 'state-missing', states, message: `The new version has no state "${node.path}".` }];
    if (same.type !== node.type)
      return [
        {
          rule: 'state-changed',
          states,
          message: `"${node.path}" was ${node.type} and is ${same.type} in the new version.`,
        },
      ];
    if (node.type !== 'parallel') return [];
    const regions = same.children.filter(
      (child) => child.type !== 'history' && !before.definition.byPath.has(child.path),
    );
    return regions.map(({ path }) => ({
      rule: 'region-new',
      states: [path],
      message: `"${path}" is a new region, in which the case is not yet.`,
    }));
  });
}

/** The context with the names that the new version adds. */
function contextOf({ definition }: CompiledChart, old: JsonObject): { context: JsonObject; misfits: Misfit[] } {
  const added = Object.keys(definition.context).filter((name) => !Object.hasOwn(old, name));
  const open = added.filter((name) => !compileTemplate(definition.context[name] ?? null, '').constant);
  const begun = added.map((name) => [name, definition.context[name] ?? null] as const);
  const misfits: Misfit[] = open.map((name) => ({
    rule: 'context-needed',
    states: [name],
    message: `context.${name} is new, and begins with what a case is opened with: give it in \`context\`.`,
  }));
  return { context: { ...old, ...Object.fromEntries(begun) }, misfits };
}

/** What exit actions have set on the way out. */
function changedBy({ snapshot }: ChartState, before: ChartState): JsonObject {
  return Object.fromEntries(
    Object.entries(snapshot.context).filter(([name, value]) => before.snapshot.context[name] !== value),
  );
}

/** State ids, document order and what history remembers, in the words of the other version. */
function translated(before: CompiledChart, after: CompiledChart, snapshot: StoredSnapshot): StoredSnapshot {
  const { order, ...rest } = snapshot;
  const historyValue: JsonObject = {};
  const byId = new Map(before.definition.nodes.map((node) => [node.id, node]));
  const same = (id: string): ChartNode | undefined => {
    const old = byId.get(id);
    const found = old && after.definition.byPath.get(old.path);
    return found?.type === old?.type ? found : undefined;
  };
  for (const [id, nodes] of Object.entries(snapshot.historyValue as Record<string, { id: string }[]>)) {
    const [history, remembered] = [same(id), nodes.map((node) => same(node.id))];
    // What cannot be come back to in full is forgotten: the history state's default takes its place.
    if (history !== undefined && !remembered.includes(undefined))
      historyValue[history.id] = remembered.map((node) => ({ id: node?.id ?? '' }));
  }
  if (order === undefined) return { ...rest, historyValue };
  const inOrder = (chart: CompiledChart) => activeNodes(chart.definition, snapshot.value).map(({ path }) => path);
  const [was, is] = [inOrder(before), inOrder(after)];
  const ranks = order.map((rank) => is.indexOf(was[rank] ?? ''));
  return { ...rest, historyValue, ...(ranks.every((rank, index) => rank === index) ? {} : { order: ranks }) };
}
