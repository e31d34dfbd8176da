import type { Pool } from 'pg';
import { asOrganisation } from '../src/engine/cases.js';
import { ORGANISATION } from '../src/system.js';
import type { Desk } from './staff/staff.js';

const DAY_MS = 86_400_000;
/** In each stage one case lies since so many days, another since so many. */
const LIE_SINCE_DAYS = [45, 15];

interface Place {
  case_id: string;
  place: string;
  opened_at: Date;
}

/**
 * A centre in which some things have been left lying lately: in every stage somebody took a task and never did it, and
 * another one nobody took. All else is done as ever.
 */
export class Neglect {
  /** Cases that lie, by stage. */
  private readonly lying = new Map<string, string[]>();
  private readonly left = new Set<string>();

  constructor(
    private readonly desk: Desk,
    private readonly pool: Pool,
  ) {}

  inDesk(): Desk {
    const { desk } = this;
    return {
      claim: async (by, taskId) => {
        const turn = await this.turnOf(taskId);
        if (turn !== null) this.left.add(taskId);
        // The first one in a stage was taken by somebody, the second by nobody.
        return turn === 1 ? undefined : desk.claim(by, taskId);
      },
      complete: async (by, taskId, output) => {
        if (this.left.has(taskId)) return;
        await desk.complete(by, taskId, output);
      },
      sendEvent: async (by, caseId, type, data, key) => {
        if (this.lies(caseId)) return;
        await desk.sendEvent(by, caseId, type, data, key);
      },
      supply: async (by, caseId, handOffId) => {
        if (this.lies(caseId)) return;
        await desk.supply(by, caseId, handOffId);
      },
      account: (role) => desk.account(role),
    };
  }

  private lies(caseId: string): boolean {
    return [...this.lying.values()].some((cases) => cases.includes(caseId));
  }

  /** Which of the neglected cases of its stage this task belongs to; null if it is done like others. */
  private async turnOf(taskId: string): Promise<number | null> {
    const [task] = await asOrganisation(this.pool, ORGANISATION, (query) => query<Place>(PLACE, [taskId]));
    if (!task) return null;
    const lying = this.lying.get(task.place) ?? [];
    const known = lying.indexOf(task.case_id);
    if (known >= 0) return known;
    const since = LIE_SINCE_DAYS[lying.length];
    if (since === undefined || task.opened_at.getTime() < Date.now() - since * DAY_MS) return null;
    this.lying.set(task.place, [...lying, task.case_id]);
    return lying.length;
  }
}

const PLACE = `select t.case_id, t.opened_at, c.workflow_key || ' ' || coalesce(c.stage, '') as place
  from qamqor.tasks t join qamqor.cases c on c.id = t.case_id where t.id = $1`;
