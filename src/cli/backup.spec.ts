import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { backUpCommand, restoreCommand } from './backup.js';
import { EXIT, explain, Terminal } from './terminal.js';

const settings = { ...process.env };
let folder: string;
const terminal = () => new Terminal(true, new PassThrough(), new PassThrough());
const told = (error: unknown) => explain(error);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qamqor-cli-backup-'));
  process.env.QAMQOR_DATA = folder;
  delete process.env.DATABASE_URL;
});
afterEach(async () => {
  process.env = { ...settings };
  await rm(folder, { recursive: true, force: true });
});

describe('qamqor backup and restore', () => {
  it('of a server of one’s own are not ours to make: one is told where it says how', async () => {
    process.env.DATABASE_URL = 'postgres://qamqor:secret@127.0.0.1:1/qamqor';
    for (const command of [backUpCommand, restoreCommand]) {
      const answer = await command(join(folder, 'file'), terminal()).catch(told);
      expect(answer).toMatchObject({ code: 'not-embedded', exitCode: EXIT.unusable });
      expect(answer).toMatchObject({ message: expect.stringContaining('docs/OPERATIONS.md') });
    }
  });

  it('of a folder without a database say so, and make none', async () => {
    expect(await backUpCommand(join(folder, 'file'), terminal()).catch(told)).toMatchObject({
      code: 'no-database',
      exitCode: EXIT.unusable,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('from a file that is not there say so', async () => {
    expect(await restoreCommand(join(folder, 'none.tar.gz'), terminal()).catch(told)).toMatchObject({
      code: 'backup-missing',
      exitCode: EXIT.unusable,
    });
  });
});
