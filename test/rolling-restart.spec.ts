import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sign } from '../src/handoffs/webhook.js';
import { API_KEY } from './api.js';
import { until } from './engine.js';
import { violations } from './faults/invariants.js';
import { Running } from './faults/processes.js';
import { QUEUES, type Queues } from './faults/queues.js';
import { done, HandoffTown, referral } from './handoffs.js';
import type { Partner } from './partner.js';

const CLIENTS = 6;
/** Cases that the clients open before the next processes are replaced. */
const STRETCH = 25;
/** Hand-offs that are on their way while processes are told to stop: some of them with those. */
const HELD = 4;
/** What an operator's tools wait before they kill. */
const STOP_LIMIT_MS = 30_000;
const LONG_MS = 240_000;

let town: HandoffTown;
let settings: Record<string, string>;
const running = new Set<Running>();

async function openTown(queues: Queues): Promise<void> {
  execFileSync(process.execPath, ['scripts/build-once.js']);
  town = await HandoffTown.create([
    referral('advice', 'otbasy-bank', 'housing-advice'),
    referral('aid', 'civil-office', 'free-legal-aid'),
  ]);
  settings = {
    DATABASE_URL: town.api.database.url,
    ...queues.settings,
    QAMQOR_SECRET: 'a secret for tests only 0123456789abcdef',
    QAMQOR_API_KEY: API_KEY,
    QAMQOR_LOG: 'warn',
    // Partners of tests speak plain HTTP.
    QAMQOR_PRODUCTION: 'off',
    ...addressed('OTBASY_BANK', town.bank),
    ...addressed('CIVIL_OFFICE', town.office),
  };
}

function addressed(key: string, { url, secret }: Partner): Record<string, string> {
  return { [`QAMQOR_PARTNER_${key}_URL`]: url, [`QAMQOR_PARTNER_${key}_SECRET`]: secret };
}

/** The server as an operator starts it; ready when it says so. */
async function start(role: 'web' | 'worker'): Promise<Running & { url: string }> {
  const started = new Running('dist/src/main.js', [], { ...settings, QAMQOR_ROLES: role, PORT: '0' });
  running.add(started);
  const [, url = ''] = await started.said(/(http:\/\/\S+)/);
  return Object.assign(started, { url });
}

async function stop(process: Running): Promise<number> {
  const from = performance.now();
  const { code, stderr } = await process.kill('SIGTERM');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return performance.now() - from;
}

describe.each(QUEUES)('a rolling restart under load, with queues in %s', (_name, create) => {
  let queues: Queues;
  beforeAll(async () => {
    queues = await create();
    await openTown(queues);
  }, LONG_MS);
  afterAll(async () => {
    for (const each of running) await each.kill();
    await town?.close();
    await queues?.close();
  }, 60_000);

  it(
    'F8: loses no request and repeats no effect: process after process is replaced while clients and a partner go on',
    async () => {
      const webs: string[] = [];
      const clients = new Clients(webs, town.bank);

      const old = await Promise.all([start('web'), start('worker'), start('worker')]);
      webs.push(old[0].url);
      const load = clients.go(await Promise.all(Array.from({ length: CLIENTS }, () => town.family())));
      const worked = (cases: number) => Promise.race([load, clients.opened(clients.cases.size + cases)]);
      await worked(STRETCH);
      // A partner takes its time: whoever waits for its answer is told to stop meanwhile.
      const released = Promise.withResolvers<void>();
      const slow = () => released.promise.then(() => ({ status: 202, body: '{"partnerRef":"REF-slow"}' }));
      town.office.replies.push(...Array.from({ length: HELD }, () => slow));
      const held = await Promise.all(
        Array.from({ length: HELD }, async () => clients.open('aid', await town.family())),
      );
      await until(() => town.office.received.length >= HELD);

      for (const role of ['worker', 'worker', 'web'] as const) {
        const fresh = await start(role);
        if (role === 'web') webs.push(fresh.url);
        await worked(STRETCH);
        const leaving = role === 'web' ? old[0] : old.pop();
        if (!leaving) throw new Error('There is no worker to replace.');
        const stopped = role === 'web' ? answeredTo(clients, old[0]) : stop(leaving);
        await worked(1);
        released.resolve();
        expect(await stopped).toBeLessThan(STOP_LIMIT_MS);
        // As a proxy does that looks whether they are well.
        if (role === 'web') webs.splice(webs.indexOf(old[0].url), 1);
        await worked(STRETCH);
      }
      clients.enough();
      await load;
      process.stdout.write(`F8: ${clients.cases.size} cases; ${clients.askedAgain} requests were asked again.\n`);

      for (const [caseId, handoff] of clients.cases) {
        expect({ caseId, status: (await town.caseOf(caseId)).status, times: town.bank.about(handoff).length }).toEqual({
          caseId,
          status: 'done',
          times: 1,
        });
      }
      const { rows } = await town.api.database
        .pool('owner')
        .query(`select count(*)::int as count from qamqor.cases where workflow_key = 'advice'`);
      expect(rows).toEqual([{ count: clients.cases.size }]);

      for (const caseId of held) {
        let handoff = await town.handoffOf(caseId);
        for (; handoff['status'] === 'draft'; handoff = await town.handoffOf(caseId)) await pause(50);
        expect(town.office.about(String(handoff['id']))).toHaveLength(1);
      }
      expect(await violations(town.api.database.url)).toEqual([]);
    },
    LONG_MS,
  );

  /** Stops this web process while it has a request whose case is locked elsewhere: that is answered all the same. */
  async function answeredTo(clients: Clients, web: Running & { url: string }): Promise<number> {
    const caseId = await clients.open('advice', await town.family());
    const handoff = await clients.received(caseId);
    const holder = await town.api.database.pool('owner').connect();
    try {
      await holder.query('begin');
      await holder.query('select from qamqor.cases where id = $1 for update', [caseId]);
      const answered = clients.answer(handoff, web.url);
      await until(async () => {
        const { rows } = await holder.query(
          `select from pg_stat_activity where application_name = 'qamqor engine' and wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      const stopped = stop(web);
      // It takes nobody any more, and has not answered yet.
      await until(async () => (await fetch(`${web.url}/health/live`).catch(() => null)) === null);
      await holder.query('rollback');
      expect(await answered).toBe(200);
      clients.cases.set(caseId, handoff);
      return await stopped;
    } finally {
      holder.release();
    }
  }
});

/** Each opens a case, waits for its hand-off, answers it as the partner, sees the case end, and begins again. Every request has a key. */
class Clients {
  /** By their ids, the hand-off of each. */
  readonly cases = new Map<string, string>();
  /** Because nobody answered, or with 503. */
  askedAgain = 0;
  private going = true;
  private keys = 0;
  private turn = 0;

  constructor(
    /** Whoever serves. */
    private readonly webs: string[],
    private readonly bank: Partner,
  ) {}

  /** One client for each family. */
  async go(families: string[]): Promise<void> {
    await Promise.all(
      families.map(async (family) => {
        while (this.going) await this.lead(family);
      }),
    );
  }

  enough(): void {
    this.going = false;
  }

  async opened(count: number): Promise<void> {
    while (this.cases.size < count) await pause(10);
  }

  async open(workflow: string, familyId: string): Promise<string> {
    this.keys += 1;
    const body = JSON.stringify({ workflow, input: { familyId } });
    const headers = { authorization: `Bearer ${API_KEY}`, 'idempotency-key': `key-${this.keys}` };
    return (await this.insist('/api/cases', body, () => headers, 201)).id;
  }

  /** As the partner answers, once; gives the status. @throws where the connection breaks */
  async answer(handoff: string, url: string): Promise<number> {
    const { body, signed } = this.answerTo(handoff);
    return (await post(`${url}/api/handoffs/${handoff}/events`, body, signed())).status;
  }

  async received(caseId: string): Promise<string> {
    for (;;) {
      const handoff = String((await town.handoffOf(caseId))['id']);
      if (this.bank.about(handoff).length > 0) return handoff;
      await pause(20);
    }
  }

  private async lead(family: string): Promise<void> {
    const caseId = await this.open('advice', family);
    const handoff = await this.received(caseId);
    this.cases.set(caseId, handoff);
    const { body, signed } = this.answerTo(handoff);
    await this.insist(`/api/handoffs/${handoff}/events`, body, signed, 200);
    // An answer that comes before its hand-off is known to be sent is taken a moment later.
    while ((await town.caseOf(caseId)).status !== 'done') await pause(20);
  }

  private answerTo(handoff: string) {
    const body = JSON.stringify({ ...done(`done-${handoff}`), at: new Date().toISOString() });
    const { secret } = this.bank;
    const signed = () => ({ ...sign({ id: `msg_${handoff}`, at: new Date().toISOString(), body, secrets: [secret] }) });
    return { body, signed };
  }

  /** Asks each of those that serve in turn, and the next one where that one does not take it any more. */
  private async insist(path: string, body: string, headers: () => Record<string, string>, status: number) {
    for (;;) {
      const url = this.webs[this.turn++ % this.webs.length];
      const response = await post(`${url}${path}`, body, headers()).catch(() => null);
      if (response && response.status !== 503) {
        const told = await response.json();
        expect({ path, status: response.status, told }).toMatchObject({ status });
        // biome-ignore lint/suspicious/noExplicitAny: what comes back is for the caller to judge
        return told as any;
      }
      await response?.text();
      this.askedAgain += 1;
      await pause(20);
    }
  }
}

function post(url: string, body: string, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
}
