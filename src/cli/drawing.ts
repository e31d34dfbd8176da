import { diagram } from '../statechart/diagram.js';
import { studioMachine } from '../statechart/studio.js';
import type { Workflow } from '../statechart/types.js';
import { EXIT, type ExitCode, type Terminal } from './terminal.js';
import { findWorkflow, isThere, loadFound } from './workflow-paths.js';

/** What a workflow may be called; anything else is a path. */
const KEY = /^[a-z0-9][a-z0-9_-]*$/i;

/** `workflow diagram KEY`: the key of a workflow that comes with Qamqor or was deployed, or a path. */
export async function drawWorkflow(keyOrPath: string, terminal: Terminal): Promise<ExitCode> {
  const workflow = await workflowNamed(keyOrPath, terminal);
  const drawn = diagram(workflow);
  if (!terminal.json) terminal.say(drawn.mermaid.trimEnd());
  await terminal.answer({ key: workflow.key, ...drawn });
  return EXIT.ok;
}

/** `workflow export KEY`: as Qamqor's own files, or with `--studio` as a machine for plain XState. Always JSON. */
export async function exportWorkflow(
  keyOrPath: string,
  options: { studio?: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const workflow = await workflowNamed(keyOrPath, terminal);
  const exported = options.studio
    ? studioMachine(workflow)
    : { key: workflow.key, hash: workflow.hash, files: workflow.files };
  if (!terminal.json) terminal.say(JSON.stringify(exported, null, 2));
  await terminal.answer(exported);
  return EXIT.ok;
}

/** From the files where they are there; a database is asked, and started if need be, for other keys only. */
async function workflowNamed(keyOrPath: string, terminal: Terminal): Promise<Workflow> {
  if (isThere(keyOrPath) || !KEY.test(keyOrPath)) return loadFound(findWorkflow(keyOrPath), { forPlay: true });
  const { storedWorkflow } = await import('./database-commands.js');
  return storedWorkflow(keyOrPath, terminal);
}
