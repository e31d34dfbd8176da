import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { Config, PartnerConfig } from '../src/config.js';
import type { Clock } from '../src/platform/clock.js';
import { projectPath } from '../src/platform/project-root.js';
import { loadSecret } from '../src/platform/secret.js';
import { StartError } from '../src/platform/start-error.js';
import { prepareDataDir } from '../src/platform/start-trouble.js';
import type { System } from '../src/system.js';
import { PartnerBehaviour } from './partners/behaviour.js';
import { FileRecords } from './partners/records.js';
import { PartnerServer } from './partners/server.js';
import type { HandOffBody } from './partners/simulator.js';
import { RealTimetable, type Timetable } from './partners/timetable.js';
import { leadThroughPast, needsPast } from './past.js';
import { OfficeTimetable, type Town } from './town.js';
import { WaitingPage } from './waiting-page.js';

type Warn = (message: string, error: unknown) => void;

/** Where partners find the centre, and by which time they live. */
interface Centre {
  url: string;
  clock: Clock;
  timetable: Timetable;
  keyOf?(body: HandOffBody): Promise<{ family: string; attempt: number } | null>;
  /** Somebody looks on: what is handed over is answered within the minute. */
  live: boolean;
}

/**
 * The simulated partners beside a system. They are there before it, because it is told their addresses: first while the
 * sample families are led through the past, then in real time.
 */
export class LivePartners {
  private centre: Centre | undefined;
  /** What partners ask of the centre waits until it is there. */
  private arrival = Promise.withResolvers<Centre>();
  private server: PartnerServer | undefined;
  private realTime: RealTimetable | undefined;

  private constructor(
    private readonly config: Config,
    private readonly secrets: Record<string, string>,
    private readonly warn: Warn,
  ) {}

  static async start(config: Config, partnerKeys: string[], warn: Warn): Promise<LivePartners> {
    const silent = config.demoSilent;
    if (!partnerKeys.includes(silent)) {
      const message = `QAMQOR_DEMO_SILENT names "${silent}", and there is no such partner. It may be: ${partnerKeys.join(', ')}.`;
      throw new StartError('unknown-partner', message);
    }
    await prepareDataDir(config.dataDir);
    // The same in every process and after every start: what one sent, another may be answered.
    const secret = await loadSecret(config);
    const secretOf = (key: string) => `whsec_${createHmac('sha256', secret).update(`partner ${key}`).digest('base64')}`;
    const secrets = Object.fromEntries(partnerKeys.map((key) => [key, secretOf(key)]));
    const partners = new LivePartners(config, secrets, warn);
    partners.server = await partners.open();
    return partners;
  }

  /** For `config.partners`: those that have no address of their own in the settings. */
  get addresses(): Record<string, PartnerConfig> {
    return Object.fromEntries(Object.entries(this.allAddresses).filter(([key]) => !this.config.partners[key]));
  }

  /** Nothing has happened in this database yet, or its time has not caught up with the present. */
  needsPast(system: System): Promise<boolean> {
    return needsPast(system, this.config.demoFamilies);
  }

  /** Leads the sample families through the last months, over a database that nobody serves. False: told to stop before the end. */
  async leadThroughPast(signal: AbortSignal, say: (line: string) => void): Promise<boolean> {
    const { config, warn } = this;
    const page = await this.waitingPage();
    const progress = (line: string) => {
      say(line);
      page?.tell(line);
    };
    progress(`The demonstration is being prepared: ${config.demoFamilies} families are led through the last months.`);
    const server = this.running();
    const timetable = OfficeTimetable.open();
    const reach = (town: Town) => {
      const { url, system } = town;
      this.enter({ url, clock: system.clock, timetable, keyOf: (body) => town.keyOf(body), live: false });
    };
    try {
      const partners = { server, timetable, addresses: this.allAddresses };
      return await leadThroughPast({ config, partners, reach, signal, progress, warn });
    } finally {
      this.centre = undefined;
      this.arrival = Promise.withResolvers();
      await page?.close();
    }
  }

  /** From now on they can reach the centre, in real time. Gives the address at which one makes them stop answering. */
  serve({ clock }: System, url: string): string {
    this.realTime = new RealTimetable(clock, (error) =>
      this.warn('A simulated partner could not do what it planned.', error),
    );
    this.enter({ url, clock, timetable: this.realTime, live: true });
    return this.running().url;
  }

  async close(): Promise<void> {
    await this.realTime?.stop();
    await this.running().close();
  }

  /** Where the port is known, whoever opens it sees that something is going on. */
  private async waitingPage(): Promise<WaitingPage | undefined> {
    const { host, port, roles } = this.config;
    return roles.includes('web') && port !== 0 ? await WaitingPage.open({ host, port }) : undefined;
  }

  private get allAddresses(): Record<string, PartnerConfig> {
    const server = this.running();
    return Object.fromEntries(
      Object.entries(this.secrets).map(([key, secret]) => [key, { url: server.urlOf(key), secret }]),
    );
  }

  private enter(centre: Centre): void {
    this.centre = centre;
    this.arrival.resolve(centre);
    this.running().simulator.resume();
  }

  private open(): Promise<PartnerServer> {
    return PartnerServer.start({
      seed: 'demonstration',
      secrets: this.secrets,
      behaviour: PartnerBehaviour.read(projectPath('demo', 'behaviour.yaml')),
      centreUrl: () => this.centre?.url ?? '',
      clock: { now: async () => (await this.arrival.promise).clock.now() },
      // What is owed from before is put down as soon as it is known by which time they live.
      timetable: { at: (moment, key, work) => this.centre?.timetable.at(moment, key, work) },
      records: new FileRecords(join(this.config.dataDir, 'live-partners.jsonl')),
      keyOf: async (body) => (await this.centre?.keyOf?.(body)) ?? { family: body.id, attempt: 0 },
      isBrisk: () => this.centre?.live === true,
    });
  }

  private running(): PartnerServer {
    if (!this.server) throw new Error('The simulated partners have not been started.');
    return this.server;
  }
}
