import type { Pool } from 'pg';
import { LoadError, loadWorkflow } from '../statechart/load.js';
import type { Json, Workflow } from '../statechart/types.js';
import { asOrganisation } from './cases.js';
import { AppError } from './errors.js';
import type { VersionsApi } from './types.js';

/** How long this process may go on opening cases on the version it knows, after another process deployed a newer one. */
const CURRENT_FOR_MS = 2_000;

/**
 * Workflow versions: same content = same version, numbers grow by one, the newest is current, and every case keeps its
 * own. Compiled once per process.
 */
export class Versions implements VersionsApi {
  private readonly compiled = new Map<string, Promise<Workflow>>();
  private readonly newest = new Map<string, { version: number; asOf: number }>();

  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
    /** Monotonic milliseconds. */
    private readonly elapsed: () => number,
  ) {}

  /** Stores it, checked or not: what people deploy comes through `workflows/deploy.ts`, which checks. */
  async deploy(organisationId: string, files: Record<string, string>, by: string) {
    const workflow = loaded(files);
    const stored = await asOrganisation(this.pool, organisationId, async (query) => {
      // Two who deploy the same workflow at once must not both take the next number.
      await query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `workflow:${organisationId}:${workflow.key}`,
      ]);
      const rows = await query<{ version: number; hash: string }>(
        'select version, hash from qamqor.workflow_versions where organisation_id = $1 and key = $2 order by version desc',
        [organisationId, workflow.key],
      );
      const same = rows.find((row) => row.hash === workflow.hash);
      const version = same?.version ?? (rows[0]?.version ?? 0) + 1;
      if (!same) {
        await query(
          `insert into qamqor.workflow_versions (organisation_id, key, version, hash, files, created_at, created_by) values ($1, $2, $3, $4, $5, qamqor.qamqor_now(), $6)`,
          [organisationId, workflow.key, version, workflow.hash, JSON.stringify(files), by],
        );
      }
      return { version, created: !same };
    });
    this.newest.delete(`${organisationId}:${workflow.key}`);
    return { key: workflow.key, hash: workflow.hash, ...stored };
  }

  async current(organisationId: string, key: string) {
    const version = await this.newestVersion(organisationId, key);
    return { workflow: await this.byVersion(organisationId, key, version), version };
  }

  byVersion(organisationId: string, key: string, version: number): Promise<Workflow> {
    const id = `${organisationId}:${key}:${version}`;
    let workflow = this.compiled.get(id);
    if (!workflow) {
      workflow = this.load(organisationId, key, version);
      this.compiled.set(id, workflow);
      workflow.catch(() => this.compiled.delete(id));
    }
    return workflow;
  }

  afresh(): Versions {
    return new Versions(this.pool, this.elapsed);
  }

  /** Every workflow of the organisation, at its newest version. */
  async list(organisationId: string): Promise<{ key: string; version: number }[]> {
    return asOrganisation(this.pool, organisationId, (query) =>
      query<{ key: string; version: number }>(
        'select key, max(version) as version from qamqor.workflow_versions where organisation_id = $1 group by key order by key',
        [organisationId],
      ),
    );
  }

  /** The files of every workflow's newest version, by key, as they were deployed. */
  async newestFiles(organisationId: string): Promise<Record<string, Record<string, string>>> {
    const rows = await asOrganisation(this.pool, organisationId, (query) =>
      query<{ key: string; files: string }>(
        'select distinct on (key) key, files from qamqor.workflow_versions where organisation_id = $1 order by key, version desc',
        [organisationId],
      ),
    );
    return Object.fromEntries(rows.map(({ key, files }) => [key, JSON.parse(files) as Record<string, string>]));
  }

  private async newestVersion(organisationId: string, key: string): Promise<number> {
    const id = `${organisationId}:${key}`;
    const known = this.newest.get(id);
    if (known && this.elapsed() - known.asOf < CURRENT_FOR_MS) return known.version;
    const rows = await asOrganisation(this.pool, organisationId, (query) =>
      query<{ version: number | null }>(
        'select max(version) as version from qamqor.workflow_versions where organisation_id = $1 and key = $2',
        [organisationId, key],
      ),
    );
    const version = rows[0]?.version;
    if (!version)
      throw new AppError(
        'unknown-workflow',
        422,
        `There is no workflow "${key}". Deploy it first, or look at GET /api/workflows for those there are.`,
        { workflow: key },
      );
    this.newest.set(id, { version, asOf: this.elapsed() });
    return version;
  }

  private async load(organisationId: string, key: string, version: number): Promise<Workflow> {
    const [row] = await asOrganisation(this.pool, organisationId, (query) =>
      query<{ files: string; hash: string }>(
        'select files, hash from qamqor.workflow_versions where organisation_id = $1 and key = $2 and version = $3',
        [organisationId, key, version],
      ),
    );
    if (!row)
      throw new AppError('unknown-workflow', 422, `Workflow "${key}" has no version ${version}.`, {
        workflow: `${key} ${version}`,
      });
    // A running case keeps its version, also where a later release refuses something in new ones.
    return loadWorkflow(JSON.parse(row.files) as Record<string, string>, { stored: true });
  }
}

function loaded(files: Record<string, string>): Workflow {
  try {
    return loadWorkflow(files);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new AppError('workflow-refused', 422, `The workflow cannot be loaded: ${error.message}`, {
      findings: error.findings as unknown as Json,
    });
  }
}
