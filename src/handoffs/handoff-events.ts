import type { Pool } from 'pg';
import { AppError, type Violation } from '../engine/errors.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { Command, EngineApi } from '../engine/types.js';
import { crashPoint } from '../platform/crash-points.js';
import type { Tracing } from '../platform/tracing.js';
import type { JsonObject } from '../statechart/types.js';
import {
  type EventOutcome,
  failureOf,
  findHandoff,
  type HandoffRow,
  outputOf,
  PAPERS_ASKED,
  type PartnerDirectory,
  type PartnerEvent,
  type PartnerService,
  serviceOf,
} from './handoff.js';
import type { ResultError } from './partner-result.js';
import { verify } from './webhook.js';

/** A message is taken up again when whoever had it has not finished for so long. */
export const PATIENCE_S = 10;
const ERRORS_SHOWN = 10;
/** By how much a partner's clock may differ from the database's: as much as the stamp of its signature. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

export interface EventDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`: a partner has no session, its signature says who it is. */
  pool: Pool;
  partners: PartnerDirectory;
  warn(message: string, error: unknown): void;
  /** UUIDv7. */
  id(): string;
  /** Somebody tries what no partner should, or knows what we do not. */
  alert(message: string): void;
  tracing?: Tracing | undefined;
}

interface Received {
  handoffId: string;
  headers: Record<string, string | string[] | undefined>;
  rawBody: Buffer;
}

/** Messages in any order and any number: each is written down once, then applied, parked until it can be, or ignored. */
export class HandoffEvents {
  constructor(private readonly deps: EventDependencies) {}

  /** Who signed this, and the hand-off it is about. @throws AppError 401, 404 */
  async authenticate({ handoffId, headers, rawBody }: Received): Promise<HandoffRow> {
    const now = await this.now();
    const signers = this.deps.partners
      .all()
      .filter((partner) => verify({ headers, rawBody, secrets: partner.secrets, now }).ok);
    if (signers.length === 0)
      throw new AppError(
        'bad-signature',
        401,
        'The signature, its time or the secret is not right. Sign the very bytes that you send, with the current time.',
      );
    const handoff = await findHandoff(this.deps.pool, handoffId);
    // Of another partner's hand-off nobody learns even that it exists.
    if (handoff && !signers.some((partner) => partner.key === handoff.partner))
      this.deps.alert(
        `${signers.map(({ key }) => key).join(', ')} signed a message about hand-off ${handoff.id}, which is of ${handoff.partner}. It was refused.`,
      );
    // After a restore these are what partners have and we do not: a list of them can be made from the log.
    if (!handoff)
      this.deps.alert(
        `${signers.map(({ key }) => key).join(', ')} signed a message about hand-off ${handoffId.slice(0, 64)}, which is not known here. It was refused.`,
      );
    if (!handoff || !signers.some((partner) => partner.key === handoff.partner))
      throw new AppError('handoff-not-found', 404, `There is no hand-off ${handoffId} of yours.`);
    return handoff;
  }

  /** Repeated messages are known by their id, whatever became of the first. @throws AppError `schema` (422) */
  async receive(handoff: HandoffRow, event: PartnerEvent): Promise<EventOutcome> {
    const impossible = momentProblem(handoff, event.at, await this.now());
    if (impossible) throw new AppError('schema', 422, 'The message does not fit; errors says where.', {}, [impossible]);
    const errors = event.result ? (this.serviceOf(handoff)?.result.errorsIn(event.result) ?? []) : [];
    if (errors.length > 0) throw resultDoesNotFit(handoff.service, errors);
    const { rowCount } = await this.deps.pool.query({
      name: 'receive-handoff-event',
      text: `insert into qamqor.handoff_events (handoff_id, event_id, organisation_id, case_id, type, at, received_at, tried_at, data, status)
        select $1, $2, $3, $4, $5, $6, now, now, $7, 'received' from qamqor.qamqor_now() as now on conflict do nothing`,
      values: [
        handoff.id,
        event.eventId,
        handoff.organisation_id,
        handoff.case_id,
        event.type,
        event.at,
        JSON.stringify(event),
      ],
    });
    if (rowCount === 0) return { status: 'duplicate' };
    crashPoint('receive.after');
    return await this.apply(handoff.id, event);
  }

  /** Once the partner's 202 is known: what came before it. */
  async applyParked(handoffId: string): Promise<void> {
    const { rows } = await this.deps.pool.query<Waiting>({
      name: 'take-parked-handoff-events',
      text: `update qamqor.handoff_events set status = 'received', tried_at = qamqor.qamqor_now()
        where handoff_id = $1 and status = 'parked' returning handoff_id, data, received_at::text`,
      values: [handoffId],
    });
    for (const { data } of inOrder(rows)) await this.apply(handoffId, JSON.parse(data) as PartnerEvent);
  }

  /** For the sweeper: what was written down but not applied, because the process died or the database was away. */
  async sweep(): Promise<void> {
    const { rows } = await this.deps.pool.query<Waiting>({
      name: 'take-waiting-handoff-events',
      text: `update qamqor.handoff_events e set tried_at = qamqor.qamqor_now()
        from (select e.handoff_id, e.event_id from qamqor.handoff_events e join qamqor.handoffs h on h.id = e.handoff_id
          where e.status in ('received', 'parked') and (e.status = 'received' or h.status <> 'draft')
            and e.tried_at < qamqor.qamqor_now() - make_interval(secs => ${PATIENCE_S})
          order by e.tried_at limit 200 for update of e skip locked) waiting
        where e.handoff_id = waiting.handoff_id and e.event_id = waiting.event_id
        returning e.handoff_id, e.data, e.received_at::text`,
    });
    for (const { handoff_id: id, data } of inOrder(rows)) {
      await this.apply(id, JSON.parse(data) as PartnerEvent).catch((error: unknown) =>
        this.deps.warn(`A message about hand-off ${id} could not be applied.`, error),
      );
    }
  }

  private async apply(handoffId: string, event: PartnerEvent): Promise<EventOutcome> {
    const outcome = await this.decide(handoffId, event);
    // What waits for its case to go on waits in the engine, not here.
    const status = outcome.reason === 'suspended' ? 'applied' : outcome.status;
    await this.deps.pool.query({
      name: 'settle-handoff-event',
      // What is said about a hand-off that was erased already is erased next.
      text: `with settled as (update qamqor.handoff_events set status = $3, reason = $4
          where handoff_id = $1 and event_id = $2 and status <> 'applied')
        update qamqor.handoffs set erased_at = null where id = $1 and erased_at is not null`,
      values: [handoffId, event.eventId, status, outcome.reason ?? null],
    });
    // Between the look and the note the 202 may have come, and found nothing parked.
    if (status === 'parked' && (await findHandoff(this.deps.pool, handoffId))?.status !== 'draft')
      await this.applyParked(handoffId);
    return outcome;
  }

  private async decide(handoffId: string, event: PartnerEvent): Promise<EventOutcome> {
    const handoff = await findHandoff(this.deps.pool, handoffId);
    if (!handoff) throw new Error(`Hand-off ${handoffId} is gone.`);
    // It answers faster than its own 202 reaches us: applied as soon as that is stored.
    if (handoff.status === 'draft') return { status: 'parked', reason: 'not-sent-yet' };
    switch (event.type) {
      case 'acknowledged':
        return this.note(handoff, event, { ...ACKNOWLEDGE, values: [event.at] });
      case 'papers_requested':
        return this.asksForPapers(handoff, event);
      case 'done':
        return this.answer(handoff, {
          ...this.command(handoff, event),
          kind: 'answer',
          output: outputOf(handoff, this.serviceOf(handoff), event),
        });
      case 'rejected':
        return this.answer(handoff, {
          ...this.command(handoff, event),
          kind: 'failure',
          error: failureOf(event.reasonCode ?? 'OUT_OF_SCOPE', event.at, { missing: event.missing ?? [] }),
        });
    }
  }

  /** Its clock stands still once; a list of other papers that comes meanwhile is what it waits for now, and is told again. */
  private async asksForPapers(handoff: HandoffRow, event: PartnerEvent): Promise<EventOutcome> {
    const waits = handoff.status === 'papers';
    if (waits && !(await this.namesOthers(handoff, event))) return { status: 'ignored', reason: 'out-of-order' };
    const change = waits
      ? { ...ASK_ANEW, values: [handoff.revision] }
      : { ...PAUSE, values: [this.pauseDays(handoff)] };
    const outcome = await this.note(handoff, event, { ...change, tell: { topic: PAPERS_ASKED, payload: {} } });
    // Something else was said between the look and the note: it is looked at as it is now.
    return outcome.status === 'ignored' && handoff.closed_at === null ? this.decide(handoff.id, event) : outcome;
  }

  /** Whether it names papers, and not those for which it waits already. */
  private async namesOthers({ id }: HandoffRow, { missing = [] }: PartnerEvent): Promise<boolean> {
    const { rows } = await this.deps.pool.query<{ data: string | null }>({
      name: 'papers-asked-last',
      text: `select data from qamqor.handoff_events where handoff_id = $1 and type = 'papers_requested' and status = 'applied'
        order by received_at desc limit 1`,
      values: [id],
    });
    const asked = new Set((JSON.parse(rows[0]?.data ?? '{}') as Partial<PartnerEvent>).missing);
    const named = new Set(missing);
    return named.size > 0 && (named.size !== asked.size || missing.some((paper) => !asked.has(paper)));
  }

  /**
   * What changes the hand-off only: nothing that its case would wait for. The message is settled and whoever must hear of it
   * is told in the same statement: a process that dies has done all of it or nothing.
   */
  private async note(handoff: HandoffRow, { eventId }: PartnerEvent, change: Note): Promise<EventOutcome> {
    const { rowCount } = await this.deps.pool.query(noteOf(change), [
      handoff.id,
      eventId,
      this.deps.id(),
      change.tell?.topic ?? null,
      JSON.stringify(change.tell?.payload ?? {}),
      this.deps.tracing?.current?.traceparent ?? null,
      ...change.values,
    ]);
    if (rowCount !== 0) return { status: 'applied' };
    return { status: 'ignored', reason: handoff.closed_at ? handoff.status : 'out-of-order' };
  }

  /** What comes after the end is journaled by the case, and changes nothing. */
  private async answer(handoff: HandoffRow, command: Command): Promise<EventOutcome> {
    const accepted = await this.deps.engine.submit(command);
    switch (accepted.outcome) {
      case 'taken':
        return { status: 'applied' };
      case 'parked':
        return { status: 'parked', reason: 'suspended' };
      case 'incident':
        return { status: 'applied', reason: 'incident' };
      case 'ignored':
        return { status: 'ignored', reason: handoff.closed_at ? handoff.status : (accepted.reason ?? 'closed') };
    }
  }

  private command(handoff: HandoffRow, event: PartnerEvent) {
    return {
      organisationId: handoff.organisation_id,
      caseId: handoff.case_id,
      entryId: handoff.id,
      id: `partner:${handoff.partner}:${event.eventId}`.slice(0, 128),
      keep: false,
      lane: 'machines' as const,
      sender: { ...ENGINE_SENDER, onBehalfOf: `partner-${handoff.partner}` },
      late: 'journal' as const,
    };
  }

  private async now(): Promise<string> {
    const { rows } = await this.deps.pool.query<{ now: Date }>('select qamqor.qamqor_now() as now');
    return rows[0]?.now.toISOString() ?? '';
  }

  private pauseDays(handoff: HandoffRow): number {
    return this.serviceOf(handoff)?.pauseDays ?? 30;
  }

  private serviceOf(handoff: HandoffRow): PartnerService | undefined {
    const partner = this.deps.partners.find(handoff.partner);
    return partner && serviceOf(partner, handoff.service);
  }
}

/** What a partner says happened when nothing can have: it would stand in the case for ever. */
function momentProblem(handoff: HandoffRow, at: string, now: string): Violation | undefined {
  const since = firstSentAt(handoff);
  if (Date.parse(at) > Date.parse(now) + CLOCKS_DIFFER_MS)
    return { path: '/at', message: `has not come yet: it is ${now}`, rule: 'moment-not-come', facts: { now } };
  if (Date.parse(at) < Date.parse(since) - CLOCKS_DIFFER_MS)
    return { path: '/at', message: `lies before the hand-off: ${since}`, rule: 'moment-before', facts: { since } };
  return undefined;
}

/** The first attempt may have reached the partner long before one reached it whose 202 reached us. */
function firstSentAt({ body, opened_at: openedAt }: HandoffRow): string {
  const { sentAt } = JSON.parse(body ?? '{}') as { sentAt?: string };
  return sentAt ?? openedAt.toISOString();
}

function resultDoesNotFit(service: string, errors: ResultError[]): AppError {
  const found = errors.slice(0, ERRORS_SHOWN).map(({ path, message }) => ({ path: `/result${path}`, message }));
  return new AppError('schema', 422, `The result is not what ${service} gives; errors says where.`, {}, found);
}

interface Waiting {
  handoff_id: string;
  data: string;
  /** As text: a Date would drop the microseconds by which two messages differ. */
  received_at: string;
}

function inOrder(rows: Waiting[]): Waiting[] {
  return rows.sort((one, other) => (one.received_at < other.received_at ? -1 : 1));
}

/** A change of the hand-off as SQL, where its values begin at $7; and what goes out with it. */
interface Note {
  set: string;
  when: string;
  values: unknown[];
  tell?: { topic: string; payload: JsonObject };
}

/** Whoever asks for papers first says afterwards that it has it: that stands, and shows once the papers are there. */
const ACKNOWLEDGE = {
  set: `status = case status when 'sent' then 'acknowledged' else status end, acknowledged_at = $7`,
  when: `status in ('sent', 'papers') and acknowledged_at is null`,
};

const PAUSE = {
  set: `status = 'papers', papers_reminded = 0, paused_at = qamqor.qamqor_now(),
    paused_until = qamqor.qamqor_now() + make_interval(days => $7), answer_by = answer_by + make_interval(days => $7),
    gives_up_at = gives_up_at + make_interval(days => $7)`,
  when: `status in ('sent', 'acknowledged')`,
};

/** As it was when its list was read: of two that come at once, the second is compared with the first. */
const ASK_ANEW = { set: `status = 'papers'`, when: `status = 'papers' and revision = $7` };

const noteOf = ({ set, when }: Note) => `
  with noted as (
    update qamqor.handoffs set ${set}, revision = revision + 1 where id = $1 and closed_at is null and ${when}
    returning id, organisation_id, case_id),
  settled as (
    update qamqor.handoff_events e set status = 'applied', reason = null from noted where e.handoff_id = noted.id and e.event_id = $2),
  told as (
    insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at, trace)
    select $3::uuid, noted.organisation_id, noted.case_id, c.revision, $4::text, noted.id, $5::text, clock.now, clock.now, $6::text
    from noted join qamqor.cases c on c.id = noted.case_id, (select qamqor.qamqor_now() as now) clock where $4::text is not null)
  select from noted`;
