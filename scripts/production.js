/**
 * Runs the image without Docker: the very steps of the Dockerfile, in a temporary folder, then one web process and two workers
 * as it would start them, with secrets in files, over a PostgreSQL and a Redis of their own. A case must be moved by the
 * workers, the health check of the image must find each of them well, and each must end within 30 s of being told to.
 * Not repeated: `npm ci`, which made the very node_modules that this script finds in the project; the image's user, and its
 * root that cannot be written to.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const POSTGRES = '/usr/lib/postgresql/15/bin';
const REDIS = '/usr/bin/redis-server';
const STOP_LIMIT_MS = 30_000;
const PATIENCE_MS = 60_000;
const API_KEY = 'production-key-0123456789abcdef';

const title = { kk: 'Тапсырма', ru: 'Поручение', en: 'Errand' };
const final = { type: 'final', meta: { title } };
const WORKFLOWS = [
  {
    id: 'errand-leg',
    title,
    context: {},
    events: {},
    delays: { soon: '1 second' },
    initial: 'going',
    states: { going: { meta: { title }, after: { soon: 'there' } }, there: final },
  },
  {
    id: 'errand',
    title,
    context: {},
    events: {},
    delays: { soon: '1 second' },
    initial: 'waiting',
    states: {
      waiting: { meta: { title }, after: { soon: 'going' } },
      going: {
        meta: { title },
        invoke: {
          id: 'leg',
          src: 'case',
          input: { workflow: 'errand-leg', deadline: '1 day', escalation: 'task' },
          onDone: 'done',
          onError: 'done',
        },
      },
      done: final,
    },
  },
];

const home = mkdtempSync(join(tmpdir(), 'qamqor-production-'));
chmodSync(home, 0o711);
const running = [];
const began = performance.now();
let failed = false;
try {
  const image = await build(parse(readFileSync(join(PROJECT, 'Dockerfile'), 'utf8')));
  const settings = { ...image.env, ...secrets(await startPostgres()), REDIS_URL: await startRedis() };
  const web = await start(image, 'web', { ...settings, QAMQOR_ROLES: 'web' });
  const workers = [
    await start(image, 'worker 1', { ...settings, QAMQOR_ROLES: 'worker' }),
    await start(image, 'worker 2', { ...settings, QAMQOR_ROLES: 'worker' }),
  ];
  for (const each of [web, ...workers]) await healthy(image, each);
  await workersMoveACase(web, workers);
  for (const each of [...workers, web]) await stop(each);
  say('The image works.');
} catch (error) {
  failed = true;
  process.stderr.write(`${error.stack}\n`);
} finally {
  for (const { child } of running.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  // Tens of thousands of files: by far quicker than Node's own.
  spawnSync('rm', ['-rf', home]);
}
process.exitCode = failed ? 1 : 0;

/** Instructions by stage; continuation lines are not used in our Dockerfile. */
function parse(text) {
  const stages = [];
  for (const line of text.split('\n')) {
    const [, instruction, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') stages.push({ name: / AS (\w+)/.exec(rest)?.[1] ?? 'image', steps: [] });
    else if (instruction) stages.at(-1).steps.push([instruction, rest]);
  }
  return stages;
}

/** Each stage in a folder of its own, as root of its file system. Gives the last one. */
async function build(stages) {
  let image;
  for (const { name, steps } of stages) {
    const root = join(home, name);
    image = { root, workdir: root, env: {} };
    for (const [instruction, rest] of steps) {
      say(`${name}: ${instruction} ${rest.slice(0, 80)}`);
      if (instruction === 'WORKDIR') image.workdir = join(root, rest);
      else if (instruction === 'ENV')
        Object.assign(image.env, Object.fromEntries(rest.split(' ').map((pair) => pair.split('='))));
      else if (instruction === 'COPY') copy(image, rest);
      else if (instruction === 'RUN' && rest === 'npm ci')
        symlinkSync(join(PROJECT, 'node_modules'), join(image.workdir, 'node_modules'));
      else if (instruction === 'RUN') run(image, rest);
      else if (instruction === 'HEALTHCHECK') image.health = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4));
      else if (instruction === 'CMD') image.command = JSON.parse(rest);
      else if (!['USER', 'VOLUME', 'EXPOSE'].includes(instruction))
        throw new Error(`${instruction} is not known here.`);
    }
  }
  return image;
}

function copy({ workdir }, rest) {
  const [, stage, paths] = /^(?:--from=(\w+) )?(.*)$/.exec(rest);
  const sources = paths.split(' ');
  const target = sources.pop();
  const from = stage ? join(home, stage) : PROJECT;
  const ignored = new Set(readFileSync(join(PROJECT, '.dockerignore'), 'utf8').split('\n').filter(Boolean));
  const isWanted = (path) => !isIgnored(relative(PROJECT, path), ignored);
  for (const source of sources) {
    const into = sources.length > 1 ? join(workdir, target, source) : join(workdir, target);
    mkdirSync(dirname(into), { recursive: true });
    // Nobody looks into an earlier stage again: to move is quicker than to copy.
    if (stage) renameSync(join(from, source), into);
    else cpSync(join(from, source), into, { recursive: true, verbatimSymlinks: true, filter: isWanted });
  }
}

function isIgnored(path, patterns) {
  return [...patterns].some((pattern) =>
    pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern || path.startsWith(`${pattern}/`),
  );
}

/** Paths from the root mean that of the stage. Nothing of our own environment but what finds programs and the registry. */
function run({ root, workdir, env }, command) {
  const npm = Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(npm_config_|NODE_EXTRA|HTTPS?_PROXY|https?_proxy|SSL_)/.test(name),
    ),
  );
  const { status } = spawnSync('sh', ['-c', command.replaceAll(/ \//g, ` ${root}/`)], {
    cwd: workdir,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...npm, npm_config_prefer_offline: 'true', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`"${command}" ended with ${status}.`);
}

function secrets(databaseUrl) {
  const contents = {
    DATABASE_URL: databaseUrl,
    QAMQOR_SECRET: 'a secret of production, forty characters',
    QAMQOR_API_KEY: API_KEY,
  };
  return Object.fromEntries(
    Object.entries(contents).map(([setting, content]) => {
      const path = join(home, setting.toLowerCase());
      writeFileSync(path, `${content}\n`, { mode: 0o600 });
      return [`${setting}_FILE`, path];
    }),
  );
}

/** As the compose file makes it: a login that owns its database and is no superuser. */
async function startPostgres() {
  if (!existsSync(`${POSTGRES}/postgres`)) throw new Error('PostgreSQL is absent: apt-get install postgresql-15');
  const isRoot = process.getuid() === 0;
  const folder = join(home, 'database');
  mkdirSync(folder, { mode: 0o700 });
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  const ids = isRoot ? { uid: id('-u'), gid: id('-g') } : {};
  if (isRoot) chownSync(folder, ids.uid, ids.gid);
  const initdb = ['-D', folder, '-U', 'admin', '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8'];
  if (
    spawnSync(`${POSTGRES}/initdb`, initdb, { ...ids, cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0
  )
    throw new Error('initdb failed.');
  const port = await freePort();
  const args = ['-D', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  begin('postgres', `${POSTGRES}/postgres`, args, { ...ids, cwd: '/' });
  const psql = (...statements) =>
    spawnSync(
      'psql',
      ['-h', '127.0.0.1', '-p', String(port), '-U', 'admin', 'postgres', ...statements.flatMap((text) => ['-c', text])],
      { stdio: 'ignore' },
    ).status === 0;
  await until('PostgreSQL answers', () => psql('select'));
  psql(
    "create role qamqor login createrole password 'x'",
    'create database qamqor owner qamqor',
    'revoke all on database qamqor from public',
  );
  return `postgres://qamqor:x@127.0.0.1:${port}/qamqor`;
}

async function startRedis() {
  if (!existsSync(REDIS)) throw new Error('Redis is absent: apt-get install redis-server');
  const port = await freePort();
  const folder = join(home, 'queues');
  mkdirSync(folder);
  begin('redis', REDIS, [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'yes',
    '--maxmemory-policy',
    'noeviction',
  ]);
  return `redis://127.0.0.1:${port}`;
}

async function start({ root, workdir, command }, name, env) {
  const port = await freePort();
  const settings = {
    ...env,
    HOST: '127.0.0.1',
    PORT: String(port),
    QAMQOR_DATA: join(root, 'data'),
    QAMQOR_URL: `http://127.0.0.1:${port}`,
  };
  const [program, ...args] = command;
  const { child, log } = begin(name, program === 'node' ? process.execPath : program, args, {
    cwd: workdir,
    env: { PATH: process.env.PATH, ...settings },
  });
  return { name, child, log, url: `http://127.0.0.1:${port}`, env: settings };
}

async function healthy({ health, workdir }, { name, child, log, env }) {
  const [, ...args] = health;
  await until(`${name} is healthy`, () => {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${readFileSync(log, 'utf8')}`);
    return spawnSync(process.execPath, args, { cwd: workdir, env: { PATH: process.env.PATH, ...env } }).status === 0;
  });
  for (const line of readFileSync(log, 'utf8').split('\n').filter(Boolean)) JSON.parse(line);
}

/** A timer that a worker's sweeper must find, and a sub-case that the queue must carry there and back. */
async function workersMoveACase(web, workers) {
  const ask = async (method, path, body, url = web.url) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
  };
  for (const workflow of WORKFLOWS)
    await ask('POST', '/api/workflows', {
      files: { 'workflow.yaml': JSON.stringify(workflow), 'input.yaml': '{ type: object }' },
    });
  const { id } = await ask('POST', '/api/cases', { workflow: 'errand', input: {} });
  await until(
    'the workers have moved the case to its end',
    async () => (await ask('GET', `/api/cases/${id}`)).status === 'done',
  );
  const commands = await Promise.all(
    workers.map(async ({ url }) =>
      /^qamqor_commands_total\{.*machines.*$/m.exec(await ask('GET', '/metrics', undefined, url)),
    ),
  );
  if (!commands.some(Boolean)) throw new Error('No worker says in /metrics that it gave the case a command.');
  const refused = await fetch(`${workers[0].url}/api/cases`);
  if (refused.status !== 404) throw new Error(`A worker answered a request with ${refused.status}.`);
}

async function stop({ name, child, log }) {
  const from = performance.now();
  child.kill('SIGTERM');
  const ended = once(child, 'exit');
  const [code] =
    child.exitCode === null
      ? await Promise.race([ended, pause(STOP_LIMIT_MS, ['nothing'], { ref: false })])
      : [child.exitCode];
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  if (code !== 0)
    throw new Error(`${name} answered SIGTERM with ${code} after ${seconds} s:\n${readFileSync(log, 'utf8')}`);
  say(`${name} ended with 0 after ${seconds} s`);
}

function begin(name, program, args, options = {}) {
  const log = join(home, `${name}.log`);
  const output = openSync(log, 'a');
  const child = spawn(program, args, { ...options, stdio: ['ignore', output, output] });
  running.push({ name, child });
  return { child, log };
}

async function until(what, isSo) {
  for (const limit = performance.now() + PATIENCE_MS; !(await isSo()); await pause(100)) {
    if (performance.now() > limit) throw new Error(`After ${PATIENCE_MS / 1000} s it is still not so that ${what}.`);
  }
  say(what);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function say(line) {
  process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}
