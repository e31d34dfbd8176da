import type { Pool } from 'pg';
import type { FolderMemory } from './deploy.js';

/** Kept in the database, so that all processes that start on one folder check it once. */
export class StoredFolderMemory implements FolderMemory {
  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
  ) {}

  async last(organisationId: string): Promise<string | undefined> {
    const { rows } = await this.pool.query<{ fingerprint: string }>(
      'select fingerprint from qamqor.deployed_folders where organisation_id = $1',
      [organisationId],
    );
    return rows[0]?.fingerprint;
  }

  async remember(organisationId: string, fingerprint: string): Promise<void> {
    await this.pool.query(
      `insert into qamqor.deployed_folders (organisation_id, fingerprint) values ($1, $2)
       on conflict (organisation_id) do update set fingerprint = excluded.fingerprint`,
      [organisationId, fingerprint],
    );
  }
}
