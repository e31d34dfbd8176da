import type { PoolClient } from 'pg';
import { commit } from '../../src/platform/database.js';
import type { Journey, Step } from '../journey.js';
import { decide } from './decide.js';
import { type CaseColumns, type LoopSettings, PlainLoop, plainCase } from './loop.js';
import { type Change, LOCK, NUMBERS, STATEMENTS, type Table } from './tables.js';

interface Waiting {
  step: Step;
  journey: Journey;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** Many events per transaction, each table written once with arrays side by side. */
export class BatchedLoop extends PlainLoop {
  private readonly queue: Waiting[] = [];
  private running = 0;

  constructor(
    url: string,
    private readonly settings: LoopSettings & { events: number },
  ) {
    super(url, settings);
  }

  protected carryOut(step: Step, journey: Journey): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ step, journey, resolve, reject });
      if (this.queue.length === 1) queueMicrotask(() => this.pump());
    });
  }

  private pump(): void {
    while (this.queue.length > 0 && this.running < this.settings.connections) {
      const batch = this.queue.splice(0, this.settings.events);
      this.running += 1;
      void this.transact(batch).finally(() => {
        this.running -= 1;
        this.pump();
      });
    }
  }

  private async transact(batch: Waiting[]): Promise<void> {
    const client = await this.pool.connect();
    try {
      const changes = await this.changes(client, batch);
      const sent = sendAll(client, changes);
      await Promise.all([...sent, commit(client)]);
      client.release();
      for (const { resolve } of batch) resolve();
    } catch (error) {
      client.release(error as Error);
      for (const { reject } of batch) reject(error as Error);
    }
  }

  private async changes(client: PoolClient, batch: Waiting[]): Promise<Change[]> {
    const opens = batch.filter(({ step }) => step === 'open');
    const ids = batch.flatMap(({ step, journey }) => (step === 'open' ? [] : [journey.caseId])).sort();
    const [, locked, taken] = await Promise.all([
      client.query('begin'),
      ids.length > 0 ? client.query<CaseColumns>({ ...LOCK, values: [ids] }) : undefined,
      opens.length > 0 ? client.query<{ number: string }>({ ...NUMBERS, values: [opens.length] }) : undefined,
    ]);
    const cases = new Map(locked?.rows.map((row) => [row.id, row]));
    const numbers = taken?.rows.map(({ number }) => number) ?? [];
    const at = new Date().toISOString();
    return batch.map(({ step, journey }) => {
      const found = cases.get(journey.caseId);
      if (!found && step !== 'open') throw new Error(`There is no case ${journey.caseId}.`);
      return decide(step, journey, found ? plainCase(found) : null, found ? '' : (numbers.pop() ?? ''), at);
    });
  }
}

function sendAll(client: PoolClient, changes: Change[]): Promise<unknown>[] {
  const sent: Promise<unknown>[] = [];
  for (const table of Object.keys(STATEMENTS) as Table[]) {
    const rows = changes.flatMap((change) => change[table] ?? []);
    const [first] = rows;
    if (!first) continue;
    const columns = first.map((_, column) => rows.map((row) => asText(row[column])));
    sent.push(client.query({ ...STATEMENTS[table].many, values: columns }));
  }
  return sent;
}

/** Inside an array, bytes travel as text. */
function asText(value: unknown): unknown {
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value;
}
