import type { Pool } from 'pg';
import { PARTNER_GONE } from '../engine/incident-rules.js';
import { unknownHere } from '../engine/outbox.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { Delivery, LeasedRow, OutboxRow } from '../engine/types.js';
import { crashPoint } from '../platform/crash-points.js';
import type { Json } from '../statechart/types.js';
import {
  failureOf,
  findHandoff,
  type HandoffRow,
  type Partner,
  type PartnerDirectory,
  type PartnerService,
  serviceOf,
  type WaitingReason,
} from './handoff.js';
import { type Consent, HandoffConsents } from './handoff-consents.js';
import { PARTNER_IS_BUSY, PARTNER_IS_DOWN, PARTNER_IS_GONE, type PartnerClient, type Sent } from './partner-client.js';
import type { PartnerTerms } from './partner-terms.js';
import type { PartnersGone } from './partners-gone.js';
import type { MemberSlice } from './person-slice.js';

/** While a partner has no address, or takes nothing at the one it has, its hand-offs wait and are looked at again so often. */
const NO_ADDRESS_RETRY_MS = 60_000;
/**
 * Whoever gives consent makes it due at once (`HandoffsService.hurry`). This finds what that missed: a process that died in between.
 * It comes by this much later each time: a consent is waited for over days.
 */
const NO_CONSENT_RETRY_MS = 10 * 60_000;
const NO_CONSENT_RETRY_MAX_MS = 3 * 3_600_000;
/** A recall that overtook its own hand-off would be forgotten: it waits until that has arrived or failed. */
const UNDER_WAY_RETRY_MS = 1_000;

export interface SenderDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  partners: PartnerDirectory;
  personSlice: MemberSlice;
  terms: PartnerTerms;
  gone: Pick<PartnersGone, 'isToTell'>;
  /** From 0 to 1. */
  random(): number;
  /** UUIDv7. */
  id(): string;
  /** Early messages of the partner are applied once its 202 is known. */
  applyParked(handoffId: string): Promise<void>;
}

/** Carries hand-offs to partners: the same id and the same bytes, however often it takes. */
export class HandoffSender {
  private readonly consents: HandoffConsents;

  constructor(private readonly deps: SenderDependencies) {
    this.consents = new HandoffConsents(deps.pool);
  }

  /** Topic `handOff.open`. */
  async send(row: LeasedRow): Promise<Delivery> {
    const handoff = row.entryId ? await this.find(row.entryId) : undefined;
    if (!handoff) return { kind: 'give-up', reason: 'The hand-off itself is gone: put the case into its state again.' };
    // Its state was left before it could go out: nobody needs to hear of it.
    if (handoff.status !== 'draft') return { kind: 'done' };
    const partner = this.deps.partners.find(handoff.partner);
    if (!partner) return unknownHere(`No partner is called "${handoff.partner}".`);
    const service = serviceOf(partner, handoff.service);
    if (!service) return unknownHere(`${partner.key} has no service "${handoff.service}".`);
    const subject = handoff.subject ?? (await this.consents.subjectOf(handoff));
    const consent = await this.consents.of({ ...handoff, subject }, service, this.deps.personSlice);
    if (consent === 'missing') {
      const retryMs = Math.min(row.tries * NO_CONSENT_RETRY_MS, NO_CONSENT_RETRY_MAX_MS);
      return this.waits({ ...handoff, subject }, 'consent-missing', retryMs);
    }
    if (!partner.client) return this.waits(handoff, 'no-address', NO_ADDRESS_RETRY_MS);
    const body = handoff.body ?? (await this.freeze({ ...handoff, subject }, service, consent));
    if (body === null) {
      const isLeft = (await this.find(handoff.id))?.status !== 'draft';
      return isLeft ? { kind: 'done' } : this.waits(handoff, 'consent-missing', UNDER_WAY_RETRY_MS);
    }
    return this.deliver(row, handoff, partner, partner.client, body);
  }

  /** Topic `handOff.close`: whoever was asked hears that it is not needed any more. */
  async recall(row: OutboxRow): Promise<Delivery> {
    if (await this.isUnderWay(row.entryId))
      return { kind: 'retry', patient: true, reason: 'The hand-off is under way.', afterMs: UNDER_WAY_RETRY_MS };
    const handoff = row.entryId ? await this.find(row.entryId) : undefined;
    const partner = handoff && this.deps.partners.find(handoff.partner);
    // A frozen body may have reached the partner even if we never saw its 202.
    if (!handoff?.body_digest) return { kind: 'done' };
    if (!partner) return unknownHere(`No partner is called "${handoff.partner}".`);
    if (!partner.client) return NO_ADDRESS_YET;
    const body = JSON.stringify({ id: handoff.id, reason: 'recalled', at: handoff.closed_at?.toISOString() ?? null });
    const { client } = partner;
    const answer = await passing(() => client.recall(handoff.id, { id: `${handoff.id}-recall`, body }));
    if (answer.kind === 'retry')
      return (await this.toldGone(handoff, answer)) ?? { ...answer, patient: isNotTried(answer) };
    if (answer.kind === 'refused' && isOurFault(answer.status)) return notReached(partner, answer.reason);
    // A partner that knows no recalls, or not this one, need not be told again.
    return { kind: 'done' };
  }

  /** Topic `handOff.supply`: the papers that the partner waits for are there. */
  async supply(row: OutboxRow): Promise<Delivery> {
    const supply = await this.supplyOf(row);
    const handoff = row.entryId ? await this.find(row.entryId) : undefined;
    if (!supply || !handoff || handoff.closed_at) return { kind: 'done' };
    const partner = this.deps.partners.find(handoff.partner);
    if (!partner) return unknownHere(`No partner is called "${handoff.partner}".`);
    if (!partner.client) return NO_ADDRESS_YET;
    const { client } = partner;
    const answer = await passing(() => client.supply(handoff.id, supply));
    if (answer.kind === 'accepted') return { kind: 'done' };
    if (answer.kind === 'retry')
      return (
        (await this.toldGone(handoff, answer)) ?? { ...answer, patient: handoff.due_at !== null || isNotTried(answer) }
      );
    const why = answer.kind === 'gone' ? 'http-410' : answer.reason;
    return { kind: 'give-up', reason: `Partner ${partner.key} did not take the papers: ${why}.` };
  }

  private async deliver(
    row: OutboxRow,
    handoff: HandoffRow,
    partner: Partner,
    client: PartnerClient,
    body: string,
  ): Promise<Delivery> {
    const answer = await passing(() => client.handOff({ id: handoff.id, body }));
    switch (answer.kind) {
      case 'accepted':
        if (!(await this.markSent(handoff, answer.partnerRef))) await this.recallWhatOvertook(handoff);
        await this.deps.applyParked(handoff.id);
        return { kind: 'done' };
      case 'retry':
        if (answer.reason === PARTNER_IS_GONE) return await this.gone(handoff);
        if (answer.reason === PARTNER_IS_DOWN) await this.note(handoff, 'partner-down');
        // Where it has a term, that ends it; where it has none, somebody must hear that it does not get through.
        return { ...answer, patient: handoff.due_at !== null || isNotTried(answer) };
      case 'refused':
        return isOurFault(answer.status)
          ? notReached(partner, answer.reason)
          : await this.refused(row, handoff, answer.reason);
      case 'gone':
        return await this.gone(handoff);
    }
  }

  /** The partner takes nothing at its address any more: one hand-off tells people, and all wait until it is sent to again. */
  private async gone(handoff: HandoffRow): Promise<Delivery> {
    const waiting = await this.waits(handoff, 'partner-gone', NO_ADDRESS_RETRY_MS);
    return (await this.toldGone(handoff, { reason: PARTNER_IS_GONE })) ?? waiting;
  }

  /** Papers and recalls wait for a gone partner too, and tell people where nothing else does. */
  private async toldGone(handoff: HandoffRow, { reason }: { reason: string }): Promise<Delivery | undefined> {
    if (reason !== PARTNER_IS_GONE || !(await this.deps.gone.isToTell(handoff))) return undefined;
    return {
      kind: 'give-up',
      rule: PARTNER_GONE,
      reason: `Partner ${handoff.partner} answered 410 Gone: nothing is sent to this address any more, until this is retried or the settings name another address.`,
    };
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

  /** Of two attempts that freeze at once the first one's bytes stand. Null when its state was left or the consent withdrawn meanwhile. */
  private async freeze(
    handoff: HandoffRow,
    { person: fields }: PartnerService,
    consent: Consent | null,
  ): Promise<string | null> {
    const { organisation_id: organisationId, subject } = handoff;
    // `member` says whom of the family the request is about: it is for us, and the partner is told the person.
    const { member, ...request } = JSON.parse(handoff.request) as Record<string, Json>;
    const number = typeof member === 'number' ? member : undefined;
    const person = subject === null ? null : await this.deps.personSlice(organisationId, subject, fields, number);
    const body = JSON.stringify({
      id: handoff.id,
      service: handoff.service,
      sentAt: await this.now(),
      dueAt: handoff.due_at?.toISOString() ?? null,
      person: person ?? {},
      consent,
      request: { ...request, caseNumber: handoff.case_number },
      documents: [],
    });
    const { rows } = await this.deps.pool.query<{ body: string }>({
      name: 'freeze-handoff',
      text: FREEZE,
      values: [handoff.id, body, consent?.id ?? null, subject],
    });
    return rows[0]?.body ?? null;
  }

  private async waits(handoff: HandoffRow, reason: WaitingReason, retryMs: number): Promise<Delivery> {
    await this.note(handoff, reason);
    const afterMs = retryMs * (1 + this.deps.random() / 4);
    return { kind: 'retry', patient: true, reason: `${reason}: ${handoff.partner}`, afterMs };
  }

  private async note(handoff: HandoffRow, reason: WaitingReason): Promise<void> {
    if (handoff.waiting_reason === reason) return;
    await this.deps.pool.query({
      name: 'note-waiting-handoff',
      text: `update qamqor.handoffs set waiting_reason = $2, subject = coalesce(subject, $3), revision = revision + 1
        where id = $1 and status = 'draft'`,
      values: [handoff.id, reason, handoff.subject],
    });
  }

  /** The very bytes that go out, however often: its row never changes. */
  private async supplyOf(row: OutboxRow): Promise<{ id: string; body: string } | undefined> {
    const { rows } = await this.deps.pool.query<{
      id: string;
      documents: string | null;
      note: string | null;
      supplied_at: Date;
    }>({
      name: 'find-handoff-supply',
      text: 'select id, documents, note, supplied_at from qamqor.handoff_supplies where id = $1',
      values: [row.payload['supply']],
    });
    const [found] = rows;
    if (!found) return undefined;
    const documents = JSON.parse(found.documents ?? '[]') as Json;
    const { id, note, supplied_at: suppliedAt } = found;
    return { id, body: JSON.stringify({ id: row.entryId, suppliedAt: suppliedAt.toISOString(), documents, note }) };
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

  /** False where it was not waiting to be sent any more. */
  private async markSent(handoff: HandoffRow, partnerRef: string | null): Promise<boolean> {
    const now = await this.now();
    const { rowCount } = await this.deps.pool.query({
      name: 'sent-handoff',
      text: `update qamqor.handoffs set status = 'sent', sent_at = $3, acknowledge_by = $4, partner_ref = $2, waiting_reason = null, revision = revision + 1
        where id = $1 and status = 'draft'`,
      values: [handoff.id, partnerRef, now, this.deps.terms.acknowledgeBy(handoff, now)],
    });
    return rowCount === 1;
  }

  /** A worker that was paused may send what was recalled meanwhile: the partner, who knew nothing of it then, hears again. */
  private async recallWhatOvertook({ id }: HandoffRow): Promise<void> {
    await this.deps.pool.query({ name: 'recall-again', text: RECALL_AGAIN, values: [this.deps.id(), id] });
  }
}

const RECALL_AGAIN = `
  insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at)
  select $1, h.organisation_id, h.case_id, c.revision, 'handOff.close', h.id, '{"reason":"recalled"}', clock.now, clock.now
  from qamqor.handoffs h join qamqor.cases c on c.id = h.case_id, (select qamqor.qamqor_now() as now) clock
  where h.id = $2 and h.status = 'recalled'
    and not exists (select 1 from qamqor.outbox o where o.case_id = h.case_id and o.entry_id = h.id and o.topic = 'handOff.close')`;

const NO_ADDRESS_YET: Delivery = {
  kind: 'retry',
  patient: true,
  reason: 'No address yet.',
  afterMs: NO_ADDRESS_RETRY_MS,
};

function notReached(partner: Partner, why: string): Delivery {
  return { kind: 'give-up', reason: `Partner ${partner.key} cannot be reached as it is set up: ${why}.` };
}

/** Whatever goes out to a partner passes here. */
async function passing(send: () => Promise<Sent>): Promise<Sent> {
  crashPoint('send.before');
  const answer = await send();
  crashPoint('send.after');
  return answer;
}

/** Not this family's matter: the secret does not fit (401), or the address leads where no partner can be (no status). */
function isOurFault(status: number | null): boolean {
  return status === null || status === 401;
}

/** Nothing went out: it is down or gone, or has its share already. */
function isNotTried(answer: Extract<Sent, { kind: 'retry' }>): boolean {
  return [PARTNER_IS_DOWN, PARTNER_IS_BUSY, PARTNER_IS_GONE].includes(answer.reason);
}

/** The consent is held while its id is written down: one that is withdrawn later finds what was sent under it. */
const FREEZE = `
  with consent as (select id from qamqor.consents where id = $3::uuid and withdrawn_at is null for share)
  update qamqor.handoffs set body = coalesce(body, $2), subject = coalesce(subject, $4), waiting_reason = null,
    body_digest = coalesce(body_digest, encode(sha256(convert_to($2, 'UTF8')), 'hex')),
    consent_id = case when body is null then $3::uuid else consent_id end
  where id = $1 and status = 'draft' and ($3::uuid is null or exists (select from consent)) returning body`;
