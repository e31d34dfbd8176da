import { contextSchemaOf } from './context-schema.js';
import type { Json, JsonObject, Workflow } from './types.js';

const marked = new WeakMap<Workflow, string | undefined>();

/**
 * Whom of its family a case is about: a number of the family list, which the context keeps in the property that
 * `contextSchema` marks `x-member`; null where the case is about all of them.
 */
export function memberOf(workflow: Workflow, context: JsonObject): number | null {
  if (!marked.has(workflow)) marked.set(workflow, markedIn(contextSchemaOf(workflow)?.['properties']));
  const property = marked.get(workflow);
  const member = property === undefined ? null : context[property];
  return typeof member === 'number' ? member : null;
}

/** The keyword says that the cases of this workflow have such a number at all. */
export function tellsMember(workflow: Workflow): boolean {
  return markedIn(contextSchemaOf(workflow)?.['properties']) !== undefined;
}

function markedIn(properties: Json | undefined): string | undefined {
  if (!isObject(properties)) return undefined;
  return Object.entries(properties).find(([, schema]) => isObject(schema) && schema['x-member'] === true)?.[0];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
