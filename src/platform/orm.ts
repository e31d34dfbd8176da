import type { EntityClass, EntitySchema } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { createPostgreSqlTypeParsers } from '@mikro-orm/sql';
import { PostgresDialect, PostgresDriver, type TransactionSettings } from 'kysely';
import pg from 'pg';
import { type DatabaseRole, isConnectionLost, openPool, SCHEMA } from './database.js';
import { databaseName } from './migrate.js';

export type Entity = EntityClass<object> | EntitySchema;

export interface OrmOptions {
  role?: DatabaseRole;
  max?: number;
  onQuery?: (text: string) => void;
  onIdleError?: (error: Error) => void;
}

/**
 * MikroORM for the features' records, as the role `app`. Rows that the command path writes set-based must not be entities:
 * the identity map would not see them change.
 */
export async function openOrm(url: string, entities: Entity[], options: OrmOptions = {}): Promise<MikroORM> {
  const role = options.role ?? 'app';
  const pool = openPool(url, role, {
    name: `${role} orm`,
    max: options.max ?? 10,
    types: typesOfMikroOrm(),
    // A statement whose answer does not come takes its connection with it, instead of blocking whoever gets it next.
    pipeline: true,
    ...(options.onIdleError ? { onIdleError: options.onIdleError } : {}),
  });
  return MikroORM.init({
    entities,
    discovery: { warnWhenNoEntities: false },
    dbName: databaseName(url),
    schema: SCHEMA,
    driverOptions: new Dialect({ pool }),
    // Each request forks its own identity map; using the global one would mix what two people see.
    allowGlobalContext: false,
    // Times are UTC everywhere; only people's screens know a zone.
    forceUtcTimezone: true,
    debug: options.onQuery ? ['query'] : false,
    ...(options.onQuery ? { logger: options.onQuery } : {}),
  });
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
 * Kysely gives a connection back only after BEGIN, COMMIT or ROLLBACK succeeded (kysely issue 1990): one that broke inside
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
