import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { causes } from './database.js';
import { hasCode } from './file-lock.js';
import { StartError } from './start-error.js';

/** Oldest PostgreSQL that has all that we use, as `server_version_num` counts. */
const OLDEST_POSTGRES = 150_000;

/** Makes `QAMQOR_DATA` where it is not there. @throws StartError where it cannot be a folder of ours */
export async function prepareDataDir(dataDir: string): Promise<void> {
  const path = resolve(dataDir);
  const refused = (code: string, why: string, error?: unknown) =>
    new StartError(code, `The data folder ${path} cannot be used: ${why}`, { cause: error });
  const instead = 'Choose another folder with QAMQOR_DATA.';
  try {
    await makeFolder(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (hasCode(error, 'EEXIST') || hasCode(error, 'ENOTDIR'))
      throw refused('data-folder-is-file', `there is a file of that name, or on the way to it. ${instead}`, error);
    if (hasCode(error, 'EACCES') || hasCode(error, 'EPERM') || hasCode(error, 'EROFS'))
      throw refused(
        'data-folder-not-writable',
        `this account may not write there. Give it the folder (chown), or choose another one with QAMQOR_DATA.`,
        error,
      );
    if (hasCode(error, 'ENOSPC')) throw refused('disk-full', `the disk is full. Make room, or: ${instead}`, error);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw refused('data-folder-unusable', `the system says ${code}. ${instead}`, error);
  }
}

/** Node's own `recursive` never comes back where a file system makes no folders, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o711 });
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await stat(path)).isDirectory()) return;
    if (!hasCode(error, 'ENOENT') || (await isThere(dirname(path)))) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o711 });
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** @throws StartError where the server is older than what we are written for */
export function refuseOldPostgres(url: string, version: number): void {
  if (version >= OLDEST_POSTGRES) return;
  throw new StartError(
    'database-too-old',
    `The server at ${placeOf(url).server} is PostgreSQL ${Math.floor(version / 10_000)}; Qamqor needs 15 or newer. Update it, or name another one in DATABASE_URL.`,
  );
}

/** The error in words, where it is about the place, the login or its rights; any other one as it is. */
export function databaseTrouble(url: string, error: unknown): unknown {
  if (error instanceof StartError) return error;
  const found = causes(error);
  const place = placeOf(url);
  for (const { code, message } of found) {
    const explain = BY_CODE[code] ?? BY_WORDS.find(([words]) => words.test(message))?.[1];
    if (!explain) continue;
    const [kind, sentence] = explain(place, message);
    return new StartError(kind, sentence, { cause: error });
  }
  return error;
}

/** A full disk in words, wherever in the start it showed: to us, or to the server. Any other error as it is. */
export function diskTrouble(error: unknown): unknown {
  // What a program of PostgreSQL ended with is told as it said it: a page of its own words.
  if (error instanceof StartError && error.code !== 'embedded-postgres-failed') return error;
  const isFull = causes(error).some(({ code, message }) => FULL_CODES.has(code) || FULL_WORDS.test(message));
  if (!isFull) return error;
  const sentence =
    'The disk is full, here or where the database lies. What was accepted is kept. Make room on it, and start again.';
  return new StartError('disk-full', sentence, { cause: error });
}

/** Of the system, and of PostgreSQL (disk_full). */
const FULL_CODES = new Set(['ENOSPC', '53100']);
/** Not what the server says of shared memory and semaphores, of which it hints itself that no disk is meant. */
const FULL_WORDS = /^(?!.*(?:shared memory|semaphore)).*(?:No space left on device|Check free disk space)/m;

interface Place {
  host: string;
  /** Host and port. */
  server: string;
  database: string;
  login: string;
}

type Explain = (place: Place, message: string) => [code: string, sentence: string];

const unknownHost: Explain = ({ host }) => [
  'database-unreachable',
  `The database cannot be reached: no host is called "${host}". Check its name in DATABASE_URL, and that this machine can look up names.`,
];
const nobodyThere: Explain = ({ server }) => [
  'database-unreachable',
  `The database cannot be reached: nothing answers at ${server}. Check host and port in DATABASE_URL, and that the server runs.`,
];
const noPostgres: Explain = ({ server }) => [
  'database-is-not-postgresql',
  `What answers at ${server} does not speak PostgreSQL, or something in between keeps its answer. Check host and port in DATABASE_URL, and firewalls on the way.`,
];
const wrongLogin: Explain = ({ login, server }) => [
  'database-login-refused',
  `The database at ${server} refuses the login "${login}": its password is wrong or missing, or it may not come from here. Check user and password in DATABASE_URL (special characters as %XX), and pg_hba.conf of the server.`,
];
const noDatabase: Explain = ({ database, server, login }) => [
  'database-missing',
  `The server at ${server} has no database "${database}". Make it, as its administrator: CREATE DATABASE "${database}" OWNER "${login}"; or correct the name in DATABASE_URL.`,
];
const noRights: Explain = ({ database, login }, message) => [
  'database-rights-missing',
  `The login "${login}" may not do in the database "${database}" what Qamqor needs (${message}). It must own the database and may create roles; as administrator: ALTER DATABASE "${database}" OWNER TO "${login}"; ALTER ROLE "${login}" CREATEROLE;`,
];
const busy: Explain = ({ server }, message) => [
  'database-not-ready',
  `The database at ${server} takes no connection now (${message}). Try again in a moment; if it stays so, look into the server's log.`,
];
const readOnly: Explain = ({ server }) => [
  'database-read-only',
  `The database at ${server} may only be read: it is a standby, or still replays its log after a restore. Wait until "select pg_is_in_recovery()" says f there, or name the primary server in DATABASE_URL.`,
];
const goBetween: Explain = ({ server }, message) => [
  'database-behind-pooler',
  `What answers at ${server} refuses how a session is begun (${message}): it is something in between, such as PgBouncer. Name the server itself in DATABASE_URL; Qamqor keeps connections of its own.`,
];
const simulated: Explain = (_place, message) => [
  'database-simulated',
  `This database cannot serve in production: ${message}. Use another one, or set QAMQOR_PRODUCTION=off for simulations.`,
];
const insecure: Explain = ({ server }, message) => [
  'database-tls',
  `No secure connection to the database at ${server} can be made (${message}). Set sslmode in DATABASE_URL to what the server offers, and give its certificate with sslrootcert.`,
];

const BY_CODE: Record<string, Explain> = {
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  ECONNREFUSED: nobodyThere,
  EHOSTUNREACH: nobodyThere,
  ENETUNREACH: nobodyThere,
  ETIMEDOUT: nobodyThere,
  ENOENT: nobodyThere,
  ECONNRESET: noPostgres,
  EPIPE: noPostgres,
  '28P01': wrongLogin,
  '28000': wrongLogin,
  '3D000': noDatabase,
  '42501': noRights,
  '25006': readOnly,
  '08P01': goBetween,
  QC002: simulated,
  '53300': busy,
  '57P03': busy,
  DEPTH_ZERO_SELF_SIGNED_CERT: insecure,
  SELF_SIGNED_CERT_IN_CHAIN: insecure,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: insecure,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: insecure,
  CERT_HAS_EXPIRED: insecure,
  ERR_TLS_CERT_ALTNAME_INVALID: insecure,
};

/** What `pg` says in words only. */
const BY_WORDS: [RegExp, Explain][] = [
  [/password must be a string|no password/i, wrongLogin],
  [/does not support SSL|SSL connection/i, insecure],
  [/^(timeout expired|Connection terminated|Received unexpected|Unknown auth)/i, noPostgres],
];

function placeOf(url: string): Place {
  const { hostname, port, pathname, username, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? (decodeURIComponent(hostname) || 'localhost');
  const login = decodeURIComponent(username) || 'the account of this system';
  const database = decodeURIComponent(pathname.slice(1)) || login;
  return { host, server: `${host}:${port || '5432'}`, database, login };
}

/** As `databaseTrouble`, for the first thing that a connection to Redis complained of. */
export function redisTrouble(url: string, error: unknown): unknown {
  if (error instanceof StartError) return error;
  const { hostname, port } = new URL(url);
  const server = `${hostname || 'localhost'}:${port || '6379'}`;
  for (const { code, message } of causes(error)) {
    const [, kind, sentence] = REDIS.find(([sign]) => sign.test(`${code} ${message}`)) ?? [];
    if (kind && sentence) return new StartError(kind, sentence(server), { cause: error });
  }
  return error;
}

const REDIS: [RegExp, string, (server: string) => string][] = [
  [
    /ENOTFOUND|EAI_AGAIN/,
    'redis-unreachable',
    (server) =>
      `Redis cannot be reached: the host of ${server} is not known. Check REDIS_URL, or unset it to keep the queues in the database.`,
  ],
  [
    /NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH/,
    'redis-login-refused',
    (server) =>
      `Redis at ${server} refuses the login. Check user and password in REDIS_URL (special characters as %XX).`,
  ],
  [
    /NOPERM/,
    'redis-rights-missing',
    (server) =>
      `The login of REDIS_URL may not do at ${server} what the queues need: it must have all commands on all keys.`,
  ],
  [
    /RESP|Protocol error|unknown command/i,
    'redis-is-not-redis',
    (server) => `What answers at ${server} is no Redis. Check host and port in REDIS_URL.`,
  ],
  [
    /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|EPIPE|Connection is closed|timed out/,
    'redis-unreachable',
    (server) =>
      `Redis cannot be reached: nothing that speaks it answers at ${server}. Check REDIS_URL and that the server runs, or unset it to keep the queues in the database.`,
  ],
];
