import { isOverdue } from '../engine/overdue.js';
import type { CaseRecord } from '../engine/types.js';
import { accepts } from '../statechart/accepts.js';
import { factsOf } from '../statechart/facts.js';
import { memberOf } from '../statechart/member-of.js';
import type { Json, JsonObject } from '../statechart/types.js';
import { type Asker, casePermissions } from './case.policy.js';

/**
 * A case as the API shows it to one account. `now` (ISO 8601) decides what is overdue. Pure, so that it can be made inside
 * the transaction that changes the case and kept with the command's id.
 */
export function presentCase(record: CaseRecord, by: Asker, now: string): JsonObject {
  const { status } = record;
  return {
    id: record.id,
    number: record.number,
    workflow: { key: record.workflow.key, version: record.workflowVersion },
    subject: record.subject,
    member: memberOf(record.workflow, record.chart.snapshot.context),
    state: record.state,
    stage: record.stage,
    stages: record.stages,
    status,
    revision: record.revision,
    accepts: status === 'active' ? accepts(record.workflow, record.chart).map(presentEvent) : [],
    incidents: record.incidents,
    overdue: isOverdue(record, now),
    dueAt: record.dueAt,
    openedAt: record.openedAt,
    updatedAt: record.updatedAt,
    closedAt: record.closedAt,
    facts: factsOf(record.workflow, record.chart.snapshot.context) as unknown as Json,
    modified: record.modified,
    can: casePermissions(by, record),
  };
}

function presentEvent(event: ReturnType<typeof accepts>[number]): Json {
  return {
    type: event.type,
    title: event.title as JsonObject,
    schema: event.schema ?? null,
    roles: event.roles,
    ...(event.confirm ? { confirm: event.confirm as JsonObject } : {}),
  };
}
