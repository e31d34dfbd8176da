import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { openRedisBackend } from './queue-backend.js';
import { startDatabase } from './start.js';
import { StartError } from './start-error.js';
import { databaseTrouble, diskTrouble, prepareDataDir } from './start-trouble.js';

let database: TestDatabase;
let folder: string;
let talker: Server;
let pooler: Server;
beforeAll(async () => {
  [database, folder] = [await createDatabase({ migrated: false }), await mkdtemp(join(tmpdir(), 'qamqor-trouble-'))];
  // Says goodbye in a language of its own, whatever it is asked.
  talker = await answers('HTTP/1.1 400 Bad Request\r\n\r\n');
  const refusal = ['SFATAL', 'C08P01', 'Munsupported startup parameter: options', '', ''].join('\0');
  pooler = await answers(`E\0\0\0${String.fromCharCode(4 + refusal.length)}${refusal}`);
  await database
    .pool('owner')
    .query(
      `create role ${LOGIN} login password 'geheim'; grant connect on database ${nameOf(database.url)} to ${LOGIN}`,
    );
});
afterAll(async () => {
  await database
    .pool('owner')
    .query(`revoke all on database ${nameOf(database.url)} from ${LOGIN}; drop role ${LOGIN}`);
  await database.close();
  await rm(folder, { recursive: true });
  for (const server of [talker, pooler]) await new Promise((resolve) => server.close(resolve));
});

async function answers(words: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(words, () => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const LOGIN = `trouble_${process.pid}`;
const nameOf = (url: string) => new URL(url).pathname.slice(1);
const changed = (change: (url: URL) => void) => {
  const url = new URL(database.url);
  change(url);
  return url.toString();
};
const portOf = (server: Server) => {
  const address = server.address();
  return typeof address === 'object' ? String(address?.port) : '';
};
const start = (databaseUrl: string) =>
  startDatabase({ databaseUrl, dataDir: '', production: false }, () => undefined).catch((error: unknown) => error);

describe('a database that cannot be used is told in a sentence, without its password', () => {
  it.each<[string, () => string, string, RegExp]>([
    ['a host nobody knows', () => 'postgres://u:geheim@no-such-host.invalid/d', 'database-unreachable', /no-such-host/],
    ['a port nobody listens at', () => 'postgres://u:geheim@127.0.0.1:1/d', 'database-unreachable', /127\.0\.0\.1:1\b/],
    [
      'a server that is no PostgreSQL',
      () => `postgres://u:geheim@127.0.0.1:${portOf(talker)}/d`,
      'database-is-not-postgresql',
      /does not speak PostgreSQL/,
    ],
    [
      'a wrong password',
      () => changed((url) => Object.assign(url, { password: 'geheim' })),
      'database-login-refused',
      /its password is wrong/,
    ],
    ['no password', () => changed((url) => Object.assign(url, { password: '' })), 'database-login-refused', /missing/],
    [
      'a database that is not there',
      () => changed((url) => Object.assign(url, { pathname: '/geheimnis' })),
      'database-missing',
      /CREATE DATABASE "geheimnis"/,
    ],
    [
      'a login without rights',
      () => changed((url) => Object.assign(url, { username: LOGIN, password: 'geheim' })),
      'database-rights-missing',
      /must own the database/,
    ],
    [
      'a server that only lets read',
      () => changed((url) => url.searchParams.set('options', '-c default_transaction_read_only=on')),
      'database-read-only',
      /name the primary server/,
    ],
    [
      'a pooler in between',
      () => `postgres://u:geheim@127.0.0.1:${portOf(pooler)}/d`,
      'database-behind-pooler',
      /Name the server itself/,
    ],
  ])('%s', async (_, url, code, words) => {
    const error = await start(url());
    expect(error).toBeInstanceOf(StartError);
    const { message } = error as StartError;
    expect(error).toMatchObject({ code });
    expect(message).toMatch(words);
    expect(message).not.toMatch(/geheim(?!nis)/);
    expect(message).not.toContain(new URL(database.url).password);
  });

  it('anything else keeps its own words', () => {
    const error = new Error('division by zero');
    expect(databaseTrouble('postgres://h/d', error)).toBe(error);
  });
});

describe('a Redis that cannot be used is told in a sentence', () => {
  it.each<[string, () => string, string]>([
    ['a host nobody knows', () => 'redis://u:geheim@no-such-host.invalid', 'redis-unreachable'],
    ['a port nobody listens at', () => 'redis://u:geheim@127.0.0.1:1', 'redis-unreachable'],
    ['a server that is no Redis', () => `redis://127.0.0.1:${portOf(talker)}`, 'redis-is-not-redis'],
  ])('%s', async (_, url, code) => {
    const opened = openRedisBackend(url(), () => undefined);
    await expect(opened).rejects.toMatchObject({ name: 'StartError', code });
    await expect(opened).rejects.not.toThrow('geheim');
  });
});

describe('the data folder', () => {
  it('is made where it is not there', async () => {
    await prepareDataDir(join(folder, 'deep', 'down'));
    await prepareDataDir(join(folder, 'deep', 'down'));
    expect((await stat(join(folder, 'deep', 'down'))).isDirectory()).toBe(true);
  });

  it('that is a file, lies behind one, or cannot be made, is refused with what to do', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const path of ['file', 'file/inside']) {
      const made = prepareDataDir(join(folder, path));
      await expect(made).rejects.toMatchObject({ name: 'StartError', code: 'data-folder-is-file' });
      await expect(made).rejects.toThrow('QAMQOR_DATA');
    }
    await expect(prepareDataDir('/proc/qamqor')).rejects.toMatchObject({ name: 'StartError' });
  });
});

describe('a full disk', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const server = Object.assign(new Error('could not extend file'), { code: '53100' });
  it.each([
    ['of ours', full],
    ["of the server's, however deep it is wrapped", new Error('A migration failed.', { cause: server })],
    [
      'that initdb met, in a page of its own words',
      new StartError(
        'embedded-postgres-failed',
        'initdb ended with code 1:\nrunning bootstrap script ... FATAL:  could not extend file\nHINT:  Check free disk space.',
      ),
    ],
    ['that initdb met', new Error('initdb: error: could not write to file "pg_wal": No space left on device')],
  ])('%s is said in one line that says what to do', (_whose, error) => {
    const said = diskTrouble(error);
    expect(said).toBeInstanceOf(StartError);
    expect(said).toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/Make room on it, and start again\.$/),
    });
  });

  it('is not seen where shared memory is short, of which PostgreSQL says the same', () => {
    const other = new StartError(
      'embedded-postgres-failed',
      'It did not start:\nFATAL:  could not create shared memory segment: No space left on device\nHINT:  This error does *not* mean that you have run out of disk space.',
    );
    expect(diskTrouble(other)).toBe(other);
  });

  it('is not seen in any other error', () => {
    const other = new Error('The lamp is broken.');
    expect(diskTrouble(other)).toBe(other);
  });
});
