import type { PoolClient } from 'pg';
import { commit } from '../../src/platform/database.js';
import type { Journey, Step } from '../journey.js';
import { decide } from './decide.js';
import { type CaseColumns, PlainLoop, plainCase } from './loop.js';
import { type Change, LOCK, NUMBERS, STATEMENTS, type Table } from './tables.js';

/** One transaction per event: begin, select for update, update, inserts, commit. */
export class OneByOneLoop extends PlainLoop {
  protected async carryOut(step: Step, journey: Journey): Promise<void> {
    const client = await this.pool.connect();
    try {
      const begun = client.query('begin');
      const change = await this.change(client, step, journey);
      await begun;
      const sent: Promise<unknown>[] = [];
      for (const [table, rows] of Object.entries(change) as [Table, unknown[][]][])
        for (const values of rows) sent.push(client.query({ ...STATEMENTS[table].one, values }));
      await Promise.all([...sent, commit(client)]);
      client.release();
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
  }

  private async change(client: PoolClient, step: Step, journey: Journey): Promise<Change> {
    const at = new Date().toISOString();
    if (step === 'open') {
      const { rows } = await client.query<{ number: string }>({ ...NUMBERS, values: [1] });
      return decide(step, journey, null, rows[0]?.number ?? '', at);
    }
    const { rows } = await client.query<CaseColumns>({ ...LOCK, values: [[journey.caseId]] });
    const [found] = rows;
    if (!found) throw new Error(`There is no case ${journey.caseId}.`);
    return decide(step, journey, plainCase(found), '', at);
  }
}
