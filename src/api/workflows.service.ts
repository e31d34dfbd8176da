import { Injectable } from '@nestjs/common';
import { AppError } from '../engine/errors.js';
import type { VersionsApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { Clock } from '../platform/clock.js';
import { check } from '../statechart/check.js';
import { LoadError, loadWorkflow } from '../statechart/load.js';
import type { Finding, Json, Workflow } from '../statechart/types.js';
import { catalogueOf } from '../workflows/catalogue.js';

export interface WorkflowsDependencies {
  versions: VersionsApi & { list(organisationId: string): Promise<{ key: string; version: number }[]> };
  clock: Clock;
  /** Partners, ladders, roles, calendar: what a workflow may name, path → text. */
  catalogue: Record<string, string>;
}

/** Workflows as people make them current and look at them. */
@Injectable()
export class WorkflowsService {
  constructor(private readonly deps: WorkflowsDependencies) {}

  /** Only what families can live with becomes current. @throws AppError `workflow-refused` with findings */
  async deploy(by: Principal, files: Record<string, string>) {
    const workflow = load(files);
    const known = await this.deps.versions.list(by.organisationId);
    const keys = [workflow.key, ...known.map(({ key }) => key)];
    const errors = check(workflow, catalogueOf(this.deps.catalogue, keys, await this.deps.clock.now())).filter(
      ({ severity }) => severity === 'error',
    );
    if (errors.length > 0)
      throw refused(`${errors.length} errors in ${workflow.key}, the first: ${errors[0]?.message}`, errors);
    return this.deps.versions.deploy(by.organisationId, files, by.account);
  }

  list(by: Principal): Promise<{ key: string; version: number }[]> {
    return this.deps.versions.list(by.organisationId);
  }

  /** The newest version. @throws AppError `workflow-not-found` */
  async read(by: Principal, key: string): Promise<{ workflow: Workflow; version: number }> {
    try {
      return await this.deps.versions.current(by.organisationId, key);
    } catch (error) {
      // In a body an unknown workflow is the sender's mistake, in an address it is not there.
      if (!(error instanceof AppError) || error.code !== 'unknown-workflow') throw error;
      throw new AppError('workflow-not-found', 404, `There is no workflow "${key.slice(0, 100)}".`);
    }
  }
}

function load(files: Record<string, string>): Workflow {
  try {
    return loadWorkflow(files);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw refused(error.message, error.findings);
  }
}

function refused(what: string, findings: Finding[]): AppError {
  return new AppError('workflow-refused', 422, `The workflow was not deployed: ${what}`, {
    findings: findings as unknown as Json,
  });
}
