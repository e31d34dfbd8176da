import { Worker } from 'node:worker_threads';
import { Beside } from '../platform/beside.js';
import { projectPath } from '../platform/project-root.js';
import type { Inspection, Objection } from './inspect.js';

/** The largest chart that `check` looks at takes ten seconds of a core of its own. More is a busy machine, or one too many. */
const PATIENCE_MS = 60_000;
const MEMORY_MB = 1024;

/** Specs run what is built from nothing: their threads read TypeScript as their processes do. */
const SOURCE = import.meta.url.endsWith('.ts');
const THREAD = new URL(SOURCE ? './inspect.thread.ts' : './inspect.thread.js', import.meta.url);
const OPTIONS = SOURCE ? { execArgv: ['--import', projectPath('test', 'typescript.js')] } : {};

const beside = new Beside();

/** As `inspect`, while the process goes on with its work: for a chart that anybody may send. */
export async function inspectBeside(inspection: Inspection, patienceMs = PATIENCE_MS): Promise<Objection | null> {
  const begin = () =>
    new Worker(THREAD, {
      ...OPTIONS,
      workerData: inspection,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
  const found = await beside.run<Objection | 'fine'>(begin, patienceMs);
  return found === 'fine' ? null : (found ?? tooLarge(patienceMs));
}

function tooLarge(patienceMs: number): Objection {
  const message = `The workflow could not be looked at in ${patienceMs / 1000} s: nobody can say that no family waits for ever in it.`;
  const hint =
    'Send it again when the machine has less to do; if that does not help, move parts of it into sub-cases (`src: case`).';
  return { what: message, errors: [{ rule: 'too-large', severity: 'error', state: '', message, hint }] };
}
