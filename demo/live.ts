import { createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CasesService } from '../src/api/cases.service.js';
import type { Config, PartnerConfig } from '../src/config.js';
import { asOrganisation } from '../src/engine/cases.js';
import { ImportService } from '../src/families/import.service.js';
import type { Principal } from '../src/identity/principal.js';
import { projectPath } from '../src/platform/project-root.js';
import { loadSecret } from '../src/platform/secret.js';
import { ORGANISATION, type System } from '../src/system.js';
import { PartnerBehaviour } from './partners/behaviour.js';
import { FileRecords } from './partners/records.js';
import { PartnerServer } from './partners/server.js';
import { RealTimetable } from './partners/timetable.js';

/** Partners answer within a minute instead of days, so that somebody who looks on sees them work. */
const PACE = 20_000;
/** Cases that are open when one looks for the first time. */
const CASES = 25;
const WORKFLOW = 'family-support';

type Warn = (message: string, error: unknown) => void;

/** The simulated partners beside a system that runs in real time. They are there before it, because it is told their addresses. */
export class LivePartners {
  private constructor(
    /** For `config.partners`. */
    readonly addresses: Record<string, PartnerConfig>,
    /** What partners ask of the centre waits until it is there. */
    private readonly centre: PromiseWithResolvers<{ system: System; url: string }>,
    private readonly server: PartnerServer,
    private readonly timetable: RealTimetable,
  ) {}

  /** Partners that have no address of their own in the settings. */
  static async start(config: Config, partnerKeys: string[], warn: Warn): Promise<LivePartners> {
    const keys = partnerKeys.filter((key) => !Object.hasOwn(config.partners, key));
    const centre = Promise.withResolvers<{ system: System; url: string }>();
    let url = '';
    void centre.promise.then((ready) => {
      url = ready.url;
    });
    const clock = { now: async () => (await centre.promise).system.clock.now() };
    const timetable = new RealTimetable(clock, (error) =>
      warn('A simulated partner could not do what it planned.', error),
    );
    await mkdir(config.dataDir, { recursive: true });
    // The same in every process and after every start: what one sent, another may be answered.
    const secret = await loadSecret(config);
    const secretOf = (key: string) => `whsec_${createHmac('sha256', secret).update(`partner ${key}`).digest('base64')}`;
    const secrets = Object.fromEntries(keys.map((key) => [key, secretOf(key)]));
    const server = await PartnerServer.start({
      seed: 'live',
      secrets,
      behaviour: PartnerBehaviour.read(projectPath('demo', 'behaviour.yaml')),
      centreUrl: () => url,
      clock,
      timetable,
      records: new FileRecords(join(config.dataDir, 'live-partners.jsonl')),
      keyOf: (body) => Promise.resolve({ family: body.id, attempt: 0 }),
      pace: PACE,
    });
    const addresses = Object.fromEntries(keys.map((key) => [key, { url: server.urlOf(key), secret: secretOf(key) }]));
    return new LivePartners(addresses, centre, server, timetable);
  }

  /** From now on they can reach the centre. */
  serve(system: System, url: string): void {
    this.centre.resolve({ system, url });
  }

  async close(): Promise<void> {
    await this.timetable.stop();
    await this.server.close();
  }
}

/** Sample families, and open cases for the first of them; nothing where there are families already. */
export async function fillWithSamples(system: System, cases: CasesService, registrar: Principal): Promise<void> {
  const familyIds = () =>
    asOrganisation(system.pool, ORGANISATION, (query) =>
      query<{ id: string }>('select id from qamqor.families order by number limit $1', [CASES]),
    );
  if ((await familyIds()).length > 0) return;
  const file = createReadStream(projectPath('demo', 'data', 'families.csv'));
  await new ImportService(system.pool, system.ids).importFamilies(file, {
    organisation: ORGANISATION,
    actor: 'demonstration',
    language: 'kk',
  });
  for (const { id } of await familyIds())
    await cases.open(registrar, WORKFLOW, { familyId: id }, { key: `demonstration-${id}` });
}
