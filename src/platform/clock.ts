import type pg from 'pg';

/** The one clock of all processes. Moments are ISO 8601 in UTC with milliseconds. */
export interface Clock {
  now(): Promise<string>;
}

/**
 * The database's clock, with the offset that a simulation may have set. Statements inside a transaction read it
 * themselves: `select qamqor_now()`; put it into brackets, `(select qamqor_now())`, where it would run for every row.
 */
export class DatabaseClock implements Clock {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async now(): Promise<string> {
    return this.#read('select qamqor_now() as now', []);
  }

  /**
   * Moves the clock of every process to `moment`; a moment that has passed changes nothing. Gives the time it is then.
   * @throws in production (SQLSTATE QC001)
   */
  async advanceTo(moment: string): Promise<string> {
    return this.#read('select qamqor_advance_clock($1) as now', [moment]);
  }

  /** From now on nobody can move this database's clock. @throws if somebody has (SQLSTATE QC002) */
  async declareProduction(): Promise<void> {
    await this.#pool.query('select qamqor_declare_production()');
  }

  async #read(text: string, values: unknown[]): Promise<string> {
    const { rows } = await this.#pool.query<{ now: Date }>(text, values);
    const [row] = rows;
    if (!row) throw new Error('The clock of the database gave no answer: its row in clock_offset is gone.');
    return row.now.toISOString();
  }
}
