import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import type { FolderMemory } from './deploy.js';

/** Kept in the database, so that all processes that start on one folder check it once. */
export class StoredFolderMemory implements FolderMemory {
  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
  ) {}

  last(organisationId: string): Promise<string | undefined> {
    return asOrganisation(this.pool, organisationId, async (query) => {
      const rows = await query<{ fingerprint: string }>(
        'select fingerprint from qamqor.deployed_folders where organisation_id = $1',
        [organisationId],
      );
      return rows[0]?.fingerprint;
    });
  }

  remember(organisationId: string, fingerprint: string): Promise<void> {
    return asOrganisation(this.pool, organisationId, async (query) => {
      await query(
        `insert into qamqor.deployed_folders (organisation_id, fingerprint) values ($1, $2)
         on conflict (organisation_id) do update set fingerprint = excluded.fingerprint`,
        [organisationId, fingerprint],
      );
    });
  }
}
