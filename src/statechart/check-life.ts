import type { Catalogue } from './catalogue.js';
import { isComplete } from './chart-tree.js';
import { ancestorsOf, type ChartNode, type Definition, type InvokeDef, isExpression } from './definition.js';
import { type Cause, type Edge, type Exploration, leads, type Rest } from './explore.js';
import type { Findings } from './findings.js';
import type { Json } from './types.js';
import { invokeKey, timerKey } from './walk.js';

/** What only shows when the chart is walked: states nobody reaches, cases that never end, families that wait for ever. */
export function checkLife(
  definition: Definition,
  catalogue: Catalogue,
  exploration: Exploration,
  findings: Findings,
): void {
  for (const { transition } of exploration.endless) {
    findings.error(
      'endless',
      transition?.node ?? '',
      'Transitions go round in a circle without waiting for anything: the case could never be saved, and the family is stuck.',
      'Let one of them wait for an answer, an event or a time, or give it a `guard` that ends the circle.',
    );
  }
  if (exploration.tooLarge) {
    findings.error(
      'too-large',
      '',
      `Its states and guards combine in too many ways (${exploration.rests.length} combinations of states were seen, and these are not all): nobody can say that no family waits for ever in one of them.`,
      'Move parallel parts into sub-cases (`src: case`), or let fewer guards in parallel parts be asked of one event.',
    );
    return;
  }
  checkReachable(definition, exploration, findings);
  checkEnds(exploration, findings);
  const life = new Life(catalogue);
  checkWaiting(life, exploration, findings);
  checkGoingRound(life, exploration, findings);
  checkServices(exploration, findings);
  checkAnswered(exploration, findings);
}

/** What keeps a state alive: something that is due, and that leads on or is heard of. */
export class Life {
  constructor(private readonly catalogue: Catalogue) {}

  ofInvoke(invoke: InvokeDef): boolean {
    return this.hearsOf(invoke) || (isDue(invoke) && invoke.src === 'handOff' && invoke.onError.some(leads));
  }

  private hearsOf(invoke: InvokeDef): boolean {
    return isDue(invoke) && this.isHeard(object(invoke.input).escalation);
  }

  ofNode(node: ChartNode, spent: ReadonlySet<string>): boolean {
    return (
      node.invokes.some((invoke) => !spent.has(invokeKey(node, invoke.id)) && this.ofInvoke(invoke)) ||
      node.after.some((after) => !spent.has(timerKey(node, after.name)) && after.transitions.some(leads)) ||
      this.ofState(node)
    );
  }

  /** The state itself has a deadline and a ladder that hears of it. */
  ofState(node: ChartNode): boolean {
    return node.meta.deadline !== undefined && node.meta.deadline !== null && this.isHeard(node.meta.escalation);
  }

  /** An unknown ladder is another rule's finding. */
  isHeard(escalation: Json | undefined): boolean {
    if (typeof escalation !== 'string' || escalation === '') return false;
    const { ladders } = this.catalogue;
    if (ladders === undefined || isExpression(escalation)) return true;
    const ladder = ladders.find(({ key }) => key === escalation);
    return ladder === undefined || ladder.roles.length > 0;
  }

  /** Somebody hears of it when it takes too long. */
  hears(node: ChartNode, spent: ReadonlySet<string>): boolean {
    return (
      this.ofState(node) ||
      node.invokes.some((invoke) => !spent.has(invokeKey(node, invoke.id)) && this.hearsOf(invoke))
    );
  }

  /** Happens by itself: a time passes, or somebody who is reminded answers. */
  moves(cause: Cause): boolean {
    if (cause.kind === 'done' || cause.kind === 'error') return this.ofInvoke(cause.invoke);
    return cause.kind === 'timer';
  }
}

function checkReachable(definition: Definition, exploration: Exploration, findings: Findings): void {
  const { entered } = exploration;
  for (const node of definition.nodes) {
    if (node.type === 'history' || entered.has(node)) continue;
    if (node.parent !== null && !entered.has(node.parent)) continue;
    findings.error(
      'unreachable',
      node.path,
      'No family ever comes to this state: nothing leads to it.',
      'Let a transition lead to it, or remove it.',
    );
  }
  for (const { type } of definition.eventsDeclared ? definition.events : []) {
    if (exploration.rests.some(({ edges }) => edges.some(({ cause }) => cause.kind === 'event' && cause.type === type)))
      continue;
    findings.warning(
      'event-never-accepted',
      '',
      `The event ${type} is accepted in no state: whoever sends it is always refused.`,
      'Let a state take it with `on`, or remove it from `events`.',
    );
  }
}

function checkEnds({ rests }: Exploration, findings: Findings): void {
  const ending = backwards(
    rests,
    rests.filter(({ configuration }) => configuration.done),
    () => true,
  );
  const trapped = rests.filter((rest) => !ending.has(rest));
  if (trapped.length === rests.length) {
    findings.error(
      'no-end',
      '',
      'No way leads to an end: no case is ever closed.',
      'Add a `type: final` state on the top level, and a way to it.',
    );
    return;
  }
  const free = new Set([...ending].flatMap(({ leaves }) => leaves));
  const caught = new Set(trapped.flatMap(({ leaves }) => leaves).filter((leaf) => !free.has(leaf)));
  const states = caught.size > 0 ? [...caught] : (trapped[0]?.leaves ?? []);
  for (const leaf of states) {
    findings.error(
      'no-end',
      leaf.path,
      'A family that comes here can never be brought to an end: no way leads on to a final state.',
      'Add a transition that leads on.',
    );
  }
}

/** A resting state must have something due itself or above it; or a region that will take it along must have it. */
function checkWaiting(life: Life, { rests }: Exploration, findings: Findings): void {
  const suspects = new Map<ChartNode, Rest[]>();
  for (const rest of rests) {
    for (const leaf of quietLeaves(life, rest)) suspects.set(leaf, [...(suspects.get(leaf) ?? []), rest]);
  }
  for (const [leaf, waiting] of suspects) {
    const taken = takenAlong(life, leaf, rests);
    const lost = waiting.find((rest) => !taken.has(rest));
    if (lost !== undefined) findings.error('waits-for-ever', leaf.path, waitingMessage(leaf, lost), WAITING_HINT);
  }
}

/**
 * Time alone may lead round in a circle: a timer that starts itself again, a hand-off that expires and is sent once more.
 * From everywhere an end, or somebody who hears of it, must be reached without anybody's event.
 */
function checkGoingRound(life: Life, { rests }: Exploration, findings: Findings): void {
  const goals = rests.filter(
    ({ configuration: { active, done, spent } }) => done || [...active].some((node) => life.hears(node, spent)),
  );
  const byTime = ({ cause }: Edge) =>
    cause.kind === 'timer' || (cause.kind === 'error' && cause.invoke.src === 'handOff');
  const reaching = backwards(rests, goals, byTime);
  const said = new Set<ChartNode>();
  for (const rest of rests) {
    const [leaf] = rest.leaves;
    if (leaf === undefined || said.has(leaf) || reaching.has(rest) || quietLeaves(life, rest).length > 0) continue;
    said.add(leaf);
    findings.error(
      'waits-for-ever',
      leaf.path,
      'Time alone leads a family round in a circle here, and nobody hears how long it has gone on.',
      'Give a state of the circle a `deadline` and an `escalation` whose ladder names a role, or let it end by itself.',
    );
  }
}

/** Answers of our own services alone may lead round in a circle, which then turns as fast as workers can, for ever. */
function checkServices({ rests }: Exploration, findings: Findings): void {
  const turns = rests.flatMap(({ edges }) => edges.filter(isUnguardedService));
  const circle = circleOf(turns);
  const leaf = rests.find((rest) => circle.has(rest))?.leaves[0];
  if (leaf === undefined) return;
  findings.error(
    'endless',
    leaf.path,
    'Services lead round in a circle here that nobody and no time holds up: they would be carried out for ever.',
    'Let the circle wait for an answer, an event or a time, or give one of its transitions a `guard` that ends it.',
  );
}

function isUnguardedService({ cause, guards }: Edge): boolean {
  return (cause.kind === 'done' || cause.kind === 'error') && cause.invoke.src === 'service' && guards.length === 0;
}

/** What is left when whatever these edges do not lead both into and out of is taken away, again and again. */
function circleOf(edges: Edge[]): Set<Rest> {
  for (let left = edges; ; ) {
    const [from, to] = [new Set(left.map((edge) => edge.from)), new Set(left.map((edge) => edge.to))];
    const next = left.filter((edge) => edge.from !== null && to.has(edge.from) && from.has(edge.to));
    if (next.length === left.length) return to;
    left = next;
  }
}

/** Active states for which nothing is due, neither in them nor above them, and that no other region waits for. */
export function quietLeaves(life: Life, rest: Pick<Rest, 'configuration' | 'leaves'>): ChartNode[] {
  if (rest.configuration.done) return [];
  return rest.leaves.filter(
    (leaf) =>
      ![leaf, ...ancestorsOf(leaf)].some((node) => life.ofNode(node, rest.configuration.spent)) &&
      !waitsForRegions(leaf, rest),
  );
}

/** Where something else that moves by itself will lead out of this state. */
function takenAlong(life: Life, leaf: ChartNode, rests: Rest[]): Set<Rest> {
  const here = rests.filter((rest) => rest.configuration.active.has(leaf));
  const leaving = here.filter((rest) => rest.edges.some((edge) => life.moves(edge.cause) && leadsOutOf(edge, leaf)));
  return backwards(here, leaving, (edge) => life.moves(edge.cause) && !leadsOutOf(edge, leaf));
}

export function leadsOutOf({ to, exited }: Edge, leaf: ChartNode): boolean {
  return exited.has(leaf) || !to.configuration.active.has(leaf);
}

export const WAITING_HINT =
  'Add an `after` that leads on, or give what it waits for a `deadline` and an `escalation` whose ladder names a role.';

export function waitingMessage(leaf: ChartNode, { edges, leaves }: Rest): string {
  const beside =
    leaves.length > 1
      ? ` (beside ${leaves
          .filter((other) => other !== leaf)
          .map(({ path }) => path)
          .join(', ')})`
      : '';
  const events = [...new Set(edges.flatMap(({ cause }) => (cause.kind === 'event' ? [cause.type] : [])))];
  const opened = leaf.invokes.map(({ id }) => `"${id}"`);
  if (opened.length > 0)
    return `A family can wait here for ever${beside}: nobody hears of it when ${opened.join(' and ')} is not answered.`;
  if (events.length > 0)
    return `A family can wait here for ever${beside}: only ${events.join(' or ')} leads on, and nobody must send it.`;
  return `A family that comes here waits for ever${beside}: nothing is due, and nothing leads on.`;
}

/** A region that has finished waits for the others, which are looked at by themselves. */
function waitsForRegions(leaf: ChartNode, { configuration }: Pick<Rest, 'configuration'>): boolean {
  let region = leaf;
  for (let parent = leaf.parent; parent !== null; region = parent, parent = parent.parent) {
    if (!isComplete(region, configuration.active)) return false;
    if (parent.type === 'parallel' && !isComplete(parent, configuration.active)) return true;
  }
  return false;
}

/** An answer that is taken and leaves the family where it is, with nothing more to come. */
function checkAnswered({ rests }: Exploration, findings: Findings): void {
  for (const { to, cause } of rests.flatMap(({ edges }) => edges)) {
    if (cause.kind !== 'done' && cause.kind !== 'error') continue;
    const { node, invoke } = cause;
    const { active, spent } = to.configuration;
    if (to.configuration.done || !active.has(node) || !spent.has(invokeKey(node, invoke.id))) continue;
    const inside = [...active].filter((other) => other === node || ancestorsOf(other).includes(node));
    const goesOn = inside.some(
      (other) =>
        other.invokes.some(({ id }) => !spent.has(invokeKey(other, id))) ||
        other.after.some(({ name, transitions }) => !spent.has(timerKey(other, name)) && transitions.some(leads)) ||
        (other !== node && other.meta.deadline !== undefined),
    );
    if (goesOn || waitsElsewhere(node, to)) continue;
    findings.error(
      'answer-leads-nowhere',
      node.path,
      `When "${invoke.id}" ${cause.kind === 'done' ? 'is done' : 'fails'}, its answer is taken and nothing follows: the family stays here, and nobody has anything to do.`,
      `Give every branch of \`${cause.kind === 'done' ? 'onDone' : 'onError'}\` a \`target\`.`,
    );
  }
}

function waitsElsewhere(node: ChartNode, rest: Rest): boolean {
  return rest.leaves.some((leaf) => (leaf === node || ancestorsOf(leaf).includes(node)) && waitsForRegions(leaf, rest));
}

/** Everything from which one of `goals` can be reached over edges that `may` be used. */
function backwards(rests: Rest[], goals: Rest[], may: (edge: Edge) => boolean): Set<Rest> {
  const before = new Map<Rest, Rest[]>();
  for (const rest of rests) {
    for (const edge of rest.edges) {
      if (!may(edge)) continue;
      const known = before.get(edge.to);
      if (known === undefined) before.set(edge.to, [rest]);
      else known.push(rest);
    }
  }
  const found = new Set(goals);
  for (const rest of found) for (const earlier of before.get(rest) ?? []) found.add(earlier);
  return found;
}

function isDue(invoke: InvokeDef): boolean {
  const { deadline } = object(invoke.input);
  return deadline !== undefined && deadline !== null;
}

function object(value: Json): { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
