import { createPostgreSqlTypeParsers } from '@mikro-orm/sql';
import { PostgresDialect, PostgresDriver, type TransactionSettings } from 'kysely';
import pg from 'pg';
import { type DatabaseRole, isConnectionLost, openPool, type PoolOptions } from './database.js';

/** What MikroORM speaks to the database through: connections of our own, given back also when they break. */
export function openDialect(
  url: string,
  role: DatabaseRole,
  options: PoolOptions,
): { dialect: PostgresDialect; pool: pg.Pool } {
  const pool = openPool(url, role, {
    ...options,
    types: typesOfMikroOrm(),
    // A statement whose answer does not come takes its connection with it, instead of blocking whoever gets it next.
    pipeline: true,
  });
  return { dialect: new Dialect({ pool }), pool };
}

/** Oid of text[], which the types of `pg` leave out. */
const TEXT_ARRAY = 1009 as Parameters<typeof pg.types.getTypeParser>[0];

/** Dates and times arrive as text and are read by MikroORM itself. */
function typesOfMikroOrm(): pg.CustomTypesConfig {
  const types = new pg.TypeOverrides();
  const parsers = createPostgreSqlTypeParsers(pg.types.getTypeParser(TEXT_ARRAY));
  for (const [oid, parser] of Object.entries(parsers)) types.setTypeParser(Number(oid), parser);
  return types;
}

class Dialect extends PostgresDialect {
  readonly #config: ConstructorParameters<typeof PostgresDialect>[0];

  constructor(config: ConstructorParameters<typeof PostgresDialect>[0]) {
    super(config);
    this.#config = config;
  }

  override createDriver(): PostgresDriver {
    return new Driver(this.#config);
  }
}

type Connection = Parameters<PostgresDriver['releaseConnection']>[0];

/**
 * Kysely gives a connection back only after BEGIN, COMMIT or ROLLBACK succeeded: one that broke inside
 * a transaction would occupy its place in the pool for ever.
 */
class Driver extends PostgresDriver {
  override async beginTransaction(connection: Connection, settings: TransactionSettings): Promise<void> {
    try {
      await super.beginTransaction(connection, settings);
    } catch (error) {
      await this.releaseConnection(connection);
      throw error;
    }
  }

  override async rollbackTransaction(connection: Connection): Promise<void> {
    try {
      await super.rollbackTransaction(connection);
    } catch (error) {
      // With its connection the transaction is gone as well; the pool drops what cannot be used any more.
      if (!isConnectionLost(error)) throw error;
    }
  }
}
