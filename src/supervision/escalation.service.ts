import type { Pool } from 'pg';
import { AppError, isPassing } from '../engine/errors.js';
import { isOverdue } from '../engine/overdue.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { Delivery, EngineApi, OutboxRow } from '../engine/types.js';
import type { NotificationsService } from '../notifications/notifications.service.js';
import type { Calendar, Json } from '../statechart/types.js';
import type { EscalationTexts } from './escalation-texts.js';
import { ownersOfHandoff, roleOfHandoff } from './handoff-owners.js';
import { type Ladder, type Ladders, momentOf, NOT_ACKNOWLEDGED, type Tell } from './ladders.js';

const AT_ONCE = 200;
/** A step that its case would not take is looked at again after so long. */
const LATER_S = 600;

export interface EscalationDependencies {
  engine: Pick<EngineApi, 'submit'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  ladders: Ladders;
  calendar: Calendar;
  notifications: Pick<NotificationsService, 'tell'>;
  texts: EscalationTexts;
  warn(message: string, error: unknown): void;
}

interface DueRow {
  entry_id: string;
  organisation_id: string;
  case_id: string;
  what: string;
  name: string;
  opened_at: Date;
  due: Date;
  given_ms: string;
  ladder: string;
  step: number;
  /** As text: a Date would drop microseconds. */
  look_at: string;
  status: 'active' | 'suspended' | 'done' | 'cancelled';
  now: Date;
}

/** Climbs the ladder of everything that is due: each step once, in order, as part of the case's history. */
export class EscalationService {
  constructor(private readonly deps: EscalationDependencies) {}

  /** For the sweeper. Safe in several processes: a step is one command with one id, carried out once. */
  async sweep(): Promise<void> {
    for (;;) {
      const { rows } = await this.deps.pool.query<DueRow>({ name: 'dues-to-look-at', text: TO_LOOK_AT });
      const moved = await Promise.all(rows.map((row) => this.look(row)));
      // What stands where it stood would come back at once.
      if (rows.length < AT_ONCE || !moved.includes(true)) return;
    }
  }

  /** Topic `escalate`: tells everybody whom the step names, and writes down that it did. */
  async deliver(row: OutboxRow): Promise<Delivery> {
    const { entryId, payload } = row;
    const facts = {
      what: String(payload['what']),
      name: String(payload['name']),
      ladder: String(payload['ladder']),
      dueAt: String(payload['dueAt']),
      overdue: payload['overdue'] === true,
      unacknowledged: payload['step'] === NOT_ACKNOWLEDGED,
    };
    const told = await this.deps.texts.write(row, facts);
    if (!told || entryId === null) return { kind: 'give-up', reason: 'The case that should be told of is gone.' };
    for (const recipient of asTexts(payload['to'])) {
      const text = told.textFor(recipient);
      await this.deps.notifications.tell({ about: row, template: 'escalation', recipient, text });
    }
    await this.deps.pool.query({
      name: 'write-escalation',
      text: `insert into qamqor.escalations (id, organisation_id, case_id, case_number, entry_id, what, name, title, ladder, step, due_at, at)
        select id, organisation_id, case_id, $2, $3, $4, $5, $6, $7, $8, $9, created_at from qamqor.outbox where id = $1
        on conflict do nothing`,
      values: [
        row.id,
        told.caseNumber,
        entryId,
        facts.what,
        facts.name,
        JSON.stringify(told.title),
        facts.ladder,
        Number(payload['step']),
        facts.dueAt,
      ],
    });
    return { kind: 'done' };
  }

  /** Climbs one ladder as far as it is due, in order. Whether the row stands somewhere else now. */
  private async look(found: DueRow): Promise<boolean> {
    let row = found;
    try {
      const ladder = this.deps.ladders.find(row.ladder);
      if (row.status !== 'active') return await this.set(row, 'infinity');
      for (;;) {
        const moment = this.momentOf(ladder, row);
        if (moment === 'infinity' || Date.parse(moment) > row.now.getTime())
          return row.look_at === moment || (await this.set(row, moment));
        await this.climb(ladder, row);
        const next = this.momentOf(ladder, { ...row, step: row.step + 1 });
        // Somebody else climbs too, or moved what is due.
        if (!(await this.set(row, next, row.step + 1))) return true;
        row = { ...row, step: row.step + 1, look_at: next };
      }
    } catch (error) {
      return await this.failed(row, error);
    }
  }

  private async climb(ladder: Ladder, row: DueRow): Promise<void> {
    const step = row.step + 1;
    const dueAt = row.due.toISOString();
    const to = await this.recipients(ladder, row);
    const overdue = isOverdue({ status: row.status, dueAt }, row.now.toISOString());
    await this.deps.engine.submit({
      kind: 'escalate',
      entryId: row.entry_id,
      facts: { what: row.what, name: row.name, ladder: row.ladder, step, dueAt, overdue, to },
      organisationId: row.organisation_id,
      caseId: row.case_id,
      id: `escalate:${row.entry_id}:${step}`,
      keep: true,
      // Who has the task may change between two tries of the same step.
      digestOf: { escalate: row.entry_id, step },
      lane: 'machines',
      sender: ENGINE_SENDER,
    });
  }

  /** Roles, and accounts as `account:<id>`; everybody once. */
  private async recipients(ladder: Ladder, row: DueRow): Promise<string[]> {
    const step = ladder.steps[row.step];
    const to: (string | null)[] = [...(step?.roles ?? [])];
    for (const tell of step?.tell ?? []) {
      if (tell === 'assignee') to.push(await this.owner(row));
      else to.push(...(await this.asked(row, tell)));
    }
    const named = [...new Set(to.filter((recipient) => recipient !== null))];
    // A step of work that nobody owns (a background step, say) is not told to nobody.
    return named.length > 0 ? named : this.deps.ladders.overseers;
  }

  /** Who has the task; while nobody has, everybody who may take it. For a hand-off, the role that its workflow names. */
  private async owner({ entry_id: id, case_id: caseId, what, name }: DueRow): Promise<string | null> {
    if (what === 'handOff') return roleOfHandoff(this.deps.pool, caseId, name);
    const { rows } = await this.deps.pool.query<{ assignee: string | null; status: string; role: string }>(
      'select assignee, status, role from qamqor.tasks where id = $1',
      [id],
    );
    const [task] = rows;
    if (!task) return null;
    return task.assignee !== null && task.status !== 'open' ? `account:${task.assignee}` : task.role || null;
  }

  /** The partner, or its head. What was never sent is unknown to them: whoever looks after it hears, and who oversees. */
  private async asked(row: DueRow, tell: Exclude<Tell, 'assignee'>): Promise<string[]> {
    const { rows } = await this.deps.pool.query<{ partner: string; sent_at: Date | null }>(
      'select partner, sent_at from qamqor.handoffs where id = $1',
      [row.entry_id],
    );
    const [handoff] = rows;
    if (!handoff) return [];
    if (handoff.sent_at !== null) return [`partner-${handoff.partner}${tell === 'partner-head' ? ':head' : ''}`];
    const { case_id: caseId, name: invocation, ladder } = row;
    return [...(await ownersOfHandoff(this.deps, { caseId, invocation, ladder })), ...this.deps.ladders.overseers];
  }

  private momentOf(ladder: Ladder, row: DueRow): string {
    const step = ladder.steps[row.step];
    if (!step) return 'infinity';
    const given = {
      openedAt: row.opened_at.toISOString(),
      dueAt: row.due.toISOString(),
      givenMs: Number(row.given_ms),
    };
    return momentOf(step, given, this.deps.calendar);
  }

  /** Only where nobody else moved it meanwhile: a resumed case, a pause that ended, another process. */
  private async set(row: DueRow, lookAt: string, step = row.step): Promise<boolean> {
    const { rowCount } = await this.deps.pool.query({
      name: 'set-due',
      text: `update qamqor.dues set step = $3, look_at = case when look_at = $4::timestamptz then $5::timestamptz else look_at end
        where entry_id = $1 and step = $2 and ($3 > $2 or look_at = $4::timestamptz)`,
      values: [row.entry_id, row.step, step, row.look_at, lookAt],
    });
    return rowCount !== 0;
  }

  private async failed(row: DueRow, error: unknown): Promise<boolean> {
    // Its case is busy, or the database away: the next sweep.
    if (isPassing(error)) return false;
    // Answered or suspended meanwhile: the row is gone, or is looked at when the case goes on.
    if (!(error instanceof AppError && error.status === 409))
      this.deps.warn(`Step ${row.step + 1} of ladder "${row.ladder}" could not be carried out.`, error);
    const later = new Date(row.now.getTime() + LATER_S * 1000).toISOString();
    return await this.set(row, later).catch(() => false);
  }
}

function asTexts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

const TO_LOOK_AT = `select d.entry_id, d.organisation_id, d.case_id, d.what, d.name, d.opened_at, greatest(d.due_at, d.paused_until) as due,
    d.given_ms, d.ladder, d.step, d.look_at::text, c.status, qamqor.qamqor_now() as now
  from qamqor.dues d join qamqor.cases c on c.id = d.case_id
  where d.look_at <= qamqor.qamqor_now() and d.look_at < 'infinity' order by d.look_at limit ${AT_ONCE}`;
