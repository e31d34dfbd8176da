import { setTimeout as pause } from 'node:timers/promises';
import { sign } from '../../src/handoffs/webhook.js';
import { done, type HandoffTown, PERSONAL } from '../handoffs.js';

/** Where they ask just now: a server, a case, and a hand-off that it may have. */
export interface Target {
  url: string;
  caseId: string;
  handoff: string;
}

interface Attempt {
  who: string;
  /** What they must be told. */
  expected: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** Too many at once, or the database is away: no answer to the question. */
const LATER = new Set([429, 503]);

/** I9: nobody who has no business with a case sees it or says anything about it, also while things break. They go on trying. */
export class Strangers {
  /** What they were told, and must not have been. */
  readonly told: unknown[] = [];
  /** Doors that were found closed, as they must be. */
  private readonly closed = new Set<number>();
  private turn = 0;

  private constructor(private readonly doors: ((target: Target) => Attempt)[]) {}

  /** Nobody, a wrong key, somebody whose session was ended, an account of a partner that was asked for nothing, and a partner about another one's hand-off. */
  static async of(town: HandoffTown): Promise<Strangers> {
    const { api, office } = town;
    const { account } = await api.account('dismissed', ['curator']);
    const dismissed = await api.cookieOf('dismissed');
    const ended = `update qamqor.account_sessions set expires_at = clock_timestamp() - interval '1 minute' where user_id = $1`;
    await town.sql(ended, [account]);
    await api.account('partner-atameken', ['partner-atameken']);
    const people: [who: string, expected: number, headers: Record<string, string>][] = [
      ['nobody', 401, {}],
      ['a wrong key', 401, { authorization: 'Bearer wrong-key-0123456789abcdef' }],
      ['a session that was ended', 401, { cookie: dismissed }],
      ['another partner', 403, { cookie: await api.cookieOf('partner-atameken') }],
    ];
    const looks = ({ caseId }: Target) => [
      `/api/cases/${caseId}`,
      `/api/cases/${caseId}/journal`,
      `/api/handoffs?caseId=${caseId}`,
      '/metrics',
      '/admin/queues/api/queues',
    ];
    const doors = people.flatMap(([who, expected, headers]) => [
      ...[0, 1, 2, 3, 4].map((nth) => (target: Target) => ({
        ...{ who, expected, headers, method: 'GET', path: looks(target)[nth] ?? '' },
      })),
      ({ caseId }: Target) => ({
        ...{ who, expected, method: 'POST', path: `/api/cases/${caseId}/acts` },
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ act: 'cancel', reason: 'stranger' }),
      }),
    ]);
    const forged = ({ handoff }: Target): Attempt => {
      const at = new Date().toISOString();
      const body = JSON.stringify({ ...done(`forged-${handoff}`), at });
      const signed = sign({ id: `msg_forged_${handoff}`, at, body, secrets: [office.secret] });
      const headers = { ...signed, 'content-type': 'application/json' };
      return { who: 'a forger', expected: 404, method: 'POST', path: `/api/handoffs/${handoff}/events`, headers, body };
    };
    return new Strangers([...doors, forged]);
  }

  /** Tries one door after another, until it is over. `target`: undefined while there is nothing yet. */
  async prowl(target: () => Target | undefined, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const now = target();
      const nth = this.turn++ % this.doors.length;
      const door = this.doors[nth];
      if (now && door) await this.attempt(nth, now.url, door(now));
      await pause(50);
    }
  }

  /** Everybody has been at every door since they began. */
  get allWereRefused(): boolean {
    return this.closed.size === this.doors.length;
  }

  private async attempt(nth: number, url: string, attempt: Attempt): Promise<void> {
    const { who, expected, method, path, headers, body } = attempt;
    const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) }).catch(
      () => null,
    );
    const text = await response?.text().catch(() => null);
    if (!response || typeof text !== 'string') return;
    // A partner has a list of its own, with nothing of others in it.
    const isEmptyList = expected === 403 && response.status === 200 && text.includes('"items":[]');
    const isPersonal = Object.values(PERSONAL).some((personal) => text.includes(personal));
    if (!isPersonal && (response.status === expected || isEmptyList)) this.closed.add(nth);
    else if (isPersonal || !LATER.has(response.status))
      this.told.push({ who, method, path, status: response.status, text: text.slice(0, 500) });
  }
}
