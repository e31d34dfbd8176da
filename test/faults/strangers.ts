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
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

const REFUSED = new Set([401, 403, 404, 429, 503]);

/** I9: nobody who has no business with a case sees it or says anything about it, also while things break. They go on trying. */
export class Strangers {
  /** What they were told, and must not have been. */
  readonly told: unknown[] = [];
  /** How often somebody was refused. */
  refused = 0;
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
    const people: Record<string, Record<string, string>> = {
      nobody: {},
      'a wrong key': { authorization: 'Bearer wrong-key-0123456789abcdef' },
      'a session that was ended': { cookie: dismissed },
      'another partner': { cookie: await api.cookieOf('partner-atameken') },
    };
    const looks = ({ caseId }: Target) => [
      `/api/cases/${caseId}`,
      `/api/cases/${caseId}/journal`,
      `/api/handoffs?caseId=${caseId}`,
      '/metrics',
      '/admin/queues/api/queues',
    ];
    const doors = Object.entries(people).flatMap(([who, headers]) => [
      ...[0, 1, 2, 3, 4].map((nth) => (target: Target) => ({
        ...{ who, headers, method: 'GET', path: looks(target)[nth] ?? '' },
      })),
      ({ caseId }: Target) => ({
        ...{ who, method: 'POST', path: `/api/cases/${caseId}/acts` },
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ act: 'cancel', reason: 'stranger' }),
      }),
    ]);
    const forged = ({ handoff }: Target): Attempt => {
      const at = new Date().toISOString();
      const body = JSON.stringify({ ...done(`forged-${handoff}`), at });
      const signed = sign({ id: `msg_forged_${handoff}`, at, body, secrets: [office.secret] });
      const headers = { ...signed, 'content-type': 'application/json' };
      return { who: 'a forger', method: 'POST', path: `/api/handoffs/${handoff}/events`, headers, body };
    };
    return new Strangers([...doors, forged]);
  }

  /** Tries one door after another, until it is over. `target`: undefined while there is nothing yet. */
  async prowl(target: () => Target | undefined, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const now = target();
      const door = this.doors[this.turn++ % this.doors.length];
      if (now && door) await this.attempt(now.url, door(now));
      await pause(50);
    }
  }

  private async attempt(url: string, { who, method, path, headers, body }: Attempt): Promise<void> {
    const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) }).catch(
      () => null,
    );
    const text = await response?.text().catch(() => null);
    if (!response || typeof text !== 'string') return;
    const isEmptyList = response.status === 200 && path.startsWith('/api/handoffs?') && itemsOf(text) === 0;
    const isPersonal = Object.values(PERSONAL).some((personal) => text.includes(personal));
    if (isPersonal || !(REFUSED.has(response.status) || isEmptyList))
      this.told.push({ who, method, path, status: response.status, text: text.slice(0, 500) });
    else this.refused += 1;
  }
}

function itemsOf(text: string): number {
  return (JSON.parse(text) as { items: unknown[] }).items.length;
}
