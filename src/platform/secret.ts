import { randomBytes } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from './file-lock.js';
import { StartError } from './start-error.js';
import { prepareDataDir } from './start-trouble.js';

/** The secret that signs sessions: the one that was set, or one that is made once and kept in `dataDir`. */
export async function loadSecret(config: { secret: string | undefined; dataDir: string }): Promise<string> {
  if (config.secret !== undefined) return config.secret;
  await prepareDataDir(config.dataDir);
  const path = join(config.dataDir, 'secret');
  await createOnce(path, randomBytes(32).toString('hex'));
  const secret = (await readFile(path, 'utf8')).trim();
  if (secret.length >= 32) return secret;
  throw new StartError(
    'secret-broken',
    `The file ${path} holds no secret (it should have 64 characters). Remove it to have a new one made; everybody signs in again then.`,
  );
}

/** Appears with its content or not at all: of several processes that start at once, all read the same. */
async function createOnce(path: string, content: string): Promise<void> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, content, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
}
