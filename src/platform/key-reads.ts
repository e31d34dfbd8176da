import type pg from 'pg';
import { isConnectionLost } from './database.js';
import { sendTogether } from './send-together.js';

type Statement = string | { name: string; text: string };

/**
 * Reads of single rows by their key, which every request needs some of. Those of many requests follow each other on a few
 * connections without waiting for the answers before them: the server wakes up once for many, and no request waits for a
 * connection of its own. Only for what is quick: what follows waits.
 */
export class KeyReads {
  private readonly lanes: (Promise<pg.PoolClient> | undefined)[];
  private next = 0;

  constructor(
    /** Connections of the role `qamqor_app` that pipeline; as many as there are lanes. */
    private readonly pool: pg.Pool,
    lanes: number,
  ) {
    this.lanes = Array.from({ length: lanes }, () => undefined);
  }

  /** With the organisation's rows in sight, where one is given; otherwise of tables that belong to none. */
  async rows<Row extends object>(statement: Statement, values: unknown[], organisationId?: string): Promise<Row[]> {
    const lane = this.next++ % this.lanes.length;
    const client = await this.clientOf(lane);
    const read = { ...(typeof statement === 'string' ? { text: statement } : statement), values };
    try {
      sendTogether(client);
      if (organisationId === undefined) return (await client.query<Row>(read)).rows;
      const [, found] = await Promise.all([
        client.query(`begin read only; set local qamqor.organisation = ${client.escapeLiteral(organisationId)}`),
        client.query<Row>(read),
        client.query('commit'),
      ]);
      return found.rows;
    } catch (error) {
      if (isConnectionLost(error)) this.leave(lane, client);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const lane of this.lanes.splice(0)) (await lane?.catch(() => undefined))?.release();
    await this.pool.end();
  }

  private async clientOf(lane: number): Promise<pg.PoolClient> {
    const known = this.lanes[lane];
    if (known) return known;
    const connecting = this.pool.connect();
    this.lanes[lane] = connecting;
    try {
      const client = await connecting;
      client.once('error', () => this.leave(lane, client));
      return client;
    } catch (error) {
      if (this.lanes[lane] === connecting) this.lanes[lane] = undefined;
      throw error;
    }
  }

  /** The next read of this lane connects anew. */
  private leave(lane: number, client: pg.PoolClient): void {
    const left = this.lanes[lane];
    void left?.then((current) => {
      if (current !== client || this.lanes[lane] !== left) return;
      this.lanes[lane] = undefined;
      client.release(true);
    });
  }
}
