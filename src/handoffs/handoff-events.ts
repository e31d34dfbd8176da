import type { Pool } from 'pg';
import { AppError } from '../engine/errors.js';
import { ENGINE_SENDER } from '../engine/outbox.js';
import type { Command, EngineApi } from '../engine/types.js';
import { crashPoint } from '../platform/crash-points.js';
import { type EventOutcome, type HandoffRow, outputOf, type PartnerDirectory, type PartnerEvent } from './handoff.js';
import { verify } from './webhook.js';

export interface EventDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`: a partner has no session, its signature says who it is. */
  pool: Pool;
  partners: PartnerDirectory;
  warn(message: string, error: unknown): void;
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
    const { rows: clock } = await this.deps.pool.query<{ now: Date }>('select qamqor.qamqor_now() as now');
    const now = clock[0]?.now.toISOString() ?? '';
    const signers = this.deps.partners
      .all()
      .filter((partner) => verify({ headers, rawBody, secrets: partner.secrets, now }).ok);
    if (signers.length === 0)
      throw new AppError(
        'bad-signature',
        401,
        'The signature, its time or the secret is not right. Sign the very bytes that you send, with the current time.',
      );
    const handoff = await this.find(handoffId);
    // Of another partner's hand-off nobody learns even that it exists.
    if (!handoff || !signers.some((partner) => partner.key === handoff.partner))
      throw new AppError('handoff-not-found', 404, `There is no hand-off ${handoffId} of yours.`);
    return handoff;
  }

  async receive(handoff: HandoffRow, event: PartnerEvent): Promise<EventOutcome> {
    const { rowCount } = await this.deps.pool.query({
      name: 'receive-handoff-event',
      text: `insert into qamqor.handoff_events (handoff_id, event_id, organisation_id, case_id, type, at, received_at, data, status)
        values ($1, $2, $3, $4, $5, $6, qamqor.qamqor_now(), $7, 'received') on conflict do nothing`,
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
    if (rowCount === 0 && (await this.statusOf(handoff.id, event.eventId)) !== 'received')
      return { status: 'duplicate' };
    crashPoint('receive.after');
    return await this.apply(handoff.id, event);
  }

  /** Once the partner's 202 is known: what came before it. */
  async applyParked(handoffId: string): Promise<void> {
    const { rows } = await this.deps.pool.query<{ data: string }>({
      name: 'parked-handoff-events',
      text: `select data from qamqor.handoff_events where handoff_id = $1 and status = 'parked' order by received_at`,
      values: [handoffId],
    });
    for (const { data } of rows) await this.apply(handoffId, JSON.parse(data) as PartnerEvent);
  }

  /** For the sweeper: what was written down but not applied, because the process died between the two. */
  async sweep(): Promise<void> {
    const { rows } = await this.deps.pool.query<{ handoff_id: string; data: string }>(
      `select e.handoff_id, e.data from qamqor.handoff_events e join qamqor.handoffs h on h.id = e.handoff_id
       where (e.status = 'received' and e.received_at < qamqor.qamqor_now() - interval '10 seconds')
          or (e.status = 'parked' and h.status <> 'draft') order by e.received_at limit 200`,
    );
    for (const { handoff_id: id, data } of rows) {
      await this.apply(id, JSON.parse(data) as PartnerEvent).catch((error: unknown) =>
        this.deps.warn(`A message about hand-off ${id} could not be applied.`, error),
      );
    }
  }

  private async apply(handoffId: string, event: PartnerEvent): Promise<EventOutcome> {
    const outcome = await this.decide(handoffId, event);
    await this.deps.pool.query({
      name: 'settle-handoff-event',
      text: 'update qamqor.handoff_events set status = $3, reason = $4 where handoff_id = $1 and event_id = $2',
      values: [handoffId, event.eventId, outcome.status, outcome.reason ?? null],
    });
    return outcome;
  }

  private async decide(handoffId: string, event: PartnerEvent): Promise<EventOutcome> {
    const handoff = await this.find(handoffId);
    if (!handoff) throw new Error(`Hand-off ${handoffId} is gone.`);
    if (handoff.closed_at) return { status: 'ignored', reason: handoff.status };
    // It answers faster than its own 202 reaches us: applied as soon as that is stored.
    if (handoff.status === 'draft') return { status: 'parked', reason: 'not-sent-yet' };
    switch (event.type) {
      case 'acknowledged':
        return this.note(handoff, `status = 'acknowledged', acknowledged_at = $2`, `status = 'sent'`, [event.at]);
      case 'papers_requested':
        return this.note(
          handoff,
          `status = 'papers', paused_until = qamqor.qamqor_now() + make_interval(days => $2)`,
          `status in ('sent', 'acknowledged')`,
          [this.pauseDays(handoff)],
        );
      case 'done':
        return this.answer(handoff, {
          ...this.command(handoff, event),
          kind: 'answer',
          output: outputOf(handoff, event),
        });
      case 'rejected':
        return this.answer(handoff, {
          ...this.command(handoff, event),
          kind: 'failure',
          error: { code: event.reasonCode ?? 'OUT_OF_SCOPE', missing: event.missing ?? [], at: event.at },
        });
    }
  }

  /** What changes the hand-off only: nothing that its case would wait for. */
  private async note(handoff: HandoffRow, set: string, when: string, values: unknown[]): Promise<EventOutcome> {
    const { rowCount } = await this.deps.pool.query(
      `update qamqor.handoffs set ${set}, revision = revision + 1 where id = $1 and closed_at is null and ${when}`,
      [handoff.id, ...values],
    );
    return rowCount === 0 ? { status: 'ignored', reason: 'out-of-order' } : { status: 'applied' };
  }

  private async answer(handoff: HandoffRow, command: Command): Promise<EventOutcome> {
    const accepted = await this.deps.engine.submit(command);
    if (accepted.outcome === 'ignored') return { status: 'ignored', reason: accepted.reason ?? handoff.status };
    return { status: 'applied', ...(accepted.outcome === 'taken' ? {} : { reason: accepted.outcome }) };
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

  private pauseDays(handoff: HandoffRow): number {
    return this.deps.partners.find(handoff.partner)?.services[handoff.service]?.pauseDays ?? 30;
  }

  private async statusOf(handoffId: string, eventId: string): Promise<string | undefined> {
    const { rows } = await this.deps.pool.query<{ status: string }>(
      'select status from qamqor.handoff_events where handoff_id = $1 and event_id = $2',
      [handoffId, eventId],
    );
    return rows[0]?.status;
  }

  private async find(id: string): Promise<HandoffRow | undefined> {
    const { rows } = await this.deps.pool.query<HandoffRow>({
      name: 'find-handoff-by-text',
      text: 'select * from qamqor.handoffs where id::text = $1',
      values: [id],
    });
    return rows[0];
  }
}
