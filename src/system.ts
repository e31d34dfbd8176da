import { randomBytes } from 'node:crypto';
import { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { Certificate } from './certificates/certificate.entity.js';
import { type Config, ConfigError } from './config.js';
import type { EngineObserver } from './engine/engine.js';
import { Runtime, type RuntimeOptions } from './engine/runtime.js';
import { Family } from './families/family.entity.js';
import { Person } from './families/person.entity.js';
import { badPartnerUrl } from './handoffs/partner-address.js';
import { RoleBook } from './identity/roles.js';
import { DatabaseClock } from './platform/clock.js';
import { armCrash } from './platform/crash-points.js';
import { openPool } from './platform/database.js';
import { systemIds } from './platform/ids.js';
import { defineJob } from './platform/jobs.js';
import type { Log, Warn } from './platform/log.js';
import { Metrics } from './platform/metrics.js';
import { openOrm, poolOf } from './platform/orm.js';
import { projectPath } from './platform/project-root.js';
import { Queues } from './platform/queues.js';
import { loadSecret } from './platform/secret.js';
import { openQueueBackend, startDatabase } from './platform/start.js';
import { Tracing } from './platform/tracing.js';
import { parseCalendar } from './statechart/calendar.js';
import type { Calendar } from './statechart/types.js';
import { deployChangedFolder } from './workflows/deploy.js';
import { readWorkflowsFolder, type WorkflowsFolder } from './workflows/folder.js';
import { StoredFolderMemory } from './workflows/folder-memory.js';

/** The one organisation there is until more are asked for; made by the first migration. */
export const ORGANISATION = '00000000-0000-7000-8000-000000000001';

/**
 * Outbox rows that somebody should carry out now. Losing such a job delays them until the sweeper looks. What may wait long
 * for others has queues of its own, and so workers of its own: a silent partner holds up neither services nor the engine.
 */
const rowsToDeliver = z.object({ ids: z.array(z.uuid()).max(1000) });
const deliverQuick = defineJob('outbox', 'deliver', rowsToDeliver);
const deliverHandOffs = defineJob('handoffs', 'deliver', rowsToDeliver);
const deliverServices = defineJob('services', 'deliver', rowsToDeliver);
export const JOBS = [deliverQuick, deliverHandOffs, deliverServices];

/** By the topics of outbox rows; all others are quick. */
const JOB_OF_TOPIC: Partial<Record<string, (typeof JOBS)[number]>> = {
  'handOff.open': deliverHandOffs,
  'handOff.close': deliverHandOffs,
  'handOff.supply': deliverHandOffs,
  'service.open': deliverServices,
};

export interface SystemOptions {
  /** Without it, `log` and `warn` are told. */
  logger?: Log;
  log?(line: string): void;
  warn?: Warn;
  /** `false`: no queues; this process carries out its own outbox. */
  queues?: boolean;
  /** `false`: this process takes no requests and needs no secret to sign with. */
  serves?: boolean;
  /** The folder of workflows; that of the project unless told otherwise. */
  workflows?: string;
}

/** What every process of ours stands on: database, engine, queues, records. Features register with it, then it starts. */
export class System {
  readonly ids = systemIds;
  /** Who there may be at the centre, and what they may. */
  readonly roles: RoleBook;
  /** Workflows of the folder that must not be used; cases are still opened on the versions before. */
  folderProblems: readonly string[] = [];
  private readonly closers: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly config: Config,
    /** The owner's login. */
    readonly url: string,
    readonly secret: string,
    readonly folder: WorkflowsFolder,
    readonly calendar: Calendar,
    readonly runtime: Runtime,
    readonly orm: MikroORM,
    /** Connections of the role `qamqor_app`. */
    readonly pool: Pool,
    /** Connections of the role `qamqor_relay`, for what is swept. */
    readonly relayPool: Pool,
    readonly clock: DatabaseClock,
    readonly queues: Queues | undefined,
    readonly metrics: Metrics,
    /** Set where the settings name a collector. */
    readonly tracing: Tracing | undefined,
    /** Told of what went wrong where no sender waits for an answer. */
    readonly warn: Warn,
    private readonly stopDatabase: () => Promise<void>,
  ) {
    this.roles = new RoleBook(folder.catalogue['roles.yaml'] ?? '{}');
  }

  /** Starts the embedded database if none was given, migrates, and opens everything. Nothing runs yet: see `work`. */
  static async open(config: Config, options: SystemOptions = {}): Promise<System> {
    if (config.crashAt !== undefined) armCrash(config.crashAt);
    const { logger } = options;
    const log = options.log ?? ((line: string) => logger?.info(line));
    const warn = options.warn ?? logger?.trouble ?? ((message, error) => log(`${message} ${String(error)}`));
    const folder = readWorkflowsFolder(options.workflows ?? projectPath('workflows'));
    refuseBadPartners(config, partnerKeys(folder));
    const { url, stop } = await startDatabase(config, log);
    try {
      const calendar = parseCalendar(folder.catalogue['calendar.kz.yaml'] ?? '{}').calendar;
      const onError = (error: Error) => warn('A connection broke and is made again.', error);
      const queues = options.queues === false ? undefined : await openQueues(config, url, log, onError);
      const metrics = new Metrics();
      const tracing = await Tracing.open(config.tracing, warn);
      if (tracing) logger?.follow(tracing);
      const runtime = new Runtime({
        url,
        observer: observing(metrics, logger),
        tracing,
        id: () => systemIds.next(),
        calendar: () => calendar,
        warn,
        ...(queues ? { wake: wakeBy(queues) } : {}),
      });
      const [app, relay] = [
        openPool(url, 'app', { max: config.databaseConnections, pipeline: true, onIdleError: onError }),
        openPool(url, 'relay', { max: 2, onIdleError: onError }),
      ];
      const orm = await openOrm(url, [Family, Person, Certificate], { max: config.databaseConnections });
      const clock = new DatabaseClock(app);
      metrics.watch({
        relayPool: relay,
        pools: { app, relay, orm: poolOf(orm), ...runtime.pools },
        dataDir: config.dataDir,
        ...(queues ? { jobs: () => jobCounts(queues) } : {}),
      });
      return new System(
        config,
        url,
        options.serves === false ? '' : await secretFor(config),
        folder,
        calendar,
        runtime,
        orm,
        app,
        relay,
        clock,
        queues,
        metrics,
        tracing,
        warn,
        stop,
      );
    } catch (error) {
      await stop();
      throw error;
    }
  }

  /** Keys of the partner organisations in the catalogue. */
  get partnerKeys(): string[] {
    return partnerKeys(this.folder);
  }

  /** Makes every workflow of the folder known; what is known already stays as it is. @throws StartError */
  async deployFolder(): Promise<void> {
    const memory = new StoredFolderMemory(this.pool);
    const deps = { versions: this.runtime.versions, clock: this.clock, catalogue: this.folder.catalogue, memory };
    this.folderProblems = await deployChangedFolder(deps, ORGANISATION, this.folder);
    for (const problem of this.folderProblems) this.warn('A workflow was not deployed.', problem);
  }

  /** Carries out what cases ask for, from now on. Every source must have its feature by then. */
  async work(): Promise<void> {
    await this.queues?.run();
    this.runtime.sweeper.start();
  }

  /** Runs when the system closes, before the database goes; the last one first. */
  onClose(closer: () => Promise<unknown>): void {
    this.closers.push(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.closers.reverse()) await closer();
    await this.queues?.close();
    await this.runtime.stop();
    await this.tracing?.close();
    await this.orm.close();
    await Promise.all([this.pool.end(), this.relayPool.end()]);
    await this.stopDatabase();
  }
}

/** Who takes no requests signs nothing that another process reads, and needs no place to keep a secret in. */
async function secretFor(config: Config): Promise<string> {
  const signs = config.roles.includes('web') || config.databaseUrl === undefined;
  return signs ? loadSecret(config) : (config.secret ?? randomBytes(32).toString('hex'));
}

/** Settings of partners that would stop the application later, when the database runs already. */
function refuseBadPartners({ partners, production }: Config, known: string[]): void {
  const problems = Object.entries(partners).flatMap(([key, { url }]) => {
    const variable = `QAMQOR_PARTNER_${key.replaceAll('-', '_').toUpperCase()}_URL`;
    if (!known.includes(key))
      return [{ variable, message: `partners.yaml has no "${key}"; it has ${known.join(', ')}` }];
    const message = badPartnerUrl(url, { loopback: !production });
    return message === null ? [] : [{ variable, message }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

export function partnerKeys(folder: Pick<WorkflowsFolder, 'catalogue'>): string[] {
  const partners: unknown = parseYaml(folder.catalogue['partners.yaml'] ?? '{}');
  return typeof partners === 'object' && partners !== null ? Object.keys(partners) : [];
}

function observing(metrics: Metrics, logger: Log | undefined): EngineObserver {
  return {
    batch: (commands, ms) => metrics.batch(commands, ms),
    command: (command, outcome, ms) => {
      metrics.command(command, outcome, ms);
      const { kind, lane, id, caseId } = command;
      logger?.command(outcome, ms, { case: caseId, command: id, kind, lane });
    },
  };
}

/** By queue, then by state. */
async function jobCounts(queues: Queues): Promise<Record<string, Record<string, number>>> {
  const counted = JOBS.map(
    async ({ queue }) => [queue, await queues.queue(queue).getJobCounts(...JOB_STATES)] as const,
  );
  return Object.fromEntries(await Promise.all(counted));
}
const JOB_STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** Tells the workers of a topic by its queue. */
function wakeBy(queues: Queues): NonNullable<RuntimeOptions['wake']> {
  return (topic, ids, key) => queues.enqueue(JOB_OF_TOPIC[topic] ?? deliverQuick, { ids }, key);
}

async function openQueues(
  config: Config,
  url: string,
  log: (line: string) => void,
  onError: (error: Error) => void,
): Promise<Queues> {
  const backend = await openQueueBackend(config, url, log);
  return new Queues(backend, { concurrency: config.concurrency, onProblem: ({ error }) => onError(error) });
}
