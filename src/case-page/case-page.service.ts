import type { Pool } from 'pg';
import type { CasesService } from '../api/cases.service.js';
import { asOrganisation } from '../engine/cases.js';
import type { CaseRecord, JournalBody, JournalPayload, VersionsApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { Clock } from '../platform/clock.js';
import type { Language, Text } from '../statechart/types.js';
import { inLanguage, type Titles } from '../workflows/titles.js';
import { type HistoryRow, historyRow } from './history.js';
import type { HandedOff } from './no-result.js';
import { type Picture, Pictures } from './picture.js';
import { type Asked, type Behind, type Wait, waitsOf } from './waits.js';

export interface CasePageDependencies {
  cases: Pick<CasesService, 'find'>;
  versions: VersionsApi;
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  clock: Clock;
  titles: Titles;
}

export interface AnsweredTask {
  id: string;
  invocation: string;
  item: string | null;
  form: string;
  title: string;
  /** Name of who answered. */
  by: string | null;
  at: string;
}

/** What the page of one case shows, in the reader's language: what it waits for, what happened, and the drawing. */
export class CasePageService {
  private readonly pictures = new Pictures();

  constructor(private readonly deps: CasePageDependencies) {}

  async waits(by: Principal, idOrNumber: string, language: Language): Promise<Wait[]> {
    const record = await this.deps.cases.find(by, idOrNumber);
    const [behind, now] = await Promise.all([this.behind(record), this.deps.clock.now()]);
    return waitsOf(record, { behind, titles: this.deps.titles, language, now });
  }

  /** The newest first. `before`: only rows with a smaller number. */
  async history(
    by: Principal,
    idOrNumber: string,
    language: Language,
    { limit, before }: { limit: number; before?: number },
  ): Promise<HistoryRow[]> {
    const { id, organisationId } = await this.deps.cases.find(by, idOrNumber);
    const rows = await asOrganisation(this.deps.pool, organisationId, async (query) => ({
      journal: await query<{ body: string; data: string | null }>(
        `select j.body, p.data from qamqor.journal j left join qamqor.payloads p on p.case_id = j.case_id and p.seq = j.seq
          where j.case_id = $1 and j.seq < $2 order by j.seq desc limit $3`,
        [id, before ?? 2 ** 31 - 1, limit],
      ),
      accounts: await query<{ id: string; name: string }>(
        'select id, name from qamqor.accounts where organisation_id = $1',
        [organisationId],
      ),
      handoffs: await query<HandedOff & { id: string }>(
        'select id, partner, service, invocation, reason_code as "reasonCode" from qamqor.handoffs where case_id = $1',
        [id],
      ),
      answered: await query<{ id: string }>(`select id from qamqor.tasks where case_id = $1 and status = 'done'`, [id]),
    }));
    const answered = new Set(rows.answered.map((task) => task.id));
    const names = new Map(rows.accounts.map(({ id: account, name }) => [account, name]));
    const handoffs = new Map(rows.handoffs.map((handoff) => [handoff.id, handoff]));
    return Promise.all(
      rows.journal.map(async ({ body: written, data }) => {
        const body = JSON.parse(written) as JournalBody;
        const payload = data === null ? null : (JSON.parse(data) as JournalPayload);
        const { key, version } = body.workflow;
        const workflow = await this.deps.versions.byVersion(organisationId, key, version);
        const name = (account: string) => names.get(account) ?? null;
        return historyRow(body, payload, workflow, { language, name, titles: this.deps.titles, handoffs, answered });
      }),
    );
  }

  /** Tasks of a case that were answered, the newest first. What was answered is the task's to say. */
  async answered(by: Principal, idOrNumber: string, language: Language, limit: number): Promise<AnsweredTask[]> {
    const { id, organisationId } = await this.deps.cases.find(by, idOrNumber);
    const rows = await asOrganisation(this.deps.pool, organisationId, (query) =>
      query<Omit<AnsweredTask, 'title' | 'at'> & { title: string; at: Date }>(ANSWERED, [id, limit]),
    );
    return rows.map(({ title, at, ...task }) => ({
      ...task,
      title: inLanguage(JSON.parse(title) as Text, language) ?? task.invocation,
      at: at.toISOString(),
    }));
  }

  async picture(by: Principal, idOrNumber: string, language: Language, whole: boolean): Promise<Picture> {
    const { workflow, state } = await this.deps.cases.find(by, idOrNumber);
    return this.pictures.draw(workflow, state, language, whole);
  }

  private behind({ id, organisationId }: CaseRecord): Promise<Behind> {
    return asOrganisation(this.deps.pool, organisationId, async (query) => {
      const tasks = await query<{ id: string; status: string; assignee: string | null }>(
        `select t.id, t.status, case when t.status <> 'open' then a.name end as assignee
           from qamqor.tasks t left join qamqor.accounts a on a.id = t.assignee
          where t.case_id = $1 and t.status in ('open', 'claimed', 'held')`,
        [id],
      );
      const handoffs = await query<{
        id: string;
        status: string;
        waiting: string | null;
        asked: Asked | null;
        due: Date | null;
      }>(
        `select h.id, h.status, h.waiting_reason as waiting, asked,
                greatest(h.answer_by, case when h.status = 'papers' then h.paused_until end) as due
           from qamqor.handoffs h
           left join lateral (${ASKED}) e on h.status = 'papers'
          where h.case_id = $1 and h.closed_at is null`,
        [id],
      );
      const children = await query<{ id: string; number: string; status: string; entry: string }>(
        'select id, number, status, parent_entry_id as entry from qamqor.cases where parent_case_id = $1',
        [id],
      );
      return {
        tasks: new Map(tasks.map((task) => [task.id, task])),
        handoffs: new Map(
          handoffs.map(({ id: key, due, ...handoff }) => [key, { ...handoff, dueAt: due?.toISOString() ?? null }]),
        ),
        children: new Map(children.map(({ entry, ...child }) => [entry, child])),
      };
    });
  }
}

const ANSWERED = `select t.id, t.invocation, t.item, t.form, t.title, a.name as by, t.closed_at as at
  from qamqor.tasks t left join qamqor.accounts a on a.id::text = t.closed_by
  where t.case_id = $1 and t.status = 'done' order by t.closed_at desc, t.id desc limit $2`;

/** Of one hand-off `h`: what the last applied request for papers said. */
const ASKED = `select jsonb_build_object('missing', coalesce(data::jsonb -> 'missing', '[]'), 'comment', data::jsonb -> 'comment') as asked
  from qamqor.handoff_events where handoff_id = h.id and type = 'papers_requested' and status = 'applied'
  order by received_at desc limit 1`;
