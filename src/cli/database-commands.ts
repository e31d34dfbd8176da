import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readConfig } from '../config.js';
import { AppError } from '../engine/errors.js';
import { openFamiliesFile } from '../families/families-file.js';
import { runImport } from '../families/import.command.js';
import { ImportService } from '../families/import.service.js';
import { LANGUAGES } from '../families/vocabulary.js';
import type { Finding, Workflow } from '../statechart/types.js';
import { ORGANISATION, System } from '../system.js';
import { verifySystem } from '../verify-system.js';
import { deployChecked } from '../workflows/deploy.js';
import { findingsOf, hasErrors, sayFindings } from './check.js';
import { endWithDatabase } from './interrupt.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from './terminal.js';
import { findWorkflow, loadFound } from './workflow-paths.js';

/** Who did it, where no account is signed in. */
export const TERMINAL_ACTOR = 'terminal';

/** `import FILE.csv` */
export async function importFamilies(
  file: string,
  { language }: { language: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const known = LANGUAGES.find((candidate) => candidate === language);
  if (!known) throw new TerminalError('usage', `--language takes ${LANGUAGES.join(', ')}, not "${language}".`);
  const source = await openFamiliesFile(file, known);
  // What the database tells of itself is English, and the clerk has chosen a language.
  return withSystem({ progress: () => undefined }, (system) =>
    runImport(
      source,
      { json: terminal.json, language: known },
      {
        importer: new ImportService(system.pool, system.ids),
        organisation: ORGANISATION,
        actor: TERMINAL_ACTOR,
        out: (line) => terminal.out(line),
        err: (line) => terminal.progress(line),
      },
    ),
  );
}

/** `verify` */
export async function verifyCases(terminal: Terminal): Promise<ExitCode> {
  refuseMissingDatabase();
  return withSystem(terminal, async (system) => {
    let told = 0;
    const report = await verifySystem(system, (cases) => {
      if (cases > told) terminal.progress(`${cases} cases looked at`);
      told = cases;
    });
    terminal.say(
      `${report.cases} cases, ${report.rows} journal rows: ${report.ok ? 'everything is as it was written.' : `${report.problems.length} problems.`}`,
    );
    for (const problem of report.problems)
      terminal.say(
        `  ${problem.case === null ? '' : `case ${problem.case}, `}${problem.seq === null ? '' : `row ${problem.seq}: `}${problem.rule}: ${problem.message}`,
      );
    await terminal.answer(report);
    return report.ok ? EXIT.ok : EXIT.found;
  });
}

/** To look at nothing and find nothing wrong would let a mistyped folder pass. */
function refuseMissingDatabase(): void {
  const { databaseUrl, dataDir } = readConfig(undefined, { serves: false });
  if (databaseUrl !== undefined || hasDatabase(dataDir)) return;
  throw new TerminalError(
    'no-database',
    `There is no database in the folder ${resolve(dataDir)}, so there is nothing to verify: name the right folder with QAMQOR_DATA, or a server with DATABASE_URL.`,
  );
}

function hasDatabase(dataDir: string): boolean {
  return existsSync(join(dataDir, 'postgres'));
}

/** `workflow deploy PATH`: only what passes the check becomes current. */
export async function deployWorkflow(path: string, terminal: Terminal): Promise<ExitCode> {
  const found = findWorkflow(path);
  const findings = findingsOf(loadFound(found), found);
  sayFindings(findings, terminal);
  if (hasErrors(findings)) return notDeployed(findings, terminal);
  return withSystem(terminal, async (system) => {
    const { runtime, clock, folder } = system;
    const deps = { versions: runtime.versions, clock, catalogue: folder.catalogue };
    try {
      const deployed = await deployChecked(deps, ORGANISATION, found.files, TERMINAL_ACTOR);
      terminal.say(
        `${deployed.key} version ${deployed.version} ${deployed.created ? 'is new, and current from now on' : 'was known already; nothing changed'}.`,
      );
      await terminal.answer({ deployed: true, ...deployed, findings });
      return EXIT.ok;
    } catch (error) {
      // Its own catalogue lets it through, that of this installation does not.
      if (!(error instanceof AppError) || error.code !== 'workflow-refused') throw error;
      const errors = error.facts.findings as unknown as Finding[];
      sayFindings(errors, terminal);
      return notDeployed(errors, terminal);
    }
  });
}

async function notDeployed(findings: Finding[], terminal: Terminal): Promise<ExitCode> {
  terminal.say('Not deployed: families would come to harm. Mend the errors above and try again.');
  await terminal.answer({ deployed: false, findings });
  return EXIT.found;
}

/** The newest version in the database, where there is one that could hold it. */
export async function storedWorkflow(key: string, terminal: Terminal): Promise<Workflow> {
  const { databaseUrl, dataDir } = readConfig(undefined, { serves: false });
  const unknown = (where: string) =>
    new TerminalError(
      'unknown-workflow',
      `There is no workflow "${key}": ${where}. Give the path of its file or folder.`,
    );
  if (databaseUrl === undefined && !hasDatabase(dataDir))
    throw unknown('none of that name comes with Qamqor, and there is no database yet that could know more');
  return withSystem(terminal, async ({ runtime }) => {
    try {
      return (await runtime.versions.current(ORGANISATION, key)).workflow;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unknown-workflow') throw error;
      throw unknown('none of that name comes with Qamqor, and the database knows none either');
    }
  });
}

export async function withSystem<Result>(
  terminal: Pick<Terminal, 'progress'>,
  work: (system: System) => Promise<Result>,
): Promise<Result> {
  endWithDatabase();
  const system = await System.open(readConfig(undefined, { serves: false }), {
    queues: false,
    serves: false,
    log: (line) => terminal.progress(line),
  });
  try {
    return await work(system);
  } finally {
    await system.close();
  }
}
