import type { Catalogue } from './catalogue.js';
import { type ActionDef, type ChartNode, type Definition, type InvokeDef, isExpression } from './definition.js';
import type { Findings } from './findings.js';
import { suggestion } from './suggestion.js';
import { transitionsOf } from './targets.js';
import type { Json, JsonObject, Workflow } from './types.js';

/** Whom a message may be sent to, besides roles. */
const RECIPIENTS = ['family', 'applicant', 'assignee', 'partner'];

/** Everything that a workflow names must exist: forms, roles, partners and their services, ladders, templates, workflows. */
export function checkReferences(
  workflow: Workflow,
  definition: Definition,
  catalogue: Catalogue,
  findings: Findings,
): void {
  const checker = new References(workflow, catalogue, findings);
  for (const { type, roles } of definition.eventsDeclared ? definition.events : []) checker.event(type, roles);
  for (const { name, schema } of Object.values(workflow.forms)) checker.consents(name, schema);
  for (const node of definition.nodes) {
    checker.state(node);
    for (const invoke of node.invokes) checker.invoke(node, invoke);
    const actions = [
      node.entry,
      node.exit,
      node.initialActions,
      ...transitionsOf(node).map((transition) => transition.actions),
    ];
    for (const action of actions.flat()) checker.action(node, action);
  }
  const { reopen } = definition.root.meta;
  if (typeof reopen === 'string' && !definition.byPath.has(reopen)) {
    findings.error(
      'unknown-state',
      '',
      `A closed case goes on from "${reopen}" when it is opened again, which does not exist: it could not be opened.`,
      `Name a state by its dotted path.${suggestion(reopen, definition.byPath.keys())}`,
    );
  }
}

/** Sends what no person sends: what a register of ours has been told. No role of the centre may be called so. */
const ENGINE = 'engine';

class References {
  private readonly templates: Set<string>;
  /** As declared; a workflow that declares none has those that its states name. */
  private readonly stages: string[] | undefined;
  /** A ladder that many tasks name is told of once. */
  private readonly climbed = new Set<string>();

  constructor(
    private readonly workflow: Workflow,
    private readonly catalogue: Catalogue,
    private readonly findings: Findings,
  ) {
    const own = Object.keys(workflow.files).flatMap((path) => /^messages\/(.+)\.(?:ya?ml|json)$/.exec(path)?.[1] ?? []);
    this.stages = declaredStages(workflow);
    this.templates = new Set([...own, ...(catalogue.templates ?? [])]);
  }

  event(type: string, roles: string[]): void {
    if (roles.length === 0)
      this.findings.warning(
        'no-role',
        '',
        `The event ${type} names no role: everybody at the centre may send it.`,
        'Name them in `roles`; `engine` where no person may.',
      );
    for (const role of roles)
      if (role !== ENGINE) this.known('role', role, '', `The event ${type} may be sent by "${role}"`);
  }

  /** Whom a family may let have its data. */
  consents(form: string, { properties }: JsonObject): void {
    for (const schema of Object.values(object(properties))) {
      const offered = object(object(schema).items).enum;
      if (object(schema)['x-consents'] === undefined || !Array.isArray(offered)) continue;
      for (const partner of offered)
        if (typeof partner === 'string')
          this.known('partner', partner, '', `The form ${form} asks for a consent for "${partner}"`);
    }
  }

  state({ path, meta }: ChartNode): void {
    const stage = object(meta.stage).key ?? meta.stage;
    if (typeof stage === 'string' && this.stages !== undefined && !this.stages.includes(stage)) {
      this.findings.error(
        'unknown-stage',
        path,
        `Its stage "${stage}" is not among \`stages\`: the family would be on no column of the board.`,
        `Declare it.${suggestion(stage, this.stages)}`,
      );
    }
    if (typeof meta.escalation === 'string') this.ladder(meta.escalation, path, `Its ladder is "${meta.escalation}"`);
  }

  invoke(node: ChartNode, invoke: InvokeDef): void {
    const input = object(invoke.input);
    const { path } = node;
    if (invoke.src === 'task') {
      this.named('form', input.form, path, `Task "${invoke.id}"`, 'Whoever takes it would have nothing to fill in.');
      this.named('role', input.role, path, `Task "${invoke.id}"`, "It would lie in nobody's queue.");
    }
    if (invoke.src === 'handOff') {
      this.handOff(invoke.id, input, path);
      if (typeof input.role === 'string' && !isExpression(input.role))
        this.known('role', input.role, path, `"${invoke.id}" is answered for by "${input.role}"`);
    }
    if (invoke.src === 'service')
      this.named('service', input.name, path, `Step "${invoke.id}"`, 'Nobody would carry it out.');
    if (invoke.src === 'case')
      this.named('workflow', input.workflow, path, `Sub-case "${invoke.id}"`, 'It could not be opened.');
    if (typeof input.escalation === 'string')
      this.ladder(input.escalation, path, `"${invoke.id}" escalates by "${input.escalation}"`);
  }

  action({ path }: ChartNode, { type, params }: ActionDef): void {
    if (type === 'notify') {
      this.named('template', params.template, path, 'A message', 'The family would hear nothing.');
      if (typeof params.to === 'string' && !RECIPIENTS.includes(params.to) && !isExpression(params.to))
        this.known('role', params.to, path, `A message goes to "${params.to}"`);
    }
    if (type === 'openCase') this.named('workflow', params.workflow, path, 'A further case', 'It could not be opened.');
    if (type === 'milestone' && typeof params.name !== 'string')
      this.findings.error(
        'no-name',
        path,
        'A milestone has no name: nobody could count it.',
        'Write `{type: milestone, params: {name: …}}`.',
      );
  }

  private ladder(name: string, path: string, message: string): void {
    this.known('ladder', name, path, message);
    if (this.climbed.has(name)) return;
    this.climbed.add(name);
    const roles = this.catalogue.ladders?.find(({ key }) => key === name)?.roles ?? [];
    const consequence = 'Nobody has this role: that step of the ladder would reach nobody.';
    for (const role of new Set(roles))
      this.known('role', role, path, `The ladder "${name}" of escalation.yaml tells "${role}"`, consequence);
  }

  private handOff(id: string, input: JsonObject, path: string): void {
    this.named('partner', input.partner, path, `Hand-off "${id}"`, 'It could be sent to nobody.');
    const partner = this.catalogue.partners?.find(({ key }) => key === input.partner);
    const { service } = input;
    if (service === undefined || service === null) {
      this.findings.error(
        'no-service',
        path,
        `Hand-off "${id}" does not say which service is asked for.`,
        'Add `service`.',
      );
    } else if (
      partner !== undefined &&
      typeof service === 'string' &&
      !isExpression(service) &&
      !partner.services.includes(service)
    ) {
      this.findings.error(
        'unknown-service',
        path,
        `Hand-off "${id}" asks ${partner.key} for "${service}", which it does not offer: the family would be sent in vain.`,
        `Enter the service in partners.yaml, or name another.${suggestion(service, partner.services)}`,
      );
    }
  }

  private named(kind: Kind, value: Json | undefined, state: string, what: string, consequence: string): void {
    if (typeof value === 'string' && value !== '')
      this.known(kind, value, state, `${what} names the ${kind} "${value}"`, consequence);
    else this.findings.error(`no-${kind}`, state, `${what} names no ${kind}. ${consequence}`, `Add the ${kind}.`);
  }

  private known(kind: Kind, name: string, state: string, message: string, consequence = CONSEQUENCE[kind]): void {
    const known = this.namesOf(kind);
    if (known === undefined || isExpression(name) || known.includes(name)) return;
    this.findings.error(
      `unknown-${kind}`,
      state,
      `${message}, which does not exist. ${consequence}`,
      `${HINT[kind]}${suggestion(name, known)}`,
    );
  }

  private namesOf(kind: Kind): string[] | undefined {
    const { roles, partners, ladders, services, workflows } = this.catalogue;
    switch (kind) {
      case 'form':
        return Object.keys(this.workflow.forms);
      case 'template':
        return [...this.templates];
      case 'role':
        return roles;
      case 'partner':
        return partners?.map(({ key }) => key);
      case 'ladder':
        return ladders?.map(({ key }) => key);
      case 'service':
        return services;
      case 'workflow':
        return workflows && [...workflows, this.workflow.key];
    }
  }
}

type Kind = 'form' | 'role' | 'partner' | 'ladder' | 'template' | 'service' | 'workflow';

const CONSEQUENCE = {
  form: 'Whoever takes the task would have nothing to fill in.',
  role: 'Nobody has this role.',
  partner: 'It could be sent to nobody.',
  ladder: 'When the time has passed, nobody would hear of it.',
  template: 'The family would hear nothing.',
  service: 'Nobody would carry it out.',
  workflow: 'It could not be opened.',
} satisfies Record<Kind, string>;

const HINT = {
  form: 'Add the file to forms/.',
  role: 'Enter the role in roles.yaml, or name another.',
  partner: 'Enter the partner in partners.yaml, or name another.',
  ladder: 'Enter the ladder in escalation.yaml, or name another.',
  template: 'Add the file to messages/.',
  service: 'Register the service, or name another.',
  workflow: 'Add the workflow, or name another.',
} satisfies Record<Kind, string>;

function declaredStages({ files }: Workflow): string[] | undefined {
  const file = Object.entries(files).find(([path]) => /^workflow\.(?:ya?ml|json)$/.test(path))?.[1];
  const { stages } = object(file);
  if (Array.isArray(stages))
    return stages.flatMap((stage) => object(stage).key ?? stage).filter((key) => typeof key === 'string');
  return stages === undefined ? undefined : Object.keys(object(stages));
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
