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

  /**
   * Lets the time of a database begin in the past; it goes forward from there, and nobody can set it back again.
   * @throws where something has happened already (SQLSTATE QC003), and in production (QC001)
   */
  async beginAt(moment: string): Promise<string> {
    return this.#read('select qamqor_begin_clock_at($1) as now', [moment]);
  }

  /** Its time began in the past, and has not caught up with the real one. */
  async isBehind(): Promise<boolean> {
    const { rows } = await this.#pool.query<{ behind: boolean }>(
      "select ahead < interval '0' as behind from clock_offset",
    );
    return rows[0]?.behind === true;
  }

  /** A time that is behind becomes the real one, for good; another is left alone. */
  async catchUp(): Promise<string> {
    return this.#read('select qamqor_catch_up_clock() as now', []);
  }

  /** From now on nobody can move this database's clock. @throws if somebody has (SQLSTATE QC002) */
  async declareProduction(): Promise<void> {
    await this.#pool.query('select qamqor_declare_production()');
  }

  /** Somebody has declared so, at some start. */
  async isProduction(): Promise<boolean> {
    const { rows } = await this.#pool.query<{ production: boolean }>('select production from clock_offset');
    return rows[0]?.production === true;
  }

  async #read(text: string, values: unknown[]): Promise<string> {
    const { rows } = await this.#pool.query<{ now: Date }>(text, values);
    const [row] = rows;
    if (!row) throw new Error('The clock of the database gave no answer: its row in clock_offset is gone.');
    return row.now.toISOString();
  }
}
