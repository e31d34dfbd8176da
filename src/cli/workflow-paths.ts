import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { projectPath } from '../platform/project-root.js';
import { LoadError, type LoadOptions, loadWorkflow } from '../statechart/load.js';
import type { Workflow } from '../statechart/types.js';
import { readCatalogue, readWorkflow, readWorkflowsFolder } from '../workflows/folder.js';
import { TerminalError } from './terminal.js';

/** The pipelines that come with Qamqor. */
export const SHIPPED_WORKFLOWS = projectPath('workflows');

export interface FoundWorkflow {
  path: string;
  files: Record<string, string>;
  /** `partners.yaml`, `roles.yaml`, … that go with it. */
  catalogue: Record<string, string>;
  /** The workflows in the same folder of workflows, this one too: key → files. */
  beside: Record<string, Record<string, string>>;
}

/**
 * Workflows at a path: a file, a workflow's folder, or a folder of workflows; without a path, those that come with
 * Qamqor. The catalogue is the one beside the workflows, else Qamqor's own. Throws FolderError.
 */
export function findWorkflows(path: string = SHIPPED_WORKFLOWS): FoundWorkflow[] {
  const at = resolve(path);
  if (!existsSync(at))
    throw new TerminalError(
      'no-workflow',
      `There is nothing at ${path}. Give a workflow's file or folder, or a folder of workflows.`,
    );
  if (at.endsWith('.yaml') || at.endsWith('.yml') || at.endsWith('.json') || existsSync(join(at, 'workflow.yaml'))) {
    const folder = at.endsWith('.yaml') || at.endsWith('.yml') || at.endsWith('.json') ? dirname(at) : at;
    const files = readWorkflow(at);
    refuseOtherFiles(path, files);
    return [{ path: at, files, catalogue: catalogueFor(dirname(folder)), beside: workflowsIn(dirname(folder)) }];
  }
  const { workflows } = readWorkflowsFolder(at);
  if (workflows.length === 0)
    throw new TerminalError(
      'no-workflow',
      `${path} holds no workflows: none of its folders has a workflow.yaml in it.`,
    );
  const beside = Object.fromEntries(workflows.map(({ folder, files }) => [basename(folder), files]));
  return workflows.map(({ folder, files }) => ({ path: folder, files, catalogue: catalogueFor(at), beside }));
}

/** A catalogue, a form, a scenario: better said at once than as everything that it lacks. What cannot be read is the loader's. */
function refuseOtherFiles(path: string, files: Record<string, string>): void {
  const document = parseDocument(files['workflow.yaml'] ?? '');
  const content: unknown = document.errors.length > 0 ? undefined : document.toJS();
  if (typeof content !== 'object' || content === null) return;
  if (['id', 'initial', 'states'].some((key) => Object.hasOwn(content, key))) return;
  throw new TerminalError(
    'not-a-workflow',
    `${path} is not a workflow: it has neither id nor states. Give a workflow.yaml, its folder, or a folder of workflows.`,
  );
}

/** Whether files answer to this key or path. */
export function isThere(keyOrPath: string): boolean {
  return existsSync(resolve(keyOrPath)) || existsSync(join(SHIPPED_WORKFLOWS, keyOrPath, 'workflow.yaml'));
}

/** A workflow by the key under which it comes with Qamqor, or by its path. */
export function findWorkflow(keyOrPath: string): FoundWorkflow {
  const shipped = join(SHIPPED_WORKFLOWS, keyOrPath);
  const isKey = /^[a-z0-9-]+$/i.test(keyOrPath) && existsSync(join(shipped, 'workflow.yaml'));
  const [found, ...more] = findWorkflows(isKey ? shipped : keyOrPath);
  if (!found || more.length > 0)
    throw new TerminalError('several-workflows', `${keyOrPath} holds ${more.length + 1} workflows; give one.`);
  return found;
}

/** Loads it. What cannot be loaded is told together with where it lies. */
export function loadFound({ path, files }: Pick<FoundWorkflow, 'path' | 'files'>, options: LoadOptions = {}): Workflow {
  try {
    return loadWorkflow(files, options);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new TerminalError('workflow-not-loadable', cannotBeLoaded(path, error));
  }
}

export function cannotBeLoaded(path: string, { message }: LoadError): string {
  return `${path} cannot be loaded:\n${message.replace(/^/gm, '  ')}`;
}

/** A workflow's folder has its key as name. */
function workflowsIn(folder: string): FoundWorkflow['beside'] {
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'workflow.yaml')));
  return Object.fromEntries(names.map((name) => [name, readWorkflow(join(folder, name))]));
}

function catalogueFor(folder: string): Record<string, string> {
  const beside = existsSync(join(folder, 'roles.yaml')) || existsSync(join(folder, 'partners.yaml'));
  return readCatalogue(beside ? folder : SHIPPED_WORKFLOWS);
}
