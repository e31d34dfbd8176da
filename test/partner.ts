import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sign, verify, type WebhookHeaders } from '../src/handoffs/webhook.js';
import type { System } from '../src/system.js';
import type { Answer, ApiFixture } from './api.js';
import { until } from './engine.js';

export interface Delivery {
  path: string;
  headers: IncomingHttpHeaders;
  /** The very bytes, as text. */
  body: string;
  /** When it came: ISO, by the wall clock. */
  at: string;
}

export interface Reply {
  /** 0: the connection breaks. */
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A partner organisation on a port of its own. It notes what it is sent and takes everything, unless the spec says otherwise. */
export class Partner {
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  readonly received: Delivery[] = [];
  /** Answers to the next deliveries; after them everything is taken. */
  readonly replies: (Reply | ((delivery: Delivery) => Promise<Reply>))[] = [];
  private readonly byId = new Map<string, Delivery[]>();
  private references = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Partner> {
    const server = createServer();
    const partner = new Partner(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const delivery = {
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
          at: new Date().toISOString(),
        };
        partner.received.push(delivery);
        const id = String(delivery.headers['webhook-id']);
        partner.byId.set(id, [...(partner.byId.get(id) ?? []), delivery]);
        void partner.answer(delivery).then(({ status, headers, body }) => {
          if (status === 0) response.destroy();
          else response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body ?? '{}');
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return partner;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What came under one id: a message, and the same again. */
  under(webhookId: string): Delivery[] {
    return this.byId.get(webhookId) ?? [];
  }

  /** What came about one hand-off: itself, again, its recall. */
  about(handoffId: string): Delivery[] {
    return this.received.filter(({ path, body }) => path.includes(handoffId) || body.includes(handoffId));
  }

  /** Whether we signed it, with this partner's secret, just now. */
  trusts({ headers, body }: Delivery, now: string): boolean {
    return verify({ headers, rawBody: Buffer.from(body), secrets: [this.secret], now }).ok;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async answer(delivery: Delivery): Promise<Reply> {
    const next = this.replies.shift();
    if (next) return typeof next === 'function' ? next(delivery) : next;
    this.references += 1;
    return { status: 202, body: JSON.stringify({ partnerRef: `REF-${this.references}` }) };
  }
}

export interface Say {
  /** Whose secret signs. */
  secret?: string;
  /** ISO 8601; the database's clock when left out. */
  at?: string;
  webhookId?: string;
  /** Sent instead of the JSON of the event. */
  raw?: string | Buffer;
  /** Changes the headers after signing. */
  tamper?: (headers: WebhookHeaders) => Record<string, string>;
}

/** A partner tells the centre something about a hand-off: of this moment, unless the event says otherwise. */
export async function say(
  api: ApiFixture,
  partner: Partner,
  handoffId: string,
  event: object,
  more: Say = {},
): Promise<Answer> {
  const now = await api.system.clock.now();
  const raw = more.raw ?? JSON.stringify({ at: now, ...event });
  const at = more.at ?? now;
  const headers = sign({
    id: more.webhookId ?? `msg_${randomBytes(8).toString('hex')}`,
    at,
    body: raw.toString(),
    secrets: [more.secret ?? partner.secret],
  });
  return api.ask(null, 'POST', `/api/handoffs/${handoffId}/events`, {
    raw,
    headers: more.tamper?.(headers) ?? headers,
  });
}

/** Until this process has carried out all that is due by the database's clock, and what follows from it. */
export async function settled({ runtime, relayPool }: System): Promise<void> {
  for (;;) {
    await until(() => runtime.quiet);
    await runtime.sweeper.sweep();
    const { rows } = await relayPool.query<{ due: number }>(
      'select count(*)::int as due from qamqor.outbox where not parked and next_at <= qamqor.qamqor_now()',
    );
    if (rows[0]?.due === 0 && runtime.quiet) return;
  }
}

/** Moves everybody's clock, and lets happen what is due then. */
export async function pass(
  system: System,
  span: { days?: number; hours?: number; minutes?: number; seconds?: number },
): Promise<void> {
  const { days = 0, hours = 0, minutes = 0, seconds = 0 } = span;
  const ms = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  await system.clock.advanceTo(new Date(Date.parse(await system.clock.now()) + ms).toISOString());
  await settled(system);
}
