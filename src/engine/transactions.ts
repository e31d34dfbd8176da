import type { Pool, PoolClient } from 'pg';
import { isConnectionLost, isRetryable, withTransaction } from '../platform/database.js';
import type { Batch, Settled } from './batch.js';
import { Final } from './failures.js';
import { unavailable } from './refusals.js';
import * as sql from './statements.js';

/** How long a lost COMMIT is looked for. */
const LOOKING_MS = 10_000;
const NO_BACKEND = 0;

export interface TransactionDependencies {
  /** Connections of the role `qamqor_engine`, pipelined; two more than batches, so that looking up waits for none. */
  pool: Pool;
  /** Monotonic milliseconds. */
  elapsed(): number;
  /** 0 ≤ x < 1, for jitter. */
  random(): number;
}

/** Runs batches, and finds out what became of a COMMIT whose answer was lost. */
export class Transactions {
  constructor(private readonly deps: TransactionDependencies) {}

  /** @throws Final when it may have been committed, or was and something failed after it; anything else: it was rolled back */
  async run(batch: Batch): Promise<Settled[]> {
    const client = await this.deps.pool.connect();
    try {
      const settled = await batch.run(client);
      client.release();
      return settled;
    } catch (error) {
      const lost = isConnectionLost(error);
      const over = !lost && (await isRolledBack(client));
      client.release(over ? undefined : (error as Error));
      if (!(await this.landed(batch, over ? NO_BACKEND : backendOf(client)))) throw error;
      if (lost) return batch.results;
      throw new Final(error as Error);
    }
  }

  /** Those of these cases that there are, whoever holds their locks. */
  existing(caseIds: string[]): Promise<Set<string>> {
    return this.looking(caseIds, async (client) => {
      const { rows } = await client.query<{ id: string }>({ ...sql.existingCases, values: [caseIds] });
      return new Set(rows.map((row) => row.id));
    });
  }

  /** Whether COMMIT took effect. @throws Final when that cannot be found out in time */
  private async landed(batch: Batch, backend: number): Promise<boolean> {
    const { witness } = batch;
    if (!witness) return false;
    const began = this.deps.elapsed();
    for (;;) {
      const landed = await this.lookUp(witness, backend).catch((error: unknown) => {
        if (isRetryable(error)) return undefined;
        throw new Final(error as Error);
      });
      if (landed !== undefined) return landed;
      if (this.deps.elapsed() - began > LOOKING_MS)
        throw new Final(
          unavailable('The database went away at the last moment. Send it again, with the same key: it is done once.'),
        );
      await pause(this.deps.random());
    }
  }

  /** `undefined` while the backend that was left may still receive or carry out its COMMIT. */
  private lookUp(witness: NonNullable<Batch['witness']>, backend: number): Promise<boolean | undefined> {
    return this.looking([witness.caseId], async (client) => {
      // In this order: what is not open any more is to be seen by the next statement.
      const open = await client.query({ ...sql.findTransaction, values: [backend] });
      const { rows } = await client.query({ ...sql.findRow, values: [witness.caseId, witness.seq, witness.hash] });
      return rows.length > 0 || (open.rows.length > 0 ? undefined : false);
    });
  }

  /** Reads about these cases without a lock. */
  private looking<T>(caseIds: string[], look: (client: PoolClient) => Promise<T>): Promise<T> {
    return withTransaction(this.deps.pool, async (client) => {
      await client.query({ text: `select set_config('qamqor.cases', $1, true)`, values: [`{${caseIds.join(',')}}`] });
      return await look(client);
    });
  }
}

/** Before the database is asked again: 50 to 250 ms, so that many do not come at once. */
export function pause(random: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50 + Math.floor(random * 200)));
}

/** Process id of the server's side of this connection. */
function backendOf(client: PoolClient): number {
  return (client as PoolClient & { processID?: number | null }).processID ?? NO_BACKEND;
}

async function isRolledBack(client: PoolClient): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  );
}
