import type { Json, JsonObject } from '../../src/statechart/types.js';

/** What a chart makes use of, and what happens to it; the generator must bring each often enough to have tested it. */
export const FEATURES = [
  'three levels',
  'two regions',
  'shallow history',
  'deep history',
  'always',
  'raise chain',
  'wildcard',
  'partial wildcard',
  'several targets',
  'self-transition',
  'invocation in parallel',
  'invocation on an ancestor',
  'invocation passed through',
  'answer taken',
  'failure taken',
  'answer given twice',
  'late answer',
  'timer fired',
] as const;

export type Feature = (typeof FEATURES)[number];

/** What can be seen in the chart itself; the last ones are seen in the run. */
export function featuresOf(chart: JsonObject): Set<Feature> {
  const found = new Set<Feature>();
  visit(chart, 'm', 0, false, found);
  const raised = new Set<string>();
  const handlersThatRaise = new Set<string>();
  eachState(chart, (state) => {
    for (const [event, value] of Object.entries((state.on ?? {}) as JsonObject)) {
      if (raisesIn(value).length > 0) handlersThatRaise.add(event);
    }
    for (const event of raisesIn(withoutChildren(state))) raised.add(event);
  });
  if ([...raised].some((event) => handlersThatRaise.has(event) || handlersThatRaise.has('*'))) found.add('raise chain');
  return found;
}

function visit(state: JsonObject, key: string, depth: number, inParallel: boolean, found: Set<Feature>): void {
  const children = Object.entries((state.states ?? {}) as Record<string, JsonObject>);
  if (depth >= 3) found.add('three levels');
  if (state.type === 'parallel') found.add('two regions');
  if (state.type === 'history') found.add(state.history === 'deep' ? 'deep history' : 'shallow history');
  if (state.always !== undefined) found.add('always');
  const on = (state.on ?? {}) as JsonObject;
  if (on['*'] !== undefined) found.add('wildcard');
  if (Object.keys(on).some((event) => event.endsWith('.*'))) found.add('partial wildcard');
  if (hasSeveralTargets(on)) found.add('several targets');
  if (targetsIn(on).includes(key)) found.add('self-transition');
  if (state.invoke !== undefined && inParallel) found.add('invocation in parallel');
  if (state.invoke !== undefined && children.length > 0) found.add('invocation on an ancestor');
  for (const [childKey, child] of children)
    visit(child, childKey, depth + 1, inParallel || state.type === 'parallel', found);
}

function eachState(state: JsonObject, see: (state: JsonObject) => void): void {
  see(state);
  for (const child of Object.values((state.states ?? {}) as Record<string, JsonObject>)) eachState(child, see);
}

function withoutChildren({ states: _, ...own }: JsonObject): JsonObject {
  return own;
}

function raisesIn(value: Json): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(raisesIn);
  if (value.type === 'raise') {
    const { event } = value.params as JsonObject;
    return [typeof event === 'string' ? event : ((event as JsonObject).type as string)];
  }
  return Object.values(value).flatMap(raisesIn);
}

function targetsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(targetsIn);
  return value.target === undefined ? Object.values(value).flatMap(targetsIn) : targetsIn(value.target);
}

function hasSeveralTargets(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasSeveralTargets);
  return Array.isArray(value.target) || Object.values(value).some(hasSeveralTargets);
}
