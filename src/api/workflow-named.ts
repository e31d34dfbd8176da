import { AppError } from '../engine/errors.js';
import type { VersionsApi } from '../engine/types.js';

/**
 * The newest version of a workflow that an address names: in a body an unknown one is the sender's mistake, in an address it
 * is not there. @throws AppError `workflow-not-found`
 */
export async function workflowNamed(
  versions: Pick<VersionsApi, 'current'>,
  organisationId: string,
  key: string,
): ReturnType<VersionsApi['current']> {
  try {
    return await versions.current(organisationId, key);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unknown-workflow') throw error;
    const workflow = key.slice(0, 100);
    throw new AppError(
      'workflow-not-found',
      404,
      `There is no workflow "${workflow}". Look at GET /api/workflows for those there are.`,
      { workflow },
    );
  }
}
