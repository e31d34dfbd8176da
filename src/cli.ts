import { Command, CommanderError } from 'commander';
import type { AccountOptions } from './cli/accounts.js';
import { isInterrupted } from './cli/interrupt.js';
import { EXIT, type ExitCode, explain, isReaderGone, Terminal, TerminalError } from './cli/terminal.js';
import { misspeltSettings } from './config.js';
import { diskTrouble } from './platform/start-trouble.js';

/** How long a command that has ended waits for what it left open. */
const LEFTOVERS_MS = 10_000;

const EXITS = `
Exit codes: 0 done, 1 something is wrong with what was looked at, 2 the command could not be carried out as asked.
With --json the last line of stdout is JSON: the command's answer, or where there is none {"error": {"code", "message"}}.`;

/**
 * The same services from a terminal. Each command loads what it needs and no more: `play` and `check` start no database.
 */
async function main(args: string[]): Promise<ExitCode> {
  let result: ExitCode = EXIT.ok;
  const program = new Command('qamqor')
    .description('Runs service pipelines: import families, check and play workflows, verify what happened.')
    .addHelpText('after', EXITS)
    .exitOverride()
    .showHelpAfterError('Add --help to see what it takes.');
  /** A command whose action gives the exit code; `--json` makes the last line of stdout the answer. */
  const command = (parent: Command, usage: string, description: string) =>
    parent
      .command(usage)
      .description(description)
      .option('--json', 'end with one line of JSON on stdout; progress goes to stderr');
  const run =
    <Args extends unknown[]>(action: (...args: Args) => Promise<ExitCode>) =>
    async (...args: Args): Promise<void> => {
      result = await action(...args);
    };

  addFamilyCommands(program, command, run);
  addWorkflowCommands(
    program.command('workflow').description('Looks at workflows, plays them and makes them current.'),
    command,
    run,
  );
  addAccountCommands(program.command('account').description('Says who can sign in, and as what.'), command, run);
  await program.parseAsync(args, { from: 'user' });
  return result;
}

type CommandMaker = (parent: Command, usage: string, description: string) => Command;
type Runner = <Args extends unknown[]>(
  action: (...args: Args) => Promise<ExitCode>,
) => (...args: Args) => Promise<void>;
interface Json {
  json?: boolean;
}

function addFamilyCommands(program: Command, command: CommandMaker, run: Runner): void {
  command(
    program,
    'import <file>',
    'Takes families from a spreadsheet (CSV) and says row by row what is wrong with it.',
  )
    .option('--language <language>', 'language of the remarks: kk, ru or en', 'kk')
    .action(
      run(async (file: string, options: Json & { language: string }) =>
        (await import('./cli/database-commands.js')).importFamilies(file, options, terminal(options)),
      ),
    );
  command(program, 'verify', 'Makes every case again from its journal alone and compares.').action(
    run(async (options: Json) => (await import('./cli/database-commands.js')).verifyCases(terminal(options))),
  );
  command(
    program,
    'backup <file>',
    'Copies the embedded database into a file, while everybody goes on working.',
  ).action(
    run(async (file: string, options: Json) =>
      (await import('./cli/backup.js')).backUpCommand(file, terminal(options)),
    ),
  );
  command(program, 'restore <file>', 'Puts a backup into an empty data folder.').action(
    run(async (file: string, options: Json) =>
      (await import('./cli/backup.js')).restoreCommand(file, terminal(options)),
    ),
  );
  command(program, 'journey', 'Leads families from intake to their end, with simulated staff, partners and time.')
    .requiredOption('--families <file>', 'CSV of families')
    .option('--count <n>', 'only the first n families', wholeNumber)
    .option('--seed <seed>', 'what the simulated people do is drawn from it', '1')
    .action(
      run(async (options: Json & { families: string; count?: number; seed: string }) =>
        (await import('../demo/journey.command.js')).journeyCommand(options, terminal(options)),
      ),
    );
}

function addAccountCommands(account: Command, command: CommandMaker, run: Runner): void {
  const each = (role: string, before: string[] = []) => [...before, role];
  const described = (made: Command) =>
    made
      .option('--name <name>', 'how colleagues and families call them')
      .option('--role <role>', 'what they do; once for each role', each)
      .option('--password-stdin', 'the password is the first line of what is piped in');
  const accounts = () => import('./cli/accounts.js');
  described(
    command(account, 'add <email>', 'Lets somebody sign in; a password is made up unless one is piped in.'),
  ).action(
    run(async (email: string, options: Json & AccountOptions) =>
      (await accounts()).addAccount(email, options, terminal(options)),
    ),
  );
  described(command(account, 'change <email>', 'Another name, other roles or another password.'))
    .option('--new-password', 'a password is made up; whoever has signed in is signed out')
    .action(
      run(async (email: string, options: Json & AccountOptions) =>
        (await accounts()).changeAccount(email, options, terminal(options)),
      ),
    );
  command(account, 'disable <email>', 'Signs somebody out for good.').action(
    run(async (email: string, options: Json) => (await accounts()).disableAccount(email, terminal(options))),
  );
  command(account, 'list', 'Everybody who can sign in.').action(
    run(async (options: Json) => (await accounts()).listAccounts(terminal(options))),
  );
}

function addWorkflowCommands(workflow: Command, command: CommandMaker, run: Runner): void {
  command(workflow, 'check [path]', 'Finds what would hold a family up for ever, or send it astray.').action(
    run(async (path: string | undefined, options: Json) =>
      (await import('./cli/check.js')).checkWorkflows(path, terminal(options)),
    ),
  );
  command(
    workflow,
    'test [path]',
    'Plays the scenarios (given, when, then) of workflows and names the step that differs.',
  ).action(
    run(async (path: string | undefined, options: Json) =>
      (await import('./cli/check.js')).testWorkflows(path, terminal(options)),
    ),
  );
  command(workflow, 'play <file>', 'Plays a statechart: with --events a list, without it at the keyboard.')
    .option(
      '--events <list>',
      'NAME, NAME:{json}, done(id), done(id):{json}, error(id), wait(P3D), separated by commas',
    )
    .option('--input <json>', "the case's input, as a JSON object")
    .action(
      run(async (file: string, options: Json & { events?: string; input?: string }) =>
        (await import('./cli/play.js')).playWorkflow(file, options, terminal(options)),
      ),
    );
  command(workflow, 'diagram <key>', 'Draws a workflow as Mermaid.').action(
    run(async (key: string, options: Json) => (await import('./cli/drawing.js')).drawWorkflow(key, terminal(options))),
  );
  command(workflow, 'export <key>', 'Writes a workflow as JSON.')
    .option('--studio', 'JSON that plain XState and Stately Studio load')
    .action(
      run(async (key: string, options: Json & { studio?: boolean }) =>
        (await import('./cli/drawing.js')).exportWorkflow(key, options, terminal(options)),
      ),
    );
  command(workflow, 'deploy <path>', 'Makes a workflow current; running cases keep their version.').action(
    run(async (path: string, options: Json) =>
      (await import('./cli/database-commands.js')).deployWorkflow(path, terminal(options)),
    ),
  );
}

function terminal(options: Json): Terminal {
  return new Terminal(options.json === true);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new TerminalError('usage', `--count takes a whole number from 1, not "${text}".`);
  return number;
}

/** What stopped a command: words on stderr, and with `--json` the same as its last line of stdout. */
async function fail(error: unknown, args: string[]): Promise<ExitCode> {
  // Help and version are no mistakes.
  if (error instanceof CommanderError && /^commander\.(help|helpDisplayed|version)$/.test(error.code)) return EXIT.ok;
  const out = new Terminal(args.includes('--json'));
  const isUsage = error instanceof CommanderError;
  const { code, message, exitCode } = isUsage
    ? { code: 'usage', message: error.message.replace(/^error: /, ''), exitCode: EXIT.unusable }
    : explain(diskTrouble(error));
  // Commander has said it already.
  if (!isUsage) out.progress(message);
  await out.answer({ error: { code, message } });
  return exitCode;
}

// What is said when nobody reads any more goes nowhere; the command ends as it would have, and closes what it opened.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!isReaderGone(error)) throw error;
  });
}

const args = process.argv.slice(2);
for (const line of misspeltSettings()) process.stderr.write(`${line}\n`);
process.exitCode = await main(args).catch((error: unknown) => (isInterrupted() ? EXIT.unusable : fail(error, args)));

// Whatever was left open must not keep a command that has ended from ending.
setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
