import { readConfig } from '../config.js';
import { runImport } from '../families/import.command.js';
import { ImportService } from '../families/import.service.js';
import { LANGUAGES } from '../families/vocabulary.js';
import { ORGANISATION, System } from '../system.js';
import { verifySystem } from '../verify-system.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from './terminal.js';
import { findWorkflow } from './workflow-paths.js';

/** Who did it, where no account is signed in. */
const TERMINAL_ACTOR = 'terminal';

/** `import FILE.csv` */
export async function importFamilies(
  file: string,
  { language }: { language: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const known = LANGUAGES.find((candidate) => candidate === language);
  if (!known) throw new TerminalError(`--language takes ${LANGUAGES.join(', ')}, not "${language}".`);
  return withSystem(terminal, (system) =>
    runImport(
      file,
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
  return withSystem(terminal, async (system) => {
    const report = await verifySystem(system, (cases) => terminal.progress(`${cases} cases looked at`));
    terminal.say(
      `${report.cases} cases, ${report.rows} journal rows: ${report.ok ? 'everything is as it was written.' : `${report.problems.length} problems.`}`,
    );
    for (const problem of report.problems)
      terminal.say(
        `  ${problem.case === null ? 'access log' : `case ${problem.case}`}, row ${problem.seq ?? '-'}: ${problem.rule}: ${problem.message}`,
      );
    await terminal.answer(report);
    return report.ok ? EXIT.ok : EXIT.found;
  });
}

/** `workflow deploy PATH`: only what passes the check becomes current. */
export async function deployWorkflow(path: string, terminal: Terminal): Promise<ExitCode> {
  const { findingsOf, hasErrors, sayFindings } = await import('./check.js');
  const found = findWorkflow(path);
  const { findings } = findingsOf(found);
  sayFindings(findings, terminal);
  if (hasErrors(findings)) {
    terminal.say('Not deployed: families would come to harm. Mend the errors above and try again.');
    await terminal.answer({ deployed: false, findings });
    return EXIT.found;
  }
  return withSystem(terminal, async (system) => {
    const deployed = await system.runtime.versions.deploy(ORGANISATION, found.files, TERMINAL_ACTOR);
    terminal.say(
      `${deployed.key} version ${deployed.version} ${deployed.created ? 'is new, and current from now on' : 'was known already; nothing changed'}.`,
    );
    await terminal.answer({ deployed: true, ...deployed, findings });
    return EXIT.ok;
  });
}

async function withSystem<Result>(terminal: Terminal, work: (system: System) => Promise<Result>): Promise<Result> {
  const system = await System.open(readConfig(), { queues: false, log: (line) => terminal.progress(line) });
  try {
    return await work(system);
  } finally {
    await system.close();
  }
}
