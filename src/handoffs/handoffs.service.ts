import type { Pool } from 'pg';
import { isUuid } from '../api/cursor.js';
import { commandOf, type Write } from '../api/write.js';
import { asOrganisation, type Query } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import { ENTRY_OVERDUE } from '../engine/overdue.js';
import type { EngineApi } from '../engine/types.js';
import type { Principal } from '../identity/principal.js';
import type { Tracing } from '../platform/tracing.js';
import type { JsonObject } from '../statechart/types.js';
import { failureOf, type HandoffRow, type PartnerDirectory, RECALLED } from './handoff.js';
import { type HandoffAt, presentHandoff } from './handoff.presenter.js';
import { handoffNotFound, handoffOver, handoffStale, noPapersAsked } from './handoff-refusals.js';
import type { HandoffSource } from './handoff-source.js';

export interface HandoffsDependencies {
  engine: Pick<EngineApi, 'submit'>;
  source: HandoffSource;
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  /** Connections of the role `qamqor_relay`. */
  relayPool: Pool;
  partners: PartnerDirectory;
  /** UUIDv7. */
  id(): string;
  tracing?: Tracing | undefined;
}

/** Where a page ended: when the last hand-off was opened (ISO 8601), and its id. */
export type HandoffPlace = [openedAt: string, id: string];

export interface HandoffQuery {
  limit: number;
  after?: HandoffPlace | undefined;
  caseId?: string | undefined;
  partner?: string | undefined;
  status?: HandoffRow['status'] | undefined;
  overdue?: boolean | undefined;
  /** Partners for which it is read: of theirs what was sent to them. Everything when left out. */
  seen?: string[] | undefined;
}

/** What a partner asked for. */
export interface Papers {
  documents?: { title: string; reference: string }[] | undefined;
  note?: string | undefined;
}

/** Hand-offs as the centre sees them, and what people do with them. */
export class HandoffsService {
  constructor(private readonly deps: HandoffsDependencies) {}

  /** Newest first; at most `limit`. `next` is where to go on. */
  async list(by: Principal, query: HandoffQuery): Promise<{ items: JsonObject[]; next: HandoffPlace | null }> {
    const values: unknown[] = [];
    const conditions: string[] = ['true'];
    const where = (condition: (place: string) => string, value: unknown) => {
      if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
    };
    where((place) => `case_id = ${place}`, query.caseId);
    where((place) => `partner = ${place}`, query.partner);
    where((place) => `status = ${place}`, query.status);
    // Of what was never sent, for want of consent perhaps, a partner learns nothing, neither while it waits nor after.
    where((place) => `partner = any (${place}::text[]) and sent_at is not null`, query.seen);
    where((place) => `${OVERDUE} = ${place}`, query.overdue);
    if (query.after)
      conditions.push(
        `(opened_at, id) < ($${values.push(query.after[0])}::timestamptz, $${values.push(query.after[1])}::uuid)`,
      );
    const text = `${SELECT} where ${conditions.join(' and ')}
      order by opened_at desc, id desc limit $${values.push(query.limit + 1)}`;
    const rows = await asOrganisation(this.deps.pool, by.organisationId, (run) => run<HandoffAt>(text, values));
    const page = rows.slice(0, query.limit);
    const last = rows.length > page.length ? page.at(-1) : undefined;
    return {
      items: page.map((row) => this.present(by, row)),
      next: last ? [last.opened_at.toISOString(), last.id] : null,
    };
  }

  /** The partner gets the papers that it asked for, and its clock goes on. @throws AppError 404, 409 */
  async supply(by: Principal, id: string, papers: Papers, write: Write = {}): Promise<JsonObject> {
    const row = await asOrganisation(this.deps.pool, by.organisationId, async (run) => {
      const before = await findIn(run, id);
      const changed = await run(SUPPLY, [before.id, write.revision ?? null]);
      if (changed.length === 0) throw refusal(await findIn(run, id), write.revision);
      const documents = papers.documents ? JSON.stringify(papers.documents) : null;
      const supply = this.deps.id();
      await run(RECORD_SUPPLY, [supply, before.id, documents, papers.note ?? null, by.account]);
      const trace = this.deps.tracing?.current?.traceparent ?? null;
      await run(SEND_SUPPLY, [this.deps.id(), before.id, JSON.stringify({ supply }), trace]);
      return findIn(run, id);
    });
    return this.present(by, row);
  }

  /** Takes a hand-off back: the partner is told, the case hears an error with the code `RECALLED`. @throws AppError 404, 409 */
  async recall(by: Principal, id: string, reason: string, write: Write = {}): Promise<JsonObject> {
    const row = await this.find(by, id);
    // With a key the engine must be asked first: this may be the command that closed it.
    if (row.closed_at !== null && write.key === undefined) throw handoffOver(row.status);
    const error = failureOf(RECALLED, row.now.toISOString(), { reason: 'by-hand' });
    this.deps.source.keepReason(error, reason);
    const { revision, ...rest } = write;
    if (revision !== undefined && revision !== row.revision) throw handoffStale(row.revision, revision);
    try {
      await this.deps.engine.submit({
        ...commandOf(by, { digestOf: { recall: row.id }, ...rest }, this.deps.id),
        kind: 'failure',
        caseId: row.case_id,
        entryId: row.id,
        error,
        late: 'refuse',
      });
    } catch (failed) {
      if (!(failed instanceof AppError) || failed.code !== 'task-closed') throw failed;
      throw handoffOver((await this.find(by, id)).status);
    }
    return this.present(by, await this.find(by, id));
  }

  /** What waited for this family's consent goes out now. */
  async hurry({ organisationId, subject, partner }: { organisationId: string; subject: string; partner: string }) {
    await this.deps.relayPool.query(
      `update qamqor.outbox o set next_at = qamqor.qamqor_now() from qamqor.handoffs h
       where h.organisation_id = $1 and h.subject = $2 and h.partner = $3 and h.status = 'draft'
         and o.case_id = h.case_id and o.entry_id = h.id and o.topic = 'handOff.open'`,
      [organisationId, subject, partner],
    );
  }

  private find(by: Principal, id: string): Promise<HandoffAt> {
    return asOrganisation(this.deps.pool, by.organisationId, (run) => findIn(run, id));
  }

  private present(by: Principal, row: HandoffAt): JsonObject {
    return presentHandoff(row, by, this.deps.partners.find(row.partner)?.title);
  }
}

async function findIn(run: Query, id: string): Promise<HandoffAt> {
  const [row] = isUuid(id) ? await run<HandoffAt>(`${SELECT} where id = $1`, [id]) : [];
  if (!row) throw handoffNotFound(id);
  return row;
}

function refusal(row: HandoffAt, revision: number | undefined): AppError {
  if (row.closed_at !== null) return handoffOver(row.status);
  if (row.status !== 'papers') return noPapersAsked(row.status);
  return handoffStale(row.revision, revision ?? row.revision);
}

const OVERDUE = `(closed_at is null and ${ENTRY_OVERDUE('handoffs.id', '(select qamqor.qamqor_now())')})`;

const SELECT = `select *, qamqor.qamqor_now() as now, ${OVERDUE} as overdue from qamqor.handoffs`;

/** What is left of the pause is taken back: the time that the partner had is the time that it has. */
const SUPPLY = `
  update qamqor.handoffs set status = case when acknowledged_at is null then 'sent' else 'acknowledged' end,
    answer_by = answer_by - greatest(paused_until - clock.now, interval '0'),
    gives_up_at = gives_up_at - greatest(paused_until - clock.now, interval '0'), paused_until = least(paused_until, clock.now),
    supplied_at = clock.now, revision = revision + 1
  from (select qamqor.qamqor_now() as now) clock
  where id = $1 and status = 'papers' and closed_at is null and ($2::int is null or revision = $2) returning id`;

const RECORD_SUPPLY = `
  insert into qamqor.handoff_supplies (id, organisation_id, case_id, handoff_id, documents, note, supplied_at, supplied_by)
  select $1, organisation_id, case_id, id, $3, $4, supplied_at, $5 from qamqor.handoffs where id = $2`;

const SEND_SUPPLY = `
  insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at, trace)
  select $1, h.organisation_id, h.case_id, c.revision, 'handOff.supply', h.id, $3, h.supplied_at, h.supplied_at, $4
  from qamqor.handoffs h join qamqor.cases c on c.id = h.case_id where h.id = $2`;
