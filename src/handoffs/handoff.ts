import type { Pool } from 'pg';
import type { DelayRule, Json, JsonObject, Text } from '../statechart/types.js';
import type { PartnerClient } from './partner-client.js';
import type { PartnerResult } from './partner-result.js';
import type { WebhookSecret } from './webhook.js';

export const HANDOFF_STATUSES = [
  'draft',
  'sent',
  'acknowledged',
  'papers',
  'done',
  'rejected',
  'expired',
  'recalled',
] as const;
export type HandoffStatus = (typeof HANDOFF_STATUSES)[number];

export interface HandoffRow {
  id: string;
  organisation_id: string;
  case_id: string;
  case_number: string;
  subject: string | null;
  partner: string;
  service: string;
  invocation: string;
  request: string;
  status: HandoffStatus;
  body: string | null;
  opened_at: Date;
  sent_at: Date | null;
  acknowledged_at: Date | null;
  /** As the case opened it. */
  due_at: Date | null;
  /** `due_at`, later by as long as the partner's clock stood still. */
  answer_by: Date | null;
  /** When nobody waits any longer: some days after `answer_by`, and moved with it. */
  gives_up_at: Date | null;
  paused_at: Date | null;
  paused_until: Date | null;
  closed_at: Date | null;
  partner_ref: string | null;
  reason_code: string | null;
  result: string | null;
  consent_id: string | null;
  /** Why a draft has not gone out yet. */
  waiting_reason: WaitingReason | null;
  supplied_at: Date | null;
  body_digest: string | null;
  erased_at: Date | null;
  revision: number;
}

export const WAITING_REASONS = ['consent-missing', 'no-address', 'partner-down', 'partner-gone'] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

/** An organisation that takes hand-offs, as the catalogue and the settings describe it. */
export interface Partner {
  key: string;
  title: Text;
  /** How it is reached. Undefined until its address and secret are set: then its hand-offs wait. */
  client?: PartnerClient;
  secrets: WebhookSecret[];
  services: Record<string, PartnerService>;
}

export interface PartnerService {
  title: Text;
  /** Calendar days that the partner's clock may stand still for papers. */
  pauseDays: number;
  /** How soon after it was sent the partner says that it has a hand-off. */
  acknowledge: DelayRule;
  /** How long after the due moment an answer is still waited for. */
  grace: DelayRule;
  /** Fields of the person that this service needs, and no others. */
  person: PersonField[];
  /** `none`: it is told nothing for which a family would have to be asked. */
  consent: 'required' | 'none';
  result: PartnerResult;
}

export const PERSON_FIELDS = ['surname', 'given', 'patronymic', 'iin', 'phone', 'language'] as const;
export type PersonField = (typeof PERSON_FIELDS)[number];

export interface PartnerDirectory {
  find(key: string): Partner | undefined;
  all(): Partner[];
}

export function serviceOf(partner: Partner, name: string): PartnerService | undefined {
  return Object.hasOwn(partner.services, name) ? partner.services[name] : undefined;
}

/** The slice of a person that a partner is given: only the fields asked for. Null where the subject is no family of ours. */
export type PersonSlice = (
  organisationId: string,
  subject: string,
  fields: readonly PersonField[],
) => Promise<JsonObject | null>;

/** What a partner tells us. */
export interface PartnerEvent {
  eventId: string;
  type: 'acknowledged' | 'papers_requested' | 'done' | 'rejected';
  /** ISO 8601 with offset. */
  at: string;
  reasonCode?: string;
  missing?: string[];
  result?: JsonObject;
  comment?: string;
}

export interface EventOutcome {
  status: 'applied' | 'duplicate' | 'ignored' | 'parked';
  reason?: string;
}

/** What the statechart sees of an end without an answer: always all of it, so that no expression meets a gap. */
export function failureOf(
  code: string,
  at: string,
  { missing = [], reason = null }: { missing?: string[]; reason?: string | null } = {},
): Json {
  return { code, at, missing, reason };
}

/** Topic under which whoever looks after a hand-off hears that its partner wants papers. */
export const PAPERS_ASKED = 'handOff.papers';

/** The code by which a case hears that a hand-off was taken back by us: by hand, or because consent to it was withdrawn. */
export const RECALLED = 'RECALLED';

/** What the statechart sees of an answer: what the service's result names, and nothing personal. */
export function outputOf(
  row: Pick<HandoffRow, 'partner_ref'>,
  service: PartnerService | undefined,
  event: PartnerEvent,
): Json {
  const result = event.result && service ? service.result.forChart(event.result) : null;
  return { result, partnerRef: row.partner_ref, at: event.at };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** By its id, as somebody may have written it. `pool`: connections of the role `qamqor_relay`. */
export async function findHandoff(pool: Pool, id: string): Promise<HandoffRow | undefined> {
  if (!UUID.test(id)) return undefined;
  const { rows } = await pool.query<HandoffRow>({
    name: 'find-handoff',
    // By name: a plan that was kept for `*` fails once a migration of a newer version adds a column.
    text: `select id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, status, body, opened_at, sent_at,
      acknowledged_at, due_at, answer_by, gives_up_at, paused_at, paused_until, closed_at, partner_ref, reason_code, result, consent_id,
      waiting_reason, supplied_at, body_digest, erased_at, revision from qamqor.handoffs where id = $1`,
    values: [id],
  });
  return rows[0];
}
