import { basename, dirname } from 'node:path';
import { check } from '../statechart/check.js';
import { LoadError, loadWorkflow } from '../statechart/load.js';
import type { Finding, Workflow } from '../statechart/types.js';
import { calendarOf, catalogueOf } from '../workflows/catalogue.js';
import { readScenarios } from '../workflows/folder.js';
import { playScenarios } from '../workflows/scenario.js';
import { EXIT, type ExitCode, type Terminal } from './terminal.js';
import { type FoundWorkflow, findWorkflows } from './workflow-paths.js';

interface Checked {
  key: string;
  ok: boolean;
  findings: Finding[];
  /** Set when the workflow could not even be loaded: then there is nothing to check. */
  loadErrors?: Finding[];
}

/** `workflow check [PATH]`: 1 on an error, 2 where something could not be loaded. */
export async function checkWorkflows(path: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const found = findWorkflows(path);
  const beside = found.map((one) => basename(one.path));
  const workflows = found.map((one) => checkOne(one, beside));
  for (const { key, ok, findings, loadErrors } of workflows) {
    terminal.say(`${key}: ${loadErrors ? 'cannot be loaded' : ok ? 'no errors' : 'has errors'}`);
    sayFindings([...(loadErrors ?? []), ...findings], terminal);
  }
  await terminal.answer({ workflows });
  if (workflows.some(({ loadErrors }) => loadErrors)) return EXIT.unusable;
  return workflows.every(({ ok }) => ok) ? EXIT.ok : EXIT.found;
}

/** `workflow test [PATH]`: 1 where a scenario went another way. */
export async function testWorkflows(path: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const workflows = findWorkflows(path).map((found) => {
    const workflow = loadWorkflow(found.files);
    const folder = /\.(ya?ml|json)$/.test(found.path) ? dirname(found.path) : found.path;
    const calendar = calendarOf(found.catalogue);
    return { key: workflow.key, scenarios: playScenarios(workflow, readScenarios(folder), calendar) };
  });
  for (const { key, scenarios } of workflows) {
    terminal.say(
      `${key}: ${scenarios.filter(({ ok }) => ok).length} of ${scenarios.length} scenarios as they should be`,
    );
    for (const { name, title, problem } of scenarios) {
      terminal.say(`  ${problem ? '✗' : '✓'} ${title}`);
      if (problem) terminal.say(`      ${name}.yaml, step ${problem.step}: ${problem.message}`);
    }
  }
  await terminal.answer({ workflows });
  return workflows.every(({ scenarios }) => scenarios.every(({ ok }) => ok)) ? EXIT.ok : EXIT.found;
}

/**
 * Loads and checks.
 * @param beside keys of the workflows in the same folder
 * @throws LoadError
 */
export function findingsOf(
  { files, catalogue }: FoundWorkflow,
  beside: string[] = [],
): { workflow: Workflow; findings: Finding[] } {
  const workflow = loadWorkflow(files);
  const now = new Date().toISOString();
  return { workflow, findings: check(workflow, catalogueOf(catalogue, [workflow.key, ...beside], now)) };
}

export function hasErrors(findings: Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

export function sayFindings(findings: Finding[], terminal: Terminal): void {
  for (const { rule, severity, state, message, hint } of findings) {
    terminal.say(`  ${severity} ${rule}${state === '' ? '' : ` in ${state}`}: ${message}\n      ${hint}`);
  }
}

function checkOne(found: FoundWorkflow, beside: string[]): Checked {
  try {
    const { workflow, findings } = findingsOf(found, beside);
    return { key: workflow.key, ok: !hasErrors(findings), findings };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const key = basename(found.path).replace(/\.(ya?ml|json)$/, '');
    return { key, ok: false, findings: [], loadErrors: error.findings };
  }
}
