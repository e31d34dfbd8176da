import { contextSchemaOf } from './context-schema.js';
import type { Json, JsonObject, Workflow } from './types.js';

const marked = new WeakMap<Workflow, string | undefined>();

/**
 * Whom of its family a case is about: a number of the family list, which the context keeps in the property that
 * `contextSchema` marks `x-member`; null where the case is about all of them.
 */
export function memberOf(workflow: Workflow, context: JsonObject): number | null {
  const property = propertyOf(workflow);
  const member = property === undefined ? null : context[property];
  return typeof member === 'number' ? member : null;
}

/** Whether cases of this workflow are about one of the family at all. */
export function tellsMember(workflow: Workflow): boolean {
  return propertyOf(workflow) !== undefined;
}

function propertyOf(workflow: Workflow): string | undefined {
  if (!marked.has(workflow)) marked.set(workflow, markedIn(contextSchemaOf(workflow)?.['properties']));
  return marked.get(workflow);
}

function markedIn(properties: Json | undefined): string | undefined {
  if (!isObject(properties)) return undefined;
  return Object.entries(properties).find(([, schema]) => isObject(schema) && schema['x-member'] === true)?.[0];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
