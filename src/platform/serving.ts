import pg from 'pg';
import { connectionConfig } from './database.js';
import { StartError } from './start-error.js';

/** `shared`: any number of processes. `alone`: a simulation, which moves the clock of everybody who serves the database. */
export type ServingMode = 'shared' | 'alone';

const SERVING_LOCK = 5_520_874;

/** Says, for as long as it is held, that this process serves the database. */
export class Serving {
  #released = false;

  private constructor(private readonly client: pg.Client) {}

  /** @throws where a simulation serves the database, or where one wants to and others serve it */
  static async begin(url: string, mode: ServingMode, onLost: () => void): Promise<Serving> {
    const client = new pg.Client(connectionConfig(url, 'owner', { name: `serving ${mode}`, statementTimeoutMs: 0 }));
    client.on('error', () => undefined);
    await client.connect();
    const serving = new Serving(client);
    const take = mode === 'alone' ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared';
    const { rows } = await client.query<{ taken: boolean }>(`select ${take}($1) as taken`, [SERVING_LOCK]);
    if (rows[0]?.taken !== true) {
      await serving.end();
      throw new StartError('database-in-use', REFUSALS[mode]);
    }
    client.once('end', () => {
      if (!serving.#released) onLost();
    });
    return serving;
  }

  async end(): Promise<void> {
    this.#released = true;
    await this.client.end();
  }
}

const REFUSALS: Record<ServingMode, string> = {
  shared: 'A simulation is running on this database and moves its clock. Wait for its end, or use another database.',
  alone:
    'Another process serves this database, and a simulation would move its clock. Stop it, or use another database.',
};
