import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.js';
import { compileChart } from './chart.js';
import { type Definition, Problems } from './definition.js';
import { readFiles } from './files.js';
import { parseDefinition } from './parse.js';
import { text } from './parse-head.js';
import { refuse } from './refuse.js';
import type { Finding, Form, Json, JsonObject, Workflow } from './types.js';

/** A workflow that cannot be loaded: everything that is wrong with it, by name and place. */
export class LoadError extends Error {
  constructor(readonly findings: Finding[]) {
    super(
      findings.map(({ state, message, hint }) => `${state === '' ? '' : `${state}: `}${message} ${hint}`).join('\n'),
    );
    this.name = 'LoadError';
  }
}

export interface LoadOptions {
  /** Only to be played: sources that nobody answers are let through, and missing input is null. */
  forPlay?: boolean;
  /**
   * A version that cases run on: it was taken once, and what is refused only in new ones since then is let through. What
   * cannot be built is refused all the same.
   */
  stored?: boolean;
}

/**
 * Loads a workflow from its files, path → text (`workflow.yaml`, `input.yaml`, `forms/*.yaml`, `documents/*`, `messages/*`).
 * Throws LoadError with every problem found.
 */
export function loadWorkflow(files: Record<string, string>, options: LoadOptions = {}): Workflow {
  const problems = new Problems();
  const read = readFiles(files, problems);
  const config = workflowConfig(files, read, problems);
  if (config === undefined) throw new LoadError(problems.findings);
  const definition = parseDefinition(config, problems);
  refuse(definition, problems, options);
  const wrong = options.stored ? problems.broken : problems.findings;
  if (wrong.length > 0) throw new LoadError(wrong);
  const input = object(fileNamed(read, 'input'));
  const { reopen } = definition.root.meta;
  return {
    key: definition.key,
    title: definition.title,
    hash: hashOf(read),
    files: read,
    events: definition.events,
    stages: definition.stages,
    ...(input && { inputSchema: input }),
    forms: formsOf(read),
    ...(typeof reopen === 'string' && { reopen }),
    chart: compile(definition, options),
  };
}

function workflowConfig(
  files: Record<string, string>,
  read: Record<string, Json>,
  problems: Problems,
): JsonObject | undefined {
  const content = fileNamed(read, 'workflow');
  const config = object(content);
  if (config !== undefined) return config;
  if (content !== undefined)
    problems.add(
      'malformed',
      '',
      'The workflow is not a map.',
      'Write an XState machine config: `initial`, `states`, …',
    );
  else if (problems.findings.length === 0) {
    problems.add(
      'missing',
      '',
      `There is no workflow.yaml among ${Object.keys(files).join(', ') || 'no files'}.`,
      'Add it.',
    );
  }
  return undefined;
}

function compile(definition: Definition, options: LoadOptions): Workflow['chart'] {
  try {
    return compileChart(definition, options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new LoadError([
      {
        rule: 'not-a-machine',
        severity: 'error',
        state: '',
        message: `XState refuses the chart: ${message}`,
        hint: 'Mend the state it names.',
      },
    ]);
  }
}

/** Covers what decides behaviour; messages are dated data of their own. */
function hashOf(read: Record<string, Json>): string {
  const behaviour = Object.entries(read).filter(
    ([path]) => !path.startsWith('messages/') && !path.startsWith('scenarios/'),
  );
  return createHash('sha256')
    .update(
      canonicalJson(Object.fromEntries(behaviour.map(([path, content]) => [path.replace(EXTENSION, ''), content]))),
    )
    .digest('hex');
}

/** A form is its JSON Schema with `x-version` and `x-title`, or a map of `version`, `title`, `schema` and `ui`. */
function formsOf(read: Record<string, Json>): Record<string, Form> {
  const forms: Record<string, Form> = {};
  for (const [path, content] of Object.entries(read)) {
    const form = object(content);
    if (!path.startsWith('forms/') || form === undefined) continue;
    const name = path.slice('forms/'.length).replace(EXTENSION, '');
    const schema = object(form.schema) ?? form;
    const version = form.version ?? form['x-version'];
    forms[name] = {
      name,
      version: typeof version === 'number' ? version : 1,
      title: text(form.title ?? form['x-title']) ?? {},
      schema,
      ui: object(form.ui ?? form['x-ui']) ?? {},
    };
  }
  return forms;
}

const EXTENSION = /\.(ya?ml|json)$/;

function fileNamed(read: Record<string, Json>, name: string): Json | undefined {
  const path = Object.keys(read).find((candidate) => candidate.replace(EXTENSION, '') === name);
  return path === undefined ? undefined : read[path];
}

function object(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
