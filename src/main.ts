import { ConsoleLogger, type LogLevel as NestLevel } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Config, ConfigError, type LogLevel, readConfig } from './config.js';
import { createApp } from './create-app.js';
import { AccountsService } from './identity/accounts.service.js';
import { createDemoAccounts, demoEmail, removeDemoAccounts } from './identity/demo-accounts.js';
import { ORGANISATION, System } from './system.js';

/** How long requests under way may take once the process was told to stop. */
const GRACE_MS = 20_000;

/** Boots the roles that QAMQOR_ROLES asks for. */
async function main(): Promise<void> {
  const config = readConfig();
  const logger = new ConsoleLogger({ prefix: 'Qamqor', logLevels: LEVELS[config.logLevel] });
  for (const name of config.unknown) logger.warn(`The setting ${name} means nothing; is it misspelt?`);

  const system = await System.open(config, {
    log: (line) => logger.log(line),
    warn: (message, error) => logger.warn(`${message} ${error instanceof Error ? error.message : String(error)}`),
  });
  const closing = stopOnSignal(logger, system);
  // Every process builds the features: also a worker needs what stands behind a task.
  const app = await createApp(system, logger);
  closing.push(() => app.close());
  await prepareAccounts(app, system);
  await system.deployFolder();
  if (config.roles.includes('worker')) await system.work();
  if (config.roles.includes('web')) await listen(app, config);
  greet(config, app);
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

async function listen(app: NestFastifyApplication, { port, host }: Config): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new Explained(
        `Port ${port} is taken by another program. Stop that one, or choose another port: PORT=${port + 1} npm start`,
      );
    if (code === 'EACCES')
      throw new Explained(`Port ${port} may not be used by this account. Choose one above 1023: PORT=3000 npm start`);
    throw error;
  }
}

function greet({ roles, publicUrl, port, demo, demoPassword }: Config, app: NestFastifyApplication): void {
  if (!roles.includes('web')) {
    say('Qamqor works. It takes no requests: QAMQOR_ROLES names no "web".');
    return;
  }
  const address = app.getHttpServer().address();
  const url = port === 0 && typeof address === 'object' && address ? `http://localhost:${address.port}` : publicUrl;
  say(`Qamqor is ready: ${url}`);
  say(`  API: ${url}/api/docs`);
  if (demo)
    say(
      `  Demonstration: sign in as ${demoEmail('curator')}, ${demoEmail('supervisor')}, … with the password "${demoPassword}".`,
    );
}

/** What is to be closed, the last first; then the system itself. A second signal ends the process at once. */
function stopOnSignal(logger: ConsoleLogger, system: System): (() => Promise<unknown>)[] {
  const closers: (() => Promise<unknown>)[] = [];
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.log(`${signal}: finishing what is under way.`);
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    void (async () => {
      for (const close of closers.reverse()) await close();
      await system.close();
      process.exit(0);
    })().catch((error: unknown) => fail(error));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  return closers;
}

/** Something that a person can put right: told without a stack. */
class Explained extends Error {}

function fail(error: unknown): never {
  const known = error instanceof Explained || error instanceof ConfigError;
  process.stderr.write(
    `${known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const LEVELS = {
  silent: [],
  fatal: ['fatal'],
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug'],
  trace: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
} satisfies Record<LogLevel, NestLevel[]>;

main().catch(fail);
