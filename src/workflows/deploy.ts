import { hash } from 'node:crypto';
import { basename } from 'node:path';
import { AppError } from '../engine/errors.js';
import type { VersionsApi } from '../engine/types.js';
import type { Clock } from '../platform/clock.js';
import { StartError } from '../platform/start-error.js';
import { loadWorkflow } from '../statechart/load.js';
import type { Json } from '../statechart/types.js';
import type { WorkflowsFolder } from './folder.js';
import { type Inspection, inspect, type Objection } from './inspect.js';

export interface DeployDependencies {
  versions: Pick<VersionsApi, 'deploy'> & {
    list(organisationId: string): Promise<{ key: string; version: number }[]>;
    newestFiles(organisationId: string): Promise<Record<string, Record<string, string>>>;
  };
  clock: Clock;
  /** Partners, ladders, roles, calendar: what a workflow may name, path → text. */
  catalogue: Record<string, string>;
  /** In a thread of its own where others wait for this process; unless told, here. */
  inspect?(inspection: Inspection): Promise<Objection | null>;
}

/** Makes a workflow current, wherever it comes from: only what families can live with. @throws AppError `workflow-refused` with findings */
export async function deployChecked(
  { versions, clock, catalogue, ...deps }: DeployDependencies,
  organisationId: string,
  files: Record<string, string>,
  by: string,
  beside: Record<string, Record<string, string>> = {},
) {
  const workflows = { ...(await versions.newestFiles(organisationId)), ...beside };
  const objection = await (deps.inspect ?? inspect)({ files, catalogue, workflows, now: await clock.now() });
  if (objection)
    throw new AppError('workflow-refused', 422, `The workflow was not deployed: ${objection.what}`, {
      findings: objection.errors as unknown as Json,
    });
  return versions.deploy(organisationId, files, by);
}

/** Remembers what a folder was when all of it was deployed without a problem. */
export interface FolderMemory {
  last(organisationId: string): Promise<string | undefined>;
  remember(organisationId: string, fingerprint: string): Promise<void>;
}

/** Like `deployFolder`, and at once where nothing has changed since: checking takes longer than all else at a start. */
export async function deployChangedFolder(
  deps: DeployDependencies & { memory: FolderMemory },
  organisationId: string,
  folder: Pick<WorkflowsFolder, 'workflows'>,
): Promise<string[]> {
  if ((await deps.memory.last(organisationId)) === (await fingerprint(deps, organisationId, folder))) return [];
  const problems = await deployFolder(deps, organisationId, folder);
  if (problems.length === 0)
    await deps.memory.remember(organisationId, await fingerprint(deps, organisationId, folder));
  return problems;
}

/** Of all that the outcome depends on. Calendars run out: the month counts too. */
async function fingerprint(
  { versions, clock, catalogue }: DeployDependencies,
  organisationId: string,
  { workflows }: Pick<WorkflowsFolder, 'workflows'>,
): Promise<string> {
  const known = await versions.list(organisationId);
  const month = (await clock.now()).slice(0, 7);
  const files = workflows.map((one) => [basename(one.folder), Object.entries(one.files).sort()]);
  return hash('sha256', JSON.stringify([CHECKER, month, known, Object.entries(catalogue).sort(), files.sort()]));
}

/** Raised when `check` or the loader finds more than before. */
const CHECKER = 4;

/**
 * Makes every workflow of a folder current. One that must not be leaves the version before it in place, and one that was
 * current once does not become so again: both are told in what comes back. Where a refused one has no version before it, no
 * case could be opened. @throws StartError then
 */
export async function deployFolder(
  deps: DeployDependencies,
  organisationId: string,
  { workflows }: Pick<WorkflowsFolder, 'workflows'>,
): Promise<string[]> {
  const beside = Object.fromEntries(workflows.map(({ folder, files }) => [basename(folder), files]));
  const problems: string[] = [];
  const missing: string[] = [];
  for (const { folder, files } of workflows) {
    try {
      const { key, version } = await deployChecked(deps, organisationId, files, 'folder', beside);
      const newest = (await deps.versions.list(organisationId)).find((one) => one.key === key)?.version ?? version;
      if (newest > version)
        problems.push(
          `${folder}: what it holds is version ${version} of "${key}", and others were deployed after it: cases are opened on version ${newest}. To go back, deploy it with something changed (its description, say).`,
        );
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'workflow-refused') throw error;
      const key = keyOf(files) ?? basename(folder);
      const known = (await deps.versions.list(organisationId)).find((one) => one.key === key);
      const told = `${folder}: ${error.message} "workflow check ${folder}" tells all.`;
      if (known) problems.push(`${told} Cases of "${key}" are still opened on version ${known.version}.`);
      else missing.push(told);
    }
  }
  if (missing.length === 0) return problems;
  throw new StartError(
    'workflow-refused',
    `A workflow must not be used, and there is no earlier version of it to go on with. Mend it and start again.\n${missing.join('\n')}`,
  );
}

function keyOf(files: Record<string, string>): string | undefined {
  try {
    return loadWorkflow(files).key;
  } catch {
    return undefined;
  }
}
