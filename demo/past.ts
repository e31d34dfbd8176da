import { CasesService } from '../src/api/cases.service.js';
import type { Config } from '../src/config.js';
import { asOrganisation } from '../src/engine/cases.js';
import { AppError } from '../src/engine/errors.js';
import { ImportService } from '../src/families/import.service.js';
import { ORGANISATION, type System } from '../src/system.js';
import { Neglect } from './neglect.js';
import type { PartnerServer } from './partners/server.js';
import type { SimulatedTimetable } from './partners/timetable.js';
import { type FamilyFile, readFamilyFile } from './sample-families.js';
import { readBehaviour } from './staff/behaviour.js';
import { Chance } from './staff/chance.js';
import { Decisions, type Situation } from './staff/decisions.js';
import { lookAfter } from './staff/office-hours.js';
import { Staff } from './staff/staff.js';
import { Time } from './time.js';
import { ADULTS, BEHAVIOUR, Town } from './town.js';

const WORKFLOW = 'family-support';
const SEED = 'demonstration';
const DAY_MS = 86_400_000;
/** Long enough that the first families have come to their end, or wait for a grant. */
const BEGINS_DAYS_AGO = 240;
/** Since then one partner has answered nobody. */
const SILENT_FOR_DAYS = 24;
const TELL_EVERY_MS = 2_000;

interface PastOptions {
  config: Config;
  partners: { server: PartnerServer; timetable: SimulatedTimetable; addresses: Config['partners'] };
  /** Where the simulated partners find the centre from now on. */
  reach(town: Town): void;
  signal: AbortSignal;
  progress(line: string): void;
  warn(message: string, error: unknown): void;
}

/** Whether the time of this database is still on the way to the present, or nothing has happened in it and families are to come. */
export async function needsPast({ clock, pool }: System, families: number): Promise<boolean> {
  return (await clock.isBehind()) || (families > 0 && (await isUntouched(pool)));
}

/**
 * Families have been coming for months: each is registered on its day and led on by simulated staff and partners, through
 * the same services as ever, until the time of the database is the real one. May be killed at any moment: the next call
 * goes on. False if it was told to stop before it was through.
 */
export async function leadThroughPast(options: PastOptions): Promise<boolean> {
  const { config, partners, warn } = options;
  const town = await Town.open({
    config,
    seed: SEED,
    partners,
    // One process does it all, and a queue on the way would only take time.
    queues: false,
    log: () => undefined,
    warn,
    begin: async ({ clock, pool }) => {
      if (await isUntouched(pool)) await clock.beginAt(daysAgo(BEGINS_DAYS_AGO));
    },
  });
  try {
    options.reach(town);
    return await new Past(town, options).live(await readFamilyFile(config.demoFamilies));
  } finally {
    await town.close();
  }
}

async function isUntouched(pool: System['pool']): Promise<boolean> {
  const [found] = await asOrganisation(pool, ORGANISATION, (query) =>
    query<{ untouched: boolean }>(
      'select not exists (select from qamqor.families) and not exists (select from qamqor.cases) as untouched',
    ),
  );
  return found?.untouched === true;
}

class Past {
  private readonly families = new Map<string, Situation['family']>();
  private told = performance.now();

  constructor(
    private readonly town: Town,
    private readonly options: PastOptions,
  ) {}

  async live(file: FamilyFile[]): Promise<boolean> {
    const { system, timetable, partners } = this.town;
    const { signal, config } = this.options;
    const silentPartner = config.demoSilent;
    const arrivals = await this.arrivals(file);
    const neglect = new Neglect(this.town.desk(), system.pool);
    const staff = this.staff(neglect);
    const time = this.time();
    for (;;) {
      const { now, next } = await time.settle();
      if (signal.aborted) return false;
      if (now >= daysAgo(SILENT_FOR_DAYS)) partners.simulator.keepSilent(silentPartner, true);
      const arrived = await this.welcome(arrivals, now);
      const staffNext = await staff.look();
      const acts = staffNext !== null && staffNext <= now ? await staff.act(now) : 0;
      if ((await timetable.runDue(now)) + acts + arrived > 0) continue;
      const moments = [next, staffNext, timetable.nextDue(), arrivals[0]?.on ?? null];
      // What lies about is due for ever, and nobody waits for it.
      const [earliest] = moments.filter((moment) => moment !== null && moment > now).sort();
      if (!earliest || earliest >= new Date().toISOString()) break;
      this.tell(earliest, arrivals.length, file.length);
      await time.advanceTo(earliest);
      // Ladders are climbed by sweeps alone, and the real seconds between two of them are weeks here.
      await system.runtime.sweeper.sweep();
    }
    // What lies there from the silent weeks is mislaid until it is told to speak; whatever comes from now on is answered.
    partners.simulator.mislay(silentPartner);
    partners.simulator.keepSilent(silentPartner, false);
    await system.clock.catchUp();
    return true;
  }

  /** Who has not come yet, and when they will: at the hours when people look up from their desks, until today. */
  private async arrivals(file: FamilyFile[]): Promise<{ on: string; family: FamilyFile }[]> {
    const { system } = this.town;
    const known = await asOrganisation(system.pool, ORGANISATION, (query) =>
      query<Known>(KNOWN, [file.map(({ number }) => number), WORKFLOW]),
    );
    for (const { id, has_case, ...family } of known) if (has_case) this.know(id, family);
    const come = new Set(known.filter(({ has_case }) => has_case).map(({ number }) => number));
    const waiting = file.filter(({ number }) => !come.has(number));
    const from = Date.parse(await system.clock.now());
    const step = (Date.now() - from) / (waiting.length + 1);
    return waiting.map((family, place) => {
      const day = new Date(from + step * place).toISOString();
      return { on: lookAfter(day, 0, system.calendar), family };
    });
  }

  private async welcome(arrivals: { on: string; family: FamilyFile }[], now: string): Promise<number> {
    const { system, app } = this.town;
    let welcomed = 0;
    for (let next = arrivals[0]; next && next.on <= now; next = arrivals[0]) {
      arrivals.shift();
      await new ImportService(system.pool, system.ids).importFamilies(next.family.asFile(now.slice(0, 10)), {
        organisation: ORGANISATION,
        actor: 'demonstration',
        language: 'en',
      });
      const { number } = next.family;
      const [row] = await asOrganisation(system.pool, ORGANISATION, (query) =>
        query<Known>(KNOWN, [[number], WORKFLOW]),
      );
      if (!row) throw new Error(`The sample family ${number} could not be taken in.`);
      this.know(row.id, row);
      const registrar = await this.town.account('registrar');
      await app
        .get(CasesService)
        .open(registrar, WORKFLOW, { familyId: row.id }, { key: `demonstration-${row.id}` })
        .catch(ignoringOpen);
      welcomed += 1;
    }
    return welcomed;
  }

  private know(id: string, { number, categories, interest, adults }: Omit<Known, 'id' | 'has_case'>): void {
    this.families.set(id, { number, categories, interest: interest ?? 'other', adults });
  }

  private staff(neglect: Neglect): Staff {
    const { town } = this;
    return new Staff({
      desk: neglect.inDesk(),
      decisions: new Decisions(new Chance(SEED), readBehaviour(BEHAVIOUR)),
      calendar: town.system.calendar,
      pool: town.system.pool,
      organisationId: ORGANISATION,
      families: this.families,
    });
  }

  private time(): Time {
    const { clock, relayPool, runtime } = this.town.system;
    return new Time({
      clock,
      pool: relayPool,
      // It ends by the calendar, however many cases are open.
      subjects: [],
      isBusy: () => !runtime.quiet,
      sweep: () => runtime.sweeper.sweep(),
    });
  }

  private tell(now: string, toCome: number, all: number): void {
    if (performance.now() - this.told < TELL_EVERY_MS) return;
    this.told = performance.now();
    this.options.progress(`  ${now.slice(0, 10)}: ${all - toCome} of ${all} families have come.`);
  }
}

interface Known {
  id: string;
  number: string;
  categories: string[];
  interest: string | null;
  adults: number[];
  has_case: boolean;
}

const KNOWN = `select f.id, f.number, f.categories, f.interest, ${ADULTS},
    exists (select from qamqor.cases c where c.subject = f.id::text and c.workflow_key = $2) as has_case
  from qamqor.families f where f.number = any ($1)`;

function daysAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString();
}

/** Opened just before a kill. */
function ignoringOpen(error: unknown): void {
  if (!(error instanceof AppError) || error.code !== 'open-case-exists') throw error;
}
