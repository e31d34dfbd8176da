import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { crashPoint } from '../platform/crash-points.js';
import type { About, Warn } from '../platform/log.js';
import type { Tracing } from '../platform/tracing.js';
import { within } from '../platform/within.js';
import type { Json, JsonObject } from '../statechart/types.js';
import { asText, isPassing, LeaseOver } from './errors.js';
import { ENGINE_SENDER } from './sender.js';
import { traceDelivery } from './trace.js';
import type { Command, Delivery, EngineApi, LeasedRow, OutboxHandler } from './types.js';

/** A worker that is killed lets go of its rows after this long; a living one renews its leases. */
export const LEASE_S = 10;
/** A row is due this soon after it was written or sent again; later means that it backs off. */
export const PATIENCE_S = 5;
const RENEW_EVERY_MS = 3_000;
const AT_ONCE = 32;
/** No attempt takes this long. One that hangs would keep its lease for as long as its process lives, and nobody would hear. */
const ATTEMPT_MS = 10 * 60_000;
/** After this many failures an outbox row becomes an incident: about a day with the back-off below. */
const FAILURES = 30;
/** So many, and not thirty, where nothing here knows what to do: in an update, a newer process may. About a quarter of an hour. */
const FAILURES_OF_UNKNOWN = 11;
/** A row that has failed so often, and whose process did not live to settle it, is carried out while no other suspect is. */
const SUSPECT_AFTER = 5;
/** Two suspects that were taken by two wake-ups at once change places from one time to the next. */
const SUSPECT_WAITS_MS = 1_000;
/** A wake-up whose rows take longer makes room for the next one; they stay in hand. */
const WAKE_UP_MS = 30_000;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_LONGEST_MS = 2 * 60 * 60 * 1000;

export interface OutboxDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  engine: Pick<EngineApi, 'submit'>;
  handlers: ReadonlyMap<string, OutboxHandler>;
  random(): number;
  tracing?: Tracing | undefined;
  /** How long one attempt may take; ten minutes unless told. */
  attemptMs?: number;
  /** How long a wake-up waits for its rows; half a minute unless told. */
  wakeUpMs?: number;
  /** Something went wrong that no sender waits for. */
  warn: Warn;
}

/** As it is stored: nobody has looked into its payload yet. */
interface HeldRow extends Omit<LeasedRow, 'payload'> {
  payload: string;
  /** The attempt before this one was neither settled nor given back: its process died, or the database was away. */
  wasLost: boolean;
}

/**
 * Carries out outbox rows that a wake-up names. Every row is leased first, so that of two workers one does it, and each
 * attempt has a number, so that a worker which was paused beyond its lease can settle nothing.
 */
export class OutboxWorker {
  private readonly held = new Set<HeldRow>();
  private readonly suspects: { row: HeldRow; tried: () => void }[] = [];
  private isTrying = false;
  private renewal: NodeJS.Timeout | undefined;

  constructor(private readonly deps: OutboxDependencies) {}

  /**
   * Rows that somebody else holds, that are gone, or whose back-off is not over are passed over: a wake-up may come twice.
   * Waits for its rows, but not for one that hangs: eight of those would be all that a queue carries out at once.
   */
  async deliver(ids: string[]): Promise<void> {
    const rows = await this.lease(ids);
    this.keepLeases();
    await within(this.deps.wakeUpMs ?? WAKE_UP_MS, this.carryOutAll(rows));
  }

  private async carryOutAll(rows: HeldRow[]): Promise<void> {
    const suspects = rows.filter(isSuspect);
    const queue = rows.filter((row) => !isSuspect(row));
    const lanes = Array.from({ length: Math.min(AT_ONCE, queue.length) }, async () => {
      for (let row = queue.shift(); row; row = queue.shift()) await this.carryOutTraced(row);
    });
    await Promise.all(lanes);
    await Promise.all(suspects.map((row) => this.tryAlone(row)));
  }

  /** One of them may end this process again. In another order each time, so that all others come through in the end. */
  private tryAlone(row: HeldRow): Promise<void> {
    return new Promise((resolve) => {
      this.suspects.push({ row, tried: resolve });
      if (!this.isTrying) void this.trySuspects();
    });
  }

  private async trySuspects(): Promise<void> {
    this.isTrying = true;
    await sleep(this.deps.random() * SUSPECT_WAITS_MS);
    while (this.suspects.length > 0) {
      const place = Math.floor(this.deps.random() * this.suspects.length);
      for (const { row, tried } of this.suspects.splice(place, 1)) {
        await this.carryOutTraced(row);
        tried();
      }
    }
    this.isTrying = false;
  }

  get busy(): boolean {
    return this.held.size > 0;
  }

  stop(): void {
    clearInterval(this.renewal);
    this.renewal = undefined;
  }

  private async lease(ids: string[]): Promise<HeldRow[]> {
    const { rows } = await this.deps.pool.query({
      name: 'lease-outbox',
      text: `update qamqor.outbox o set attempt = o.attempt + 1, tries = o.tries + 1, failures = o.failures + free.was_lost::int, leased_until = qamqor.qamqor_now() + make_interval(secs => ${LEASE_S}), next_at = qamqor.qamqor_now() + make_interval(secs => ${LEASE_S})
        from (select id, leased_until is not null as was_lost from qamqor.outbox where id = any ($1::uuid[]) and not parked and (leased_until is null or leased_until < qamqor.qamqor_now())
          and next_at <= qamqor.qamqor_now() + make_interval(secs => ${PATIENCE_S}) for update skip locked) free
        where o.id = free.id
        returning o.id, o.organisation_id, o.case_id, o.seq, o.topic, o.entry_id, o.payload, o.attempt, o.tries, o.failures, o.trace, free.was_lost`,
      values: [ids],
    });
    const leased = rows.map(
      (row): HeldRow => ({
        id: row.id,
        organisationId: row.organisation_id,
        caseId: row.case_id,
        seq: row.seq,
        topic: row.topic,
        entryId: row.entry_id,
        payload: row.payload,
        attempt: row.attempt,
        tries: row.tries,
        failures: row.failures,
        trace: row.trace,
        wasLost: row.was_lost,
      }),
    );
    for (const row of leased) this.held.add(row);
    return leased;
  }

  private async carryOutTraced(row: HeldRow): Promise<void> {
    const { tracing } = this.deps;
    if (tracing) await traceDelivery(tracing, row, () => this.carryOut(row));
    else await this.carryOut(row);
  }

  /** How it ended; nothing where that could not be written down. */
  private async carryOut(row: HeldRow): Promise<Delivery['kind'] | undefined> {
    let delivery: Delivery | undefined;
    try {
      delivery = await this.attempt(row);
      await this.settle(row, delivery);
      return delivery.kind;
    } catch (error) {
      if (error instanceof LeaseOver) return undefined;
      this.deps.warn(`Outbox row ${row.id} (${row.topic}) could not be settled.`, error, about(row));
      if (isPassing(error)) await this.handBack(row, error, delivery);
      else await this.report(row, error);
      return undefined;
    } finally {
      this.held.delete(row);
    }
  }

  /** Its case is busy: a failure like others, and no death of ours. Where the database is away too, the lease runs out. */
  private async handBack(row: HeldRow, cause: unknown, delivery: Delivery | undefined): Promise<void> {
    const untried = delivery?.kind === 'retry' && delivery.untried === true;
    await this.again(row, { kind: 'retry', reason: asText(cause), untried }).catch(() => undefined);
  }

  /** What came back cannot be stored, and would not be the next time either: a person must look. */
  private async report(row: HeldRow, cause: unknown): Promise<void> {
    const reason = `What came back could not be stored: ${asText(cause)}`;
    try {
      await this.deps.engine.submit(incident(row, reason));
    } catch (error) {
      this.deps.warn(`Outbox row ${row.id} (${row.topic}) could not be reported.`, error, about(row));
      // Its case cannot be read. Until somebody mends that, it is looked at ever less often.
      if (!isPassing(error)) await this.again(row, { kind: 'retry', reason }).catch(() => undefined);
    }
  }

  private async attempt(row: HeldRow): Promise<Delivery> {
    const handler = this.deps.handlers.get(row.topic);
    if (!handler) return unknownHere(`Nothing here carries out "${row.topic}".`);
    if (row.failures >= FAILURES)
      return {
        kind: 'give-up',
        reason: `Given up after ${FAILURES} failures: its process ended before it did, or its answer could not be stored.`,
      };
    const payload = payloadOf(row);
    if (!payload) return { kind: 'give-up', reason: 'What is to be done cannot be read from its outbox row.' };
    try {
      return await inTime(handler({ ...row, payload }), this.deps.attemptMs ?? ATTEMPT_MS);
    } catch (error) {
      this.deps.warn(`Outbox row ${row.id} (${row.topic}) failed at attempt ${row.attempt}.`, error, about(row));
      return { kind: 'retry', reason: asText(error) };
    }
  }

  private async settle(row: HeldRow, delivery: Delivery): Promise<void> {
    crashPoint('settle.before');
    const settles = settledBy(row);
    switch (delivery.kind) {
      case 'done':
        await this.deps.pool.query({
          name: 'done-outbox',
          text: 'delete from qamqor.outbox where id = $1 and attempt = $2',
          values: [row.id, row.attempt],
        });
        return;
      case 'answer':
        await this.deps.engine.submit({ ...delivery.command, settles });
        return;
      case 'give-up':
        await this.deps.engine.submit(incident(row, delivery.reason, delivery.rule));
        return;
      case 'retry':
        if (!delivery.patient && row.failures + 1 >= (delivery.failures ?? FAILURES))
          await this.deps.engine.submit(
            incident(row, `Given up after ${row.failures + 1} failures: ${delivery.reason}`),
          );
        else await this.again(row, delivery);
        return;
      default:
        throw new Error(`"${row.topic}" answered neither that it is done nor what to do next.`);
    }
  }

  private async again(row: HeldRow, delivery: Extract<Delivery, { kind: 'retry' }>): Promise<void> {
    const failures = delivery.patient ? row.failures : row.failures + 1;
    const tries = delivery.untried ? row.tries - 1 : row.tries;
    // What was made due while it was held (the lease sets it later) is looked at again at once.
    // Who waits patiently without saying for how long backs off too.
    const wait = delivery.afterMs ?? backoffMs(delivery.patient ? row.tries : failures, this.deps.random());
    await this.deps.pool.query({
      name: 'again-outbox',
      text: `update qamqor.outbox set leased_until = null, last_error = $3, next_at = case when next_at <= qamqor.qamqor_now() then next_at else qamqor.qamqor_now() + make_interval(secs => $4) end, failures = $5, tries = $6
        where id = $1 and attempt = $2`,
      values: [row.id, row.attempt, delivery.reason.slice(0, 1_000), wait / 1000, failures, tries],
    });
  }

  private keepLeases(): void {
    this.renewal ??= setInterval(() => {
      if (this.held.size === 0) return;
      // What is locked is being settled: to wait for it could be to wait for each other.
      const renew = this.deps.pool.query({
        name: 'renew-outbox',
        text: `update qamqor.outbox o set leased_until = qamqor.qamqor_now() + make_interval(secs => ${LEASE_S}), next_at = qamqor.qamqor_now() + make_interval(secs => ${LEASE_S})
          from (select o.id from unnest($1::uuid[], $2::int[]) as held (id, attempt)
            join qamqor.outbox o on o.id = held.id and o.attempt = held.attempt and o.leased_until is not null for update of o skip locked) mine
          where o.id = mine.id`,
        values: [[...this.held].map((row) => row.id), [...this.held].map((row) => row.attempt)],
      });
      renew.catch((error: unknown) => this.deps.warn('Leases could not be renewed.', error));
    }, RENEW_EVERY_MS).unref();
  }
}

function isSuspect({ wasLost, failures }: HeldRow): boolean {
  return wasLost && failures >= SUSPECT_AFTER;
}

/** What no process of this version can do, and one that is newer perhaps can: while both run, each takes what it meets. */
export function unknownHere(reason: string): Delivery {
  return { kind: 'retry', reason, failures: FAILURES_OF_UNKNOWN, untried: true };
}

/** Null where somebody else has written into it. */
function payloadOf({ payload }: HeldRow): JsonObject | null {
  try {
    const read = JSON.parse(payload) as Json;
    return isObject(read) ? read : null;
  } catch {
    return null;
  }
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The id by which the command of its answer goes. */
function about({ caseId, id }: HeldRow): About {
  return { case: caseId, command: `outbox:${id}` };
}

/** What comes back later than that is dropped: another attempt has begun by then. */
async function inTime(attempt: Promise<Delivery>, ms: number): Promise<Delivery> {
  return (await within(ms, attempt)) ?? { kind: 'retry', reason: `It did not end within ${ms / 1000} s.` };
}

/** 1 s, doubling to 2 h, each between half and the whole, so that many do not come back at once. */
export function backoffMs(tries: number, random: number): number {
  const full = Math.min(BACKOFF_LONGEST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(tries - 1, 20));
  return full / 2 + (full / 2) * random;
}

function settledBy(row: HeldRow): NonNullable<Command['settles']> {
  return { outboxId: row.id, attempt: row.attempt, caseId: row.caseId };
}

function incident(row: HeldRow, reason: string, rule = 'not-delivered'): Command {
  return {
    kind: 'incident',
    organisationId: row.organisationId,
    caseId: row.caseId,
    id: `give-up:${row.id}:${row.attempt}`,
    keep: false,
    lane: 'machines',
    sender: ENGINE_SENDER,
    rule,
    because: row.topic,
    message: reason,
    ...(row.entryId ? { entryId: row.entryId } : {}),
    settles: settledBy(row),
  };
}
