import pg from 'pg';

/**
 * What a connection may do. `owner` is the login itself and makes migrations; the others are roles it takes:
 * `app` reads and records under row-level security, `engine` writes the command path, `relay` reads the outbox.
 */
export type DatabaseRole = 'owner' | 'app' | 'engine' | 'relay';

export const ROLE_NAMES = {
  app: 'qamqor_app',
  engine: 'qamqor_engine',
  relay: 'qamqor_relay',
} as const satisfies Record<Exclude<DatabaseRole, 'owner'>, string>;

/** Every table of ours lies in this schema. */
export const SCHEMA = 'qamqor';

export interface ConnectionOptions {
  /** Ends a statement that takes longer; 0 for no limit. */
  statementTimeoutMs?: number;
  /** Ends a connection that holds a transaction open without doing anything; 0 for no limit. */
  idleInTransactionMs?: number;
  /** Ends a statement that waits longer for a lock; the server's own limit if not given. */
  lockTimeoutMs?: number;
  /** Shown in pg_stat_activity, after `qamqor `. */
  name?: string;
  /**
   * Sends statements without waiting for the answers before them. Each keeps its own answer and its own error; inside a
   * transaction those after a failed one fail with 25P02. Await all of them, then `commit`.
   */
  pipeline?: boolean;
  /** Every statement finds its rows by their keys, as those of `engine` always do. */
  byKey?: boolean;
  /** Where unqualified names are looked up; our own schema if not given. */
  schema?: string;
  /** How values are read; as `pg` does it if not given. */
  types?: pg.CustomTypesConfig;
}

export interface PoolOptions extends ConnectionOptions {
  max?: number;
  /** How long `connect` waits for a free connection before it fails. */
  connectTimeoutMs?: number;
  /** Hears of connections that broke while nobody used them; the pool replaces them by itself. */
  onIdleError?: (error: Error) => void;
}

/** An answer this much later than the server's own limit will not come: the network swallowed it, or the question. */
const ANSWER_GRACE_MS = 5_000;
/** A connection that only listens, or holds a lock, finds out that the other end is gone; the system's own two hours are long. */
const KEEP_ALIVE_AFTER_MS = 10_000;
const DEFAULTS = { statementTimeoutMs: 30_000, idleInTransactionMs: 60_000, connectTimeoutMs: 10_000, max: 10 };

/**
 * The command path, and what is read beside it, finds every row by its key. Left to itself PostgreSQL plans for tables that are still small, reads them
 * whole, and plans anew at every execution as soon as the arrays differ in length.
 */
const PLANS_BY_KEY = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  // Before PostgreSQL 18 a plan that has to read a table of one row counts as so dear that it is compiled at each execution.
  'jit=off',
];

/** What `pg` and MikroORM need to open a connection of this role. */
export function connectionConfig(url: string, role: DatabaseRole, options: ConnectionOptions = {}): pg.ClientConfig {
  const { connectionString, given } = splitOptions(url);
  const { statementTimeoutMs, idleInTransactionMs } = { ...DEFAULTS, ...options };
  const settings = [
    `search_path=${options.schema ?? SCHEMA}`,
    'TimeZone=UTC',
    `statement_timeout=${statementTimeoutMs}`,
    `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
    ...(options.lockTimeoutMs === undefined ? [] : [`lock_timeout=${options.lockTimeoutMs}`]),
    ...(role === 'engine' || options.byKey ? PLANS_BY_KEY : []),
    ...(role === 'owner' ? [] : [`role=${ROLE_NAMES[role]}`]),
  ];
  return {
    connectionString,
    application_name: `qamqor ${options.name ?? role}`,
    options: [given, ...settings.map((setting) => `-c ${setting}`)].filter(Boolean).join(' '),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    connectionTimeoutMillis: DEFAULTS.connectTimeoutMs,
    ...(statementTimeoutMs > 0 ? { query_timeout: statementTimeoutMs + ANSWER_GRACE_MS } : {}),
    ...(options.pipeline ? { pipeline: true } : {}),
    ...(options.types ? { types: options.types } : {}),
  };
}

/** A pool whose connections have taken `role`. */
export function openPool(url: string, role: DatabaseRole, options: PoolOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(url, role, options),
    max: options.max ?? DEFAULTS.max,
    connectionTimeoutMillis: options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs,
  });
  // An `error` event that nobody listens to ends the process: the pool tells of idle connections, a client that is
  // checked out tells its own listeners only.
  pool.on('error', (error) => options.onIdleError?.(error));
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** `pg` lets the URL's own `options` replace ours; both are wanted. */
function splitOptions(url: string): { connectionString: string; given: string } {
  const parsed = new URL(url);
  const given = parsed.searchParams.get('options') ?? '';
  parsed.searchParams.delete('options');
  return { connectionString: parsed.toString(), given };
}

/**
 * Runs `work` in one transaction. If it throws, everything is rolled back. Throws `CommitUnknown` if the connection broke
 * at COMMIT: then the transaction may have happened.
 */
export async function withTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await commit(client);
    return result;
  } catch (error) {
    broken = await rollBack(client, error);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and without an error; here it is one. */
export async function commit(client: pg.ClientBase): Promise<void> {
  let tag: string;
  try {
    tag = (await client.query('commit')).command;
  } catch (error) {
    if (isConnectionLost(error)) throw new CommitUnknown(error);
    throw error;
  }
  if (tag !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed.');
}

/** Gives the error for which the connection must not be used again, if there is one. */
async function rollBack(client: pg.PoolClient, cause: unknown): Promise<Error | undefined> {
  if (cause instanceof CommitUnknown || isConnectionLost(cause)) return asError(cause);
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return asError(error);
  }
}

/** The connection broke while COMMIT was on its way: look up whether the transaction happened. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('The connection to the database was lost while a transaction was being committed.', { cause });
    this.name = 'CommitUnknown';
  }
}

const LOST_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
]);
/** The server says goodbye or is not ready: admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout, idle_in_transaction. */
const LOST_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '25P03']);
const LOST_WORDS =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|timeout exceeded when trying to connect|Query read timeout|Connection ended|Cannot use a pool after calling end)/;
/**
 * serialization_failure, deadlock_detected, lock_not_available, disk_full, out_of_memory, too_many_connections, a statement
 * that took too long (query_canceled), and a login that is refused (after its password was changed, until we have it).
 */
const RETRY_STATES = new Set(['40001', '40P01', '55P03', '53100', '53200', '53300', '57014', '28000', '28P01']);

/** The connection is gone, or could not be made. Whether the statement took effect is unknown. */
export function isConnectionLost(error: unknown): boolean {
  return causes(error).some(
    ({ code, message }) => LOST_CODES.has(code) || isLostState(code) || LOST_WORDS.test(message),
  );
}

/** The same transaction may succeed if it is run again from its beginning. */
export function isRetryable(error: unknown): boolean {
  return isConnectionLost(error) || causes(error).some(({ code }) => RETRY_STATES.has(code));
}

/** SQLSTATE of a database error, however deep it is wrapped. */
export function sqlState(error: unknown): string | null {
  return causes(error).find(({ code }) => /^[0-9A-Z]{5}$/.test(code))?.code ?? null;
}

function isLostState(code: string): boolean {
  return LOST_STATES.has(code) || /^08[0-9A-Z]{3}$/.test(code);
}

/**
 * The error, what it wraps (`cause`, MikroORM's `previous`), and the parts of a failed connection to several addresses.
 * Not by `instanceof`: Node's own errors belong to another realm when they are seen from inside a Jest spec.
 */
export function causes(error: unknown, depth = 0): { code: string; message: string }[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { code, message, cause, previous, errors } = error as Record<string, unknown>;
  const own = { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' };
  const inner = [cause, previous, ...(Array.isArray(errors) ? errors : [])];
  return [own, ...inner.flatMap((part) => causes(part, depth + 1))];
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
