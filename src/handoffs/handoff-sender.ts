import type { Pool } from 'pg';
import { ENGINE_SENDER } from '../engine/outbox.js';
import type { Delivery, OutboxRow } from '../engine/types.js';
import { crashPoint } from '../platform/crash-points.js';
import type { Json } from '../statechart/types.js';
import {
  failureOf,
  findHandoff,
  type HandoffRow,
  type PartnerDirectory,
  type PartnerService,
  type PersonSlice,
  serviceOf,
} from './handoff.js';
import { PARTNER_IS_DOWN } from './partner-client.js';

/** While a partner has no address yet, its hand-offs wait and are looked at again so often. */
const NO_ADDRESS_RETRY_MS = 60_000;
/** A recall that overtook its own hand-off would be forgotten: it waits until that has arrived or failed. */
const UNDER_WAY_RETRY_MS = 1_000;

export interface SenderDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  partners: PartnerDirectory;
  personSlice: PersonSlice;
  /** Early messages of the partner are applied once its 202 is known. */
  applyParked(handoffId: string): Promise<void>;
}

/** Carries hand-offs to partners: the same id and the same bytes, however often it takes. */
export class HandoffSender {
  constructor(private readonly deps: SenderDependencies) {}

  /** Topic `handOff.open`. */
  async send(row: OutboxRow): Promise<Delivery> {
    const handoff = row.entryId ? await this.find(row.entryId) : undefined;
    // Its state was left before it could go out: nobody needs to hear of it.
    if (handoff?.status !== 'draft') return { kind: 'done' };
    const partner = this.deps.partners.find(handoff.partner);
    if (!partner) return { kind: 'give-up', reason: `No partner is called "${handoff.partner}".` };
    const service = serviceOf(partner, handoff.service);
    if (!service) return { kind: 'give-up', reason: `${partner.key} has no service "${handoff.service}".` };
    if (!partner.client)
      return {
        kind: 'retry',
        patient: true,
        reason: `Partner ${partner.key} has no address yet.`,
        afterMs: NO_ADDRESS_RETRY_MS,
      };
    const body = handoff.body ?? (await this.freeze(handoff, service));
    if (body === null) return { kind: 'done' };
    crashPoint('send.before');
    const answer = await partner.client.handOff({ id: handoff.id, body });
    crashPoint('send.after');
    switch (answer.kind) {
      case 'accepted':
        await this.markSent(handoff.id, answer.partnerRef);
        await this.deps.applyParked(handoff.id);
        return { kind: 'done' };
      case 'retry':
        // Where it has a term, that ends it; where it has none, somebody must hear that it does not get through.
        return { ...answer, patient: handoff.due_at !== null || answer.reason === PARTNER_IS_DOWN };
      case 'refused':
        return isOurFault(answer.status)
          ? { kind: 'give-up', reason: `Partner ${partner.key} cannot be reached as it is set up: ${answer.reason}.` }
          : await this.refused(row, handoff, answer.reason);
      case 'gone':
        return await this.refused(row, handoff, 'http-410: the partner takes no hand-offs any more');
    }
  }

  /** Topic `handOff.close`: whoever was asked hears that it is not needed any more. */
  async recall(row: OutboxRow): Promise<Delivery> {
    if (await this.isUnderWay(row.entryId))
      return { kind: 'retry', patient: true, reason: 'The hand-off is under way.', afterMs: UNDER_WAY_RETRY_MS };
    const handoff = row.entryId ? await this.find(row.entryId) : undefined;
    const partner = handoff && this.deps.partners.find(handoff.partner);
    // A frozen body may have reached the partner even if we never saw its 202.
    if (!handoff?.body || !partner?.client) return { kind: 'done' };
    const body = JSON.stringify({ id: handoff.id, reason: 'recalled', at: handoff.closed_at?.toISOString() ?? null });
    const answer = await partner.client.recall(handoff.id, { id: `${handoff.id}-recall`, body });
    if (answer.kind === 'retry') return { ...answer, patient: answer.reason === PARTNER_IS_DOWN };
    // A partner that knows no recalls, or not this one, need not be told again.
    return { kind: 'done' };
  }

  private find(id: string): Promise<HandoffRow | undefined> {
    return findHandoff(this.deps.pool, id);
  }

  /** Somebody holds the lease on sending it, and may have read it before it was recalled. */
  private async isUnderWay(id: string | null): Promise<boolean> {
    const { rows } = await this.deps.pool.query({
      name: 'handoff-under-way',
      text: `select from qamqor.outbox where case_id = (select case_id from qamqor.handoffs where id = $1)
        and entry_id = $1 and topic = 'handOff.open' and leased_until > qamqor.qamqor_now()`,
      values: [id],
    });
    return rows.length > 0;
  }

  /** Of two attempts that freeze at once the first one's bytes stand. Null when its state was left meanwhile. */
  private async freeze(handoff: HandoffRow, { person: fields }: PartnerService): Promise<string | null> {
    const body = JSON.stringify({
      id: handoff.id,
      service: handoff.service,
      sentAt: await this.now(),
      dueAt: handoff.due_at?.toISOString() ?? null,
      person: handoff.subject ? await this.deps.personSlice(handoff.organisation_id, handoff.subject, fields) : {},
      consent: null,
      request: { ...(JSON.parse(handoff.request) as Record<string, Json>), caseNumber: handoff.case_number },
      documents: [],
    });
    const { rows } = await this.deps.pool.query<{ body: string }>({
      name: 'freeze-handoff',
      text: `update qamqor.handoffs set body = coalesce(body, $2) where id = $1 and status = 'draft' returning body`,
      values: [handoff.id, body],
    });
    return rows[0]?.body ?? null;
  }

  /** The partner said no to the request itself: the case hears it as a rejection. */
  private async refused(row: OutboxRow, handoff: HandoffRow, reason: string): Promise<Delivery> {
    return {
      kind: 'answer',
      command: {
        kind: 'failure',
        entryId: handoff.id,
        error: failureOf('TECHNICAL', await this.now(), { reason }),
        organisationId: row.organisationId,
        caseId: row.caseId,
        id: `outbox:${row.id}`,
        keep: false,
        lane: 'machines',
        sender: ENGINE_SENDER,
        late: 'journal',
      },
    };
  }

  private async now(): Promise<string> {
    const { rows } = await this.deps.pool.query<{ now: Date }>('select qamqor.qamqor_now() as now');
    return rows[0]?.now.toISOString() ?? '';
  }

  private async markSent(id: string, partnerRef: string | null): Promise<void> {
    await this.deps.pool.query({
      name: 'sent-handoff',
      text: `update qamqor.handoffs set status = 'sent', sent_at = qamqor.qamqor_now(), partner_ref = $2, revision = revision + 1 where id = $1 and status = 'draft'`,
      values: [id, partnerRef],
    });
  }
}

/** Not this family's matter: the secret does not fit (401), or the address leads where no partner can be (no status). */
function isOurFault(status: number | null): boolean {
  return status === null || status === 401;
}
