import { setImmediate as turn } from 'node:timers/promises';
import type pg from 'pg';
import { isConnectionLost } from './database.js';
import { sendTogether } from './send-together.js';

/** Rows by keys of one kind: `$1` is the list of the keys, each row names its own as `key`. */
export interface KeyStatement {
  name: string;
  text: string;
}

interface Group {
  keys: Set<string>;
  found: Promise<Map<string, object>>;
}

/** Keys in one statement: more would make those wait who asked first. */
const KEYS_AT_ONCE = 200;

/**
 * Reads of single rows by their key, which every request needs some of. Those that are asked for in one turn of the loop
 * travel as one statement, and statements follow each other on a few connections without waiting for the answers before
 * them: the server wakes up once for many, and no request waits for a connection of its own. Only for what is quick.
 */
export class KeyReads {
  private readonly lanes: (Promise<pg.PoolClient> | undefined)[];
  private readonly groups = new Map<string, Group>();
  private next = 0;

  constructor(
    /** Connections of the role `qamqor_app` that pipeline; as many as there are lanes. */
    private readonly pool: pg.Pool,
    lanes: number,
  ) {
    this.lanes = Array.from({ length: lanes }, () => undefined);
  }

  /**
   * The row of this key as it is now, or null. With the organisation's rows in sight, where one is given; otherwise of
   * tables that belong to none. Who asks for the same key in the same turn shares the row.
   */
  async row<Row extends object>(statement: KeyStatement, key: string, organisationId?: string): Promise<Row | null> {
    // No text in PostgreSQL has it, and it would spoil the statement for all others.
    if (key.includes('\0')) return null;
    const name = `${statement.name} ${organisationId ?? ''}`;
    const group = this.groups.get(name) ?? this.gather(name, statement, organisationId);
    group.keys.add(key);
    if (group.keys.size === KEYS_AT_ONCE) this.groups.delete(name);
    return ((await group.found).get(key) as Row | undefined) ?? null;
  }

  private gather(name: string, statement: KeyStatement, organisationId: string | undefined): Group {
    const keys = new Set<string>();
    const read = async () => {
      // Requests arrive one by one within a turn: this waits for all of them.
      await turn();
      if (this.groups.get(name) === group) this.groups.delete(name);
      const rows = await this.send<{ key: string }>(statement, [...keys], organisationId);
      return new Map(rows.map((row) => [row.key, row]));
    };
    const group: Group = { keys, found: read() };
    this.groups.set(name, group);
    return group;
  }

  private async send<Row extends object>(
    statement: KeyStatement,
    keys: string[],
    organisationId: string | undefined,
  ): Promise<Row[]> {
    const lane = this.next++ % this.lanes.length;
    const client = await this.clientOf(lane);
    try {
      sendTogether(client);
      const read = { ...statement, values: [keys] };
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
    if (known !== undefined) return known;
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
    void left?.then(
      (current) => {
        if (current !== client || this.lanes[lane] !== left) return;
        this.lanes[lane] = undefined;
        client.release(true);
      },
      // Another one is being made already, and whoever makes it hears that it was not.
      () => undefined,
    );
  }
}
