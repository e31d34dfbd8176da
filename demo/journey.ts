import { createReadStream } from 'node:fs';
import { CasesService } from '../src/api/cases.service.js';
import type { Config } from '../src/config.js';
import { asOrganisation } from '../src/engine/cases.js';
import { AppError } from '../src/engine/errors.js';
import type { VerifyReport } from '../src/engine/verify.js';
import { surveyFamilies } from '../src/families/families-in-file.js';
import { ImportService } from '../src/families/import.service.js';
import type { ImportReport } from '../src/families/import-report.js';
import { openSpreadsheet } from '../src/families/spreadsheet.js';
import { ORGANISATION } from '../src/system.js';
import { verifySystem } from '../src/verify-system.js';
import { incidentsOf, type JourneyIncident } from './incidents.js';
import { type Mishaps, mishapsOf } from './mishaps.js';
import type { PartnerCounts } from './partners/ledger.js';
import { readBehaviour } from './staff/behaviour.js';
import { Chance } from './staff/chance.js';
import { Decisions, type Situation } from './staff/decisions.js';
import { Staff } from './staff/staff.js';
import { type Summary, summarise } from './summary.js';
import { Time } from './time.js';
import { ADULTS, BEHAVIOUR, Town } from './town.js';

export const WORKFLOW = 'family-support';
const OPENED_AT_ONCE = 50;
const TELL_EVERY_MS = 2_000;

export interface JourneyOptions {
  config: Config;
  /** CSV of families. */
  file: string;
  /** Only the first so many of the file. */
  count?: number;
  /** What simulated people do is drawn from it. */
  seed: string;
  progress(line: string): void;
  warn(message: string, error: unknown): void;
}

export interface JourneyReport {
  families: number;
  finished: number;
  byStatus: Record<string, number>;
  funnel: Summary['funnel'];
  outcomes: Record<string, number>;
  partners: PartnerCounts[];
  incidents: JourneyIncident[];
  verify: VerifyReport;
  seed: string;
  wallMs: number;
  /** How often each thing happened that must be able to happen. */
  mishaps: Mishaps;
  /** Outcome and reason by family number. */
  ends: Record<string, string>;
  /** From the first case to the last, in days of the simulated clock. */
  days: number;
}

/** The file has rows that no family can be led from. */
export class FamiliesRefused extends Error {
  constructor(readonly report: ImportReport) {
    super(
      `${report.problems.length} problems in the file of families; the first: row ${report.problems[0]?.row}: ${report.problems[0]?.message}`,
    );
    this.name = 'FamiliesRefused';
  }
}

/** Cases wait for something that nobody will ever do. */
export class JourneyStuck extends Error {
  override readonly name = 'JourneyStuck';
}

/**
 * Leads families from intake to their end. Everything happens through the services that people and partners use; time
 * jumps from one due moment to the next. May be killed at any moment: called again with the same file it goes on, and
 * every family ends as it would have.
 */
export async function runJourney(options: JourneyOptions): Promise<JourneyReport> {
  const began = performance.now();
  const { config, seed, progress, warn } = options;
  const town = await Town.open({ config, seed, log: progress, warn });
  try {
    const families = await importFamilies(town, options);
    await openCases(town, [...families.keys()], progress);
    await liveUntilAllEnd(town, families, options);
    progress('All cases have ended; making each of them again from its journal.');
    const verified = await verifySystem(town.system);
    return await report(town, families, verified, { seed, wallMs: Math.round(performance.now() - began) });
  } finally {
    await town.close();
  }
}

/** Families by id, in the order of the file. */
async function importFamilies(
  town: Town,
  { file, count, progress }: JourneyOptions,
): Promise<Map<string, Situation['family']>> {
  const importer = new ImportService(town.system.pool, town.system.ids);
  const imported = await importer.importFamilies(createReadStream(file), {
    organisation: ORGANISATION,
    actor: 'journey',
    language: 'en',
  });
  if (imported.problems.length > 0) throw new FamiliesRefused(imported);
  progress(
    `Families: ${imported.imported} imported, ${imported.updated} updated, ${imported.unchanged} known already.`,
  );
  const { rowsOf } = await surveyFamilies(await openSpreadsheet(createReadStream(file)));
  const numbers = [...rowsOf.keys()].slice(0, count);
  const rows = await asOrganisation(town.system.pool, ORGANISATION, (query) =>
    query<{ id: string; number: string; categories: string[]; interest: string | null; adults: number[] }>(
      `select f.id, f.number, f.categories, f.interest, ${ADULTS}
       from qamqor.families f where f.number = any ($1) order by array_position($1, f.number)`,
      [numbers],
    ),
  );
  return new Map(rows.map(({ id, interest, ...family }) => [id, { ...family, interest: interest ?? 'other' }]));
}

/** One case for each family that never had one. */
async function openCases(town: Town, familyIds: string[], progress: JourneyOptions['progress']): Promise<void> {
  const known = await asOrganisation(town.system.pool, ORGANISATION, (query) =>
    query<{ subject: string }>('select subject from qamqor.cases where workflow_key = $1 and subject = any ($2)', [
      WORKFLOW,
      familyIds,
    ]),
  );
  const had = new Set(known.map(({ subject }) => subject));
  const queue = familyIds.filter((id) => !had.has(id));
  progress(`Cases: ${queue.length} to be opened, ${had.size} there already.`);
  const cases = town.app.get(CasesService);
  const registrar = await town.account('registrar');
  const hands = Array.from({ length: OPENED_AT_ONCE }, async () => {
    for (let id = queue.shift(); id; id = queue.shift()) {
      await cases.open(registrar, WORKFLOW, { familyId: id }, { key: `journey-${id}` }).catch(ignoringOpen);
    }
  });
  await Promise.all(hands);
}

/** A command that was taken just before a kill. */
function ignoringOpen(error: unknown): void {
  if (!(error instanceof AppError) || error.code !== 'open-case-exists') throw error;
}

async function liveUntilAllEnd(
  town: Town,
  families: Map<string, Situation['family']>,
  { seed, progress }: JourneyOptions,
): Promise<void> {
  const { system, timetable } = town;
  const { runtime } = system;
  const decisions = new Decisions(new Chance(seed), readBehaviour(BEHAVIOUR));
  const staff = new Staff({
    desk: town.desk(),
    decisions,
    calendar: system.calendar,
    pool: system.pool,
    organisationId: ORGANISATION,
    families,
  });
  const time = new Time({
    clock: system.clock,
    pool: system.relayPool,
    subjects: [...families.keys()],
    isBusy: () => !runtime.quiet,
    sweep: () => runtime.sweeper.sweep(),
  });
  let told = 0;
  for (;;) {
    const { now, next, open } = await time.settle();
    const staffNext = await staff.look();
    if ((await timetable.runDue(now)) > 0) continue;
    if (staffNext !== null && staffNext <= now && (await staff.act(now)) > 0) continue;
    if (performance.now() - told > TELL_EVERY_MS) {
      told = performance.now();
      progress(`${now.slice(0, 16)}  ${families.size - open} of ${families.size} families have come to an end`);
    }
    // Partners that answer late are heard out: the centre must cope with them too.
    const moments = [open > 0 ? next : null, staffNext, timetable.nextDue()].filter((moment) => moment !== null);
    if (open === 0 && timetable.nextDue() === null) return;
    const earliest = moments.sort()[0];
    if (!earliest) throw new JourneyStuck(await whyStuck(town, families));
    await time.advanceTo(earliest);
  }
}

async function whyStuck(town: Town, families: ReadonlyMap<string, unknown>): Promise<string> {
  const rows = await asOrganisation(town.system.pool, ORGANISATION, (query) =>
    query<{ number: string; state: string; message: string | null }>(
      `select c.number, c.state, (select message from qamqor.incidents i where i.case_id = c.id and i.status = 'open' order by i.opened_at limit 1) as message
       from qamqor.cases c where c.status in ('active', 'suspended') and c.subject = any ($1) order by c.number limit 20`,
      [[...families.keys()]],
    ),
  );
  const lines = rows.map(({ number, state, message }) => `  ${number} in ${state}${message ? `: ${message}` : ''}`);
  return `Nothing is due any more, and these cases have not ended:\n${lines.join('\n')}`;
}

async function report(
  town: Town,
  families: Map<string, Situation['family']>,
  verified: VerifyReport,
  run: { seed: string; wallMs: number },
): Promise<JourneyReport> {
  const { system, partners } = town;
  const { workflow } = await system.runtime.versions.current(ORGANISATION, WORKFLOW);
  const summary = await summarise(
    system.pool,
    ORGANISATION,
    workflow.stages.map(({ key }) => key),
    [...families.keys()],
  );
  const counts = partners.simulator.counts();
  const ends = Object.entries(summary.ends).map(([id, end]) => [families.get(id)?.number ?? id, end] as const);
  return {
    families: families.size,
    finished: summary.finished,
    byStatus: summary.byStatus,
    funnel: summary.funnel,
    outcomes: summary.outcomes,
    partners: counts,
    incidents: await incidentsOf(system.pool, ORGANISATION, [...families.keys()]),
    verify: verified,
    ...run,
    mishaps: mishapsOf(summary, counts),
    ends: Object.fromEntries(ends.sort(([one], [other]) => one.localeCompare(other))),
    days: summary.days,
  };
}
