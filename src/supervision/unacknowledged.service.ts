import type { Pool } from 'pg';
import { AppError, isPassing } from '../engine/errors.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { EngineApi } from '../engine/types.js';
import { ownersOfHandoff } from './handoff-owners.js';
import { type Ladders, NOT_ACKNOWLEDGED } from './ladders.js';

const AT_ONCE = 200;
/** What its case would not take is looked at again after so long: seconds. */
const LATER_S = 600;

export interface UnacknowledgedDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  ladders: Ladders;
  warn(message: string, error: unknown): void;
}

interface SentRow {
  id: string;
  organisation_id: string;
  case_id: string;
  invocation: string;
  acknowledge_by: Date;
  ladder: string;
}

/**
 * Hand-offs of which the partner has not said within its term that it has them. Whoever looks after them hears of it once,
 * before the first step of their ladder, as part of the case's history; a hand-off without a ladder is told to nobody.
 */
export class UnacknowledgedService {
  constructor(private readonly deps: UnacknowledgedDependencies) {}

  /** For the sweeper. Safe in several processes: telling is one command with one id, carried out once. */
  async sweep(): Promise<void> {
    const { rows } = await this.deps.pool.query<SentRow>({ name: 'unacknowledged-handoffs', text: TO_TELL });
    await Promise.all(rows.map((row) => this.tell(row)));
  }

  private async tell(row: SentRow): Promise<void> {
    const { ladders } = this.deps;
    const { case_id: caseId, invocation, ladder } = row;
    try {
      const owners = await ownersOfHandoff(this.deps, { caseId, invocation, ladder });
      await this.deps.engine.submit({
        kind: 'escalate',
        entryId: row.id,
        facts: {
          what: 'handOff',
          name: row.invocation,
          ladder: row.ladder,
          step: NOT_ACKNOWLEDGED,
          dueAt: row.acknowledge_by.toISOString(),
          overdue: true,
          to: owners.length > 0 ? owners : ladders.overseers,
        },
        organisationId: row.organisation_id,
        caseId: row.case_id,
        id: `escalate:${row.id}:${NOT_ACKNOWLEDGED}`,
        keep: true,
        digestOf: { escalate: row.id, step: NOT_ACKNOWLEDGED },
        lane: 'machines',
        sender: ENGINE_SENDER,
      });
      await this.lookAgain(row, null);
    } catch (error) {
      // Its case is busy, or the database away: the next sweep. Answered or suspended meanwhile: it is not found again.
      if (isPassing(error) || (error instanceof AppError && error.status === 409)) return;
      this.deps.warn(`Hand-off ${row.id} was not acknowledged, and nobody could be told.`, error);
      await this.lookAgain(row, LATER_S).catch(() => undefined);
    }
  }

  /** Null: never, it is told. */
  private async lookAgain({ id }: SentRow, seconds: number | null): Promise<void> {
    await this.deps.pool.query({
      name: 'told-unacknowledged',
      text: 'update qamqor.handoffs set acknowledge_by = qamqor.qamqor_now() + make_interval(secs => $2) where id = $1',
      values: [id, seconds],
    });
  }
}

/** Whoever asked for papers has it, whatever else it said. */
const TO_TELL = `select h.id, h.organisation_id, h.case_id, h.invocation, h.acknowledge_by, d.ladder
  from qamqor.handoffs h join qamqor.dues d on d.entry_id = h.id join qamqor.cases c on c.id = h.case_id
  where h.status = 'sent' and h.acknowledge_by <= qamqor.qamqor_now() and h.paused_at is null
    and d.ladder is not null and c.status = 'active'
  order by h.acknowledge_by limit ${AT_ONCE}`;
