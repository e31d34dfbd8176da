import type { Pool, PoolClient } from 'pg';
import { uuidOf, uuidOfEntry } from '../engine/entry-uuid.js';
import { AppError, isPassing } from '../engine/errors.js';
import { ORPHAN } from '../engine/incident-rules.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { EngineApi, VersionsApi } from '../engine/types.js';
import type { Warn } from '../platform/log.js';
import type { ChartState } from '../statechart/types.js';
import { type Movers, type Stuck, whyStuck } from './orphans.js';

/** How often to look at the cases that changed lately. */
const PERIOD_MS = 10_000;
/** All active cases are gone through in this time: with a period more, what an incident says is seen within a minute. */
const ROUND_MS = 45_000;
/** Cases in memory at once, and at least so many are looked at in each step of a round. */
const PAGE = 1_000;
/** A transaction may commit later than the moment it carries. */
const OVERLAP_S = 30;
const FIRST = '00000000-0000-0000-0000-000000000000';

export interface OrphansDependencies {
  engine: Pick<EngineApi, 'submit'>;
  versions: Pick<VersionsApi, 'byVersion'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  /** Monotonic milliseconds. */
  elapsed(): number;
  warn: Warn;
}

interface CandidateRow {
  id: string;
  organisation_id: string;
  workflow_key: string;
  workflow_version: number;
  revision: number;
  chart: string;
}

/** Finds active cases that nothing could ever move, and makes each an incident, once. */
export class OrphansService {
  private changesAt = Number.NEGATIVE_INFINITY;
  private changedSince: string | undefined;
  /** Where the round is: the step before, how long until the next, and the last case. */
  private stepAt: number | undefined;
  private pauseMs = 0;
  private after = FIRST;

  constructor(private readonly deps: OrphansDependencies) {}

  /** For the sweeper: bounded, whatever waits. The more active cases there are, the more often a step is due. */
  async sweep(): Promise<void> {
    const now = this.deps.elapsed();
    if (now - this.changesAt >= PERIOD_MS) await this.lookAtChanged();
    if (now - (this.stepAt ?? now) >= this.pauseMs) await this.stepOn();
  }

  /** One look at those that changed lately, and one step of the round. */
  async look(): Promise<void> {
    await this.lookAtChanged();
    await this.stepOn();
  }

  private async lookAtChanged(): Promise<void> {
    this.changesAt = this.deps.elapsed();
    const { rows } = await this.deps.pool.query<{ now: string }>('select qamqor.qamqor_now()::text as now');
    const since = this.changedSince ?? rows[0]?.now;
    this.changedSince = rows[0]?.now;
    for (let after: string | undefined = FIRST; after; ) {
      const page = await this.changed(since, after);
      await this.lookAt(page);
      after = page.length < PAGE ? undefined : page.at(-1);
    }
  }

  /** As many of the active cases as the time since the last step is a part of the round, and no case twice. */
  private async stepOn(): Promise<void> {
    const now = this.deps.elapsed();
    const sinceMs = now - (this.stepAt ?? now);
    this.stepAt = now;
    const active = await this.countActive();
    this.pauseMs = Math.min(PERIOD_MS, (ROUND_MS * PAGE) / active);
    let left = Math.min(active, Math.max(PAGE, Math.ceil((active * sinceMs) / ROUND_MS)));
    while (left > 0) {
      const limit = Math.min(PAGE, left);
      const from = this.after;
      const page = await this.active(from, limit);
      // All have ended since they were counted.
      if (page.length === 0 && from === FIRST) return;
      this.after = page.length < limit ? FIRST : (page.at(-1) ?? FIRST);
      await this.lookAt(page);
      left -= page.length;
    }
  }

  private async countActive(): Promise<number> {
    const { rows } = await this.deps.pool.query<{ count: number }>({
      name: 'orphans-active',
      text: `select count(*)::int as count from qamqor.cases where status = 'active'`,
    });
    return rows[0]?.count ?? 0;
  }

  private async active(after: string, limit: number): Promise<string[]> {
    const { rows } = await this.deps.pool.query<{ id: string }>({
      name: 'orphans-page',
      text: `select id from qamqor.cases where id > $1 and status = 'active' order by id limit $2`,
      values: [after, limit],
    });
    return rows.map(({ id }) => id);
  }

  /** A page of the cases, however many journal rows each has. By moment first: in the order of cases, the whole journal would be read. */
  private async changed(since: string | undefined, after: string): Promise<string[]> {
    const { rows } = await this.deps.pool.query<{ case_id: string }>({
      name: 'orphans-changed',
      text: `with changed as materialized (select distinct case_id from qamqor.journal
          where at >= $1::timestamptz - make_interval(secs => ${OVERLAP_S}))
        select case_id from changed where case_id > $2 order by case_id limit ${PAGE}`,
      values: [since, after],
    });
    return rows.map((row) => row.case_id);
  }

  private async lookAt(cases: string[]): Promise<void> {
    if (cases.length === 0) return;
    const stuck = await this.inSnapshot(async (client) => {
      const candidates = await this.candidates(client, cases);
      return candidates.length > 0 ? this.stuckAmong(client, candidates) : [];
    });
    await Promise.all(stuck.map((found) => this.report(found)));
  }

  private async candidates(client: PoolClient, cases: string[]): Promise<CandidateRow[]> {
    const { rows } = await client.query<CandidateRow>({
      name: 'orphans-candidates',
      text: `select c.id, c.organisation_id, c.workflow_key, c.workflow_version, c.revision, c.chart
        from qamqor.cases c where c.id = any ($1::uuid[]) and c.status = 'active'
          and not exists (select from qamqor.incidents i where i.case_id = c.id and i.status = 'open' and i.rule = '${ORPHAN}')
          and not exists (select from qamqor.outbox o where o.case_id = c.id and o.topic = 'case.unpark' and not o.parked)`,
      values: [cases],
    });
    return rows;
  }

  private async stuckAmong(client: PoolClient, candidates: CandidateRow[]) {
    const charts = new Map(candidates.flatMap((row) => this.chartOf(row)));
    const movers = await moversOf(client, charts);
    const found: (Stuck & { row: CandidateRow })[] = [];
    for (const row of candidates) {
      const chart = charts.get(row.id);
      if (!chart) continue;
      try {
        const workflow = await this.deps.versions.byVersion(
          row.organisation_id,
          row.workflow_key,
          row.workflow_version,
        );
        const why = whyStuck(row.id, workflow, chart, movers);
        if (why) found.push({ row, ...why });
      } catch (error) {
        this.deps.warn(`Whether something can move case ${row.id} could not be found out.`, error, { case: row.id });
      }
    }
    return found;
  }

  /** One that cannot be read keeps nobody from looking at the others; `verify` names it. */
  private chartOf({ id, chart }: CandidateRow): [id: string, chart: ChartState][] {
    try {
      const read = JSON.parse(chart) as ChartState | null;
      if (Array.isArray(read?.entries)) return [[id, read]];
      throw new Error('It holds no list of what the case waits for.');
    } catch (error) {
      this.deps.warn(`The state of case ${id} cannot be read.`, error, { case: id });
      return [];
    }
  }

  /** Two processes that find it at once tell it once; a case that went on meanwhile is left alone. */
  private async report({ row, because, message, entryId }: Stuck & { row: CandidateRow }) {
    try {
      await this.deps.engine.submit({
        kind: 'incident',
        rule: ORPHAN,
        ...(because ? { because } : {}),
        message,
        ...(entryId ? { entryId } : {}),
        organisationId: row.organisation_id,
        caseId: row.id,
        revision: row.revision,
        id: `orphan:${row.id}:${row.revision}`,
        keep: true,
        lane: 'machines',
        sender: ENGINE_SENDER,
      });
    } catch (error) {
      if (isPassing(error) || (error instanceof AppError && error.code === 'stale-revision')) return;
      this.deps.warn(`That nothing can move case ${row.id} could not be reported.`, error, { case: row.id });
    }
  }

  /** A case and what it waits for are written together: seen at one moment, they fit. */
  private async inSnapshot<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.deps.pool.connect();
    let failed: Error | undefined;
    try {
      await client.query('begin isolation level repeatable read, read only');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      failed = error as Error;
      throw error;
    } finally {
      // One that hangs would keep whoever comes next waiting.
      client.release(failed);
    }
  }
}

async function moversOf(client: PoolClient, charts: Map<string, ChartState>): Promise<Movers> {
  const cases = [...charts.keys()];
  const children = [...charts].flatMap(([id, { entries }]) =>
    entries.flatMap((entry) =>
      entry.kind === 'invocation' && entry.src === 'case' ? [uuidOf(uuidOfEntry(id, entry), 'case')] : [],
    ),
  );
  const ids = async (name: string, text: string, of: string[]) => {
    const { rows } = await client.query<{ id: string }>({ name: `orphans-${name}`, text, values: [of] });
    return new Set(rows.map((row) => row.id));
  };
  return {
    tasks: await ids(
      'tasks',
      `select id from qamqor.tasks where case_id = any ($1::uuid[]) and status in ('open', 'claimed', 'held')`,
      cases,
    ),
    handoffs: await ids(
      'handoffs',
      `select id from qamqor.handoffs h where case_id = any ($1::uuid[]) and closed_at is null and (status <> 'draft'
        or exists (select from qamqor.outbox o where o.case_id = h.case_id and o.entry_id = h.id and not o.parked))`,
      cases,
    ),
    timers: await ids(
      'timers',
      `select id from qamqor.timers where case_id = any ($1::uuid[]) and kind = 'timer' and passed_at is null`,
      cases,
    ),
    passed: await ids(
      'passed',
      `select id from qamqor.timers where case_id = any ($1::uuid[]) and kind = 'timer' and passed_at is not null`,
      cases,
    ),
    outbox: await ids(
      'outbox',
      'select distinct entry_id as id from qamqor.outbox where case_id = any ($1::uuid[]) and entry_id is not null and not parked',
      [...cases, ...children],
    ),
    subCases: await ids(
      'children',
      `select parent_entry_id as id from qamqor.cases where id = any ($1::uuid[]) and status in ('active', 'suspended')`,
      children,
    ),
    incidents: await ids(
      'incidents',
      `select distinct entry_id as id from qamqor.incidents where case_id = any ($1::uuid[]) and status = 'open' and entry_id is not null`,
      cases,
    ),
  };
}
