import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { z } from 'zod';
import { NoReply, post } from '../../src/handoffs/http-post.js';
import { sign, verify } from '../../src/handoffs/webhook.js';
import type { Clock } from '../../src/platform/clock.js';
import { Chance } from '../staff/chance.js';
import type { PartnerBehaviour } from './behaviour.js';
import { type HandOff, Ledger, type PartnerCounts } from './ledger.js';
import { briskPlanOf, type Callback, type Plan, planOf } from './plan.js';
import type { Records } from './records.js';
import type { Timetable } from './timetable.js';

export interface SimulatorOptions {
  seed: string;
  /** Each partner's `whsec_…`, by its key. */
  secrets: Readonly<Record<string, string>>;
  behaviour: Pick<PartnerBehaviour, 'of'>;
  /** Where callbacks go: `http://127.0.0.1:3000`. */
  centreUrl: () => string;
  /** The clock that the centre uses: stamps are checked by it. */
  clock: Clock;
  timetable: Timetable;
  records: Records;
  /** Which family's matter it is, and how often it was handed over before. Read from the body when left out. */
  keyOf?: (body: HandOffBody) => Promise<{ family: string; attempt: number } | null>;
  /** Whether somebody looks on, so that what is delivered now is answered within the minute. */
  isBrisk?: () => boolean;
}

/** What came to `/{partner}/handoffs`. */
export interface Delivery {
  partner: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: Buffer;
}

export interface PartnerState {
  answers: boolean;
  /** Hand-offs that it has taken, and will answer yet or once it speaks again. */
  owes: number;
}

/** `status` 0: the connection breaks before the answer. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: object;
}

const handOffBody = z.strictObject({
  id: z.string().min(1),
  service: z.string().min(1),
  sentAt: z.iso.datetime({ offset: true }),
  dueAt: z.iso.datetime({ offset: true }).nullable(),
  person: z.record(z.string(), z.unknown()),
  consent: z.unknown(),
  request: z.record(z.string(), z.unknown()),
  documents: z.array(z.unknown()),
});
export type HandOffBody = z.infer<typeof handOffBody>;
const suppliedPapers = z.strictObject({
  id: z.string().min(1),
  suppliedAt: z.iso.datetime({ offset: true }),
  documents: z.array(z.unknown()),
  note: z.string().nullable(),
});

const CALLBACK_DEADLINE_MS = 15_000;
const MAX_REPLY_BYTES = 64 * 1024;
/** After a callback that the centre could not take. */
const CALL_AGAIN_MS = 5 * 60 * 1000;

/**
 * The five partners. What each does is drawn from the seed, the family, the service and the attempt; when a run goes on
 * after a kill, `resume` takes up what the records say was accepted and not yet answered.
 */
export class PartnerSimulator {
  private readonly ledger: Ledger;
  private readonly chance: Chance;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 32 });

  constructor(private readonly options: SimulatorOptions) {
    this.ledger = new Ledger(options.records);
    this.chance = new Chance(options.seed);
  }

  /** Puts the callbacks that are still owed back into the timetable. */
  resume(): void {
    for (const handOff of this.ledger.handOffs.values()) if (handOff.accepted) this.schedule(handOff, false);
  }

  /** A hand-off was delivered, for the first time or again. */
  async receive(delivery: Delivery): Promise<Answer> {
    const trusted = await this.trust(delivery);
    if ('status' in trusted) return trusted;
    const body = parse(handOffBody, delivery.rawBody);
    if (!body || body.id !== trusted.id) return this.violation(delivery.partner, trusted.id, 'bad-body', 422);
    const digest = createHash('sha256').update(delivery.rawBody).digest('hex');
    const known = this.ledger.handOffs.get(body.id);
    if (known && known.line.partner !== delivery.partner)
      return this.violation(delivery.partner, body.id, 'other-partner', 409);
    const { family, attempt } = known?.line ?? (await this.keyOf(body, delivery.partner));
    const { id, service, sentAt, dueAt } = body;
    this.ledger.add({
      kind: 'delivered',
      partner: delivery.partner,
      id,
      digest,
      service,
      family,
      attempt,
      sentAt,
      dueAt,
      ...(this.options.isBrisk?.() === true ? { brisk: true as const } : {}),
    });
    const handOff = this.handOff(id);
    if (handOff.line.digest !== digest) return this.violation(delivery.partner, id, 'other-body', 409);
    return this.answer(handOff);
  }

  /** A hand-off is not wanted any more. Some partners go on all the same. */
  async recall(handOffId: string, delivery: Delivery): Promise<Answer> {
    const trusted = await this.trust(delivery);
    if ('status' in trusted) return trusted;
    const handOff = this.ledger.handOffs.get(handOffId);
    if (!handOff || handOff.line.partner !== delivery.partner) return { status: 404 };
    if (!handOff.recalled) this.ledger.add({ kind: 'recalled', partner: delivery.partner, id: handOffId });
    return { status: 202, body: {} };
  }

  /** The papers that it asked for: it goes on with them, unless it has given up waiting. What it answers was drawn before. */
  async takePapers(handOffId: string, delivery: Delivery): Promise<Answer> {
    const trusted = await this.trust(delivery);
    if ('status' in trusted) return trusted;
    const handOff = this.ledger.handOffs.get(handOffId);
    if (!handOff || handOff.line.partner !== delivery.partner) return { status: 404 };
    const papers = parse(suppliedPapers, delivery.rawBody);
    if (papers?.id !== handOffId) return this.violation(delivery.partner, handOffId, 'bad-body', 422);
    if (handOff.suppliedAt === undefined && !isAnswered(handOff)) {
      this.ledger.add({ kind: 'supplied', partner: delivery.partner, id: handOffId, at: papers.suppliedAt });
      this.schedule(handOff, false);
    }
    return { status: 202, body: {} };
  }

  /** Takes hand-offs and answers nobody, or answers again: first of all whatever it owes. False: there is no such partner. */
  keepSilent(partner: string, silent: boolean): boolean {
    if (this.secretOf(partner) === undefined) return false;
    if (this.ledger.silent.has(partner) === silent) return true;
    this.ledger.add({ kind: 'silence', partner, silent });
    if (!silent) for (const handOff of this.acceptedBy(partner)) this.schedule(handOff, false);
    return true;
  }

  /** As `keepSilent` with false, and what it has mislaid is found and answered too. */
  speakAgain(partner: string): void {
    const found = this.acceptedBy(partner).filter(({ mislaid }) => mislaid);
    for (const { line } of found) this.ledger.add({ kind: 'found', partner, id: line.id });
    if (this.ledger.silent.has(partner)) this.keepSilent(partner, false);
    else for (const handOff of found) this.schedule(handOff, false);
  }

  /** By key. */
  get states(): Record<string, PartnerState> {
    return Object.fromEntries(
      Object.keys(this.options.secrets).map((key) => {
        const owed = this.acceptedBy(key).filter((handOff) => this.isOwed(handOff));
        return [key, { answers: !this.ledger.silent.has(key), owes: owed.length }];
      }),
    );
  }

  /** What this partner has taken and not answered is not answered, until `speakAgain`. */
  mislay(partner: string): void {
    for (const { line, mislaid } of this.acceptedBy(partner))
      if (!mislaid) this.ledger.add({ kind: 'mislaid', partner, id: line.id });
  }

  counts(): PartnerCounts[] {
    return this.ledger.counts(Object.keys(this.options.secrets), (handOff) => this.planOf(handOff));
  }

  close(): void {
    this.agent.destroy();
    this.options.records.close();
  }

  private async trust({ partner, headers, rawBody }: Delivery): Promise<{ id: string } | Answer> {
    const secret = this.secretOf(partner);
    if (secret === undefined) return { status: 404 };
    const verified = verify({ headers, rawBody, secrets: [secret], now: await this.options.clock.now() });
    return verified.ok ? { id: verified.id } : this.violation(partner, null, `bad-signature: ${verified.reason}`, 401);
  }

  private async answer(handOff: HandOff): Promise<Answer> {
    const { partner, id } = handOff.line;
    const plan = this.planOf(handOff);
    const failure = plan.failures[handOff.deliveries - 1];
    if (failure && !handOff.accepted) {
      this.ledger.add({ kind: 'answered', partner, id, status: failure.status });
      const { retryAfterSeconds } = failure;
      return {
        status: failure.status,
        ...(retryAfterSeconds ? { headers: { 'retry-after': String(retryAfterSeconds) } } : {}),
      };
    }
    if (handOff.accepted) return { status: 202, body: { partnerRef: plan.partnerRef } };
    this.ledger.add({ kind: 'answered', partner, id, status: plan.replyLost ? 0 : 202 });
    for (const callback of plan.callbacks) if (callback.beforeReply) await this.callOrTryAgain(handOff, callback);
    this.schedule(handOff, true);
    return plan.replyLost ? { status: 0 } : { status: 202, body: { partnerRef: plan.partnerRef } };
  }

  private schedule(handOff: HandOff, isNew: boolean): void {
    for (const callback of this.planOf(handOff).callbacks) {
      if (handOff.called.has(callback.event.eventId) || (isNew && callback.beforeReply)) continue;
      this.options.timetable.at(callback.due, handOff.line.id, () => this.callOrTryAgain(handOff, callback));
    }
  }

  private async callOrTryAgain(handOff: HandOff, callback: Callback): Promise<void> {
    const { called, line, mislaid } = handOff;
    if (mislaid || called.has(callback.event.eventId) || this.ledger.silent.has(line.partner)) return;
    // Planned for want of papers that have come meanwhile.
    if (callback.unlessPapers && handOff.suppliedAt !== undefined) return;
    if (handOff.recalled && !this.planOf(handOff).deafToRecall) return;
    if (await this.call(handOff, callback)) return;
    const again = new Date(Date.parse(await this.options.clock.now()) + CALL_AGAIN_MS).toISOString();
    this.options.timetable.at(again, handOff.line.id, () => this.callOrTryAgain(handOff, callback));
  }

  /** True when the centre took one copy at least, or said that it never will. */
  private async call(handOff: HandOff, callback: Callback): Promise<boolean> {
    const answers = await Promise.all(Array.from({ length: callback.times }, () => this.callOnce(handOff, callback)));
    return answers.some(Boolean);
  }

  private async callOnce(handOff: HandOff, { event }: Callback): Promise<boolean> {
    const { partner, id } = handOff.line;
    const body = JSON.stringify(event);
    const reply = await this.send(partner, id, event.eventId, body);
    if (!reply || reply.status === 408 || reply.status === 429 || reply.status >= 500) return false;
    const outcome =
      reply.status === 200 ? (parse(z.object({ status: z.string() }), reply.body)?.status ?? 'unknown') : 'refused';
    this.ledger.add({ kind: 'called', partner, id, eventId: event.eventId, status: reply.status, outcome });
    return true;
  }

  private async send(partner: string, handOffId: string, eventId: string, body: string) {
    const url = new URL(`/api/handoffs/${encodeURIComponent(handOffId)}/events`, this.options.centreUrl());
    const secret = this.secretOf(partner);
    if (secret === undefined) throw new Error(`The partner "${partner}" has no secret any more.`);
    const headers = sign({ id: eventId, at: await this.options.clock.now(), body, secrets: [secret] });
    const { agent } = this;
    try {
      return await post(url, {
        headers,
        body,
        agent,
        deadlineMs: CALLBACK_DEADLINE_MS,
        maxReplyBytes: MAX_REPLY_BYTES,
      });
    } catch (error) {
      if (error instanceof NoReply) return null;
      throw error;
    }
  }

  private async keyOf(body: HandOffBody, partner: string): Promise<{ family: string; attempt: number }> {
    const key = await this.options.keyOf?.(body);
    if (key) return key;
    const { key: given, caseNumber } = body.request;
    if (typeof given === 'string') return { family: given, attempt: 0 };
    const family = typeof caseNumber === 'string' ? caseNumber : body.id;
    const before = [...this.ledger.handOffs.values()].filter(
      ({ line }) => line.partner === partner && line.service === body.service && line.family === family,
    );
    return { family, attempt: before.length };
  }

  private planOf({ line, suppliedAt }: HandOff): Plan {
    const plan = line.brisk ? briskPlanOf : planOf;
    return plan(this.chance, this.options.behaviour.of(line.partner, line.service), { ...line, suppliedAt });
  }

  private isOwed(handOff: HandOff): boolean {
    const { callbacks, deafToRecall } = this.planOf(handOff);
    if (handOff.recalled && !deafToRecall) return false;
    // While it waits for papers, it is not its turn.
    return callbacks.some(({ event, unlessPapers }) => !unlessPapers && !handOff.called.has(event.eventId));
  }

  private acceptedBy(partner: string): HandOff[] {
    return [...this.ledger.handOffs.values()].filter(({ line, accepted }) => accepted && line.partner === partner);
  }

  private handOff(id: string): HandOff {
    const found = this.ledger.handOffs.get(id);
    if (!found) throw new Error(`The hand-off ${id} was delivered, and yet is not known.`);
    return found;
  }

  private secretOf(partner: string): string | undefined {
    return Object.hasOwn(this.options.secrets, partner) ? this.options.secrets[partner] : undefined;
  }

  private violation(partner: string, id: string | null, rule: string, status: number): Answer {
    this.ledger.add({ kind: 'violation', partner, id, rule });
    return { status, body: { rule } };
  }
}

/** The last word was said. */
function isAnswered({ line: { id }, called }: HandOff): boolean {
  return called.has(`${id}-done`) || called.has(`${id}-rejected`);
}

function parse<T>(schema: z.ZodType<T>, bytes: Buffer): T | undefined {
  try {
    return schema.safeParse(JSON.parse(bytes.toString())).data;
  } catch {
    return undefined;
  }
}
