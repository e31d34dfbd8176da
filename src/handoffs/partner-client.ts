import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { z } from 'zod';
import type { Clock } from '../platform/clock.js';
import type { Tracing } from '../platform/tracing.js';
import { NoReply, type PostOptions, post, type Reply } from './http-post.js';
import { badPartnerUrl, lookupPublic } from './partner-address.js';
import type { Circuit, Passage } from './partner-circuit.js';
import { PartnerGate } from './partner-gate.js';
import { checkedSecret, sign, type WebhookSecret } from './webhook.js';

export interface PartnerClientOptions {
  /** `https://partner.example.kz/qamqor`; hand-offs go to `/handoffs` below it. */
  url: string;
  secrets: readonly WebhookSecret[];
  /** Stamps each attempt, where no circuit does. */
  clock: Clock;
  /** Leaves it in peace while it does not answer. */
  circuit?: Circuit;
  /** Told to the partner, too: it goes on from our `traceparent`. */
  tracing?: Tracing | undefined;
  /** Injected for specs. */
  elapsed?(): number;
  random?(): number;
  /** Lets simulated partners on this machine be reached, by http. */
  loopback?: boolean;
  /** For the whole of one attempt. */
  deadlineMs?: number;
  maxReplyBytes?: number;
  /** Connections to this partner at once: one that is slow holds up nobody else. */
  connections?: number;
}

/** What is sent: the same id and the same bytes at every attempt. */
export interface PartnerMessage {
  /** `webhook-id`: by it the partner knows a message that it has. */
  id: string;
  body: string;
  /** Ends the attempt. */
  signal?: AbortSignal;
}

export type Sent =
  /** The partner has it. `partnerRef` is what it calls it; null where the message asked for none. */
  | { kind: 'accepted'; partnerRef: string | null }
  /** It may succeed later. The partner may have it already: send the same again. */
  | { kind: 'retry'; afterMs?: number; reason: string }
  /** It will not succeed, however often it is tried. `status` is null when no answer was asked for. */
  | { kind: 'refused'; status: number | null; reason: string }
  /** The partner takes no hand-offs at this address any more (410), or what this message is about is not there. */
  | { kind: 'gone' };

/** What a partner is promised: longer than that its answer is not waited for. */
export const DEADLINE_MS = 15_000;
const MAX_REPLY_BYTES = 64 * 1024;
const CONNECTIONS = 4;
/** By how much those who wait for a partner that is down come later than it opens, at most. */
const HERD = 0.2;
/** So often those who wait for a partner that is gone look whether it is sent to again. */
const GONE_RETRY_MS = 60_000;
const LONGEST_WAIT_MS = 24 * 60 * 60 * 1000;
/** Too early, too slow, too many, and whatever went wrong on their side. */
const isTemporary = (status: number) => status === 408 || status === 425 || status === 429 || status >= 500;

/** Nothing was sent: it has not answered several times, and is left in peace for a while. */
export const PARTNER_IS_DOWN = 'partner-is-down';
/** Nothing was sent: it is slow, and has its share already. */
export const PARTNER_IS_BUSY = 'partner-is-busy';
/** Nothing was sent: it has said at this address that it takes no hand-offs any more. */
export const PARTNER_IS_GONE = 'partner-is-gone';

const acceptance = z.object({
  partnerRef: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => text.isWellFormed() && !text.includes('\0')),
});

/** One partner, as we reach it. `close` when it is not needed any more. */
export class PartnerClient {
  /** Without a slash at its end. */
  readonly url: string;
  private readonly agent: HttpAgent;
  private readonly gate: PartnerGate;
  private readonly random: () => number;

  /** @throws when the address or a secret cannot be used */
  constructor(private readonly options: PartnerClientOptions) {
    const wrong = badPartnerUrl(options.url, { loopback: options.loopback ?? false });
    if (wrong) throw new Error(wrong);
    for (const secret of options.secrets) checkedSecret(typeof secret === 'string' ? secret : secret.secret);
    this.url = addressOf(options.url);
    const atOnce = options.connections ?? CONNECTIONS;
    const sockets = { keepAlive: true, maxSockets: atOnce };
    this.random = options.random ?? Math.random;
    this.gate = new PartnerGate({
      atOnce,
      elapsed: options.elapsed ?? (() => performance.now()),
      random: this.random,
    });
    this.agent = this.url.startsWith('https:') ? new HttpsAgent(sockets) : new HttpAgent(sockets);
  }

  /** Hands a family's matter over. The partner answers at once with its own reference, and later with callbacks. */
  async handOff(message: PartnerMessage): Promise<Sent> {
    const sent = await this.deliver({ path: '/handoffs' }, message, (reply) => {
      const accepted = acceptance.safeParse(parsed(reply));
      return accepted.success ? { kind: 'accepted', partnerRef: accepted.data.partnerRef } : notUnderstood(reply);
    });
    // Here only: at the path of one hand-off it may be just that one which is not there.
    if (sent.kind === 'gone') await this.options.circuit?.gone();
    return sent;
  }

  /** Tells the partner that a hand-off which it has is not wanted any more. */
  async recall(handOffId: string, message: PartnerMessage): Promise<Sent> {
    const place = placeOf(handOffId, 'recall');
    return this.deliver(place, message, () => ({ kind: 'accepted', partnerRef: null }));
  }

  /** Brings the papers that the partner asked for. */
  async supply(handOffId: string, message: PartnerMessage): Promise<Sent> {
    const place = placeOf(handOffId, 'papers');
    return this.deliver(place, message, () => ({ kind: 'accepted', partnerRef: null }));
  }

  close(): void {
    this.agent.destroy();
  }

  private async deliver(place: Place, message: PartnerMessage, understand: (reply: Reply) => Sent): Promise<Sent> {
    const ticket = await this.gate.enter();
    if ('busyMs' in ticket) return { kind: 'retry', afterMs: ticket.busyMs, reason: PARTNER_IS_BUSY };
    try {
      const passage = await this.pass();
      if ('gone' in passage)
        return { kind: 'retry', afterMs: GONE_RETRY_MS * (1 + this.random() * HERD), reason: PARTNER_IS_GONE };
      if ('shutMs' in passage) {
        // Not all at the very moment at which one may try.
        const afterMs = passage.shutMs * (1 + this.random() * HERD);
        return { kind: 'retry', afterMs, reason: PARTNER_IS_DOWN };
      }
      const sent = await this.attempt(place, message, understand, passage.at);
      await this.options.circuit?.report(passage, hasAnswered(sent));
      return sent;
    } finally {
      ticket.leave();
    }
  }

  private async pass(): Promise<Passage> {
    const { circuit, clock } = this.options;
    return circuit ? await circuit.pass() : { at: await clock.now(), clean: true };
  }

  private async attempt(
    place: Place,
    message: PartnerMessage,
    understand: (reply: Reply) => Sent,
    at: string,
  ): Promise<Sent> {
    const { id, body, signal } = message;
    try {
      const reply = await this.post(place, {
        headers: sign({ id, at, body, secrets: this.options.secrets }),
        body,
        agent: this.agent,
        ...(this.options.loopback ? {} : { lookup: lookupPublic }),
        deadlineMs: this.options.deadlineMs ?? DEADLINE_MS,
        maxReplyBytes: this.options.maxReplyBytes ?? MAX_REPLY_BYTES,
        ...(signal ? { signal } : {}),
      });
      return judge(reply, at, understand);
    } catch (error) {
      if (!(error instanceof NoReply)) throw error;
      if (error.reason === 'address-not-public') return { kind: 'refused', status: null, reason: error.reason };
      return { kind: 'retry', reason: error.reason };
    }
  }

  private post({ path, template = path }: Place, options: PostOptions): Promise<Reply> {
    const url = new URL(this.url + path);
    const { tracing } = this.options;
    if (!tracing) return post(url, options);
    const facts = { 'http.request.method': 'POST', 'url.template': template, 'server.address': url.hostname };
    return tracing.span({ name: `POST ${template}`, kind: 'client', facts }, async (span) => {
      const reply = await post(url, { ...options, headers: { ...options.headers, traceparent: span.traceparent } });
      span.note({ 'http.response.status_code': reply.status });
      if (reply.status >= 400) span.fail(String(reply.status));
      return reply;
    });
  }
}

/** A partner's address as it is kept and compared. */
export function addressOf(url: string): string {
  return url.replace(/\/+$/, '');
}

/** Below a partner's address; `template` names it without the id. */
interface Place {
  path: string;
  template?: string;
}

function placeOf(handOffId: string, what: 'recall' | 'papers'): Place {
  return { path: `/handoffs/${encodeURIComponent(handOffId)}/${what}`, template: `/handoffs/{id}/${what}` };
}

function judge(reply: Reply, now: string, understand: (reply: Reply) => Sent): Sent {
  const { status, headers } = reply;
  if (status >= 200 && status < 300) {
    if (headers['content-encoding'] && headers['content-encoding'] !== 'identity') return notUnderstood(reply);
    return reply.cut ? { kind: 'retry', reason: reply.cut } : understand(reply);
  }
  if (status === 410) return { kind: 'gone' };
  if (isTemporary(status)) {
    const afterMs = waitAskedFor(headers['retry-after'], headers.date ?? now);
    return { kind: 'retry', ...(afterMs === undefined ? {} : { afterMs }), reason: `http-${status}` };
  }
  return { kind: 'refused', status, reason: `http-${status} ${fingerprint(reply)}` };
}

/** It is there, whatever it said: too early or too many is an answer too. */
function hasAnswered(sent: Sent): boolean {
  return sent.kind !== 'retry' || sent.reason.startsWith('http-4');
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
