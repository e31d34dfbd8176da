import { chmod, mkdtemp, open, readdir, readFile, realpath, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { backUp, restore } from './embedded-backup.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { migrate } from './migrate.js';

// Whole clusters are made and copied here, on machines that may be busy.
jest.setTimeout(120_000);

const folders: string[] = [];
let home: string;
let dataDir: string;
let running: EmbeddedPostgres;
let file: string;
/** Rows that were committed before the backup began. */
let before: number;
const log = () => undefined;

beforeAll(async () => {
  home = await folder();
  dataDir = await folder();
  file = join(home, 'backup.tar.gz');
  running = await EmbeddedPostgres.start({ dataDir });
  await migrate(running.url);
  await writeFile(join(dataDir, 'secret'), 'a secret of sixty-four characters', { mode: 0o600 });
  const pool = new pg.Pool({ connectionString: running.url, max: 4 });
  await pool.query('create table one (n int primary key, fill text); create table other (n int primary key)');
  // Both rows or none, as fast as four connections can, while the backup is made.
  let n = 0;
  let going = true;
  const write = async () => {
    while (going) {
      n += 1;
      await pool.query(
        `with first as (insert into one values (${n}, repeat('x', 2000))) insert into other values (${n})`,
      );
    }
  };
  const writers = Promise.all([write(), write(), write(), write()]);
  while (n < 200) await Promise.race([writers, pool.query('select')]);
  before = Number((await pool.query('select count(*) from other')).rows[0].count);
  await backUp({ dataDir, file, log });
  going = false;
  await writers;
  await pool.end();
});

afterAll(async () => {
  await running?.stop();
  for (const path of folders) {
    const cluster = await realpath(join(path, 'postgres')).catch(() => null);
    if (cluster) await rm(cluster, { recursive: true, force: true });
    await rm(path, { recursive: true, force: true });
  }
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'qamqor-backup-'));
  // Run by root, the server belongs to another user, who must get through.
  await chmod(path, 0o711);
  folders.push(path);
  return path;
}

describe('a backup of the embedded database', () => {
  it('F52: is consistent though everybody went on working, and has what was committed before', async () => {
    const target = await folder();
    await restore({ dataDir: target, file, log });
    const restored = await EmbeddedPostgres.start({ dataDir: target });
    const client = new pg.Client({ connectionString: restored.url });
    try {
      await client.connect();
      const { rows } = await client.query(
        'select count(*)::int as pairs, count(*) filter (where one.n is null or other.n is null)::int as halves from one full join other using (n)',
      );
      expect(rows[0].halves).toBe(0);
      expect(rows[0].pairs).toBeGreaterThanOrEqual(before);
      expect(await migrate(restored.url)).toEqual([]);
      expect(await readFile(join(target, 'secret'), 'utf8')).toBe('a secret of sixty-four characters');
    } finally {
      await client.end();
      await restored.stop();
    }
  });

  it('may be read by nobody else, leaves nothing half-made, and is never written over', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const bytes = (await stat(file)).size;
    await expect(backUp({ dataDir, file, log })).rejects.toMatchObject({ code: 'backup-exists' });
    expect((await stat(file)).size).toBe(bytes);
    const nowhere = join(home, 'no-such-folder', 'b');
    await expect(backUp({ dataDir, file: nowhere, log })).rejects.toMatchObject({ code: 'backup-not-writable' });
    expect(await readdir(home)).toEqual(['backup.tar.gz']);
  });

  it('F52: is put over no database that is there', async () => {
    await expect(restore({ dataDir, file, log })).rejects.toMatchObject({
      code: 'data-folder-used',
      message: expect.stringContaining('QAMQOR_DATA'),
    });
  });

  it.each([
    ['is cut off', 'backup-broken', (path: string) => stat(path).then(({ size }) => truncate(path, size - 10_000))],
    ['has lost its last entries', 'backup-broken', loseTheEnd],
    ['has a changed byte', 'backup-broken', changeAByte],
    ['is something else', 'backup-broken', (path: string) => writeFile(path, 'surname;given\n')],
    ['is something else, zipped', 'backup-broken', (path: string) => writeFile(path, gzipSync('surname;given\n'))],
    ['is of a newer Qamqor', 'backup-newer', (path: string) => replace(path, '"M0020', '"M9999')],
    [
      'is of another PostgreSQL',
      'backup-other-postgres',
      (path: string) => replace(path, '"postgres":18', '"postgres":19'),
    ],
    ['is not there', 'backup-missing', (path: string) => rm(path)],
  ])('that %s is refused (%s), and the folder stays empty', async (_what, code, spoil) => {
    const [target, spoilt] = [await folder(), join(await folder(), 'spoilt')];
    await writeFile(spoilt, await readFile(file));
    await spoil(spoilt);
    await expect(restore({ dataDir: target, file: spoilt, log })).rejects.toMatchObject({
      code,
      message: expect.not.stringContaining('\n'),
    });
    expect(await readdir(target)).toEqual([]);
  });
});

async function replace(path: string, one: string, other: string): Promise<void> {
  const tar = gunzipSync(await readFile(path));
  const at = tar.indexOf(one);
  expect(at).toBeGreaterThan(0);
  tar.write(other, at);
  await writeFile(path, gzipSync(tar, { level: 1 }));
}

/** A whole gzip of half a tar: cut at the border of an entry, as a disk that was full would not. */
async function loseTheEnd(path: string): Promise<void> {
  const tar = gunzipSync(await readFile(path));
  const end = tar.lastIndexOf('backup_label');
  await writeFile(path, gzipSync(tar.subarray(0, end - (end % 512)), { level: 1 }));
}

async function changeAByte(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  const { size } = await handle.stat();
  await handle.write(Buffer.from([0xff, 0x00, 0xff, 0x00]), 0, 4, Math.floor(size / 2));
  await handle.close();
}
