import { Injectable } from '@nestjs/common';
import type { VersionsApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { Workflow } from '../statechart/types.js';
import { type DeployDependencies, deployChecked } from '../workflows/deploy.js';
import { workflowNamed } from './workflow-named.js';

export interface WorkflowsDependencies extends DeployDependencies {
  versions: DeployDependencies['versions'] & VersionsApi;
}

/** Workflows as people make them current and look at them. */
@Injectable()
export class WorkflowsService {
  constructor(private readonly deps: WorkflowsDependencies) {}

  /** Only what families can live with becomes current. @throws AppError `workflow-refused` with findings */
  deploy(by: Principal, files: Record<string, string>) {
    return deployChecked(this.deps, by.organisationId, files, by.account);
  }

  list(by: Principal): Promise<{ key: string; version: number }[]> {
    return this.deps.versions.list(by.organisationId);
  }

  /** The newest version. @throws AppError `workflow-not-found` */
  read(by: Principal, key: string): Promise<{ workflow: Workflow; version: number }> {
    return workflowNamed(this.deps.versions, by.organisationId, key);
  }
}
