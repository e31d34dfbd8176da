import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFile,
  chown,
  lstat,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve as resolvePath } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, withFileLock } from './file-lock.js';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.js';
import { chownAll, findCluster, prepareCluster, userOf } from './postgres-folder.js';
import { endLeftOvers, findPostmaster, readPostmasterFile } from './postgres-processes.js';
import { identifyProcess, isSameProcessAlive } from './process-identity.js';
import { StartError } from './start-error.js';
import type { SystemUser } from './system-user.js';

export const SUPERUSER = 'postgres';
export const OWNER = 'qamqor_owner';
export const DATABASE = 'qamqor';

/** Kept beside the cluster in `postgres.json`, readable by its owner alone. */
export interface ClusterAccess {
  port: number;
  ownerPassword: string;
  superuserPassword: string;
}

export interface ClusterOptions {
  /** `QAMQOR_DATA`: holds the folder `postgres`, its log, its lock and its passwords. */
  dataDir: string;
  /** Lines for people: what is being waited for, and why. */
  log?: (line: string) => void;
  /** Replace or add to the settings below. */
  settings?: Record<string, string>;
}

/** Two cores and a small disk are enough; nothing here trades safety for speed. */
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Up to 50 for each process, and commands of the terminal beside them.
  max_connections: '200',
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // Short statements, many of them: compiling each costs more than it saves.
  jit: 'off',
  max_wal_size: '1GB',
  checkpoint_timeout: '10min',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%a ',
  // What fails is told by code: a statement, and what is said of it, may hold a family's data.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  lc_messages: 'C',
};

const START_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 60_000;
const PORT_ATTEMPTS = 5;
const LOG_LIMIT_BYTES = 10_000_000;

/** One PostgreSQL cluster in one folder, whoever started it. Every change of its state is made under a lock file. */
export class PostgresCluster {
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    this.#options = { ...options, dataDir: resolvePath(options.dataDir) };
  }

  /** Runs `work` while no other process starts or stops this cluster. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    await mkdir(this.#options.dataDir, { recursive: true, mode: 0o711 });
    return withFileLock(this.#path('postgres.lock'), work, (pid) => {
      // Its own start, which it was told to break off, is nobody else's.
      if (pid !== process.pid)
        this.#log(`Process ${pid} is starting or stopping the database of ${this.#options.dataDir}; waiting for it.`);
    });
  }

  /** Makes the cluster if there is none, starts it if it does not run, adopts it if it does. Call under `locked`. */
  async ensureRunning(): Promise<ClusterAccess> {
    const { folder, user } = await this.#ensureFolder();
    const access = await this.#readAccess();
    const postmaster = await findPostmaster(folder);

    // One that is just dying is no server any more, and another is started.
    if (postmaster && access && (await this.#becomesReady(folder, postmaster.pid))) return access;
    if (postmaster) await this.#stop(folder, postmaster.pid);
    const binaries = await findPostgres(user);
    await endLeftOvers(folder, this.#log);
    const kept = access ?? (await this.#renewPasswords(binaries, folder, user));
    return this.#start(binaries, folder, user, kept);
  }

  /** Call under `locked`. */
  async stop(): Promise<void> {
    const folder = await findCluster(this.#options.dataDir, this.#log);
    const postmaster = folder && (await findPostmaster(folder));
    if (postmaster) await this.#stop(folder, postmaster.pid);
  }

  /** Makes the cluster of what `fill` writes into an empty folder: whole, or not at all. Call under `locked`. */
  async makeFrom(fill: (draft: string) => Promise<void>): Promise<void> {
    const { draft, folder, user } = await prepareCluster(this.#options.dataDir, this.#log);
    const binaries = await findPostgres(user);
    try {
      await fill(draft);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
    if (user) await chownAll(draft, user);
    await run(binaries.initdb, ['--sync-only', `--pgdata=${draft}`], user);
    await rename(draft, folder);
  }

  async #ensureFolder(): Promise<{ folder: string; user: SystemUser | null }> {
    const found = await findCluster(this.#options.dataDir, this.#log);
    if (found) return { folder: found, user: await userOf(found) };

    const { draft, folder, user } = await prepareCluster(this.#options.dataDir, this.#log);
    const binaries = await findPostgres(user);
    const access = (await this.#readAccess()) ?? newAccess();
    await this.#writeAccess(access);
    await initialise(binaries, draft, user, access);
    await rename(draft, folder);
    return { folder, user };
  }

  async #start(
    binaries: PostgresBinaries,
    folder: string,
    user: SystemUser | null,
    access: ClusterAccess,
  ): Promise<ClusterAccess> {
    await this.#writeSettings(folder);
    for (let attempt = 1; ; attempt += 1) {
      const port = attempt === 1 && (await isFree(access.port)) ? access.port : await findFreePort();
      const current = { ...access, port };
      await this.#writeAccess(current);
      const logFile = await this.#openLog();
      const from = (await logFile.stat()).size;
      // In a session of its own: Ctrl-C and the end of our process group must not reach it before we have said goodbye.
      const child = spawn(binaries.postgres, ['-D', folder, '-p', String(port)], {
        detached: true,
        stdio: ['ignore', logFile.fd, logFile.fd],
        env: SERVER_ENV,
        cwd: '/',
        ...ids(user),
      });
      child.unref();
      const failure = new Promise<Error>((resolve) => child.once('error', resolve));
      try {
        if (child.pid === undefined) throw await failure;
        if (await this.#becomesReady(folder, child.pid)) return current;
        throw new Error('the server ended while it was starting');
      } catch (error) {
        const said = await this.#logSince(from);
        if (attempt < PORT_ATTEMPTS && /could not bind|Address already in use/i.test(said)) continue;
        throw new StartError(
          'embedded-postgres-failed',
          `The embedded PostgreSQL did not start (${error instanceof Error ? error.message : String(error)}). ` +
            `Its last words, in ${this.#path('postgres.log')}:\n${said.trim().split('\n').slice(-15).join('\n')}`,
        );
      } finally {
        await logFile.close();
      }
    }
  }

  /** False: it ended before. */
  async #becomesReady(folder: string, pid: number): Promise<boolean> {
    const identity = identifyProcess(pid);
    const began = Date.now();
    let toldAt = began;
    for (;;) {
      const file = await readPostmasterFile(folder);
      if (identity === null || !isSameProcessAlive(identity)) return false;
      if (file?.pid === pid && file.status === 'ready') return true;
      if (Date.now() - began > START_LIMIT_MS) throw new Error(`not ready after ${START_LIMIT_MS / 1000} s`);
      if (Date.now() - toldAt > 10_000) {
        toldAt = Date.now();
        this.#log('The database is still starting: after a crash it first reads its log to the end.');
      }
      await sleep(20);
    }
  }

  /** Disconnects everybody and waits until the last process is gone. */
  async #stop(folder: string, pid: number): Promise<void> {
    const identity = identifyProcess(pid);
    if (identity === null) return;
    const began = Date.now();
    let hurried = false;
    signal(pid, 'SIGINT');
    while (isSameProcessAlive(identity)) {
      if (!hurried && Date.now() - began > STOP_LIMIT_MS) {
        hurried = true;
        signal(pid, 'SIGQUIT');
      }
      await sleep(20);
    }
    await endLeftOvers(folder, this.#log);
  }

  /** The file with the passwords was lost: whoever owns the folder may set new ones while the server is down. */
  async #renewPasswords(binaries: PostgresBinaries, folder: string, user: SystemUser | null): Promise<ClusterAccess> {
    const access = newAccess();
    await runAlone(binaries, folder, user, [
      `alter role ${SUPERUSER} password '${access.superuserPassword}'`,
      `alter role ${OWNER} password '${access.ownerPassword}'`,
    ]);
    await this.#writeAccess(access);
    return access;
  }

  async #writeSettings(folder: string): Promise<void> {
    const settings = { ...SETTINGS, ...this.#options.settings };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
    const head = '# Written by Qamqor at each start. Put your own settings into postgresql.auto.conf (ALTER SYSTEM).';
    await writeFile(join(folder, 'qamqor.conf'), `${[head, ...lines].join('\n')}\n`);
    await chownLike(folder, join(folder, 'qamqor.conf'));
  }

  async #readAccess(): Promise<ClusterAccess | null> {
    try {
      return JSON.parse(await readFile(this.#path('postgres.json'), 'utf8')) as ClusterAccess;
    } catch (error) {
      if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  async #writeAccess(access: ClusterAccess): Promise<void> {
    const draft = this.#path('postgres.json.new');
    await writeFile(draft, `${JSON.stringify(access, null, 2)}\n`, { mode: 0o600 });
    await rename(draft, this.#path('postgres.json'));
  }

  async #openLog() {
    const path = this.#path('postgres.log');
    const size = await stat(path).then(
      (file) => file.size,
      () => 0,
    );
    if (size > LOG_LIMIT_BYTES) await rename(path, `${path}.old`);
    return open(path, 'a', 0o600);
  }

  async #logSince(from: number): Promise<string> {
    const text = await readFile(this.#path('postgres.log'));
    return text.subarray(from).toString('utf8');
  }

  readonly #log = (line: string): void => this.#options.log?.(line);

  #path(name: string): string {
    return join(this.#options.dataDir, name);
  }
}

/** Nothing of our own environment: a PGDATA or PGPORT of the person who starts us must not reach the server. */
const SERVER_ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };

const HBA = `# Passwords from this machine only.
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
`;

/** The default encodings do not depend on what the system has installed: UTF-8, sorted by code point. */
const INITDB_FLAGS = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

async function initialise(
  binaries: PostgresBinaries,
  draft: string,
  user: SystemUser | null,
  access: ClusterAccess,
): Promise<void> {
  // `trust` is never served: pg_hba.conf is replaced before the first start.
  await run(binaries.initdb, [`--pgdata=${draft}`, `--username=${SUPERUSER}`, '--auth=trust', ...INITDB_FLAGS], user);
  await writeFile(join(draft, 'pg_hba.conf'), HBA);
  await appendFile(join(draft, 'postgresql.conf'), "\ninclude_if_exists 'qamqor.conf'\n");
  await runAlone(binaries, draft, user, [
    `alter role ${SUPERUSER} password '${access.superuserPassword}'`,
    `create role ${OWNER} login createrole password '${access.ownerPassword}'`,
    `create database ${DATABASE} owner ${OWNER}`,
    `revoke all on database ${DATABASE} from public`,
  ]);
}

/** PostgreSQL without a server: each line is a statement. */
async function runAlone(
  binaries: PostgresBinaries,
  folder: string,
  user: SystemUser | null,
  statements: string[],
): Promise<void> {
  const args = ['--single', '-D', folder, '-c', 'exit_on_error=true', '-c', 'log_statement=none', SUPERUSER];
  const said = await run(binaries.postgres, args, user, `${statements.join('\n')}\n`);
  const problem = /^.*\b(ERROR|FATAL|PANIC):.*$/m.exec(said);
  if (problem)
    throw new StartError('embedded-postgres-failed', `PostgreSQL could not prepare ${folder}: ${problem[0]}`);
}

/** Gives what the program said on both outputs. */
async function run(program: string, args: string[], user: SystemUser | null, input = ''): Promise<string> {
  const child = spawn(program, args, { env: SERVER_ENV, stdio: 'pipe', cwd: '/', ...ids(user) });
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  // A program that ends early closes its input; its exit code tells more than that.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new StartError(
      'embedded-postgres-failed',
      `${program} ended with code ${code}:\n${said.trim().slice(-2000)}`,
    );
  return said;
}

function ids(user: SystemUser | null): { uid?: number; gid?: number } {
  return user === null ? {} : { uid: user.uid, gid: user.gid };
}

async function chownLike(folder: string, file: string): Promise<void> {
  const { uid, gid } = await lstat(await realpath(folder));
  if (uid !== process.getuid?.()) await chown(file, uid, gid);
}

function newAccess(): ClusterAccess {
  const password = () => randomBytes(24).toString('base64url');
  return { port: 0, ownerPassword: password(), superuserPassword: password() };
}

async function isFree(port: number): Promise<boolean> {
  return port !== 0 && (await listen(port)) !== null;
}

async function findFreePort(): Promise<number> {
  const port = await listen(0);
  if (port === null) throw new StartError('embedded-postgres-failed', 'No free TCP port on 127.0.0.1.');
  return port;
}

async function listen(port: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1' }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : null));
    });
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
