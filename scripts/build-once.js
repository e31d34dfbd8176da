// Builds dist/ when the sources are newer than the last build: quietly, and safely when two commands start at once.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const OUTPUT = join(ROOT, 'dist');
const STAMP = join(OUTPUT, '.built');
const LOCK = join(ROOT, '.tmp', 'build.lock');
const FOLDERS = ['src', 'demo', 'bench', 'test'];
const SETTINGS = ['tsconfig.json', 'nest-cli.json', '.swcrc', 'package.json'];
/** A build takes about ten seconds on two busy cores; whoever waits longer than this is stuck. */
const WAIT_MS = 180_000;

if (process.argv.includes('--force')) rmSync(STAMP, { force: true });
if (!isFresh()) await underLock(() => isFresh() || build());

function isFresh() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint();
}

/** What the sources are now: names, sizes and times of change. Reading them all would take longer than it saves. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of sources()) {
    const { size, mtimeMs } = statSync(join(ROOT, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function sources() {
  const files = FOLDERS.flatMap((folder) => {
    const path = join(ROOT, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path, { recursive: true }).map((name) => join(folder, name));
  });
  const isOurs = (name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && !name.includes('node_modules');
  return [...files.filter(isOurs), ...SETTINGS].sort();
}

function build() {
  const before = fingerprint();
  removeOrphans();
  const { status, stdout, stderr } = spawnSync(process.execPath, [nest(), 'build'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status === 0) {
    writeFileSync(STAMP, before);
    return;
  }
  process.stderr.write(
    `${stdout}${stderr}\nThe build failed, so the command was not run. Correct the source above and try again.\n`,
  );
  process.exitCode = 1;
}

/** What was built from a source that is gone would still be found by name. */
function removeOrphans() {
  if (!existsSync(OUTPUT)) return;
  const expected = new Set(sources().map((name) => name.replace(/\.ts$/, '.js')));
  for (const name of readdirSync(OUTPUT, { recursive: true })) {
    if (name.endsWith('.js') && !expected.has(name)) rmSync(join(OUTPUT, name), { force: true });
  }
}

function nest() {
  return join(ROOT, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
}

async function underLock(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (const deadline = Date.now() + WAIT_MS; ; await pause(100)) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!isHeld()) rmSync(LOCK, { force: true });
      else if (Date.now() > deadline) {
        process.stderr.write(
          `Another build (process ${holder()}) has not ended. End it, or delete ${LOCK}, and try again.\n`,
        );
        process.exit(1);
      }
    }
  }
  try {
    work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function holder() {
  try {
    return Number(readFileSync(LOCK, 'utf8'));
  } catch {
    return Number.NaN;
  }
}

function isHeld() {
  const pid = holder();
  // Empty for the instant between creating the file and writing to it.
  if (!Number.isInteger(pid) || pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
