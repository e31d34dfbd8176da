import type { Pool } from 'pg';
import { asOrganisation, type Query } from '../engine/cases.js';
import type { VerifyProblem } from '../engine/verify.js';
import { LOOKS_GENESIS, type LookRow, lookHash } from './access-log.js';

interface Chain {
  writer: string;
  day: string;
}

interface StoredLook {
  seq: number;
  at: Date;
  account: string;
  roles: string[];
  what: LookRow['what'];
  ids: string[];
  route: string;
  hash: Buffer;
}

const ROWS_AT_ONCE = 1_000;

/** Every chain of the access log against its hashes and its head; `case` is null in what it finds. */
export async function verifyAccessLog(pool: Pool, organisationId: string): Promise<VerifyProblem[]> {
  const problems: VerifyProblem[] = [];
  const chains = await asOrganisation(pool, organisationId, (query) =>
    query<Chain>(
      `select writer, day::text from qamqor.access_log where organisation_id = $1
       union select writer, day::text from qamqor.access_log_heads where organisation_id = $1 order by day, writer`,
      [organisationId],
    ),
  );
  for (const chain of chains) {
    const found = await asOrganisation(
      pool,
      organisationId,
      (query) => verifyChain(query, organisationId, chain),
      'snapshot',
    );
    if (found) problems.push(found);
  }
  return problems;
}

/** The first thing that is wrong: what follows a broken link proves nothing. */
async function verifyChain(query: Query, organisationId: string, chain: Chain): Promise<VerifyProblem | null> {
  const key = [organisationId, chain.writer, chain.day];
  const where = `${chain.day}, writer ${chain.writer}`;
  const problem = (seq: number, rule: string, message: string) => ({
    case: null,
    seq,
    rule: `access-log-${rule}`,
    message: `Access log of ${where}: ${message}`,
  });
  let previous: Buffer = LOOKS_GENESIS;
  let last = 0;
  for (;;) {
    const rows = await query<StoredLook>(
      `select seq, at, account, roles, what, ids, route, hash from qamqor.access_log
        where organisation_id = $1 and writer = $2 and day = $3::date and seq > $4 order by seq limit ${ROWS_AT_ONCE}`,
      [...key, last],
    );
    for (const { at, hash, ...row } of rows) {
      if (row.seq !== last + 1) return problem(last + 1, 'row-missing', `row ${last + 1} is not there.`);
      if (!lookHash(previous, { organisationId, ...chain, ...row, at: at.toISOString() }).equals(hash))
        return problem(row.seq, 'row-changed', `row ${row.seq} is not what its hash covers, or follows another row.`);
      previous = hash;
      last = row.seq;
    }
    if (rows.length < ROWS_AT_ONCE) break;
  }
  const [head] = await query<{ seq: number; hash: Buffer }>(
    'select seq, hash from qamqor.access_log_heads where organisation_id = $1 and writer = $2 and day = $3::date',
    key,
  );
  if (!head) return problem(last, 'head-missing', 'its head is not there.');
  if (head.seq > last) return problem(last + 1, 'row-missing', `${head.seq} rows were written, ${last} are there.`);
  if (head.seq < last || !head.hash.equals(previous))
    return problem(last, 'head-changed', `its head is not the hash of its last row, ${last}.`);
  return null;
}
