import { diagram } from '../statechart/diagram.js';
import { loadWorkflow } from '../statechart/load.js';
import { studioMachine } from '../statechart/studio.js';
import { EXIT, type ExitCode, type Terminal } from './terminal.js';
import { findWorkflow } from './workflow-paths.js';

/** `workflow diagram KEY`: the key of a workflow that comes with Qamqor, or a path. */
export async function drawWorkflow(keyOrPath: string, terminal: Terminal): Promise<ExitCode> {
  const workflow = loadWorkflow(findWorkflow(keyOrPath).files, { forPlay: true });
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
  const workflow = loadWorkflow(findWorkflow(keyOrPath).files, { forPlay: true });
  const exported = options.studio
    ? studioMachine(workflow)
    : { key: workflow.key, hash: workflow.hash, files: workflow.files };
  if (!terminal.json) terminal.say(JSON.stringify(exported, null, 2));
  await terminal.answer(exported);
  return EXIT.ok;
}
