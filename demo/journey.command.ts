import { endWithDatabase } from '../src/cli/interrupt.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from '../src/cli/terminal.js';
import { readConfig } from '../src/config.js';
import { refuseUnusableFile } from '../src/families/families-file.js';
import { FamiliesRefused, type JourneyReport, JourneyStuck, runJourney } from './journey.js';
import { MISHAP_WORDS, missing } from './mishaps.js';
import { TownRefused } from './town.js';

export interface JourneyCommandOptions {
  families: string;
  count?: number;
  seed: string;
}

/** With fewer families than this some mishaps happen to nobody, and that proves nothing. */
const ENOUGH_FAMILIES = 400;

/** `journey --families FILE.csv`: 0 only if everyone came to an end, the journals are clean, and everything that can happen did. */
export async function journeyCommand(
  { families, count, seed }: JourneyCommandOptions,
  terminal: Terminal,
  run: typeof runJourney = runJourney,
): Promise<ExitCode> {
  const config = readConfig(undefined, { serves: false });
  if (config.production) {
    throw new TerminalError(
      'production',
      'A journey moves the clock and invents people: it never runs on a production database. Unset DATABASE_URL to use the embedded one.',
    );
  }
  await refuseUnusableFile(families, 'en');
  endWithDatabase();
  const report = await journey({ families, count, seed }, config, terminal, run);
  for (const line of inWords(report)) terminal.say(line);
  await terminal.answer(report);
  const faults = faultsOf(report);
  for (const fault of faults) terminal.progress(fault);
  return faults.length === 0 ? EXIT.ok : EXIT.found;
}

async function journey(
  options: JourneyCommandOptions,
  config: ReturnType<typeof readConfig>,
  terminal: Terminal,
  run: typeof runJourney,
): Promise<JourneyReport> {
  try {
    return await run({
      config,
      file: options.families,
      ...(options.count === undefined ? {} : { count: options.count }),
      seed: options.seed,
      progress: (line) => terminal.progress(line),
      warn: (message, error) =>
        terminal.progress(`${message} ${error instanceof Error ? error.message : String(error)}`),
    });
  } catch (error) {
    if (error instanceof TownRefused) throw new TerminalError('database-in-use', error.message);
    if (error instanceof JourneyStuck) throw new TerminalError('journey-stuck', error.message, EXIT.found);
    if (error instanceof FamiliesRefused)
      throw new TerminalError(
        'families-refused',
        `${error.message}\nRun "import" on the file to see all of them, mend it and try again.`,
      );
    throw error;
  }
}

function faultsOf(report: JourneyReport): string[] {
  const { families, finished, verify, mishaps, incidents } = report;
  const faults: string[] = [];
  if (finished < families) faults.push(`${families - finished} families have not come to an end.`);
  if (!verify.ok) faults.push(`verify found ${verify.problems.length} problems.`);
  const unexplained = incidents.filter(({ explained }) => !explained);
  if (unexplained.length > 0)
    faults.push(`${unexplained.length} incidents are not explained; the first: ${unexplained[0]?.reason}`);
  const never = missing(mishaps);
  if (families >= ENOUGH_FAMILIES && never.length > 0)
    faults.push(
      `Never happened, so the run shows nothing about it: ${never.map((name) => MISHAP_WORDS[name]).join(', ')}.`,
    );
  return faults;
}

function inWords({ families, finished, outcomes, funnel, mishaps, verify, days, wallMs }: JourneyReport): string[] {
  const stages = funnel.map(
    ({ stage, entered, left, days: { p50, p95 } }) =>
      `  ${stage.padEnd(14)} ${String(entered).padStart(4)} came, ${String(left).padStart(4)} left; days: half within ${p50 ?? '-'}, 95 % within ${p95 ?? '-'}`,
  );
  const list = (counts: object, words: Record<string, string> = {}) =>
    Object.entries(counts).map(([name, times]) => `  ${(words[name] ?? name).padEnd(28)} ${times}`);
  return [
    `${finished} of ${families} families came to an end in ${days} days of simulated time (${Math.round(wallMs / 1000)} s).`,
    'Stages:',
    ...stages,
    'Ends:',
    ...list(outcomes),
    'What went wrong on the way:',
    ...list(mishaps, MISHAP_WORDS),
    `Journals: ${verify.cases} cases, ${verify.rows} rows, ${verify.ok ? 'all as they were written' : `${verify.problems.length} problems`}.`,
  ];
}
