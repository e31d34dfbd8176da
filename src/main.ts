import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Config, ConfigError, isUnattended, misspeltSettings, readConfig } from './config.js';
import { createApp } from './create-app.js';
import { AccountsService } from './identity/accounts.service.js';
import { createDemoAccounts, demoEmail, removeDemoAccounts } from './identity/demo-accounts.js';
import { databaseWarnings } from './platform/database-warnings.js';
import { EmbeddedPostgres } from './platform/embedded-postgres.js';
import { leave } from './platform/leave.js';
import { Log, type Warn } from './platform/log.js';
import { projectPath } from './platform/project-root.js';
import { Serving } from './platform/serving.js';
import { troubleWith } from './platform/start.js';
import { StartError } from './platform/start-error.js';
import { diskTrouble } from './platform/start-trouble.js';
import { ORGANISATION, partnerKeys, System } from './system.js';
import { FolderError, readWorkflowsFolder } from './workflows/folder.js';

/** How long what is under way may take once the process was told to stop; whoever told it usually kills after 30 s. */
const GRACE_MS = 25_000;
const SERVE_AGAIN_MS = 1_000;
/** Exit code where a person can put it right, as in the terminal commands. */
const NOT_AS_ASKED = 2;

/** Set where nobody reads along: every line is one of the log then. */
let unattended = isUnattended() ? new Log({ logLevel: 'info', unattended: true }) : undefined;

/** Told to stop: what fails from then on is no news. */
let stopping = false;
/** Why the start failed, where a signal comes while it is being taken back. */
let failure: { error: unknown } | undefined;

/** What is to be closed, the last first. */
const closing: (() => Promise<unknown>)[] = [];

/** Where the log goes to may be full or gone. That costs its lines, and must not cost the process. */
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

/** Boots the roles that QAMQOR_ROLES asks for. */
async function main(): Promise<void> {
  const config = await readSettings();
  const logger = new Log(config);
  if (config.unattended) unattended = logger;
  const warn = logger.trouble;
  for (const line of misspeltSettings()) logger.warn(line);

  await refuseTakenPort(config);
  closeOnSignal(config, logger);
  // Also one that is only being started.
  closing.push(() => EmbeddedPostgres.stopAll());
  const partners = config.demo ? await startPartners(config, warn) : undefined;
  if (partners) closing.push(() => partners.close());
  const withPartners = { ...config, partners: { ...partners?.addresses, ...config.partners } };
  const open = async () => {
    if (stopping) throw new Error('It was told to stop.');
    return System.open(withPartners, { logger });
  };
  const system = await openPrepared(open, partners);
  if (!system) return;
  closing.push(() => system.close());
  if (config.production) for (const line of await warningsOf(system)) logger.warn(line);
  await serve(system.url, warn);

  // Every process builds the features: also a worker needs what stands behind a task.
  const app = await createApp(system, logger);
  closing.push(() => app.close());
  await prepareAccounts(app, system);
  await system.deployFolder();
  if (config.listens) await listen(app, config);
  if (config.roles.includes('worker')) {
    // Nothing new is looked for while what is under way is finished.
    closing.push(() => system.runtime.sweeper.stop());
    await system.work();
  }
  const url = addressOf(config, app);
  greet(config, url);
  if (partners) inviteToDemonstration(system, url, partners.serve(system, url));
}

/** A missing secret is not all there is to say where the database is wrong too. */
async function readSettings(): Promise<Config> {
  try {
    return readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.some(({ variable }) => variable !== 'QAMQOR_SECRET'))
      throw error;
    const { databaseUrl } = readConfig(undefined, { serves: false });
    const trouble = databaseUrl === undefined ? null : await troubleWith(databaseUrl);
    if (!trouble) throw error;
    throw new ConfigError([...error.problems, { variable: 'DATABASE_URL', message: trouble.message }]);
  }
}

/** Where QAMQOR_PRODUCTION is on: what may lose work on the day on which something fails. */
async function warningsOf({ pool, queues }: System): Promise<string[]> {
  // A Redis that is away by now is told of by /health/ready.
  const ofQueues = (await queues?.backend.warnings().catch(() => [])) ?? [];
  return [...(await databaseWarnings(pool)), ...ofQueues];
}

/** Keeps simulations, which move the clock, away from this database; also after the database was gone for a while. */
async function serve(url: string, warn: Warn): Promise<void> {
  let serving: Serving | undefined;
  let closed = false;
  const again = async () => {
    while (!closed) {
      await sleep(SERVE_AGAIN_MS, undefined, { ref: false });
      try {
        serving = await Serving.begin(url, 'shared', () => void again());
        return;
      } catch (error) {
        warn('The database is not served under our sign yet.', error);
      }
    }
  };
  serving = await Serving.begin(url, 'shared', () => void again());
  closing.push(async () => {
    closed = true;
    await serving?.end().catch(() => undefined);
  });
}

/** Loaded only where they are wanted: the product itself needs nothing of the demonstration. */
async function startPartners(config: Config, warn: Warn) {
  const { LivePartners } = await import('../demo/live.js');
  return LivePartners.start(config, partnerKeys(readWorkflowsFolder(projectPath('workflows'))), warn);
}

/** With families on their way where this is the demonstration's first start. Null: told to stop before they were. */
async function openPrepared(
  open: () => Promise<System>,
  partners: Awaited<ReturnType<typeof startPartners>> | undefined,
): Promise<System | null> {
  const system = await open();
  if (!partners && (await system.clock.isBehind())) {
    await system.close();
    throw new StartError(
      'clock-behind',
      'A demonstration was begun in this database and its time is not the real one yet. Let it end once with QAMQOR_DEMO=on, or take another folder with QAMQOR_DATA.',
    );
  }
  if (partners && (await system.clock.isProduction())) {
    await system.close();
    throw new StartError(
      'real-families',
      'This database is of real families: it was started with QAMQOR_PRODUCTION=on. The demonstration would make accounts whose password everybody knows, and partners that are not there. Start it with the settings it had, QAMQOR_DEMO=off among them, or take another folder with QAMQOR_DATA.',
    );
  }
  if (!partners || !(await partners.needsPast(system))) return system;
  // Its clock is moved meanwhile, so nobody may serve it.
  await system.close();
  const stop = new AbortController();
  const prepared = partners.leadThroughPast(stop.signal, say);
  closing.push(async () => {
    stop.abort();
    await prepared.catch(() => undefined);
  });
  return (await prepared) ? open() : null;
}

async function prepareAccounts(app: NestFastifyApplication, system: System): Promise<void> {
  const { demo, demoPassword: password } = system.config;
  if (!demo) return removeDemoAccounts(system.pool);
  await createDemoAccounts({
    accounts: app.get(AccountsService),
    organisationId: ORGANISATION,
    password,
    partners: system.partnerKeys,
  });
}

/** Looked at before anything is started, so that a taken port costs nobody half a minute. */
async function refuseTakenPort({ port, host, listens }: Config): Promise<void> {
  if (!listens || port === 0) return;
  const probe = createServer().listen(port, host);
  try {
    await once(probe, 'listening');
  } catch (error) {
    throw inWords(error, port);
  }
  probe.close();
  await once(probe, 'close');
}

async function listen(app: NestFastifyApplication, { port, host }: Config): Promise<void> {
  try {
    // Past Nest, which would print the error with its stack before we can say what to do.
    await app.getHttpAdapter().getInstance().listen({ port, host });
  } catch (error) {
    throw inWords(error, port);
  }
}

function inWords(error: unknown, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new StartError(
      'port-taken',
      `Port ${port} is taken by another program. Stop that one, or choose another port: PORT=${port + 1} npm start`,
    );
  }
  if (code === 'EACCES')
    return new StartError(
      'port-forbidden',
      `Port ${port} may not be used by this account. Choose one above 1023: PORT=3000 npm start`,
    );
  return error;
}

/** Where this process answers; the port is only known once it listens if any free one was asked for. */
function addressOf({ port, host, roles, publicUrl }: Config, app: NestFastifyApplication): string {
  const address = app.getHttpServer().address();
  if (!roles.includes('web')) return `http://${host}:${typeof address === 'object' && address ? address.port : port}`;
  return port === 0 && typeof address === 'object' && address ? `http://localhost:${address.port}` : publicUrl;
}

function greet(config: Config, url: string): void {
  if (!config.roles.includes('web')) {
    say(
      `Qamqor works. It takes no requests: QAMQOR_ROLES names no "web".${config.listens ? ` /health and /metrics: ${url}` : ''}`,
    );
    return;
  }
  say(`Qamqor is ready: ${url}`);
  say(`  API: ${url}/api/docs`);
  say(`  Data: ${keptIn(config)}`);
}

function keptIn({ databaseUrl, dataDir }: Config): string {
  return databaseUrl === undefined ? resolve(dataDir) : 'the database of DATABASE_URL';
}

function inviteToDemonstration({ config, roles, partnerKeys }: System, url: string, partnersUrl: string): void {
  if (!config.roles.includes('web')) return;
  say(`  Accounts: ${roles.staff.map(demoEmail).join(', ')}`);
  say(`  Accounts of partners: ${partnerKeys.map((key) => demoEmail(`partner-${key}`)).join(', ')}`);
  say(`  Password of all of them: ${config.demoPassword}`);
  say('Three things to try:');
  say(`  1. See where families stand, what is overdue and who was told: open ${url} as ${demoEmail('supervisor')}.`);
  say(`  2. Take a task, answer it, and see the board change: open ${url} as ${demoEmail('curator')}.`);
  say(
    '  3. Let a partner stop answering and hand something over to it; with -X DELETE it answers again, and all that it owes:',
  );
  const another = partnerKeys.find((key) => key !== config.demoSilent);
  say(`     curl -X PUT ${partnersUrl}/${another ?? config.demoSilent}/silent`);
  const already =
    config.demoFamilies > 0 ? ` What silence leads to, the board shows already: ${config.demoSilent} was silent.` : '';
  say(`     The first reminder comes at 80 % of the term, which is counted in working days.${already}`);
}

/**
 * Finishes what is under way. What takes longer than we may wait is handed back: nobody renews its lease any more, and
 * another worker takes it. A second signal ends the process at once.
 */
function closeOnSignal(config: Config, logger: Log): void {
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info(`${signal}: finishing what is under way.`);
    setTimeout(() => {
      logger.warn(`Something did not end within ${GRACE_MS / 1000} s and is left to the other workers.`);
      void (failure ? fail(failure.error) : leave(0));
    }, GRACE_MS).unref();
    closeAll().then(
      () => {
        if (failure) return fail(failure.error);
        say(`Stopped. Everything is kept in ${keptIn(config)}; start again to go on.`);
        return leave(0);
      },
      (error: unknown) => fail(failure?.error ?? error),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

let closed: Promise<void> | undefined;

/** Once, whoever asks: one that cannot be closed keeps none of the others open. */
function closeAll(): Promise<void> {
  closed ??= (async () => {
    const failed: unknown[] = [];
    for (let close = closing.pop(); close; close = closing.pop())
      await close().catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  })();
  return closed;
}

function fail(thrown: unknown): Promise<never> {
  const error = diskTrouble(thrown);
  const known = error instanceof StartError || error instanceof ConfigError || error instanceof FolderError;
  const why = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (unattended) unattended.fatal(why);
  else process.stderr.write(`${why}\n`);
  return leave(known ? NOT_AS_ASKED : 1);
}

/** To the person who started it; where there is none, to the log. */
function say(line: string): void {
  if (unattended) unattended.info(line.trim());
  else process.stdout.write(`${line}\n`);
}

main().catch(async (error: unknown) => {
  if (stopping) return;
  failure = { error };
  // The embedded database must not stay behind.
  await closeAll().catch(() => undefined);
  // Whoever told it to stop meanwhile is waiting for the same end.
  if (!stopping) await fail(error);
});
