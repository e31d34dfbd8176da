import { chartOf } from './chart.js';
import { contextSchemaOf } from './context-schema.js';
import { contextShape } from './names.js';
import { follow, type Shape } from './shape.js';
import { suggestion } from './suggestion.js';
import type { Json, JsonObject, Workflow } from './types.js';

/**
 * What is wrong with the names of a context that a hand gives: names that the context does not have, and personal ones,
 * which must never come into it. Paths are JSON pointers.
 */
export function patchProblems(workflow: Workflow, patch: JsonObject): PatchProblem[] {
  return problemsIn(contextShape(workflow, chartOf(workflow).definition), [], '', patch);
}

/** `rule` and `facts` as a schema's own refusals have them. */
export interface PatchProblem {
  path: string;
  message: string;
  rule: 'additionalProperties' | 'personal';
  facts: JsonObject;
}

function problemsIn(shape: Shape, steps: string[], pointer: string, value: Json): PatchProblem[] {
  if (steps.length > 0) {
    const found = follow(shape, steps);
    if (found.kind === 'unknown') {
      const message = `The context has no "${found.name}".${suggestion(found.name, found.known)}`;
      return [{ path: pointer, message, rule: 'additionalProperties', facts: { additionalProperty: found.name } }];
    }
    if (found.kind === 'personal') {
      const message = "This is personal: it belongs to the family's records, never to the context.";
      return [{ path: pointer, message, rule: 'personal', facts: {} }];
    }
  }
  if (Array.isArray(value))
    return value.flatMap((item, index) => problemsIn(shape, [...steps, '[]'], `${pointer}/${index}`, item));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    problemsIn(shape, [...steps, name], `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, inner),
  );
}

const schemas = new WeakMap<Workflow, JsonObject>();

/** The workflow's `contextSchema`, for a part of the context: nothing is required. */
export function patchSchema(workflow: Workflow): JsonObject {
  let schema = schemas.get(workflow);
  if (schema === undefined) {
    const { required: _required, ...rest } = contextSchemaOf(workflow) ?? {};
    schema = rest;
    schemas.set(workflow, schema);
  }
  return schema;
}
