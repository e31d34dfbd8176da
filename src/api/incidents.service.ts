import { Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import type { VersionsApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { JsonObject, Language } from '../statechart/types.js';
import { mayAct } from './case.policy.js';
import { isMoment, isUuid, pageOf, readCursor, writeCursor } from './cursor.js';
import { BECAUSE, type IncidentFacts, sayIncident } from './incident-texts.js';

export interface IncidentQuery {
  limit: number;
  cursor?: string | undefined;
  status: 'open' | 'retried' | 'resolved';
  caseId?: string | undefined;
}

interface IncidentDatabaseRow extends IncidentFacts {
  id: string;
  case_id: string;
  number: string;
  workflow_key: string;
  workflow_version: number;
  seq: number;
  message: string;
  status: IncidentQuery['status'];
  opened_at: Date;
  closed_at: Date | null;
}

/** What stands still and why. */
@Injectable()
export class IncidentsService {
  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
    private readonly versions: Pick<VersionsApi, 'byVersion'>,
  ) {}

  async list(
    by: Principal,
    query: IncidentQuery,
    language: Language,
  ): Promise<{ items: JsonObject[]; next: string | null }> {
    const values: unknown[] = [by.organisationId, query.status];
    const value = (given: unknown) => `$${values.push(given)}`;
    const conditions = ['i.organisation_id = $1', 'i.status = $2'];
    if (query.caseId !== undefined) conditions.push(`i.case_id = ${value(query.caseId)}`);
    if (query.cursor !== undefined) {
      const [at, id] = readCursor(query.cursor, isIncidentKey);
      conditions.push(`(i.opened_at, i.id) > (${value(at)}::timestamptz, ${value(id)}::uuid)`);
    }
    const rows = await asOrganisation(this.pool, by.organisationId, (run) =>
      run<IncidentDatabaseRow>(
        `select i.id, i.case_id, c.number, c.workflow_key, c.workflow_version, i.seq, i.rule, i.state, ${BECAUSE} as because, i.message, i.status, i.opened_at, i.closed_at
           from qamqor.incidents i join qamqor.cases c on c.id = i.case_id
          where ${conditions.join(' and ')} order by i.opened_at, i.id limit ${value(query.limit + 1)}`,
        values,
      ),
    );
    const words = await this.words(by, rows, language);
    return pageOf(
      rows,
      query.limit,
      (row) => writeCursor(row.opened_at.toISOString(), row.id),
      (row) => presentIncident(row, by, words.get(row) ?? ''),
    );
  }

  private async words(by: Principal, rows: IncidentDatabaseRow[], language: Language) {
    const said = rows.map(async (row): Promise<[IncidentDatabaseRow, string]> => {
      const workflow = await this.versions.byVersion(by.organisationId, row.workflow_key, row.workflow_version);
      return [row, sayIncident(row, workflow, language)];
    });
    return new Map(await Promise.all(said));
  }

  /** @throws AppError `incident-not-found` */
  async caseOf(by: Principal, id: string): Promise<string> {
    const rows = isUuid(id)
      ? await asOrganisation(this.pool, by.organisationId, (run) =>
          run<{ case_id: string }>('select case_id from qamqor.incidents where id = $1', [id]),
        )
      : [];
    const caseId = rows[0]?.case_id;
    if (caseId === undefined) throw new AppError('incident-not-found', 404, `There is no incident ${id.slice(0, 64)}.`);
    return caseId;
  }
}

function presentIncident(row: IncidentDatabaseRow, by: Principal, text: string): JsonObject {
  const open = row.status === 'open';
  return {
    id: row.id,
    caseId: row.case_id,
    caseNumber: row.number,
    seq: row.seq,
    rule: row.rule,
    state: row.state,
    text,
    message: row.message,
    status: row.status,
    openedAt: row.opened_at.toISOString(),
    closedAt: row.closed_at?.toISOString() ?? null,
    can: { retry: open && mayAct(by, 'retry'), resolve: open && mayAct(by, 'resolve') },
  };
}

function isIncidentKey(key: unknown[]): key is [string, string] {
  return key.length === 2 && isMoment(key[0]) && isUuid(key[1]);
}
