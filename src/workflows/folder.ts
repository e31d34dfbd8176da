import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

/** A folder of workflows: one folder per workflow, and the catalogue files beside them. */
export interface WorkflowsFolder {
  path: string;
  /** One per workflow: its files by path inside its folder, as text. What `Versions.deploy` takes. */
  workflows: { folder: string; files: Record<string, string> }[];
  /** `partners.yaml`, `roles.yaml`, … of the folder itself, as text. */
  catalogue: Record<string, string>;
}

/** Something about a folder or a file that an engineer must put right before anything can be loaded. */
export class FolderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FolderError';
  }
}

const WORKFLOW_FILE = 'workflow.yaml';
/** Subfolders that belong to a workflow; anything else in its folder is not read. */
const PARTS = ['forms', 'documents', 'messages'];
const MAX_FILE_BYTES = 1_000_000;

/** Reads a folder such as `workflows/`. Throws FolderError. */
export function readWorkflowsFolder(path: string): WorkflowsFolder {
  const names = list(path);
  const workflows = names
    .filter((name) => isFile(join(path, name, WORKFLOW_FILE)))
    .map((name) => ({ folder: join(path, name), files: readWorkflow(join(path, name)) }));
  return { path, workflows, catalogue: readCatalogue(path) };
}

/** Reads one workflow: a folder with `workflow.yaml` in it, or a single YAML or JSON file. Throws FolderError. */
export function readWorkflow(path: string): Record<string, string> {
  if (isFile(path))
    return basename(path) === WORKFLOW_FILE ? readWorkflow(dirname(path)) : { [WORKFLOW_FILE]: text(path) };
  if (!isFile(join(path, WORKFLOW_FILE))) {
    throw new FolderError(
      `There is no workflow at ${path}: give a file, or a folder that has a ${WORKFLOW_FILE} in it.`,
    );
  }
  const files: Record<string, string> = {};
  for (const file of [WORKFLOW_FILE, 'input.yaml']) if (isFile(join(path, file))) files[file] = text(join(path, file));
  for (const part of PARTS) {
    for (const file of yamlFiles(join(path, part))) files[relative(path, file).split(sep).join('/')] = text(file);
  }
  return files;
}

/** What stands beside the workflows and is dated data, not part of any version. */
export function readCatalogue(path: string): Record<string, string> {
  return Object.fromEntries(yamlFiles(path).map((file) => [basename(file), text(file)]));
}

/** Scenarios of one workflow, by file name. They are tests: no version holds them. */
export function readScenarios(folder: string): Record<string, string> {
  return Object.fromEntries(yamlFiles(join(folder, 'scenarios')).map((file) => [basename(file, '.yaml'), text(file)]));
}

function yamlFiles(path: string): string[] {
  if (!look(path)?.isDirectory()) return [];
  return list(path)
    .filter((name) => name.endsWith('.yaml') && isFile(join(path, name)))
    .map((name) => join(path, name));
}

function list(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    throw new FolderError(`The folder ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function isFile(path: string): boolean {
  return look(path)?.isFile() ?? false;
}

/** Undefined for what is not there, also where a file stands in the way of a folder. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function text(path: string): string {
  const size = statSync(path).size;
  if (size > MAX_FILE_BYTES)
    throw new FolderError(`${path} has ${size} bytes; a file of a workflow may have ${MAX_FILE_BYTES}.`);
  return readFileSync(path, 'utf8');
}
