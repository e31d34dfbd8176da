import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { Child } from '../../test/child.js';
import { isConnectionLost } from './database.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { readPostmasterFile } from './postgres-processes.js';
import { identifyProcess, isSameProcessAlive } from './process-identity.js';

// Whole servers and processes come and go here, on machines that may be busy.
jest.setTimeout(120_000);

const CHILD = 'src/platform/embedded-postgres.child.ts';
const isRoot = process.getuid?.() === 0;
const onLinux = process.platform === 'linux' ? it : it.skip;
const asRoot = isRoot ? it : it.skip;

let dataDir: string;
let children: Child[];

/** Making a cluster takes a second: the rules that need no new one share it. */
let shared: string;

beforeAll(async () => {
  shared = await newFolder();
});

beforeEach(() => {
  dataDir = shared;
  children = [];
});

afterEach(async () => {
  for (const child of children) await child.kill();
  const pid = await postmaster();
  if (pid) await endProcess(pid);
  if (dataDir !== shared) await removeFolder();
});

afterAll(async () => {
  dataDir = shared;
  await removeFolder();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'qamqor-embedded-'));
  await chmod(folder, 0o711);
  return folder;
}

async function removeFolder(): Promise<void> {
  const home = await realpath(join(dataDir, 'postgres')).catch(() => null);
  if (home) await rm(home, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

function start(options: { uid?: number; gid?: number; group?: boolean } = {}): Child {
  const child = new Child(CHILD, { args: [dataDir], ...options });
  children.push(child);
  return child;
}

async function ready(child: Child): Promise<string> {
  const [, url = ''] = await child.lineLike(/^ready (.*)$/);
  return url;
}

async function leave(child: Child): Promise<string> {
  child.say('stop');
  const [outcome] = await child.lineLike(/^(stopped|left)$/);
  await child.ended();
  return outcome;
}

async function postmaster(): Promise<number | null> {
  return (await readPostmasterFile(join(dataDir, 'postgres')))?.pid ?? null;
}

async function endProcess(pid: number): Promise<void> {
  const identity = identifyProcess(pid);
  if (identity === null) return;
  process.kill(pid, 'SIGKILL');
  while (isSameProcessAlive(identity)) await sleep(10);
}

async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const write = (url: string, value: number) =>
  query(url, `drop table if exists kept; create table kept (value int); insert into kept values (${value})`);
const kept = async (url: string) =>
  (await query<{ value: number }>(url, 'select value from kept')).map((row) => row.value);

describe('the embedded PostgreSQL', () => {
  it('gives a login that owns its database in UTF-8, may create roles, and is no superuser', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir });
    const [row] = await query(
      postgres.url,
      `select rolsuper, rolcreaterole, pg_get_userbyid(datdba) = current_user as owns, pg_encoding_to_char(encoding) as encoding,
              datlocprovider as provider, datlocale as locale, current_setting('fsync') as fsync,
              current_setting('synchronous_commit') as synchronous_commit, current_setting('server_version_num')::int >= 180000 as new
         from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
    );
    expect(row).toEqual({
      rolsuper: false,
      rolcreaterole: true,
      owns: true,
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
      fsync: 'on',
      synchronous_commit: 'on',
      new: true,
    });
    await expect(postgres.stop()).resolves.toBe('stopped');
    expect(await postmaster()).toBeNull();
  });

  it('ends with a process that is told to end while it is only being started', async () => {
    const started = EmbeddedPostgres.start({ dataDir });
    await EmbeddedPostgres.stopAll();
    await started.catch(() => undefined);
    expect(await postmaster()).toBeNull();
  });

  it('writes nothing into its log of what a statement holds that fails', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir });
    await expect(query(postgres.url, `select 1 / (length('880101300123') - 12)`)).rejects.toMatchObject({
      code: '22012',
    });
    await postgres.stop();
    const log = readFileSync(join(dataDir, 'postgres.log'), 'utf8');
    expect(log).toContain('division by zero');
    expect(log).not.toContain('880101300123');
  });

  it('keeps its passwords where only its owner reads them, and asks for them', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir });
    expect(statSync(join(dataDir, 'postgres.json')).mode & 0o777).toBe(0o600);
    const wrong = new URL(postgres.url);
    wrong.password = 'wrong';
    await expect(query(wrong.toString(), 'select 1')).rejects.toMatchObject({ code: '28P01' });
    const hba = readFileSync(join(dataDir, 'postgres', 'pg_hba.conf'), 'utf8');
    expect(hba).not.toMatch(/trust/);
    await postgres.stop();
  });

  it('keeps what was written when it is stopped and started, on the same port', async () => {
    const first = await EmbeddedPostgres.start({ dataDir });
    const { url } = first;
    await write(url, 1);
    await first.stop();
    const second = await EmbeddedPostgres.start({ dataDir });
    expect(second.url).toBe(url);
    expect(await kept(second.url)).toEqual([1]);
    await second.stop();
  });

  it('is adopted by a second process, and stopped by the last one out, whoever that is', async () => {
    const [first, second] = [start(), start()];
    expect(await ready(first)).toBe(await ready(second));
    expect(await leave(first)).toBe('left');
    expect(await postmaster()).not.toBeNull();
    expect(await leave(second)).toBe('stopped');
    expect(await postmaster()).toBeNull();
  });

  it('is made once when several start at the same moment', async () => {
    dataDir = await newFolder();
    const all = [start(), start(), start()];
    const urls = await Promise.all(all.map(ready));
    expect(new Set(urls).size).toBe(1);
    expect(readdirSync(dataDir).sort()).toEqual(['postgres', 'postgres.json', 'postgres.log']);
    const outcomes = await Promise.all(all.map(leave));
    expect(outcomes.sort()).toEqual(['left', 'left', 'stopped']);
  });

  it('survives kill -9 of the process group that started it, and a killed process counts as out', async () => {
    const first = start({ group: true });
    const url = await ready(first);
    await write(url, 1);
    const pid = await postmaster();
    await first.kill('SIGKILL');

    const second = start();
    expect(await ready(second)).toBe(url);
    expect(await postmaster()).toBe(pid);
    expect(await kept(url)).toEqual([1]);
    expect(await leave(second)).toBe('stopped');
  });

  it('survives Ctrl-C of the process group that started it', async () => {
    const first = start({ group: true });
    const url = await ready(first);
    await first.kill('SIGINT');
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is started again on the same port when it was killed while somebody uses it', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir });
    await write(postgres.url, 1);
    await endProcess((await postmaster()) ?? 0);
    expect(await retried(() => kept(postgres.url))).toEqual([1]);
    await expect(postgres.stop()).resolves.toBe('stopped');
  });

  onLinux('starts after kill -9 of the server and of its users, whatever they left behind', async () => {
    const first = start();
    await write(await ready(first), 1);
    const server = (await postmaster()) ?? 0;
    await first.kill('SIGKILL');
    // A backend that does not notice the death of its postmaster holds the shared memory.
    const [backend = 0] = childrenOf(server);
    process.kill(backend, 'SIGSTOP');
    await endProcess(server);

    const second = start();
    await second.lineLike(/^log .*waiting for 1 of its processes/);
    process.kill(backend, 'SIGCONT');
    expect(await kept(await ready(second))).toEqual([1]);
    expect(await leave(second)).toBe('stopped');
  });

  onLinux('starts another server when the one that it waits for ends', async () => {
    const first = await EmbeddedPostgres.start({ dataDir });
    await write(first.url, 1);
    const dying = (await postmaster()) ?? 0;
    process.kill(dying, 'SIGSTOP');
    const file = join(dataDir, 'postgres', 'postmaster.pid');
    await writeFile(file, readFileSync(file, 'utf8').replace(/^ready */m, 'stopping'));
    const second = EmbeddedPostgres.start({ dataDir });
    // Long enough for it to be found and waited for; nothing tells of that.
    await sleep(300);
    await endProcess(dying);
    const { url } = await second;
    expect(await postmaster()).not.toBe(dying);
    expect(await kept(url)).toEqual([1]);
    await Promise.all([first.stop(), (await second).stop()]);
  });

  it('is not misled by a stale pid file whose number belongs to another process now', async () => {
    const first = await EmbeddedPostgres.start({ dataDir });
    await write(first.url, 1);
    await first.stop();
    const file = join(dataDir, 'postgres', 'postmaster.pid');
    await writeFile(file, `${process.pid}\n${join(dataDir, 'postgres')}\n1\n5432\n\n127.0.0.1\n 0 0\nready   \n`);
    const second = await EmbeddedPostgres.start({ dataDir });
    expect(await kept(second.url)).toEqual([1]);
    await second.stop();
  });

  it('begins anew when its first start was cut off, and goes on when another one holds its port', async () => {
    dataDir = await newFolder();
    await mkdir(join(dataDir, 'postgres.new'));
    await writeFile(join(dataDir, 'postgres.new', 'PG_VERSION'), 'half');
    const first = await EmbeddedPostgres.start({ dataDir });
    const port = Number(new URL(first.url).port);
    await first.stop();

    const squatter = (await import('node:net')).createServer().listen(port, '127.0.0.1');
    const second = await EmbeddedPostgres.start({ dataDir });
    expect(new URL(second.url).port).not.toBe(String(port));
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.stop();
    squatter.close();
  });

  it('sets new passwords when the file with them was lost', async () => {
    const first = await EmbeddedPostgres.start({ dataDir });
    await write(first.url, 1);
    await first.stop();
    await rm(join(dataDir, 'postgres.json'));
    const second = await EmbeddedPostgres.start({ dataDir });
    expect(await kept(second.url)).toEqual([1]);
    await second.stop();
  });

  it('says what the server said when it cannot start', async () => {
    const start = EmbeddedPostgres.start({ dataDir, settings: { shared_buffers: 'plenty' } });
    await expect(start).rejects.toThrow(/did not start.*postgres\.log[\s\S]*shared_buffers/);
  });

  it('tells its users that the connection is lost, in a way that they understand', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir });
    const client = new pg.Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    const answer = client.query('select pg_sleep(60)').catch((error: unknown) => error);
    await endProcess((await postmaster()) ?? 0);
    expect(isConnectionLost(await answer)).toBe(true);
    await postgres.stop();
  });

  asRoot('runs as another user when root starts it', async () => {
    const postgres = await EmbeddedPostgres.start({ dataDir });
    expect(lstatSync(join(dataDir, 'postgres')).uid).not.toBe(0);
    await postgres.stop();
  });

  asRoot('finds a reachable place when root starts it in a closed folder', async () => {
    dataDir = await newFolder();
    await chmod(dataDir, 0o700);
    const child = start();
    const [told] = await child.lineLike(/^log PostgreSQL does not run as root.*$/);
    expect(told).toContain('/var/lib/qamqor');
    await write(await ready(child), 1);
    expect(await leave(child)).toBe('stopped');
    const again = start();
    expect(await kept(await ready(again))).toEqual([1]);
    expect(await leave(again)).toBe('stopped');

    // The folder with the link is gone, the families are not.
    await rm(dataDir, { recursive: true });
    await mkdir(dataDir, { mode: 0o700 });
    const later = start();
    const [found] = await later.lineLike(/^log Going on with the database.*$/);
    expect(found).toContain('/var/lib/qamqor');
    expect(await kept(await ready(later))).toEqual([1]);
    expect(await leave(later)).toBe('stopped');
    await rm(readlinkSync(join(dataDir, 'postgres')).replace(/\/postgres$/, ''), { recursive: true });
  });

  asRoot('starts for an ordinary user', async () => {
    dataDir = await newFolder();
    const nobody = 65_534;
    await chown(dataDir, nobody, nobody);
    const child = start({ uid: nobody, gid: nobody });
    await write(await ready(child), 1);
    expect(lstatSync(join(dataDir, 'postgres')).uid).toBe(nobody);
    expect(await leave(child)).toBe('stopped');
    // Root goes on with it as its owner.
    const byRoot = await EmbeddedPostgres.start({ dataDir });
    expect(await kept(byRoot.url)).toEqual([1]);
    await byRoot.stop();
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** While the database is being started again, connections fail. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt > 200 || !isConnectionLost(error)) throw error;
      await sleep(50);
    }
  }
}
