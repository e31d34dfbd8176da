import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readConfig } from '../config.js';
import { backUp, restore } from '../platform/embedded-backup.js';
import { endWithDatabase } from './interrupt.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from './terminal.js';

/** `backup FILE` */
export async function backUpCommand(file: string, terminal: Terminal): Promise<ExitCode> {
  const dataDir = embeddedFolder();
  if (!existsSync(join(dataDir, 'postgres')))
    throw new TerminalError(
      'no-database',
      `There is no database in the folder ${resolve(dataDir)}, so there is nothing to back up: name the right folder with QAMQOR_DATA.`,
    );
  endWithDatabase();
  const about = await backUp({ dataDir, file, log: (line) => terminal.progress(line) });
  terminal.say(
    `${resolve(file)} holds everything as it was at ${about.at}. It has the families' data: keep it closed.`,
  );
  await terminal.answer({ file: resolve(file), ...about });
  return EXIT.ok;
}

/** `restore FILE` */
export async function restoreCommand(file: string, terminal: Terminal): Promise<ExitCode> {
  const dataDir = embeddedFolder();
  const about = await restore({ dataDir, file, log: (line) => terminal.progress(line) });
  terminal.say(
    `${resolve(dataDir)} is as it was at ${about.at}. What was sent to partners after that is not known any more; what was not answered yet goes out again under the same id.`,
  );
  await terminal.answer({ dataDir: resolve(dataDir), ...about });
  return EXIT.ok;
}

function embeddedFolder(): string {
  const { databaseUrl, dataDir } = readConfig(undefined, { serves: false });
  if (databaseUrl === undefined) return dataDir;
  throw new TerminalError(
    'not-embedded',
    'DATABASE_URL names a server of your own: this command is for the embedded database. docs/OPERATIONS.md says how a server is backed up and restored.',
  );
}
