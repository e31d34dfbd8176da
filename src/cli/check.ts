import { basename, dirname } from 'node:path';
import { check } from '../statechart/check.js';
import { LoadError, loadWorkflow } from '../statechart/load.js';
import type { Calendar, Finding, Workflow } from '../statechart/types.js';
import { calendarOf, catalogueOf } from '../workflows/catalogue.js';
import { checkSchemas } from '../workflows/check-schemas.js';
import { readScenarios } from '../workflows/folder.js';
import { playScenarios, type ScenarioResult, ScenarioUnreadable } from '../workflows/scenario.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from './terminal.js';
import { type FoundWorkflow, findWorkflows, loadFound } from './workflow-paths.js';

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
  const workflows = found.map(checkOne);
  const unloadable: string[] = [];
  for (const [index, { key, ok, findings, loadErrors }] of workflows.entries()) {
    const path = found[index]?.path ?? key;
    if (loadErrors) unloadable.push(path);
    terminal.say(`${key} (${path}): ${loadErrors ? 'cannot be loaded' : ok ? 'no errors' : 'has errors'}`);
    sayFindings([...(loadErrors ?? []), ...findings], terminal);
  }
  if (unloadable.length > 0) {
    const error = { code: 'workflow-not-loadable', message: `These cannot be loaded: ${unloadable.join(', ')}` };
    await terminal.answer({ workflows, error });
    return EXIT.unusable;
  }
  await terminal.answer({ workflows });
  return workflows.every(({ ok }) => ok) ? EXIT.ok : EXIT.found;
}

/** `workflow test [PATH]`: 1 where a scenario went another way. */
export async function testWorkflows(path: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const workflows = findWorkflows(path).map((found) => {
    const workflow = loadFound(found);
    const folder = /\.(ya?ml|json)$/.test(found.path) ? dirname(found.path) : found.path;
    const calendar = calendarOf(found.catalogue);
    return { key: workflow.key, scenarios: played(workflow, folder, calendar) };
  });
  for (const { key, scenarios } of workflows) {
    const ok = scenarios.filter((scenario) => scenario.ok).length;
    terminal.say(
      scenarios.length === 0
        ? `${key}: no scenarios; write them as scenarios/*.yaml beside its workflow.yaml`
        : `${key}: ${ok} of ${scenarios.length} scenarios as they should be`,
    );
    for (const { name, title, problem } of scenarios) {
      terminal.say(`  ${problem ? '✗' : '✓'} ${title}`);
      if (problem) terminal.say(`      ${name}.yaml, step ${problem.step}: ${problem.message}`);
    }
  }
  await terminal.answer({ workflows });
  return workflows.every(({ scenarios }) => scenarios.every(({ ok }) => ok)) ? EXIT.ok : EXIT.found;
}

function played(workflow: Workflow, folder: string, calendar: Calendar): ScenarioResult[] {
  try {
    return playScenarios(workflow, readScenarios(folder), calendar);
  } catch (error) {
    if (!(error instanceof ScenarioUnreadable)) throw error;
    throw new TerminalError('scenario-unreadable', `${folder}: ${error.message}`);
  }
}

export function findingsOf(
  workflow: Workflow,
  { catalogue, beside }: Pick<FoundWorkflow, 'catalogue' | 'beside'>,
): Finding[] {
  const known = catalogueOf(catalogue, beside, new Date().toISOString());
  return [...checkSchemas(workflow), ...check(workflow, known)];
}

export function hasErrors(findings: Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

export function sayFindings(findings: Finding[], terminal: Terminal): void {
  for (const { rule, severity, state, message, hint } of findings) {
    terminal.say(`  ${severity} ${rule}${state === '' ? '' : ` in ${state}`}: ${message}\n      ${hint}`);
  }
}

function checkOne(found: FoundWorkflow): Checked {
  try {
    const workflow = loadWorkflow(found.files);
    const findings = findingsOf(workflow, found);
    return { key: workflow.key, ok: !hasErrors(findings), findings };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { key: nameOf(found), ok: false, findings: [], loadErrors: error.findings };
  }
}

/** Of a workflow that cannot say its own. */
function nameOf({ path }: FoundWorkflow): string {
  return basename(basename(path).startsWith('workflow.') ? dirname(path) : path).replace(/\.(ya?ml|json)$/, '');
}
