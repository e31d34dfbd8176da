import type { Pool } from 'pg';
import { asOrganisation } from '../../src/engine/cases.js';
import { AppError } from '../../src/engine/errors.js';
import type { Principal } from '../../src/identity/principal.js';
import type { Calendar, Json, JsonObject } from '../../src/statechart/types.js';
import type { Decisions, Interruption, Situation } from './decisions.js';
import { lookAfter } from './office-hours.js';

/** What simulated staff may touch: the services that HTTP uses, with the same checks. */
export interface Desk {
  claim(by: Principal, taskId: string): Promise<unknown>;
  complete(by: Principal, taskId: string, output: Json): Promise<unknown>;
  /** `key`: the same event is sent once, however often it is tried. */
  sendEvent(by: Principal, caseId: string, type: string, data: JsonObject, key?: string): Promise<unknown>;
  /** Brings a partner the papers that it asked for. */
  supply(by: Principal, caseId: string, handOffId: string): Promise<unknown>;
  /** The account that works in a role. */
  account(role: string): Promise<Principal>;
}

export interface StaffOptions {
  desk: Desk;
  decisions: Decisions;
  calendar: Calendar;
  /** Connections of the role `qamqor_app`: the staff look at their queues. */
  pool: Pool;
  organisationId: string;
  /** By family id. */
  families: ReadonlyMap<string, Situation['family']>;
}

/** One thing that somebody will do, and when. */
interface Plan {
  due: string;
  /** Whose family's it is: what is due for one family at one moment is done one after the other, by `order`. */
  family: string;
  order: string;
  act(): Promise<void>;
}

interface TaskLine {
  id: string;
  case_id: string;
  parent_case_id: string | null;
  subject: string;
  /** Of the track's context, where the case is one. */
  member: string | null;
  round: string | null;
  form: string;
  invocation: string;
  role: string;
  opened_at: Date;
  attempt: number;
}

/** A hand-off whose partner asked for papers. */
interface AskedLine {
  id: string;
  case_id: string;
  subject: string;
  partner: string;
  service: string;
  /** Of the track's context, where the case is one. */
  member: string | null;
  round: string | null;
  paused_at: Date;
  attempt: number;
}

/** Enough to keep the engine's batches full; each act waits for its own commit. */
const ACTS_AT_ONCE = 64;
/** The chart's timer that ends the wait for a family's papers; its due time tells when the wait began. */
const PAPERS_TERM = { name: 'papersTerm', days: 30 };
/** Answers of the service that mean: it has been done, or nobody needs it any more. */
const OVER = new Set([
  'task-closed',
  'task-not-found',
  'event-not-accepted',
  'case-not-active',
  'case-closed',
  'handoff-closed',
  'no-papers-asked',
]);

/**
 * The people of the centre, and the families that come to them. They look into their queues twice a working day, take
 * what has lain long enough, and answer as drawn. Everything they know stands in the database, so that staff who were
 * killed come back and go on.
 */
export class Staff {
  private readonly plans = new Map<string, Plan>();
  private readonly seen = new Set<string>();
  private seenUntil = '1970-01-01T00:00:00.000Z';
  private readonly accounts = new Map<string, Promise<Principal>>();

  constructor(private readonly options: StaffOptions) {}

  /** Looks for new work. Gives the moment of the next act, null when nobody has anything to do. */
  async look(): Promise<string | null> {
    const { tasks, waits, asked } = await this.newWork();
    for (const task of tasks) {
      const openedAt = task.opened_at.toISOString();
      if (openedAt > this.seenUntil) this.seenUntil = openedAt;
      if (this.isNew(task.id)) this.planTask(task, openedAt);
    }
    for (const wait of waits) this.planOnce(wait.id, () => this.planPapers(wait));
    for (const line of asked) this.planOnce(line.id, () => this.planSupply(line));
    let next: string | null = null;
    for (const { due } of this.plans.values()) if (next === null || due < next) next = due;
    return next;
  }

  /**
   * Does the first of what is due by then for each family; gives how much that was. What follows from it in its other cases
   * comes before the next: else it would depend on the machine which of the two a run sees first.
   */
  async act(now: string): Promise<number> {
    const due = [...this.plans].filter(([, plan]) => plan.due <= now).sort(([, one], [, other]) => inOrder(one, other));
    const queue = [...Map.groupBy(due, ([, plan]) => plan.family).values()].flatMap(([first]) =>
      first ? [first] : [],
    );
    const acts = queue.length;
    const hands = Array.from({ length: Math.min(ACTS_AT_ONCE, acts) }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [id, plan] = next;
        await ignoringOver(plan.act());
        this.plans.delete(id);
      }
    });
    await Promise.all(hands);
    return acts;
  }

  /** What was opened since the last look; what was opened in that very millisecond may come twice. */
  private async newWork() {
    const { pool, organisationId, families } = this.options;
    const subjects = [...families.keys()];
    return asOrganisation(pool, organisationId, async (query) => ({
      tasks: await query<TaskLine>(
        `select t.id, t.case_id, c.parent_case_id, t.subject, t.form, t.invocation, t.role, t.opened_at,
           c.chart::jsonb #>> '{snapshot,context,member}' as member, c.chart::jsonb #>> '{snapshot,context,round}' as round,
           (select count(*)::int from qamqor.tasks d where d.case_id = t.case_id and d.invocation = t.invocation and d.status in ('done', 'cancelled')) as attempt
         from qamqor.tasks t join qamqor.cases c on c.id = t.case_id where t.status in ('open', 'claimed') and t.opened_at >= $1 and t.subject = any ($2)`,
        [this.seenUntil, subjects],
      ),
      waits: await query<{ id: string; case_id: string; subject: string; due_at: Date }>(
        `select m.id, m.case_id, c.subject, m.due_at from qamqor.timers m join qamqor.cases c on c.id = m.case_id
         where m.name = $1 and c.status = 'active' and c.subject = any ($2)`,
        [PAPERS_TERM.name, subjects],
      ),
      asked: await query<AskedLine>(
        `select h.id, h.case_id, h.subject, h.partner, h.service, h.paused_at,
           c.chart::jsonb #>> '{snapshot,context,member}' as member, c.chart::jsonb #>> '{snapshot,context,round}' as round,
           (select count(*)::int from qamqor.handoffs e
             where e.case_id = h.case_id and e.partner = h.partner and e.service = h.service and e.opened_at < h.opened_at) as attempt
         from qamqor.handoffs h join qamqor.cases c on c.id = h.case_id
         where h.status = 'papers' and h.closed_at is null and h.subject = any ($1)`,
        [subjects],
      ),
    }));
  }

  private planTask(task: TaskLine, openedAt: string): void {
    const { decisions, calendar, desk } = this.options;
    const situation: Situation = {
      family: this.familyOf(task.subject),
      form: task.form,
      invocation: task.invocation,
      attempt: task.attempt,
      openedOn: openedAt.slice(0, 10),
      track: trackOf(task),
    };
    const takes = decisions.takes(situation);
    const interruption = decisions.interruption(situation);
    const shared = { family: task.subject, order: `${situation.track ?? ''} ${task.invocation}` };
    const interrupt = async ({ type, data, role, to }: Interruption) => {
      const caseId = to === 'family' ? (task.parent_case_id ?? task.case_id) : task.case_id;
      await desk.sendEvent(await this.account(role), caseId, type, data, `journey-${task.id}-${type}`);
    };
    if (interruption && !interruption.instead) {
      const due = lookAfter(openedAt, Math.floor(takes / 2), calendar);
      this.plans.set(`${task.id} ${interruption.type}`, { ...shared, due, act: () => interrupt(interruption) });
    }
    this.plans.set(task.id, {
      ...shared,
      due: lookAfter(openedAt, takes, calendar),
      act: async () => {
        const by = await this.account(task.role);
        // A task that the case has left meanwhile is refused here, and nobody asks the family any more.
        await desk.claim(by, task.id);
        if (interruption?.instead) await interrupt(interruption);
        else await desk.complete(by, task.id, decisions.answer(situation));
      },
    });
  }

  private planPapers(wait: { case_id: string; subject: string; due_at: Date }): Plan | null {
    const { decisions, calendar, desk } = this.options;
    const halfDays = decisions.papersBroughtAfter(this.familyOf(wait.subject).number);
    if (halfDays === null) return null;
    const beganAt = new Date(wait.due_at.getTime() - PAPERS_TERM.days * 86_400_000).toISOString();
    return {
      due: lookAfter(beganAt, halfDays, calendar),
      family: wait.subject,
      order: 'papers',
      act: async () => {
        await desk.sendEvent(await this.account('registrar'), wait.case_id, 'PAPERS_BROUGHT', {});
      },
    };
  }

  private planSupply(line: AskedLine): Plan | null {
    const { decisions, calendar, desk } = this.options;
    const { number } = this.familyOf(line.subject);
    const track = trackOf(line) ?? '';
    const halfDays = decisions.partnerPapersAfter(number, track, line.partner, line.service, line.attempt);
    if (halfDays === null) return null;
    return {
      due: lookAfter(line.paused_at.toISOString(), halfDays, calendar),
      family: line.subject,
      order: `${track} supply ${line.service}`,
      act: async () => {
        await desk.supply(await this.account('registrar'), line.case_id, line.id);
      },
    };
  }

  private isNew(id: string): boolean {
    const isNew = !this.seen.has(id);
    this.seen.add(id);
    return isNew;
  }

  private planOnce(id: string, plan: () => Plan | null): void {
    if (!this.isNew(id)) return;
    const planned = plan();
    if (planned) this.plans.set(id, planned);
  }

  private familyOf(id: string): Situation['family'] {
    const family = this.options.families.get(id);
    if (!family) throw new Error(`Nobody knows the family ${id}.`);
    return family;
  }

  private account(role: string): Promise<Principal> {
    const known = this.accounts.get(role) ?? this.options.desk.account(role);
    this.accounts.set(role, known);
    return known;
  }
}

function trackOf({ member, round }: Pick<TaskLine, 'member' | 'round'>): string | null {
  return member === null ? null : `${member}/${round ?? 1}`;
}

function inOrder(one: Plan, other: Plan): number {
  return one.due.localeCompare(other.due) || one.order.localeCompare(other.order);
}

/** Two people may act on one case in the same minute: the second is told that it is over, and leaves it. */
async function ignoringOver(act: Promise<void>): Promise<void> {
  try {
    await act;
  } catch (error) {
    if (!(error instanceof AppError) || !OVER.has(error.code)) throw error;
  }
}
