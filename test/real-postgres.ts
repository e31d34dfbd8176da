import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './redis.js';

const BINARIES = '/usr/lib/postgresql/15/bin';
const START_MS = 60_000;

/** Whether tests with a whole PostgreSQL may run. With QAMQOR_CI=1 they run, and fail where it is absent. */
export const hasRealPostgres = existsSync(`${BINARIES}/pg_basebackup`) || process.env.QAMQOR_CI === '1';
/** For titles of tests that are skipped without it. */
export const realPostgres = hasRealPostgres
  ? 'a whole PostgreSQL'
  : 'a whole PostgreSQL, absent here: apt-get install postgresql-15';

/** Debian's PostgreSQL with all its tools, in folders of its own. Started again, it may be on another folder. */
export class RealPostgres {
  readonly home: string;
  private server: ChildProcess | null = null;

  private constructor(
    readonly port: number,
    private readonly environment: Record<string, string>,
  ) {
    this.home = mkdtempSync(join(tmpdir(), 'qamqor-postgres-'));
    if (this.ids.uid !== undefined) chownSync(this.home, this.ids.uid, this.ids.gid ?? 0);
  }

  /** With a login that owns its database and is no superuser. `settings` and `environment`: for the server. */
  static async create(
    settings: (home: string) => Record<string, string>,
    environment: Record<string, string> = {},
  ): Promise<RealPostgres> {
    if (!existsSync(`${BINARIES}/initdb`)) throw new Error(`${BINARIES} is absent: apt-get install postgresql-15`);
    const postgres = new RealPostgres(await freePort(), environment);
    const flags = ['--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', '--username=admin'];
    postgres.run(`${BINARIES}/initdb`, [...flags, '--pgdata', postgres.folder('data')]);
    await postgres.start('data', settings(postgres.home));
    await postgres.sql(`create role qamqor login createrole password 'x'`, 'create database qamqor owner qamqor');
    return postgres;
  }

  /** The login's address. */
  get url(): string {
    return `postgres://qamqor:x@127.0.0.1:${this.port}/qamqor`;
  }

  folder(name: string): string {
    return join(this.home, name);
  }

  /** A program as the account that the server runs as, which finds the server by itself. */
  run(program: string, args: string[]): void {
    const environment = {
      PATH: `${BINARIES}:/usr/bin:/bin`,
      PGHOST: '127.0.0.1',
      PGPORT: String(this.port),
      PGUSER: 'admin',
    };
    execFileSync(program, args, {
      ...this.ids,
      cwd: this.home,
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  async start(name: string, settings: Record<string, string> = {}): Promise<void> {
    const own = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(this.port), ...settings };
    const flags = Object.entries(own).flatMap(([setting, value]) => ['-c', `${setting}=${value}`]);
    const server = spawn(`${BINARIES}/postgres`, ['-D', this.folder(name), ...flags], {
      ...this.ids,
      cwd: '/',
      env: { ...process.env, ...this.environment },
      stdio: 'ignore',
    });
    this.server = server;
    const until = performance.now() + START_MS;
    while (!(await this.takesCommands())) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}.`);
      if (performance.now() > until) throw new Error(`PostgreSQL was not ready within ${START_MS} ms.`);
      await pause(50);
    }
  }

  /** As the administrator; gives the rows of the last statement. */
  async sql(...statements: string[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: 'admin', database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) rows = (await client.query(statement)).rows;
      return rows;
    } finally {
      await client.end();
    }
  }

  /** The machine goes, and its disk with it. */
  async lose(name: string): Promise<void> {
    await this.kill();
    rmSync(this.folder(name), { recursive: true });
  }

  async kill(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    // Its children notice at once that it has gone; to kill it alone would leave them for a while.
    server.kill('SIGQUIT');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.home, { recursive: true, force: true });
  }

  makeFolder(name: string): string {
    mkdirSync(this.folder(name), { mode: 0o700 });
    if (this.ids.uid !== undefined) chownSync(this.folder(name), this.ids.uid, this.ids.gid ?? 0);
    return this.folder(name);
  }

  /** PostgreSQL does not run as root. */
  private get ids(): { uid?: number; gid?: number } {
    if (process.getuid?.() !== 0) return {};
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    return { uid: id('-u'), gid: id('-g') };
  }

  private async takesCommands(): Promise<boolean> {
    const rows = await this.sql('select pg_is_in_recovery() as recovering').catch(() => []);
    return rows[0]?.['recovering'] === false;
  }
}
