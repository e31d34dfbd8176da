import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import pg from 'pg';
import { extract, type Header, type Pack, pack } from 'tar-stream';
import { z } from 'zod';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { hasCode } from './file-lock.js';
import { MIGRATIONS } from './migrations/index.js';
import { embeddedVersion } from './postgres-binaries.js';
import { PostgresCluster } from './postgres-cluster.js';
import { findCluster } from './postgres-folder.js';
import { StartError } from './start-error.js';
import { prepareDataDir } from './start-trouble.js';

type Log = (line: string) => void;

/** The first entry of a backup: what it is, so that nobody has to unpack it to know. */
const about = z.object({
  format: z.literal(1),
  /** ISO 8601, the moment at which the backup was whole. */
  at: z.string(),
  /** Major version: another one cannot read these files. */
  postgres: z.number(),
  migrations: z.array(z.string()),
});
export type BackupAbout = z.output<typeof about>;

const ABOUT = 'qamqor-backup.json';
/** The last entry: without it the file was cut off. */
const END = 'end';
const CLUSTER = 'postgres/';
/** Contents that PostgreSQL makes anew (its manual, "Making a Base Backup Using the Low Level API"); the folders must be there. */
const EMPTIED =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/|\bpgsql_tmp/;
const LEFT_OUT = /^(postmaster\.(pid|opts)|backup_label|tablespace_map)$|\bpg_internal\.init/;
/** Beside the cluster: what belongs to this machine, to this moment, or to the cluster itself. */
const OF_THIS_MACHINE = /^postgres(\.|$)|\.(lock|new)(\b|$)/;

export interface BackupOptions {
  /** `QAMQOR_DATA` */
  dataDir: string;
  file: string;
  log: Log;
}

/**
 * Copies the embedded database and what lies beside it into one file while everybody goes on working: PostgreSQL's own
 * base backup with the part of its log that makes it consistent. What was committed before this was called is in it.
 */
export async function backUp({ dataDir, file, log }: BackupOptions): Promise<BackupAbout> {
  if (!relative(resolve(dataDir), resolve(file)).startsWith('..'))
    throw new StartError(
      'backup-inside',
      `${file} lies in the folder that is backed up, and would be part of the next backup. Name a place outside ${resolve(dataDir)}.`,
    );
  const postgres = await EmbeddedPostgres.start({ dataDir, log });
  try {
    const folder = await findCluster(dataDir, log);
    if (folder === null) throw new Error(`${dataDir} has no cluster.`);
    return await written(file, (archive) => copyAll(archive, { dataDir, folder, postgres }));
  } finally {
    await postgres.stop();
  }
}

/** Under another name until it is whole. Never over a file that is there. */
async function written<T>(file: string, fill: (archive: Pack) => Promise<T>): Promise<T> {
  const exists = new StartError('backup-exists', `There is a file ${file} already: a backup is never written over it.`);
  if (await lstat(file).catch(() => null)) throw exists;
  const draft = `${file}.part`;
  try {
    const archive = pack();
    const target = createWriteStream(draft, { mode: 0o600, flush: true });
    const stored = pipeline(archive as AsyncIterable<Buffer>, createGzip({ level: 1 }), target);
    const filled = fill(archive).then(
      (result) => {
        archive.finalize();
        return result;
      },
      (error: Error) => {
        archive.destroy(error);
        throw error;
      },
    );
    // Both have come to their end before the file is touched again.
    await Promise.allSettled([stored, filled]);
    await stored;
    const result = await filled;
    await rename(draft, file);
    return result;
  } catch (error) {
    await rm(draft, { force: true });
    if (hasCode(error, 'ENOSPC'))
      throw new StartError('disk-full', `There is no room for the backup ${file}. Name another disk.`, {
        cause: error,
      });
    if (hasCode(error, 'ENOENT') || hasCode(error, 'EACCES') || hasCode(error, 'EROFS'))
      throw new StartError(
        'backup-not-writable',
        `The backup cannot be written to ${file}: its folder is not there, or closed.`,
        {
          cause: error,
        },
      );
    throw error;
  }
}

interface Source {
  dataDir: string;
  folder: string;
  postgres: EmbeddedPostgres;
}

async function copyAll(archive: Pack, { dataDir, folder, postgres }: Source): Promise<BackupAbout> {
  const migrations = await migrationsOf(postgres.url);
  const admin = new pg.Client({ connectionString: postgres.adminUrl, application_name: 'qamqor backup' });
  admin.on('error', () => undefined);
  await admin.connect();
  try {
    // The log that the copy needs must not be reused before it was copied too; gone with this session.
    await admin.query(`select pg_create_physical_replication_slot($1, true, true)`, [`qamqor_backup_${process.pid}`]);
    const { rows } = await admin.query<{ file: string; version: number; at: Date }>(
      `select pg_walfile_name(pg_backup_start('qamqor', fast => true)) as file,
        current_setting('server_version_num')::int / 10000 as version, clock_timestamp() as at`,
    );
    const [{ file: first, version, at }] = rows as [(typeof rows)[number]];
    const found: BackupAbout = { format: 1, at: at.toISOString(), postgres: version, migrations };
    await addText(archive, ABOUT, JSON.stringify(found));
    for await (const path of walk(folder)) await addFile(archive, folder, path, CLUSTER);
    const { rows: ended } = await admin.query<{ file: string; label: string }>(
      'select pg_walfile_name(lsn) as file, labelfile as label from pg_backup_stop(wait_for_archive => false)',
    );
    const [{ file: last, label }] = ended as [(typeof ended)[number]];
    await addText(archive, `${CLUSTER}backup_label`, label);
    for (const name of await readdir(join(folder, 'pg_wal'))) {
      const isNeeded = /^[0-9A-F]{24}$/.test(name) ? name >= first && name <= last : name.endsWith('.history');
      if (isNeeded) await addFile(archive, folder, { name: `pg_wal/${name}`, isFolder: false }, CLUSTER);
    }
    for (const entry of await readdir(dataDir, { withFileTypes: true }))
      if (entry.isFile() && !OF_THIS_MACHINE.test(entry.name))
        await addFile(archive, dataDir, { name: entry.name, isFolder: false }, '');
    await addText(archive, END, '');
    return found;
  } finally {
    await admin.end();
  }
}

async function migrationsOf(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>('select name from qamqor.migrations order by id');
    return rows.map(({ name }) => name);
  } catch (error) {
    // Nothing was stored yet.
    if (hasCode(error, '42P01')) return [];
    throw error;
  } finally {
    await client.end();
  }
}

const BLOCK_BYTES = 256 * 1024;

interface Found {
  /** From the folder, with slashes. */
  name: string;
  isFolder: boolean;
}

async function* walk(folder: string, below = ''): AsyncGenerator<Found> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const name = `${below}${entry.name}`;
    if (EMPTIED.test(name) || LEFT_OUT.test(entry.name)) continue;
    if (entry.isDirectory()) {
      yield { name, isFolder: true };
      yield* walk(folder, `${name}/`);
    } else if (entry.isFile()) {
      yield { name, isFolder: false };
    }
  }
}

async function addText(archive: Pack, name: string, text: string): Promise<void> {
  archive.entry({ name, mode: 0o600 }, text);
}

/** As long as it is now: what is written meanwhile, or cut off, the log repeats. One that is gone is passed over. */
async function addFile(archive: Pack, folder: string, { name, isFolder }: Found, prefix: string): Promise<void> {
  if (isFolder) {
    archive.entry({ name: `${prefix}${name}`, type: 'directory', mode: 0o700 });
    return;
  }
  const file = await open(join(folder, name)).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { size } = await file.stat();
    const entry = archive.entry({ name: `${prefix}${name}`, mode: 0o600, size });
    await pipeline(blocks(file, size), entry as unknown as NodeJS.WritableStream);
  } finally {
    await file.close();
  }
}

/** Zeroes where the file has become shorter. */
async function* blocks(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const block = Buffer.alloc(Math.min(BLOCK_BYTES, size - at));
    const { bytesRead } = await file.read(block, 0, block.length, at);
    const read = bytesRead === 0 ? block : block.subarray(0, bytesRead);
    yield read;
    at += read.length;
  }
}

/** Puts a backup into an empty `QAMQOR_DATA`. What is there stays as it is: where there is a database, it is refused. */
export async function restore({ dataDir, file, log }: BackupOptions): Promise<BackupAbout> {
  await prepareDataDir(dataDir);
  const cluster = new PostgresCluster({ dataDir, log });
  return cluster.locked(async () => {
    await refuseToOverwrite(dataDir, log);
    let found: BackupAbout | undefined;
    await cluster.makeFrom(async (draft) => {
      found = await unpack(file, { draft, dataDir });
    });
    if (found === undefined) throw broken(file);
    return found;
  });
}

async function refuseToOverwrite(dataDir: string, log: Log): Promise<void> {
  const folder = await findCluster(dataDir, log);
  if (folder === null) return;
  throw new StartError(
    'data-folder-used',
    `There is a database in ${resolve(dataDir)} already, and a restore never overwrites one. Name an empty folder with QAMQOR_DATA, or move this one away.`,
  );
}

/** What lies beside the cluster is put in its place last, when all of it was read and found whole. */
async function unpack(file: string, to: { draft: string; dataDir: string }): Promise<BackupAbout> {
  const beside = join(to.dataDir, 'restore.new');
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { mode: 0o700 });
  try {
    const found = await readEntries(file, { draft: to.draft, beside });
    const names = await readdir(beside);
    const there = new Set(await readdir(to.dataDir));
    const taken = names.find((name) => there.has(name));
    if (taken !== undefined)
      throw new StartError(
        'data-folder-used',
        `There is a file ${taken} in ${resolve(to.dataDir)} already, and a restore never overwrites one. Name an empty folder with QAMQOR_DATA, or move it away.`,
      );
    for (const name of names) await rename(join(beside, name), join(to.dataDir, name));
    return found;
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function readEntries(file: string, to: { draft: string; beside: string }): Promise<BackupAbout> {
  let found: BackupAbout | undefined;
  let isWhole = false;
  const entries = extract();
  const read = pipeline(createReadStream(file), createGunzip(), entries as unknown as NodeJS.WritableStream);
  // Told by the loop below, which ends with it.
  read.catch(() => undefined);
  try {
    for await (const source of entries) {
      const { name, type } = source.header;
      const entry = Readable.from(source as AsyncIterable<Buffer>);
      if (found === undefined) found = await aboutIn(name, await textOf(entry), file);
      else if (name === END) isWhole = true;
      else if (name.startsWith(CLUSTER)) await put(entry, type, to.draft, name.slice(CLUSTER.length));
      else await put(entry, type, to.beside, name);
      source.resume();
    }
    await read;
  } catch (error) {
    throw troubleWith(file, error);
  }
  if (found === undefined || !isWhole) throw broken(file);
  return found;
}

async function aboutIn(name: string, text: string, file: string): Promise<BackupAbout> {
  const read = about.safeParse(name === ABOUT ? JSON.parse(text) : undefined);
  if (!read.success) throw new StartError('backup-unknown', `${file} is no backup that this Qamqor knows how to read.`);
  const ours = await embeddedVersion();
  if (read.data.postgres !== ours)
    throw new StartError(
      'backup-other-postgres',
      `${file} has files of PostgreSQL ${read.data.postgres}, and this Qamqor brings PostgreSQL ${ours}. Restore it with the Qamqor that made it.`,
    );
  const known = MIGRATIONS.map((migration) => migration.name);
  const unknown = read.data.migrations.filter((migration) => !known.includes(migration));
  if (unknown.length > 0)
    throw new StartError(
      'backup-newer',
      `${file} was made by a newer Qamqor (${unknown.join(', ')}). Restore it with that version or a later one.`,
    );
  return read.data;
}

async function textOf(entry: Readable): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of entry) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

async function put(entry: Readable, type: Header['type'], folder: string, name: string): Promise<void> {
  const path = resolve(folder, name);
  if (!path.startsWith(`${resolve(folder)}${sep}`)) throw new Error(`"${name}" leads out of the folder.`);
  if (type === 'directory') {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await pipeline(entry, createWriteStream(path, { mode: 0o600 }));
}

function troubleWith(file: string, error: unknown): unknown {
  if (error instanceof StartError) return error;
  if (hasCode(error, 'ENOENT'))
    return new StartError('backup-missing', `There is no backup ${file}.`, { cause: error });
  if (hasCode(error, 'ENOSPC'))
    return new StartError(
      'disk-full',
      'There is no room for what is in the backup. Name another folder with QAMQOR_DATA.',
      {
        cause: error,
      },
    );
  if (hasCode(error, 'EACCES'))
    return new StartError('backup-unreadable', `This account may not read ${file}.`, { cause: error });
  return broken(file, error);
}

function broken(file: string, cause?: unknown): StartError {
  return new StartError(
    'backup-broken',
    `${file} is damaged or no backup: nothing was restored. Take another copy of it, or an earlier backup.`,
    { cause },
  );
}
