import { deadlineRule } from './chart.js';
import { contextSchemaOf } from './context-schema.js';
import {
  type ActionDef,
  type ChartNode,
  type Definition,
  type InvokeDef,
  isExpression,
  type TransitionDef,
} from './definition.js';
import { compileExpression } from './expression.js';
import type { Findings } from './findings.js';
import { ANYTHING, follow, listOf, objectOf, type Shape, schemaShape } from './shape.js';
import { suggestion } from './suggestion.js';
import { transitionsOf } from './targets.js';
import type { DelayRule, Json, JsonObject, Workflow } from './types.js';

/** What each name of an expression may hold at one place. */
type Names = Record<string, Shape>;

/**
 * Every name that an expression reads must exist in the schemas of context, input, forms and events: a misspelt name is
 * null when a case runs. Fields marked `x-personal` must not be read: personal data stays out of the statechart.
 */
export function checkNames(workflow: Workflow, definition: Definition, findings: Findings): void {
  new NameCheck(workflow, definition, findings).check();
}

class NameCheck {
  private readonly context: Shape;
  private readonly always: Names;

  constructor(
    private readonly workflow: Workflow,
    private readonly definition: Definition,
    private readonly findings: Findings,
  ) {
    this.context = contextShape(workflow, definition);
    this.always = { context: this.context, now: TEXT, by: objectOf({ id: TEXT, roles: listOf(TEXT) }) };
  }

  check(): void {
    const { definition } = this;
    const raised = this.raised().flatMap((event) => Object.keys(event));
    // What a raised event carries may be read wherever it leads.
    const event = objectOf({ ...EVENT, ...Object.fromEntries(raised.map((name) => [name, ANYTHING])) });
    const anyEvent = { ...this.always, event };
    this.value(
      definition.context,
      '',
      { input: schemaShape(this.workflow.inputSchema), now: TEXT, by: ANYTHING },
      'the initial context',
    );
    this.value(definition.output ?? null, '', anyEvent, 'the output');
    for (const [name, rule] of Object.entries(definition.delays)) this.delay(rule, '', anyEvent, `the delay "${name}"`);
    for (const node of definition.nodes) this.node(node, anyEvent);
  }

  private node(node: ChartNode, anyEvent: Names): void {
    const { path } = node;
    for (const action of [...node.entry, ...node.exit, ...node.initialActions]) this.action(action, path, anyEvent);
    this.value(node.output ?? null, path, anyEvent, 'the output');
    if (node.meta.deadline !== undefined)
      this.delay(deadlineRule(node.meta.deadline, this.definition), path, anyEvent, 'the deadline');
    for (const invoke of node.invokes) this.invoke(invoke, path, anyEvent);
    for (const transition of [...node.always, ...node.onDone]) this.transition(transition, anyEvent);
    for (const { transitions } of node.after)
      for (const transition of transitions) this.transition(transition, anyEvent);
    for (const [event, transitions] of Object.entries(node.on)) {
      const declared = this.definition.events.find(({ type }) => type === event);
      const data = declared?.schema ? schemaShape(declared.schema) : ANYTHING;
      // A raised event may carry what it likes.
      const names = { ...this.always, event: this.isRaised(event) ? ANYTHING : eventShape(data) };
      for (const transition of transitions) this.transition(transition, names);
    }
  }

  private invoke(invoke: InvokeDef, path: string, anyEvent: Names): void {
    const names: Names = { ...anyEvent };
    if (invoke.each !== undefined) {
      this.expression(invoke.each, path, anyEvent, `\`each\` of "${invoke.id}"`);
      names.item = this.elementOf(invoke.each, anyEvent);
      names.index = TEXT;
    }
    if (invoke.key !== undefined) this.value(invoke.key, path, names, `\`key\` of "${invoke.id}"`);
    if (invoke.until !== undefined && isExpression(invoke.until))
      this.expression(
        invoke.until,
        path,
        { ...names, results: ANYTHING, items: ANYTHING },
        `\`until\` of "${invoke.id}"`,
      );
    const { deadline, ...input } = object(invoke.input);
    this.value(input, path, names, `the input of "${invoke.id}"`);
    if (deadline !== undefined)
      this.delay(deadlineRule(deadline, this.definition), path, names, `the deadline of "${invoke.id}"`);
    const answer = this.answerOf(invoke);
    for (const transition of invoke.onDone)
      this.transition(transition, { ...this.always, event: eventShape(ANYTHING, answer) });
    for (const transition of invoke.onError)
      this.transition(transition, { ...this.always, event: eventShape(ANYTHING, ANYTHING) });
  }

  /** A task answers with its form; what partners, services and sub-cases answer has no schema here. */
  private answerOf(invoke: InvokeDef): Shape {
    const { form } = object(invoke.input);
    const schema =
      invoke.src === 'task' && typeof form === 'string' && Object.hasOwn(this.workflow.forms, form)
        ? this.workflow.forms[form]?.schema
        : undefined;
    const answer = schemaShape(schema);
    return invoke.each === undefined ? answer : listOf(answer);
  }

  private elementOf(each: string, names: Names): Shape {
    const [path, ...more] = compileExpression(each).paths;
    if (path === undefined || more.length > 0) return ANYTHING;
    const found = this.lookUp([...path, '[]'], names);
    return found.kind === 'found' ? found.shape : ANYTHING;
  }

  private isRaised(event: string): boolean {
    return this.raised().some(({ type }) => type === event);
  }

  private raised(): JsonObject[] {
    return actionsOf(this.definition).flatMap(({ type, params }) =>
      type === 'raise' ? [object(params.event ?? null)] : [],
    );
  }

  private transition({ guard, actions, node }: TransitionDef, names: Names): void {
    if (guard !== undefined) this.expression(guard, node, names, 'a guard');
    for (const action of actions) this.action(action, node, names);
  }

  private action({ type, params }: ActionDef, path: string, names: Names): void {
    this.value(params, path, names, `the action \`${type}\``);
    if (type !== 'set') return;
    for (const name of Object.keys(params)) {
      const missing = follow(this.context, [name]);
      if (missing.kind !== 'unknown') continue;
      this.findings.error(
        'unknown-name',
        path,
        `\`set\` writes context.${name}, which the context does not have: what is written would never be read.`,
        `Add it to \`contextSchema\`.${suggestion(name, missing.known)}`,
      );
    }
  }

  private delay(rule: DelayRule, path: string, names: Names, what: string): void {
    if (rule.kind === 'until' || rule.kind === 'expression') this.expression(rule.expression, path, names, what);
    if (rule.kind === 'until' && rule.offset !== undefined) this.delay(rule.offset.rule, path, names, what);
  }

  private value(value: Json, path: string, names: Names, what: string): void {
    if (isExpression(value)) this.expression(value, path, names, what);
    else if (typeof value === 'object' && value !== null)
      for (const part of Object.values(value)) this.value(part, path, names, what);
  }

  private expression(text: string, state: string, names: Names, what: string): void {
    for (const path of compileExpression(text).paths) {
      const found = this.lookUp(path, names);
      const written = path.filter((step) => step !== '[]').join('.');
      if (found.kind === 'unknown') {
        this.findings.error(
          'unknown-name',
          state,
          `${capital(what)} reads ${written} in "${text}", but there is no "${found.name}": it would be null, and the step could not be made.`,
          `Mend the name, or add it to the schema.${suggestion(found.name, found.known)}`,
        );
      } else if (found.kind === 'personal') {
        this.findings.error(
          'personal-name',
          state,
          `${capital(what)} reads ${written} in "${text}", which is personal: it would be kept in the case's history for ever.`,
          "Keep personal data in the family's records, and decide by a field that is not personal.",
        );
      }
    }
  }

  private lookUp([root = '', ...path]: string[], names: Names): ReturnType<typeof follow> {
    const shape = Object.hasOwn(names, root) ? names[root] : undefined;
    return shape === undefined ? { kind: 'unknown', name: root, known: Object.keys(names) } : follow(shape, path);
  }
}

const TEXT: Shape = { schemas: [{ type: 'string' }], root: {} };

/** Without a `contextSchema` the context has what it begins with and what is set later. */
export function contextShape(workflow: Workflow, definition: Definition): Shape {
  const schema = contextSchemaOf(workflow);
  if (schema !== undefined) return schemaShape(schema);
  const names = [
    ...Object.keys(definition.context),
    ...actionsOf(definition).flatMap(({ type, params }) => (type === 'set' ? Object.keys(params) : [])),
  ];
  return objectOf(Object.fromEntries(names.map((name) => [name, ANYTHING])));
}

function actionsOf({ nodes }: Definition): ActionDef[] {
  return nodes.flatMap((node) => [
    ...node.entry,
    ...node.exit,
    ...node.initialActions,
    ...transitionsOf(node).flatMap((transition) => transition.actions),
  ]);
}

const EVENT: Record<string, Shape> = { type: TEXT, data: ANYTHING, output: ANYTHING, error: ANYTHING, actorId: TEXT };

function eventShape(data: Shape, output: Shape = ANYTHING): Shape {
  return objectOf({ ...EVENT, data, output });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function object(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
