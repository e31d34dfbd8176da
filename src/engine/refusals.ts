import { accepts } from '../statechart/accepts.js';
import { patchProblems, patchSchema } from '../statechart/context-patch.js';
import type { Entry, Json, JsonObject, PublicEvent, StepResult, Text, Workflow } from '../statechart/types.js';
import { AppError, type Violation } from './errors.js';
import { answerValidatorOf, validatorOf, violationsOf } from './schemas.js';
import { isEngine } from './sender.js';
import type { CaseRecord, Command, Sender } from './types.js';
import type { IncidentRow } from './writes.js';

/** What the engine says no to, in one place: code and status of the contract, and what is possible instead. */

export function caseNotFound(id: string): AppError {
  return new AppError('case-not-found', 404, `There is no case ${id}, or you may not see it.`);
}

export function staleRevision(record: CaseRecord, given: number): AppError {
  return new AppError(
    'stale-revision',
    409,
    `Case ${record.number} is at revision ${record.revision}, not ${given}: somebody changed it. Read it again.`,
    {
      ...stateFacts(record),
    },
  );
}

export function reservedEvent(type: string): void {
  if (type.startsWith('xstate.') || type.startsWith('qamqor.') || type === '*' || type === '') {
    throw new AppError('reserved-event', 422, `"${type}" is the engine's own event and cannot be sent from outside.`);
  }
}

export function caseNotActive(record: CaseRecord): AppError {
  const code = record.status === 'suspended' ? 'case-suspended' : 'event-not-accepted';
  const possible =
    record.status === 'suspended' ? 'Resume it first.' : 'Reopen it first, where its workflow allows that.';
  return new AppError(code, 409, `Case ${record.number} is ${record.status} and takes no events. ${possible}`, {
    ...stateFacts(record),
    accepts: [],
  });
}

export function eventNotAccepted(
  record: CaseRecord,
  type: string,
  code: 'event-not-accepted' | 'guard-refused',
  /** The workflow's own, where it has some. */
  words?: Text,
): AppError {
  const possible = accepts(record.workflow, record.chart).map((event) => event.type);
  const why =
    code === 'guard-refused' ? 'the conditions of its transitions are not met' : 'this state does not take it';
  return new AppError(
    code,
    409,
    `Case ${record.number} cannot take "${type}" now: ${why}. It accepts: ${possible.join(', ') || 'nothing from outside'}.`,
    {
      ...stateFacts(record),
      accepts: possible,
    },
    undefined,
    undefined,
    words,
  );
}

export function roleMayNotSend(record: CaseRecord, event: PublicEvent, sender: Sender): void {
  if (event.roles.length === 0 || isEngine(sender)) return;
  if (event.roles.some((role) => sender.roles.includes(role))) return;
  throw new AppError(
    'no-right',
    403,
    `"${event.type}" on case ${record.number} belongs to: ${event.roles.join(', ')}.`,
    { roles: event.roles },
  );
}

export function taskClosed(record: CaseRecord): AppError {
  return new AppError(
    'task-closed',
    409,
    `This part of case ${record.number} is over: it was answered, cancelled, or its state was left.`,
    stateFacts(record),
  );
}

export function answerNotTaken(record: CaseRecord, entry: Entry, reason: string): AppError {
  return new AppError(
    'answer-not-taken',
    409,
    `Case ${record.number} cannot go on from this answer (${reason}); the task stays open. Change the answer, or ask whoever keeps the workflow.`,
    {
      ...stateFacts(record),
      entry: entry.id,
    },
  );
}

/** A person's answer is not kept: it is given again when the cause is gone, an event is retried. */
export function caseIncident(record: CaseRecord, incident: IncidentRow, kind: Command['kind']): AppError {
  const isEvent = kind === 'event';
  const advice = isEvent
    ? 'a supervisor can retry it.'
    : 'answer again when its cause is gone, then it can be resolved.';
  return new AppError(
    'case-incident',
    409,
    `Case ${record.number} cannot make this step: ${incident.message} An incident is open; ${advice}`,
    {
      ...stateFacts(record),
      incident: incident.id,
      rule: incident.rule,
      ...(isEvent ? {} : { because: 'answer-again' }),
    },
  );
}

export function startFailed(workflow: Workflow, result: StepResult): AppError {
  const why = result.outcome === 'fault' ? result.fault.message : `it came back as ${result.outcome}.`;
  return new AppError('workflow-cannot-start', 422, `Workflow ${workflow.key} cannot start with this input: ${why}`);
}

/** 422 with paths when `value` does not fit `schema`. What machines hand on was judged where people wrote it. */
export function badInput(
  name: string,
  schema: JsonObject | undefined,
  value: Json,
  lane: Command['lane'] = 'people',
): void {
  if (!schema) return;
  const validate = lane === 'people' ? answerValidatorOf(schema) : validatorOf(schema);
  if (validate(value)) return;
  throw new AppError('schema', 422, `What was sent for "${name}" does not fit its schema.`, {}, violationsOf(validate));
}

/** An event without a schema carries nothing: what nobody described would lie in the journal unread. */
export function dataWithoutSchema(type: string, data: Json | undefined): void {
  if (data === undefined || data === null || (typeof data === 'object' && Object.keys(data).length === 0)) return;
  throw new AppError('schema', 422, `"${type}" carries no data: leave \`data\` out.`, {}, [
    { path: '', message: 'this event carries no data; leave it out', rule: 'no-data' },
  ]);
}

/**
 * 422 with paths when a hand gives a context that the workflow does not have, or that is personal. `values`: only what the
 * schema says of their values; names that another version had may stay.
 */
export function badContext(workflow: Workflow, context: JsonObject, what: 'all' | 'values' = 'all'): void {
  const errors: Violation[] = what === 'all' ? patchProblems(workflow, context) : [];
  const validate = validatorOf(patchSchema(workflow));
  const known = new Set(errors.map(({ path }) => path));
  if (!validate(context))
    errors.push(
      ...violationsOf(validate)
        .filter(isOfValue)
        .filter(({ path }) => !known.has(path)),
    );
  if (errors.length === 0) return;
  const placed = errors.map((error) => ({ ...error, path: `/context${error.path}` }));
  throw new AppError('schema', 422, `This context does not fit workflow ${workflow.key}.`, {}, placed);
}

function isOfValue({ rule }: Violation): boolean {
  return rule !== 'additionalProperties' && rule !== 'unevaluatedProperties';
}

function stateFacts(record: CaseRecord): { state: Json; revision: number } {
  return { state: record.state, revision: record.revision };
}

/** Nothing was done, or nobody knows: with the same key it is done once. */
export function unavailable(message: string): AppError {
  return new AppError('unavailable', 503, message, {}, undefined, 2);
}

export function caseBusy({ caseId }: Command): AppError {
  return new AppError(
    'case-busy',
    503,
    `Case ${caseId} is locked by something else for too long. Send it again.`,
    {},
    undefined,
    2,
  );
}

export function subjectIsOpen({ caseId }: Command): AppError {
  return new AppError(
    'open-case-exists',
    409,
    `Case ${caseId} cannot be opened: another case of the same subject is open. Go on with that one.`,
  );
}

export function badText(): AppError {
  return new AppError(
    'bad-text',
    400,
    'A text that was sent holds a NUL or half of a character pair (a lone surrogate), which cannot be stored. Remove it and send again.',
  );
}
