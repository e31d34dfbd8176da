import type { JsonObject, Workflow } from './types.js';

/** What the context of a workflow's cases may hold, as its file says; undefined where it says nothing. */
export function contextSchemaOf(workflow: Workflow): JsonObject | undefined {
  const [file] = Object.entries(workflow.files).flatMap(([path, content]) =>
    /^workflow\.(?:ya?ml|json)$/.test(path) ? [content as JsonObject | null] : [],
  );
  const schema = file?.['contextSchema'];
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema) ? schema : undefined;
}
