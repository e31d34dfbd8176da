import type { Json, JsonObject, Text } from '../statechart/types.js';
import type { PartnerClient } from './partner-client.js';
import type { WebhookSecret } from './webhook.js';

export type HandoffStatus = 'draft' | 'sent' | 'acknowledged' | 'papers' | 'done' | 'rejected' | 'expired' | 'recalled';

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
  due_at: Date | null;
  paused_until: Date | null;
  closed_at: Date | null;
  partner_ref: string | null;
  reason_code: string | null;
  result: string | null;
  revision: number;
}

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
  /** Fields of the person that this service needs, and no others. */
  person: string[];
}

export interface PartnerDirectory {
  find(key: string): Partner | undefined;
  all(): Partner[];
}

/** The slice of a person that a partner is given: only the fields asked for. */
export type PersonSlice = (organisationId: string, subject: string, fields: string[]) => Promise<JsonObject>;

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

/** What the statechart sees of an answer: codes and numbers, never the partner's own words. */
export function outputOf(row: Pick<HandoffRow, 'partner_ref'>, event: PartnerEvent): Json {
  return { result: event.result ?? null, partnerRef: row.partner_ref, at: event.at };
}
