import { standsStill } from '../statechart/liveness.js';
import { type Misfit, migrate } from '../statechart/migrate.js';
import { readTarget } from '../statechart/move-target.js';
import { move } from '../statechart/step.js';
import type { ChartState, Effect, Fault, Scope, StepResult, Workflow } from '../statechart/types.js';
import { AppError } from './errors.js';
import { badContext } from './refusals.js';
import type { Act, CaseRecord, Command, VersionsApi } from './types.js';

/** Acts that put a case somewhere else than its statechart would. */
export type MovingAct = Extract<Act, { type: 'reopen' | 'modify' | 'migrate' }>;

export function isMoving(act: Act): act is MovingAct {
  return act.type === 'reopen' || act.type === 'modify' || act.type === 'migrate';
}

/** What such an act would lead to. `record` names the version that the case has afterwards. */
export interface Plan {
  record: CaseRecord;
  chart: ChartState;
  effects: Effect[];
  status: 'active' | 'done';
}

export type Version = { workflow: Workflow; version: number };

/** Pure: the act and its preview are the same plan. `to` is where `migrate` leads. Throws AppError. */
export function planned(record: CaseRecord, act: MovingAct, scope: Scope, to?: Version): Plan {
  const isClosed = record.status === 'done' || record.status === 'cancelled';
  switch (act.type) {
    case 'reopen': {
      if (!isClosed) throw notPossible(record, 'reopen');
      const target = record.workflow.reopen;
      if (target === undefined) throw notReopenable(record);
      return living({ ...record }, move(record.workflow, record.chart, target, {}, scope, true));
    }
    case 'modify': {
      if (record.status === 'suspended') throw notPossible(record, 'modify');
      const context = act.context ?? {};
      badContext(record.workflow, context);
      const target = readTarget(record.workflow, act.target);
      if (!Array.isArray(target)) throw misfit(record, [target]);
      const result = move(record.workflow, record.chart, act.target, context, scope, isClosed);
      return living({ ...record, modified: true }, result);
    }
    case 'migrate': {
      if (record.status !== 'active') throw notPossible(record, 'migrate');
      if (!to) throw new Error('To migrate needs a version.');
      return migrated(record, act, scope, to);
    }
  }
}

function migrated(record: CaseRecord, act: Extract<Act, { type: 'migrate' }>, scope: Scope, to: Version): Plan {
  if (to.version === record.workflowVersion)
    throw new AppError(
      'act-not-possible',
      409,
      `Case ${record.number} has version ${to.version} of ${to.workflow.key} already.`,
      { rule: 'same-version', version: to.version },
    );
  badContext(to.workflow, act.context ?? {});
  const result = migrate(record.workflow, to.workflow, record.chart, act, scope);
  if (result.outcome === 'misfit') throw misfit(record, result.misfits);
  if (result.outcome === 'taken') badContext(to.workflow, result.state.snapshot.context, 'values');
  return living({ ...record, workflow: to.workflow, workflowVersion: to.version }, result);
}

/** The version that a case is to migrate to. Throws AppError where there is none. */
export async function versionOf(versions: VersionsApi, record: CaseRecord, version?: number): Promise<Version> {
  const { organisationId, workflow } = record;
  if (version === undefined) return await versions.current(organisationId, workflow.key);
  return { workflow: await versions.byVersion(organisationId, workflow.key, version), version };
}

/** What cases are opened by, or migrate to; a refusal is kept until its command is decided. */
export async function workflowsFor(
  versions: VersionsApi,
  commands: Command[],
  records: ReadonlyMap<string, CaseRecord>,
): Promise<Map<Command, Version | AppError>> {
  const workflows = new Map<Command, Version | AppError>();
  for (const command of commands) {
    try {
      const record = records.get(command.caseId);
      if (command.kind === 'open')
        workflows.set(command, await versions.current(command.organisationId, command.workflow));
      else if (command.kind === 'act' && command.act.type === 'migrate' && record)
        workflows.set(command, await versionOf(versions, record, command.act.version));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      workflows.set(command, error);
    }
  }
  return workflows;
}

/** No hand may leave a family where nothing would ever happen. */
function living(record: CaseRecord, result: StepResult): Plan {
  if (result.outcome !== 'taken') throw cannot(record, result);
  const { state: chart, effects } = result;
  const still = standsStill(record.workflow, chart);
  if (still.length > 0) {
    const why = still.map(({ state, message }) => `In "${state}": ${message}`).join(' ');
    throw new AppError(
      'act-not-possible',
      409,
      `Case ${record.number} would stand still there. ${why} Choose another state, or let the workflow say what happens in time: ${still[0]?.hint}`,
      { rule: 'waits-for-ever', states: still.map(({ state }) => state) },
    );
  }
  return { record, chart, effects, status: chart.snapshot.status };
}

function misfit(record: CaseRecord, misfits: Misfit[]): AppError {
  const isTarget = misfits.every(({ rule }) => rule.startsWith('target-'));
  const what = isTarget
    ? `Case ${record.number} cannot be put there`
    : `Case ${record.number} does not fit the other version`;
  const advice = misfits.some(({ rule }) => rule.startsWith('state-') || rule.startsWith('region-'))
    ? ' Name with `target` where it goes on.'
    : '';
  return new AppError('act-not-possible', 409, `${what}: ${misfits.map(({ message }) => message).join(' ')}${advice}`, {
    rule: misfits[0]?.rule ?? '',
    states: misfits.flatMap(({ states }) => states),
    state: record.state,
  });
}

export function notPossible(record: CaseRecord, what: string): AppError {
  return new AppError(
    'act-not-possible',
    409,
    `Case ${record.number} is ${record.status}: "${what}" is not possible.`,
    { state: record.state, status: record.status },
  );
}

export function cannot(record: CaseRecord, result: Exclude<StepResult, { outcome: 'taken' }>): AppError {
  const [rule, why] = result.outcome === 'fault' ? faultOf(result.fault) : [result.outcome, REASONS[result.outcome]];
  return new AppError('act-not-possible', 409, `Case ${record.number} cannot do this: ${why}`, {
    rule,
    state: record.state,
  });
}

function faultOf({ rule, state, message }: Fault): [string, string] {
  return [rule, state === '' ? message : `in "${state}": ${message}`];
}

const REASONS = {
  refused: 'the workflow has no such state.',
  ignored: 'nothing of that name is open, or nothing would change.',
  'not-taken': 'nothing in the workflow takes what would follow.',
} satisfies Record<Exclude<StepResult['outcome'], 'taken' | 'fault'>, string>;

/** Whoever drops somebody by a misspelt key must not believe that it was done. */
export function refuseUnknownKeys(record: CaseRecord, { invoke, drop = [] }: Extract<Act, { type: 'list' }>): void {
  const items = record.chart.lists.find((list) => list.invoke === invoke)?.items;
  const open = items?.filter(({ status }) => status === 'open').map(({ key }) => key);
  const keys = open === undefined ? [] : drop.filter((key) => !open.includes(key));
  if (keys.length === 0 || open === undefined) return;
  throw new AppError(
    'act-not-possible',
    409,
    `Nothing of "${invoke}" is open under ${keys.join(', ')}: nothing was dropped or added. Open are: ${open.join(', ')}.`,
    { rule: 'keys-unknown', keys, open },
  );
}

function notReopenable({ workflow }: CaseRecord): AppError {
  return new AppError('not-reopenable', 409, `Workflow ${workflow.key} names no state to reopen from (meta.reopen).`);
}
