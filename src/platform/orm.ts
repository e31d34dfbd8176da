import type { EntityClass, EntitySchema } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { type DatabaseRole, SCHEMA } from './database.js';
import { databaseName } from './migrate.js';
import { openDialect } from './orm-dialect.js';

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
  const { dialect, pool } = openDialect(url, role, {
    name: `${role} orm`,
    max: options.max ?? 10,
    ...(options.onIdleError ? { onIdleError: options.onIdleError } : {}),
  });
  const orm = await MikroORM.init({
    entities,
    discovery: { warnWhenNoEntities: false },
    dbName: databaseName(url),
    schema: SCHEMA,
    driverOptions: dialect,
    // Each request forks its own identity map; using the global one would mix what two people see.
    allowGlobalContext: false,
    // Times are UTC everywhere; only people's screens know a zone.
    forceUtcTimezone: true,
    debug: options.onQuery ? ['query'] : false,
    ...(options.onQuery ? { logger: options.onQuery } : {}),
  });
  pools.set(orm, pool);
  return orm;
}

const pools = new WeakMap<MikroORM, Pool>();

/** Its connections, for whoever watches them. */
export function poolOf(orm: MikroORM): Pool {
  const pool = pools.get(orm);
  if (pool === undefined) throw new Error('It was not opened by openOrm.');
  return pool;
}
