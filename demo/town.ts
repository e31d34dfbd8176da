import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CasesService } from '../src/api/cases.service.js';
import type { Config } from '../src/config.js';
import { createApp } from '../src/create-app.js';
import { asOrganisation } from '../src/engine/cases.js';
import { HandoffsService } from '../src/handoffs/handoffs.service.js';
import { AccountsService } from '../src/identity/accounts.service.js';
import { createDemoAccounts, demoEmail } from '../src/identity/demo-accounts.js';
import type { Principal } from '../src/identity/principal.js';
import { projectPath } from '../src/platform/project-root.js';
import { Serving } from '../src/platform/serving.js';
import { prepareDataDir } from '../src/platform/start-trouble.js';
import { parseCalendar } from '../src/statechart/calendar.js';
import type { Calendar } from '../src/statechart/types.js';
import { ORGANISATION, System } from '../src/system.js';
import { TasksService } from '../src/tasks/tasks.service.js';
import { readCatalogue } from '../src/workflows/folder.js';
import { PartnerBehaviour } from './partners/behaviour.js';
import { FileRecords } from './partners/records.js';
import { PartnerServer } from './partners/server.js';
import type { HandOffBody } from './partners/simulator.js';
import { SimulatedTimetable } from './partners/timetable.js';
import { lookAfter } from './staff/office-hours.js';
import type { Desk } from './staff/staff.js';

/** A column for queries on `families f`: who of the family may learn and bid, by their numbers in its list, the applicant first. */
export const ADULTS = `array(select p.place + 1 from qamqor.persons p where p.family_id = f.id and p.relation in ('applicant', 'spouse')
  order by p.relation = 'applicant' desc, p.place) as adults`;
export const BEHAVIOUR = projectPath('demo', 'behaviour.yaml');
/** Whose track the case of a hand-off is, and which round of it; null for the family's own. A family that comes back has tracks anew. */
const TRACK = (handoff: string) =>
  `(select c.chart::jsonb #>> '{snapshot,context,member}' || '/' || coalesce(c.chart::jsonb #>> '{snapshot,context,round}', '1')
     from qamqor.cases c where c.id = ${handoff}.case_id)`;

/** What partners ask for in the simulation. */
const PAPERS = [{ title: 'Жеке куәлік', reference: 'identity-document' }];
const PARTNERS = ['state-corporation', 'entrepreneurs-centre', 'atameken', 'otbasy-bank', 'civil-office'];

export interface TownOptions {
  config: Config;
  seed: string;
  /** Those who are there already; otherwise partners come with the town and go with it. */
  partners?: TownPartners;
  /** `false`: no queues; this process carries out its own outbox. */
  queues?: boolean;
  /** Before anything is written into the database. */
  begin?(system: System): Promise<void>;
  log(line: string): void;
  warn(message: string, error: unknown): void;
}

interface TownPartners {
  server: PartnerServer;
  timetable: SimulatedTimetable;
  /** For `config.partners`. */
  addresses: Config['partners'];
}

/** The simulation may not run here. */
export class TownRefused extends Error {
  override readonly name = 'TownRefused';
}

/**
 * The whole system in one process, as in production: database, queues, workers, HTTP on loopback; and around it the
 * simulated partners on a port of their own. Nobody else may serve the database meanwhile, because its clock is moved.
 */
export class Town {
  private constructor(
    readonly system: System,
    readonly app: NestFastifyApplication,
    readonly partners: PartnerServer,
    readonly timetable: SimulatedTimetable,
    private readonly closers: (() => Promise<unknown>)[],
  ) {}

  static async open(options: TownOptions): Promise<Town> {
    const { config, log, warn, queues } = options;
    // The partners come first, because the system is told their addresses; what they ask for comes a moment later.
    const later: { town?: Town } = {};
    const town = () => {
      if (!later.town) throw new Error('The partners were asked before the town was there.');
      return later.town;
    };
    const closers: (() => Promise<unknown>)[] = [];
    try {
      const partners = options.partners ?? (await startPartners(options, town));
      if (!options.partners) closers.push(() => partners.server.close());
      // What a clock that is moved does is no trace of anything.
      const withPartners = { ...config, demo: true, partners: partners.addresses, tracing: undefined };
      const system = await System.open(withPartners, { log, warn, ...(queues === undefined ? {} : { queues }) });
      closers.push(() => system.close());
      const onLost = () => warn('The simulation is not alone on its database any more.', new Error('connection lost'));
      const serving = await Serving.begin(system.url, 'alone', onLost).catch((error: Error) => {
        throw new TownRefused(error.message);
      });
      closers.push(() => serving.end());
      await options.begin?.(system);
      const app = await createApp(system, false);
      closers.push(() => app.close());
      later.town = new Town(system, app, partners.server, partners.timetable, closers);
      await later.town.start();
      return later.town;
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${(this.app.getHttpServer().address() as AddressInfo).port}`;
  }

  async account(role: string): Promise<Principal> {
    const principal = await this.app.get(AccountsService).principalByEmail(demoEmail(role));
    if (!principal) throw new Error(`Nobody works as ${role}: the account ${demoEmail(role)} is missing or disabled.`);
    return principal;
  }

  desk(): Desk {
    const tasks = this.app.get(TasksService);
    const cases = this.app.get(CasesService);
    const handoffs = this.app.get(HandoffsService);
    return {
      claim: (by, id) => tasks.claim(by, id),
      complete: (by, id, output) => tasks.complete(by, id, output),
      sendEvent: (by, caseId, type, data, key) => cases.send(by, caseId, type, data, key === undefined ? {} : { key }),
      supply: (by, _caseId, id) => handoffs.supply(by, id, { documents: PAPERS }),
      account: (role) => this.account(role),
    };
  }

  /** What decides a partner's behaviour must be the same in every run: the family's number and whose track it is, and how often it was asked before. */
  async keyOf(body: HandOffBody): Promise<{ family: string; attempt: number } | null> {
    const [found] = await asOrganisation(this.system.pool, ORGANISATION, (query) =>
      query<{ family: string; track: string | null; attempt: number }>(
        `select f.number as family, ${TRACK('h')} as track,
           (select count(*)::int from qamqor.handoffs e where e.subject = h.subject and e.partner = h.partner and e.service = h.service
             and e.opened_at < h.opened_at and ${TRACK('e')} is not distinct from ${TRACK('h')}) as attempt
         from qamqor.handoffs h join qamqor.families f on f.id::text = h.subject where h.id = $1`,
        [body.id],
      ),
    );
    if (!found) return null;
    const { family, track, attempt } = found;
    return { family: track === null ? family : `${family}/${track}`, attempt };
  }

  async close(): Promise<void> {
    await closeAll(this.closers);
  }

  private async start(): Promise<void> {
    const { app, system } = this;
    const password = system.config.demoPassword;
    await createDemoAccounts({
      accounts: app.get(AccountsService),
      organisationId: ORGANISATION,
      password,
      partners: PARTNERS,
    });
    await system.deployFolder();
    await app.listen(0, '127.0.0.1');
    await system.work();
  }
}

/** Partners with secrets and records of their own, which remember what they owe when a run goes on. */
async function startPartners({ config, seed }: TownOptions, town: () => Town): Promise<TownPartners> {
  const timetable = OfficeTimetable.open();
  const secrets = Object.fromEntries(PARTNERS.map((key) => [key, `whsec_${randomBytes(32).toString('base64')}`]));
  await prepareDataDir(config.dataDir);
  const server = await PartnerServer.start({
    seed,
    secrets,
    behaviour: PartnerBehaviour.read(BEHAVIOUR),
    centreUrl: () => town().url,
    clock: { now: () => town().system.clock.now() },
    timetable,
    records: new FileRecords(join(config.dataDir, 'journey-partners.jsonl')),
    keyOf: (body) => town().keyOf(body),
  });
  const addresses = Object.fromEntries(
    Object.entries(secrets).map(([key, secret]) => [key, { url: server.urlOf(key), secret }]),
  );
  return { server, timetable, addresses };
}

/** Partners look into their post when everybody does: in office hours, twice a day. A day has two moments instead of hundreds. */
export class OfficeTimetable extends SimulatedTimetable {
  private constructor(private readonly calendar: Calendar) {
    super();
  }

  /** By the calendar that is shipped. */
  static open(): OfficeTimetable {
    const calendar = readCatalogue(projectPath('workflows'))['calendar.kz.yaml'] ?? '{}';
    return new OfficeTimetable(parseCalendar(calendar).calendar);
  }

  override at(moment: string, key: string, work: () => Promise<void>): void {
    super.at(lookAfter(moment, 0, this.calendar), key, work);
  }
}

/** The last opened first. */
async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closers.reverse()) await close();
}
