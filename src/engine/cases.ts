import type { Pool } from 'pg';
import type { KeyReads } from '../platform/key-reads.js';
import { type CaseRow, caseRecord } from './rows.js';
import * as sql from './statements.js';
import type { CaseRecord, VersionsApi } from './types.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** One case as it is now, by id or number; null where it is not there. No lock. */
export async function readCase(
  reads: KeyReads,
  versions: VersionsApi,
  organisationId: string,
  idOrNumber: string,
): Promise<CaseRecord | null> {
  const row = UUID.test(idOrNumber)
    ? await reads.row<CaseRow>(sql.readCasesById, idOrNumber.toLowerCase(), organisationId)
    : await reads.row<CaseRow>(sql.readCasesByNumber, idOrNumber, organisationId);
  return row
    ? caseRecord(row, await versions.byVersion(row.organisation_id, row.workflow_key, row.workflow_version))
    : null;
}

/** A statement with a name is prepared once per connection. */
export type Query = <Row extends object>(
  statement: string | { name: string; text: string },
  values?: unknown[],
) => Promise<Row[]>;

/** Reads as `qamqor_app` with the organisation's rows in sight; nothing without it. `snapshot`: all reads see one moment. */
export async function asOrganisation<Result>(
  pool: Pool,
  organisationId: string,
  work: (query: Query) => Promise<Result>,
  isolation: 'latest' | 'snapshot' = 'latest',
): Promise<Result> {
  const client = await pool.connect();
  let failed: Error | undefined;
  try {
    const begin = isolation === 'snapshot' ? 'begin isolation level repeatable read, read only' : 'begin';
    // In one message, and not waited for: what comes next tells if it failed.
    const begun = client.query(`${begin}; set local qamqor.organisation = ${client.escapeLiteral(organisationId)}`);
    begun.catch(() => undefined);
    const result = await work(async (statement, values = []) => {
      const named = typeof statement === 'string' ? { text: statement } : statement;
      return (await client.query({ ...named, values })).rows;
    });
    await begun;
    await client.query('commit');
    return result;
  } catch (error) {
    failed = error as Error;
    throw error;
  } finally {
    if (failed) await client.query('rollback').catch(() => undefined);
    client.release();
  }
}
