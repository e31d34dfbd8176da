import type { Json, JsonObject, Workflow } from './types.js';

/** What of a workflow is ours and not XState's: plain XState finds it under `meta.qamqor`. */
const OURS = ['title', 'stages', 'events', 'delays', 'contextSchema', 'key'];

/**
 * A workflow as JSON that plain XState (`createMachine`) and Stately Studio load. Guards and delays are names there, as
 * in any machine whose implementations are elsewhere; an expression is the name of its guard.
 */
export function studioMachine(workflow: Workflow): JsonObject {
  const path = Object.keys(workflow.files).find((file) => /^workflow\.(ya?ml|json)$/.test(file));
  const config = object(path === undefined ? undefined : workflow.files[path]);
  const ours = Object.fromEntries(OURS.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])));
  const rest = Object.fromEntries(Object.entries(config).filter(([name]) => !OURS.includes(name)));
  return { id: workflow.key, ...rest, meta: { ...object(config.meta), qamqor: ours } };
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
