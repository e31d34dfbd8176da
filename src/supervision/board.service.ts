import type { Pool } from 'pg';
import { stalledReasons } from '../api/stalled-reasons.js';
import { workflowNamed } from '../api/workflow-named.js';
import { asOrganisation, type Query } from '../engine/cases.js';
import { CASE_DUE, CASE_OVERDUE, CASE_STALLED } from '../engine/overdue.js';
import type { VersionsApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { JsonObject, Language, Text } from '../statechart/types.js';

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
  due_at: Date | null;
  is_overdue: boolean;
  is_stalled: boolean;
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
    const ids = rows.map(({ id }) => id);
    const reasons = await stalledReasons(query, this.deps.versions, { ids, now: now.toISOString(), language });
    const items = Map.groupBy(rows, ({ stage }) => stage);
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
        items: (items.get(stage) ?? []).map((item) => presentItem(item, reasons.get(item.id) ?? null)),
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

function presentItem(row: ItemRow, reason: JsonObject | null): JsonObject {
  return {
    id: row.id,
    number: row.number,
    status: row.status,
    dueAt: row.due_at?.toISOString() ?? null,
    overdue: row.is_overdue,
    stalled: row.is_stalled,
    reason,
  };
}

const OPEN = `c.workflow_key = $1 and c.status in ('active', 'suspended')`;
const CASES = `select c.*, coalesce(c.stage, '${NO_STAGE}') as board_stage, ${CASE_OVERDUE('c', '$2::timestamptz')} as is_overdue,
    ${CASE_STALLED('c', '$2::timestamptz')} as is_stalled
  from qamqor.cases c where ${OPEN}`;

const COUNT = `select board_stage as stage, count(*)::int as count, count(*) filter (where is_overdue)::int as overdue,
    count(*) filter (where is_stalled)::int as stalled, min(coalesce(stage_at, opened_at)) as oldest
  from (${CASES}) c group by board_stage order by board_stage`;

const FIRST = `select board_stage as stage, id, number, status, ${CASE_DUE('c')} as due_at, is_overdue, is_stalled
  from (select *, row_number() over (partition by board_stage order by is_stalled desc, due_at nulls last, id) as place from (${CASES}) c) c
  where place <= ${ITEMS} order by place`;
