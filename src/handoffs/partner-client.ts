import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { z } from 'zod';
import type { Clock } from '../platform/clock.js';
import { NoReply, post, type Reply } from './http-post.js';
import { badPartnerUrl, lookupPublic } from './partner-address.js';
import { sign, type WebhookSecret } from './webhook.js';

export interface PartnerClientOptions {
  /** Stamps each attempt. */
  clock: Clock;
  /** Lets simulated partners on this machine be reached, by http. */
  loopback?: boolean;
  /** For the whole of one attempt. */
  deadlineMs?: number;
  maxReplyBytes?: number;
  /** Connections to one partner at once: one that is slow holds up nobody else. */
  connections?: number;
}

/** One message for one partner: the same id and the same bytes at every attempt. */
export interface PartnerMessage {
  /** `url` is what its paths stand below: `https://partner.example.kz/qamqor`. */
  partner: { url?: string; secrets: readonly WebhookSecret[] };
  path: string;
  /** `webhook-id`: by it the partner knows a message that it has. */
  id: string;
  body: string;
  /** Ends the attempt. */
  signal?: AbortSignal;
}

export type Sent =
  /** The partner has it. `partnerRef` is what it calls a hand-off; null in answers to anything else. */
  | { kind: 'accepted'; partnerRef: string | null }
  /** It may succeed later. The partner may have it already: send the same again. */
  | { kind: 'retry'; afterMs?: number; reason: string }
  /** It will not succeed, however often it is tried. `status` is 0 when nothing was sent: the address is not allowed. */
  | { kind: 'refused'; status: number; reason: string }
  /** The partner takes no hand-offs at this address any more (410). */
  | { kind: 'gone' };

const HAND_OFFS = '/handoffs';
const DEADLINE_MS = 15_000;
const MAX_REPLY_BYTES = 64 * 1024;
const CONNECTIONS = 4;
const LONGEST_WAIT_MS = 24 * 60 * 60 * 1000;
/** Too early, too slow, too many, and whatever went wrong on their side. */
const isTemporary = (status: number) => status === 408 || status === 425 || status === 429 || status >= 500;

const acceptance = z.object({
  partnerRef: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => text.isWellFormed() && !text.includes('\0')),
});

/** How we reach partners. `close` when it is not needed any more. */
export class PartnerClient {
  private readonly agents = new Map<string, HttpAgent>();

  constructor(private readonly options: PartnerClientOptions) {}

  /**
   * One attempt. A hand-off (`/handoffs`) is accepted only with the partner's reference, anything else with any success.
   * @throws when a secret cannot be used, or the clock
   */
  async post(message: PartnerMessage): Promise<Sent> {
    const { id, body, signal, partner, path } = message;
    const loopback = this.options.loopback ?? false;
    const base = partner.url?.replace(/\/+$/, '') ?? '';
    const wrong = badPartnerUrl(base, { loopback });
    if (wrong) return { kind: 'refused', status: 0, reason: wrong };
    const at = await this.options.clock.now();
    try {
      const reply = await post(new URL(base + path), {
        headers: sign({ id, at, body, secrets: partner.secrets }),
        body,
        agent: this.agentOf(base),
        ...(loopback ? {} : { lookup: lookupPublic }),
        deadlineMs: this.options.deadlineMs ?? DEADLINE_MS,
        maxReplyBytes: this.options.maxReplyBytes ?? MAX_REPLY_BYTES,
        ...(signal ? { signal } : {}),
      });
      return judge(reply, at, path === HAND_OFFS);
    } catch (error) {
      if (!(error instanceof NoReply)) throw error;
      if (error.reason === 'address-not-public') return { kind: 'refused', status: 0, reason: error.reason };
      return { kind: 'retry', reason: error.reason };
    }
  }

  close(): void {
    for (const agent of this.agents.values()) agent.destroy();
  }

  private agentOf(base: string): HttpAgent {
    const known = this.agents.get(base);
    if (known) return known;
    const sockets = { keepAlive: true, maxSockets: this.options.connections ?? CONNECTIONS };
    const agent = base.startsWith('https:') ? new HttpsAgent(sockets) : new HttpAgent(sockets);
    this.agents.set(base, agent);
    return agent;
  }
}

function judge(reply: Reply, now: string, wantsReference: boolean): Sent {
  const { status, headers } = reply;
  if (status >= 200 && status < 300) {
    if (headers['content-encoding'] && headers['content-encoding'] !== 'identity') return notUnderstood(reply);
    if (reply.cut) return { kind: 'retry', reason: reply.cut };
    return wantsReference ? referenceIn(reply) : { kind: 'accepted', partnerRef: null };
  }
  if (status === 410) return { kind: 'gone' };
  if (isTemporary(status)) {
    const afterMs = waitAskedFor(headers['retry-after'], headers.date ?? now);
    return { kind: 'retry', ...(afterMs === undefined ? {} : { afterMs }), reason: `http-${status}` };
  }
  return { kind: 'refused', status, reason: `http-${status} ${fingerprint(reply)}` };
}

/** `Retry-After`, in seconds or as a date beside the partner's own clock: ours may be a simulation's. */
function waitAskedFor(header: string | undefined, now: string): number | undefined {
  if (header === undefined) return undefined;
  const isDate = header.endsWith(' GMT');
  const wait = /^[0-9]{1,9}$/.test(header)
    ? Number(header) * 1000
    : isDate
      ? Date.parse(header) - Date.parse(now)
      : NaN;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), LONGEST_WAIT_MS) : undefined;
}

function referenceIn(reply: Reply): Sent {
  const accepted = acceptance.safeParse(parsed(reply));
  return accepted.success ? { kind: 'accepted', partnerRef: accepted.data.partnerRef } : notUnderstood(reply);
}

function parsed(reply: Reply): unknown {
  try {
    return JSON.parse(reply.body.toString());
  } catch {
    return undefined;
  }
}

/** It may have been taken all the same; to send it again does no harm. */
function notUnderstood(reply: Reply): Sent {
  return { kind: 'retry', reason: `reply-not-understood http-${reply.status} ${fingerprint(reply)}` };
}

/** What a partner writes is not ours to keep: enough to find it in their log, and nothing of it. */
function fingerprint({ body }: Reply): string {
  return `${body.length} bytes sha256:${createHash('sha256').update(body).digest('hex').slice(0, 16)}`;
}
