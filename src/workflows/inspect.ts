import { check } from '../statechart/check.js';
import { LoadError, loadWorkflow } from '../statechart/load.js';
import type { Finding } from '../statechart/types.js';
import { catalogueOf } from './catalogue.js';
import { checkSchemas } from './check-schemas.js';

/** What a workflow is judged by before it becomes current: data only, so that a thread can be given it. */
export interface Inspection {
  /** Path → text. */
  files: Record<string, string>;
  /** Partners, ladders, roles, calendar: path → text. */
  catalogue: Record<string, string>;
  /** The workflows that there are besides, key → files. */
  workflows: Record<string, Record<string, string>>;
  /** ISO 8601. */
  now: string;
}

/** Why it must not be deployed. */
export interface Objection {
  what: string;
  errors: Finding[];
}

/** Null for what families can live with. Pure; takes as long as the chart is large. */
export function inspect({ files, catalogue, workflows, now }: Inspection): Objection | null {
  try {
    const workflow = loadWorkflow(files);
    const known = catalogueOf(catalogue, { ...workflows, [workflow.key]: files }, now);
    const found = [...checkSchemas(workflow), ...check(workflow, known)];
    const errors = found.filter(({ severity }) => severity === 'error');
    if (errors.length === 0) return null;
    return { what: `${errors.length} errors in ${workflow.key}, the first: ${errors[0]?.message}`, errors };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { what: error.message, errors: error.findings };
  }
}
