import { hash } from 'node:crypto';
import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import type { Clock } from '../platform/clock.js';
import { canonicalJson } from '../statechart/canonical.js';

/** What was looked at. */
export const LOOKS = ['case', 'journal', 'task', 'family', 'handoff', 'certificate'] as const;
export type What = (typeof LOOKS)[number];

/** Somebody read something; `ids` are all that the answer named: of a task also its case. */
export interface Look {
  organisationId: string;
  account: string;
  roles: string[];
  what: What;
  ids: string[];
  /** Method and address as the contract writes it. */
  route: string;
}

/** A look as it is stored, in the chain of its writer and day. */
export interface LookRow extends Look {
  writer: string;
  /** Of `at`, in UTC. */
  day: string;
  /** From 1, without gaps. */
  seq: number;
  /** ISO 8601 in UTC with milliseconds. */
  at: string;
}

export const LOOKS_GENESIS = Buffer.alloc(32);

/** `hash = SHA-256(previous hash, every column)`. */
export function lookHash(previous: Buffer, row: LookRow): Buffer {
  const { organisationId, writer, day, seq, at, account, roles, what, ids, route } = row;
  const body = canonicalJson({ organisationId, writer, day, seq, at, account, roles, what, ids, route });
  return hash('sha256', Buffer.concat([previous, Buffer.from(body)]), 'buffer');
}

export interface AccessLogDependencies {
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  clock: Clock;
  /** UUIDv7 of this process, new at each start. */
  writer: string;
  /** Monotonic milliseconds. */
  elapsed(): number;
  warn(message: string, error: unknown): void;
  /** Looks that may wait for the database before no more are allowed. */
  capacity?: number;
}

/** How long a look may stay in memory while the database answers. */
const FLUSH_AFTER_MS = 1_000;
const FLUSH_AT = 500;
const CAPACITY = 10_000;
const RETRY_AFTER_S = 2;

interface Sealed {
  row: LookRow;
  hash: Buffer;
}

/**
 * Writes down who read what, many looks in one statement. Each process has a chain of its own per day, so that reading
 * waits for nobody. While the database is away looks are kept; when no more can be kept, nothing is shown any more.
 * A process that is killed loses the looks of its last second.
 */
export class AccessLog {
  private waiting: { look: Look; elapsed: number }[] = [];
  /** Have their place in the chain, and keep it until they are written. */
  private sealed: Sealed[] = [];
  private readonly heads = new Map<string, { seq: number; hash: Buffer }>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly deps: AccessLogDependencies) {}

  /** Call before the answer goes out. @throws AppError `unavailable` (503) when the look could be lost */
  record(look: Look): void {
    if (this.waiting.length + this.sealed.length >= (this.deps.capacity ?? CAPACITY))
      throw new AppError(
        'unavailable',
        503,
        'Who reads what cannot be written down now, so nothing is shown. Repeat the request a little later.',
        {},
        undefined,
        RETRY_AFTER_S,
      );
    this.waiting.push({ look, elapsed: this.deps.elapsed() });
    if (this.waiting.length === FLUSH_AT) this.flushSoon(0);
    else this.flushSoon(FLUSH_AFTER_MS);
  }

  /** Writes everything that was recorded until now. @throws if the database does not take it; then it is kept */
  flush(): Promise<void> {
    const turn = this.writing.then(() => this.write());
    this.writing = turn.catch(() => undefined);
    return turn;
  }

  /** A last try; what cannot be written then is told. */
  async close(): Promise<void> {
    await this.flush().catch((error: unknown) => {
      const lost = this.waiting.length + this.sealed.length;
      this.deps.warn(`${lost} looks at records could not be written down.`, error);
    });
    clearTimeout(this.timer);
  }

  private flushSoon(afterMs: number): void {
    if (this.timer && afterMs > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flush().catch((error: unknown) => {
        this.deps.warn('Who read what could not be written down; it is tried again.', error);
        this.flushSoon(FLUSH_AFTER_MS);
      });
    }, afterMs).unref();
  }

  private async write(): Promise<void> {
    if (this.sealed.length === 0) await this.seal();
    for (const [organisationId, rows] of Map.groupBy(this.sealed, ({ row }) => row.organisationId)) {
      await asOrganisation(this.deps.pool, organisationId, (query) => query(INSERT, columnsOf(organisationId, rows)));
      this.sealed = this.sealed.filter((sealed) => !rows.includes(sealed));
    }
    if (this.waiting.length > 0) await this.write();
  }

  /** Gives each look its moment, by the one clock, and its place in the chain. */
  private async seal(): Promise<void> {
    if (this.waiting.length === 0) return;
    const now = Date.parse(await this.deps.clock.now());
    const elapsed = this.deps.elapsed();
    const looks = this.waiting.splice(0, FLUSH_AT);
    this.sealed = looks.map(({ look, elapsed: then }) => this.chain(look, new Date(now - (elapsed - then))));
  }

  private chain(look: Look, moment: Date): Sealed {
    const at = moment.toISOString();
    const day = at.slice(0, 10);
    const key = `${look.organisationId} ${day}`;
    const head = this.heads.get(key) ?? { seq: 0, hash: LOOKS_GENESIS };
    const row = { ...look, writer: this.deps.writer, day, seq: head.seq + 1, at };
    const sealed = { row, hash: lookHash(head.hash, row) };
    this.heads.set(key, { seq: row.seq, hash: sealed.hash });
    return sealed;
  }
}

// A batch whose COMMIT was lost comes again: what is there already stays as it is.
const INSERT = `insert into qamqor.access_log (organisation_id, writer, day, seq, at, account, roles, what, ids, route, hash)
  select $1, writer, day, seq, at, account, array(select jsonb_array_elements_text(roles)), what,
    array(select jsonb_array_elements_text(ids)), route, decode(hash, 'hex')
  from jsonb_to_recordset($2::jsonb) as r (writer uuid, day date, seq int, at timestamptz, account uuid, roles jsonb, what text,
    ids jsonb, route text, hash text)
  order by writer, day, seq
  on conflict do nothing`;

function columnsOf(organisationId: string, rows: Sealed[]): unknown[] {
  return [organisationId, JSON.stringify(rows.map(({ row, hash: own }) => ({ ...row, hash: own.toString('hex') })))];
}
