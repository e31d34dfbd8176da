import type { Pool } from 'pg';
import { fillIn } from '../api/errors.js';
import { BECAUSE, sayIncident, stateTitle } from '../api/incident-texts.js';
import { workflowNamed } from '../api/workflow-named.js';
import { outlineOf } from '../case-page/outline.js';
import { asOrganisation, type Query } from '../engine/cases.js';
import { CASE_DUE, CASE_FORGOTTEN, CASE_OVERDUE, CASE_STALLED, SUSPENDED_AT } from '../engine/overdue.js';
import type { VersionsApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { JsonObject, Language, Text, Workflow } from '../statechart/types.js';

/** So many cases of a stage are on the board itself: those that stand still first. The rest is a list. */
const ITEMS = 10;
const DAY_MS = 86_400_000;
/** Cases that are at no stage, under a key that no workflow can give to a stage. */
const NO_STAGE = '-';

export interface BoardDependencies {
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  versions: Pick<VersionsApi, 'current' | 'byVersion'>;
}

interface StageRow {
  stage: string;
  count: number;
  overdue: number;
  stalled: number;
  oldest: Date;
}

interface ItemRow {
  stage: string;
  id: string;
  number: string;
  status: string;
  workflow_version: number;
  due_at: Date | null;
  is_overdue: boolean;
  incident_rule: string | null;
  incident_state: string | null;
  incident_because: string | null;
  incident_message: string | null;
  incident_at: Date | null;
  /** Only of one that has been suspended for very long. */
  suspended_at: Date | null;
  suspended_why: string | null;
  due_what: string | null;
  due_name: string | null;
}

/** Every open case at the stage it has reached. A case in several counts at the furthest. */
export class BoardService {
  constructor(private readonly deps: BoardDependencies) {}

  /** @throws AppError `workflow-not-found` */
  async read(by: Principal, key: string | undefined, language: Language): Promise<JsonObject> {
    return asOrganisation(
      this.deps.pool,
      by.organisationId,
      async (query) => {
        const workflow = key ?? (await busiest(query));
        const [clock] = await query<{ now: Date }>('select qamqor.qamqor_now() as now');
        const now = clock?.now ?? new Date(0);
        const stages = workflow === undefined ? [] : await this.stages(query, by, workflow, { now, language });
        return { asOf: now.toISOString(), workflow: workflow ?? null, stages };
      },
      'snapshot',
    );
  }

  private async stages(
    query: Query,
    by: Principal,
    key: string,
    { now, language }: { now: Date; language: Language },
  ): Promise<JsonObject[]> {
    const { workflow } = await workflowNamed(this.deps.versions, by.organisationId, key);
    const counted = await query<StageRow>(COUNT, [key, now]);
    const rows = await query<ItemRow>(FIRST, [key, now]);
    const presented = rows.map(async (row) => {
      const own = await this.deps.versions.byVersion(by.organisationId, key, row.workflow_version);
      return { stage: row.stage, item: presentItem(row, own, language) };
    });
    const items = Map.groupBy(await Promise.all(presented), ({ stage }) => stage);
    const titles = new Map(workflow.stages.map((stage) => [stage.key, stage.title]));
    // Cases of older versions may stand at stages that the newest does not have.
    for (const { stage } of counted) if (!titles.has(stage)) titles.set(stage, titleOf(stage));
    return [...titles].map(([stage, title]) => {
      const row = counted.find((candidate) => candidate.stage === stage);
      return {
        key: stage,
        title: { ...title },
        count: row?.count ?? 0,
        overdue: row?.overdue ?? 0,
        stalled: row?.stalled ?? 0,
        oldestDays: row ? Math.max(0, Math.floor((now.getTime() - row.oldest.getTime()) / DAY_MS)) : null,
        items: (items.get(stage) ?? []).map(({ item }) => item),
      };
    });
  }
}

function titleOf(stage: string): Text {
  return stage === NO_STAGE
    ? { kk: 'Кезеңсіз', ru: 'Вне этапов', en: 'At no stage' }
    : { kk: stage, ru: stage, en: stage };
}

/** Where nobody said which: the workflow with the most open cases that are no part of another. */
async function busiest(query: Query): Promise<string | undefined> {
  const rows = await query<{ key: string }>(
    `select v.key from (select distinct key from qamqor.workflow_versions) v
      order by (select count(*) from qamqor.cases c where c.workflow_key = v.key and c.status in ('active', 'suspended') and c.parent_case_id is null) desc, v.key
      limit 1`,
  );
  return rows[0]?.key;
}

function presentItem(row: ItemRow, workflow: Workflow, language: Language): JsonObject {
  return {
    id: row.id,
    number: row.number,
    status: row.status,
    dueAt: row.due_at?.toISOString() ?? null,
    overdue: row.is_overdue,
    stalled: row.is_overdue || row.incident_rule !== null || row.suspended_at !== null,
    reason: reasonOf(row, workflow, language),
  };
}

/** Why it stands still: what it could not do by itself weighs more than that somebody stopped it, or a deadline that has passed. */
function reasonOf(row: ItemRow, workflow: Workflow, language: Language): JsonObject | null {
  if (row.incident_rule !== null)
    return {
      kind: 'incident',
      rule: row.incident_rule,
      text: sayIncident(
        { rule: row.incident_rule, state: row.incident_state ?? '', because: row.incident_because },
        workflow,
        language,
      ),
      message: row.incident_message ?? '',
      since: row.incident_at?.toISOString() ?? null,
    };
  if (row.suspended_at !== null) {
    const message = row.suspended_why ?? '';
    const text = fillIn(SUSPENDED[language], { reason: message });
    return { kind: 'suspended', rule: 'suspended', text, message, since: row.suspended_at.toISOString() };
  }
  if (!row.is_overdue) return null;
  const since = row.due_at?.toISOString() ?? null;
  const [rule, message] = [row.due_what ?? 'case', row.due_name ?? ''];
  return { kind: 'overdue', rule, text: dueTitle(rule, message, workflow, language), message, since };
}

const SUSPENDED: Record<Language, string> = {
  kk: 'Іс көптен бері тоқтатылып тұр («{reason}»). Жалғастырыңыз немесе жабыңыз.',
  ru: 'Дело давно приостановлено («{reason}»). Продолжите его или закройте.',
  en: 'The case has been suspended for long (“{reason}”). Let it go on, or cancel it.',
};

/** What is due: the state itself, or the one that waits for it. */
function dueTitle(what: string, name: string, workflow: Workflow, language: Language): string {
  const path = what === 'state' ? name : outlineOf(workflow, language).byInvoke.get(name)?.path;
  return path === undefined ? name : stateTitle(workflow, path, language);
}

const OPEN = `c.workflow_key = $1 and c.status in ('active', 'suspended')`;
const CASES = `select c.*, coalesce(c.stage, '${NO_STAGE}') as board_stage, ${CASE_OVERDUE('c', '$2::timestamptz')} as is_overdue,
    ${CASE_STALLED('c', '$2::timestamptz')} as is_stalled, ${CASE_FORGOTTEN('c', '$2::timestamptz')} as is_forgotten
  from qamqor.cases c where ${OPEN}`;

const COUNT = `select board_stage as stage, count(*)::int as count, count(*) filter (where is_overdue)::int as overdue,
    count(*) filter (where is_stalled)::int as stalled, min(coalesce(stage_at, opened_at)) as oldest
  from (${CASES}) c group by board_stage order by board_stage`;

const FIRST = `select c.board_stage as stage, c.id, c.number, c.status, c.workflow_version, ${CASE_DUE('c')} as due_at, c.is_overdue,
    i.rule as incident_rule, i.state as incident_state, i.because as incident_because, i.message as incident_message, i.opened_at as incident_at,
    s.at as suspended_at, s.why as suspended_why, d.what as due_what, d.name as due_name
  from (select *, row_number() over (partition by board_stage order by is_stalled desc, due_at nulls last, id) as place from (${CASES}) c) c
  left join lateral (select rule, state, ${BECAUSE} as because, message, opened_at from qamqor.incidents i where i.case_id = c.id and i.status = 'open' order by opened_at, id limit 1) i on true
  left join lateral (select j.at, p.data::json ->> 'reason' as why from qamqor.journal j left join qamqor.payloads p using (case_id, seq)
    where c.is_forgotten and j.case_id = c.id and j.kind = 'act' and j.type = 'suspend' and j.at = ${SUSPENDED_AT('c')} order by j.seq desc limit 1) s on true
  left join lateral (select what, name from qamqor.dues d where d.case_id = c.id order by greatest(d.due_at, d.paused_until), entry_id limit 1) d on true
  where c.place <= ${ITEMS} order by c.place`;
