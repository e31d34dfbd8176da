import type { BatchTransaction, ClosedEntry, MovedEntry, OpenedEntry, SourceHandler } from '../engine/types.js';
import type { Json } from '../statechart/types.js';
import { type HandoffStatus, RECALLED } from './handoff.js';
import type { PartnerTerms } from './partner-terms.js';

/** What stands behind `invoke {src: handOff}`: opens and closes hand-offs inside the transaction of the transition. */
export class HandoffSource implements SourceHandler {
  readonly src = 'handOff' as const;
  readonly topics = { open: 'handOff.open', close: 'handOff.close' };
  /** By the very error that travels through the engine: somebody's words stay out of the statechart. */
  private readonly reasons = new WeakMap<object, string>();

  /** @param id UUIDv7 */
  constructor(
    private readonly id: () => string,
    private readonly terms: PartnerTerms,
  ) {}

  /** Why a hand-off that is about to be recalled is. */
  keepReason(error: Json, reason: string): void {
    if (typeof error === 'object' && error !== null) this.reasons.set(error, reason);
  }

  async open(tx: BatchTransaction, rows: OpenedEntry[]): Promise<void> {
    const asked = rows.map(({ entry: { input, due } }) => {
      const what = { partner: textOf(input['partner']), service: textOf(input['service']) };
      return { ...what, givesUpAt: due ? this.terms.giveUpAt(what, due) : null };
    });
    await tx.query('open-handoffs', OPEN, [
      rows.map((row) => row.entryId),
      rows.map((row) => row.organisationId),
      rows.map((row) => row.caseId),
      rows.map((row) => row.caseNumber),
      rows.map((row) => row.subject),
      asked.map(({ partner }) => partner),
      asked.map(({ service }) => service),
      rows.map((row) => row.entry.invoke),
      rows.map((row) => JSON.stringify(row.entry.input['request'] ?? {})),
      rows.map((row) => row.at),
      rows.map((row) => row.entry.due ?? null),
      asked.map(({ givesUpAt }) => givesUpAt),
    ]);
  }

  async close(tx: BatchTransaction, rows: ClosedEntry[]): Promise<void> {
    const recalled = rows.filter(isRecalledByUs);
    await Promise.all([
      tx.query('close-handoffs', CLOSE, [
        rows.map((row) => row.entryId),
        rows.map(statusOf),
        rows.map((row) => row.at),
        rows.map((row) => codeOf(row.output)),
        rows.map((row) => (row.reason === 'answered' ? JSON.stringify(row.output ?? null) : null)),
        rows.map((row) => (row.output instanceof Object ? this.reasons.get(row.output) : null) ?? null),
      ]),
      // The engine tells only of states that were left: here the case went on because of the recall.
      ...(recalled.length > 0
        ? [
            tx.query('recall-handoffs', RECALL, [
              recalled.map(() => this.id()),
              recalled.map((row) => row.organisationId),
              recalled.map((row) => row.caseId),
              recalled.map((row) => row.seq),
              recalled.map((row) => row.entryId),
              recalled.map((row) => row.at),
              recalled.map((row) => row.trace ?? null),
            ]),
          ]
        : []),
    ]);
  }

  async reschedule(tx: BatchTransaction, rows: MovedEntry[]): Promise<void> {
    await tx.query('reschedule-handoffs', RESCHEDULE, [
      rows.map((row) => row.entryId),
      rows.map((row) => row.due),
      rows.map((row) => row.stoodMs),
    ]);
  }
}

function statusOf(row: ClosedEntry): HandoffStatus {
  if (row.reason === 'answered') return 'done';
  if (row.reason !== 'failed' || isRecalledByUs(row)) return 'recalled';
  return isOurs(row, 'EXPIRED') ? 'expired' : 'rejected';
}

function isRecalledByUs(row: ClosedEntry): boolean {
  return row.reason === 'failed' && isOurs(row, RECALLED);
}

/** A partner may give that code too: then it has answered. */
function isOurs(row: ClosedEntry, code: string): boolean {
  return codeOf(row.output) === code && row.by.onBehalfOf === undefined;
}

function codeOf(output: Json | undefined): string | null {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return null;
  return typeof output['code'] === 'string' ? output['code'] : null;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

const OPEN = `insert into qamqor.handoffs (id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, status, opened_at, due_at, answer_by, gives_up_at)
  select id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, 'draft', opened_at, due_at, due_at, gives_up_at
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[])
    as n (id, organisation_id, case_id, case_number, subject, partner, service, invocation, request, opened_at, due_at, gives_up_at)`;

const CLOSE = `update qamqor.handoffs h set status = n.status, closed_at = n.at, reason_code = coalesce(n.code, h.reason_code), result = n.result,
    recall_reason = n.why, waiting_reason = null, revision = h.revision + 1
  from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[]) as n (id, status, at, code, result, why) where h.id = n.id`;

const RECALL = `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at, trace)
  select id, organisation_id, case_id, seq, 'handOff.close', entry_id, '{"reason":"recalled"}', at, at, trace
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::uuid[], $6::timestamptz[], $7::text[])
    as n (id, organisation_id, case_id, seq, entry_id, at, trace)`;

/** A pause goes with the time that it was added to. */
const PAUSED_LATER = 'least(coalesce(n.due_at - h.due_at, n.stood), qamqor.qamqor_now() - h.paused_at)';

/**
 * Its time moves as its due does. What is waited for from its sending on, and a pause for papers, move by no more than they
 * have lasted: they may have begun while the case stood.
 */
const RESCHEDULE = `update qamqor.handoffs h set due_at = n.due_at, answer_by = h.answer_by + (n.due_at - h.due_at),
    gives_up_at = h.gives_up_at + (n.due_at - h.due_at),
    acknowledge_by = h.acknowledge_by + least(n.stood, qamqor.qamqor_now() - h.sent_at),
    paused_at = case when h.status = 'papers' then h.paused_at + ${PAUSED_LATER} else h.paused_at end,
    paused_until = case when h.status = 'papers' then h.paused_until + ${PAUSED_LATER} else h.paused_until end
  from (select id, due_at, make_interval(secs => stood_ms / 1000) as stood
    from unnest($1::uuid[], $2::timestamptz[], $3::float8[]) as n (id, due_at, stood_ms)) n where h.id = n.id`;
