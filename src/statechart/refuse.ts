import { deadlineRule, isSource, SOURCES, startByRule, writtenDeadline } from './chart.js';
import {
  type ActionDef,
  ancestorsOf,
  type ChartNode,
  type Definition,
  type InvokeDef,
  isExpression,
  type Problems,
} from './definition.js';
import { transitionsOf } from './targets.js';
import { compileOnce } from './template.js';
import type { Json } from './types.js';

/** The engine's fixed vocabulary. */
const ACTIONS = ['set', 'raise', 'sendParent', 'notify', 'openCase', 'milestone'];

/** What the loader refuses: XState itself would accept it and then do something nobody wrote. */
export function refuse(definition: Definition, problems: Problems, options: { forPlay?: boolean } = {}): void {
  refuseExpressions(definition.context, '', 'The initial context', problems);
  refuseExpressions(definition.output ?? null, '', 'The output', problems);
  for (const name of Object.keys(definition.delays)) {
    if (name.includes(':') || !Number.isNaN(Number(name))) {
      problems.add(
        'delay-malformed',
        '',
        `A delay is called "${name}".`,
        'Give it a name that is not a number and has no colon.',
      );
    }
  }
  for (const node of definition.nodes) {
    refuseKeys(node, problems);
    refuseActions(node, problems);
    for (const transition of transitionsOf(node)) {
      if (transition.guard !== undefined) refuseGuard(transition.guard, node, problems);
    }
    if (node.output !== undefined) refuseExpressions(node.output, node.path, 'Its output', problems);
    if (node.meta.deadline !== undefined) refuseDeadline(node.meta.deadline, node, definition, problems);
    for (const invoke of node.invokes) refuseInvoke(invoke, node, definition, problems, options.forPlay === true);
  }
  refuseTwins(definition, problems);
}

function refuseKeys(node: ChartNode, problems: Problems): void {
  if (
    node.parent !== null &&
    (node.key === '' ||
      node.key.startsWith('xstate.') ||
      node.key.includes('.') ||
      node.key.startsWith('#') ||
      node.key.includes('\\'))
  ) {
    problems.add(
      'state-key',
      node.path,
      `A state is called "${node.key}".`,
      'Use a name without dots, backslashes, a leading # or `xstate.`.',
    );
  }
  for (const event of Object.keys(node.on)) {
    if (event === '' || event === 'xstate' || event.startsWith('xstate.')) {
      problems.add(
        'event-reserved',
        node.path,
        `\`on\` names "${event}", which is reserved for the engine.`,
        'Use `onDone`, `onError`, `after` or `always`, or another name.',
      );
    }
  }
}

function refuseActions(node: ChartNode, problems: Problems): void {
  const places: ActionDef[][] = [
    node.entry,
    node.exit,
    node.initialActions,
    ...transitionsOf(node).map(({ actions }) => actions),
  ];
  for (const action of places.flat()) {
    if (action.type === '') continue;
    if (!ACTIONS.includes(action.type)) {
      const hint = /spawn|assign|sendTo|send|log|emit|cancel|stop|enqueue/i.test(action.type)
        ? `XState's own actions are not data. Use ${ACTIONS.join(', ')}, or an \`invoke\`.`
        : `Use ${ACTIONS.join(', ')}.`;
      problems.refuse('action-unknown', node.path, `Unknown action "${action.type}".`, hint);
      continue;
    }
    if (action.type === 'raise' || action.type === 'sendParent') refuseEvent(action, node, problems);
    else if (action.type === 'set' && Object.keys(action.params).length === 0) {
      problems.refuse(
        'action-unknown',
        node.path,
        '`set` sets nothing.',
        'Write `{type: set, params: {name: value}}`.',
      );
    }
    refuseExpressions(action.params, node.path, `Action \`${action.type}\``, problems);
  }
}

function refuseEvent({ type: action, params }: ActionDef, node: ChartNode, problems: Problems): void {
  const { event } = params;
  const isObject = typeof event === 'object' && event !== null && !Array.isArray(event);
  // Only what the chart raises for itself carries its data inside.
  const type = isObject && action === 'raise' ? event.type : event;
  if (typeof type !== 'string' || type === '' || isExpression(type)) {
    problems.add(
      'action-unknown',
      node.path,
      `\`${action}\` does not say which event.`,
      `Write \`{type: ${action}, params: {event: NAME}}\`.`,
    );
  } else if (type.startsWith('xstate.') || type === 'xstate' || type.includes('*')) {
    problems.add(
      'event-reserved',
      node.path,
      `\`${action}\` names "${type}", which is reserved for the engine.`,
      'Choose another name.',
    );
  }
  if (params.delay !== undefined || params.id !== undefined) {
    problems.add('raise-delayed', node.path, `A delayed \`${action}\` would survive its state.`, 'Use `after`.');
  }
}

function refuseGuard(guard: string, node: ChartNode, problems: Problems): void {
  if (isExpression(guard)) refuseExpressions(guard, node.path, 'A guard', problems);
  else
    problems.add(
      'guard-unknown',
      node.path,
      `The guard "${guard}" is not an expression.`,
      'Write it as text that starts with `=`.',
    );
}

function refuseInvoke(
  invoke: InvokeDef,
  node: ChartNode,
  definition: Definition,
  problems: Problems,
  forPlay: boolean,
): void {
  if (invoke.src !== '' && !isSource(invoke.src) && !forPlay) {
    problems.refuse(
      'source-unknown',
      node.path,
      `"${invoke.id}" waits for "${invoke.src}", which nobody answers.`,
      `Use ${SOURCES.join(', ')}.`,
    );
  }
  if (invoke.id.includes(':')) {
    problems.add(
      'invoke-id',
      node.path,
      `The invocation's id "${invoke.id}" has a colon.`,
      'Choose an id without one.',
    );
  }
  for (const name of ['each', 'key', 'until'] as const) {
    const text = invoke[name];
    if (text === undefined || (name === 'until' && (text === 'all' || text === 'any'))) continue;
    if (isExpression(text)) refuseExpressions(text, node.path, `\`${name}\` of "${invoke.id}"`, problems);
    else
      problems.add(
        'expression',
        node.path,
        `\`${name}\` of "${invoke.id}" is "${text}".`,
        name === 'until'
          ? 'Write all, any, or an expression that starts with `=`.'
          : 'Write an expression that starts with `=`.',
      );
  }
  refuseExpressions(invoke.input, node.path, `The input of "${invoke.id}"`, problems);
  const deadline = writtenDeadline(invoke);
  if (deadline !== undefined && isSource(invoke.src)) refuseDeadline(deadline, node, definition, problems);
  refuseDelay(() => startByRule(invoke, definition), `The \`startBy\` of "${invoke.id}"`, node, problems);
}

function refuseDeadline(written: Json, node: ChartNode, definition: Definition, problems: Problems): void {
  refuseDelay(() => deadlineRule(written, definition), `The deadline ${JSON.stringify(written)}`, node, problems);
}

function refuseDelay(read: () => unknown, what: string, node: ChartNode, problems: Problems): void {
  try {
    read();
  } catch (error) {
    problems.add(
      'delay-malformed',
      node.path,
      `${what} cannot be read: ${messageOf(error)}`,
      'Name one of `delays`, or write for example `3 working days`.',
    );
  }
}

/** Every expression inside a value must compile. */
function refuseExpressions(value: Json, state: string, place: string, problems: Problems): void {
  if (isExpression(value)) {
    try {
      compileOnce(value);
    } catch (error) {
      problems.add('expression', state, `${place}: ${messageOf(error)}`, 'Mend the expression.');
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) refuseExpressions(part, state, place, problems);
  }
}

/** An answer is told apart by its invocation's id, so two with one id must never be open together. */
function refuseTwins(definition: Definition, problems: Problems): void {
  const byId = new Map<string, ChartNode[]>();
  for (const node of definition.nodes) {
    for (const { id } of node.invokes) byId.set(id, [...(byId.get(id) ?? []), node]);
  }
  for (const [id, nodes] of byId) {
    const twin = nodes.find((node, index) => nodes.slice(0, index).some((other) => canBeActiveTogether(node, other)));
    if (twin === undefined) continue;
    problems.add(
      'invoke-id',
      twin.path,
      `Two invocations with the id "${id}" can be open together.`,
      'Give each an id of its own.',
    );
  }
}

function canBeActiveTogether(one: ChartNode, other: ChartNode): boolean {
  const mine = [one, ...ancestorsOf(one)];
  const common = [other, ...ancestorsOf(other)].find((node) => mine.includes(node));
  return common === one || common === other || common?.type === 'parallel';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
