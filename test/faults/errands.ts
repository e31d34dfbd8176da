import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { verify as replayAll } from '../../src/engine/verify.js';
import { handoffWork } from '../../src/handoffs/handoff-work.js';
import { sign } from '../../src/handoffs/webhook.js';
import { ORGANISATION } from '../../src/system.js';
import { taskWork } from '../../src/tasks/task-work.js';
import { API_KEY } from '../api.js';
import type { TestDatabase } from '../database.js';
import { until } from '../engine.js';
import { done, HandoffTown, PERSONAL, referral } from '../handoffs.js';
import type { Partner } from '../partner.js';
import { violations } from './invariants.js';
import { Running } from './processes.js';
import { Strangers, type Target } from './strangers.js';

/** What a process is asked with, and what its answer must be in the end. */
interface Ask {
  method?: string;
  path: string;
  body?: string;
  headers?: () => Record<string, string>;
  status: number;
}

/** A timer that waited while everything was away, and for whoever had it in hand. */
const LATEST_MS = 120_000;
/** Cases after which a server has opened what it keeps open. */
const WARM = 5;
/** Connections come and go with whoever asks; what leaks, leaks with every fault. */
const MORE_HANDLES = 64;

export type Server = Running & { url: string };

/** Asks a partner, rests for a second, and is done. */
const ERRAND = (() => {
  const asks = referral('errand', 'otbasy-bank', 'housing-advice');
  const { asking } = asks.states;
  const invoke = { ...asking.invoke, onDone: { ...asking.invoke.onDone, target: 'resting' } };
  return {
    ...asks,
    delays: { rest: '1 second' },
    states: { ...asks.states, asking: { ...asking, invoke }, resting: { after: { rest: 'helped' } } },
  };
})();

/**
 * Real processes on one database, and clients that lead cases through a partner and a timer to their end, whatever happens
 * meanwhile: whoever is not answered, or with 503, asks the same again. At the end everything must be exact.
 */
export class Errands {
  /** Cases that were acknowledged, and the hand-offs of those that came so far. */
  readonly opened = new Set<string>();
  readonly handoffs = new Map<string, string>();
  ended = 0;
  /** Answers with 503, and connections that broke or were refused. */
  readonly turnedAway = { told: 0, broken: 0 };
  /** Answers that nobody may be given. */
  private readonly wrong: unknown[] = [];
  private readonly servers = new Set<Server>();
  /** Also those that are gone. */
  private readonly started: Server[] = [];
  private going = true;
  private closed = false;
  private keys = 0;
  private asked = 0;
  private strangers: Strangers | undefined;
  /** Handles of each server once it had work. */
  private readonly handles = new Map<Server, number>();

  private constructor(
    readonly town: HandoffTown,
    private readonly settings: Record<string, string>,
  ) {}

  static async create(database?: TestDatabase, settings: Record<string, string> = {}): Promise<Errands> {
    execFileSync(process.execPath, ['scripts/build-once.js']);
    const town = await HandoffTown.create([ERRAND], database ? { fixture: { database } } : {});
    return new Errands(town, {
      DATABASE_URL: town.api.database.url,
      QAMQOR_SECRET: 'a secret for tests only 0123456789abcdef',
      QAMQOR_API_KEY: API_KEY,
      QAMQOR_LOG: 'info',
      // Partners of tests speak plain HTTP.
      QAMQOR_PRODUCTION: 'off',
      QAMQOR_PARTNER_OTBASY_BANK_URL: town.bank.url,
      QAMQOR_PARTNER_OTBASY_BANK_SECRET: town.bank.secret,
      // Known as well, and asked for nothing.
      QAMQOR_PARTNER_CIVIL_OFFICE_URL: town.office.url,
      QAMQOR_PARTNER_CIVIL_OFFICE_SECRET: town.office.secret,
      ...settings,
    });
  }

  get bank(): Partner {
    return this.town.bank;
  }

  /** The server as an operator starts it; ready when it says so. */
  async start(role: 'web' | 'worker' | 'web,worker', env: Record<string, string> = {}): Promise<Server> {
    const started = new Running('dist/src/main.js', [], { ...this.settings, QAMQOR_ROLES: role, PORT: '0', ...env });
    const [, url = ''] = await started.said(/(http:\/\/\S+)/);
    const server = Object.assign(started, { url });
    this.servers.add(server);
    this.started.push(server);
    if (role !== 'worker') this.webs.push(url);
    if (this.strangers === undefined && role !== 'worker') {
      this.strangers = await Strangers.of(this.town);
      this.prowl = this.strangers.prowl(
        () => this.target(),
        () => this.closed,
      );
    }
    return server;
  }

  /** `SIGTERM` as an operator does, `SIGKILL` as a machine that fails. */
  async stop(server: Server, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.servers.delete(server);
    this.webs.splice(0, this.webs.length, ...this.webs.filter((url) => url !== server.url));
    await server.kill(signal);
  }

  /** Every process at once, as with the machine they ran on. */
  async crash(): Promise<void> {
    await Promise.all([...this.servers].map((server) => this.stop(server, 'SIGKILL')));
  }

  /** So many clients, each with a family of its own, until `enough`. */
  async go(clients: number): Promise<void> {
    this.going = true;
    const families: string[] = [];
    for (let n = 0; n < clients; n += 1) families.push(await this.town.family());
    this.work = Promise.all(
      families.map(async (family) => {
        while (this.going) await this.finish(await this.begin(family));
      }),
    );
    this.work.catch(() => undefined);
  }

  /** Until so many more cases have come to their end. */
  async more(cases: number): Promise<void> {
    const target = this.ended + cases;
    while (this.ended < target) await Promise.race([pause(20), this.failure()]);
  }

  /** Every case that was begun is led to its end. */
  async enough(): Promise<void> {
    this.going = false;
    await this.work;
  }

  /** Asks whoever serves, again and again, until it is answered. */
  private async insist({ method = 'POST', path, body, headers = () => ({}), status }: Ask) {
    for (;;) {
      if (this.closed) throw new Error('The spec has ended: nobody answers any more.');
      const response = await fetch(`${this.webs[this.asked++ % this.webs.length]}${path}`, {
        method,
        ...(body === undefined ? {} : { body }),
        headers: {
          authorization: `Bearer ${API_KEY}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers(),
        },
      }).catch(() => null);
      const told = await response?.json().catch(() => null);
      // biome-ignore lint/suspicious/noExplicitAny: what comes back is for the caller to judge
      if (response?.status === status && told) return told as any;
      if (!response || !told) this.turnedAway.broken += 1;
      else if (response.status === 503 && response.headers.has('retry-after')) this.turnedAway.told += 1;
      else {
        this.wrong.push({ path, status: response.status, told });
        throw new Error(`${method} ${path} was answered ${response.status}: ${JSON.stringify(told)}`);
      }
      await pause(50);
    }
  }

  /** Opens a case of this family; gives its id as soon as it is acknowledged. */
  async begin(family: string): Promise<string> {
    this.keys += 1;
    const headers = { 'idempotency-key': `errand-${this.keys}` };
    const body = JSON.stringify({ workflow: 'errand', input: { familyId: family } });
    const { id } = await this.insist({ path: '/api/cases', body, headers: () => headers, status: 201 });
    this.opened.add(id);
    return id;
  }

  /** Waits until the partner was asked, answers as the partner, and sees the case end. */
  async finish(caseId: string): Promise<void> {
    const handoff = await this.received(caseId);
    this.handoffs.set(caseId, handoff);
    const body = JSON.stringify({ ...done(`done-${handoff}`), at: new Date().toISOString() });
    const { secret } = this.bank;
    const signed = () => ({ ...sign({ id: `msg_${handoff}`, at: new Date().toISOString(), body, secrets: [secret] }) });
    await this.insist({ path: `/api/handoffs/${handoff}/events`, body, headers: signed, status: 200 });
    while ((await this.get(`/api/cases/${caseId}`)).status !== 'done') await pause(100);
    this.ended += 1;
    for (const server of this.servers)
      if (this.ended >= WARM && server.isAlive && !this.handles.has(server))
        this.handles.set(server, await handlesOf(server));
  }

  /** Every process that was not stopped is there, and none had an error of its own making; no stranger was let in. */
  expectAlive(): void {
    expect([...this.servers].filter(({ isAlive }) => !isAlive)).toEqual([]);
    expect(this.wrong).toEqual([]);
    expect(this.strangers?.told ?? []).toEqual([]);
  }

  /**
   * Every acknowledged case is there, at its end, by the same three steps, besides what came late and was ignored; every
   * effect came once; nothing is left over; nobody is named where nobody may be. `latestMs`: how late a timer may be.
   */
  async expectExact({ latestMs = LATEST_MS }: { latestMs?: number } = {}): Promise<void> {
    this.expectAlive();
    const { database } = this.town.api;
    // What was delivered or received, and not settled when everything went, is settled when its lease is over or it is looked for.
    const unsettled = `select from qamqor.outbox union all select from qamqor.handoff_events where status = 'received'`;
    await until(async () => (await database.pool('owner').query(unsettled)).rowCount === 0, 60_000);
    const { rows } = await database.pool('owner').query<{ id: string; status: string; steps: string[] }>(
      `select c.id, c.status, (select array_agg(j.type order by j.seq) from qamqor.journal j
         where j.case_id = c.id and j.kind <> 'ignored') as steps
         from qamqor.cases c where workflow_key = 'errand'`,
    );
    expect(new Set(rows.map(({ id }) => id))).toEqual(this.opened);
    expect(rows).toHaveLength(this.opened.size);
    const odd = rows.filter(({ status, steps }) => status !== 'done' || steps.join() !== 'start,done(ask),rest');
    expect(odd).toEqual([]);
    // Nothing came about anything else, under whatever id.
    const delivered = new Set(this.bank.received.map(({ headers }) => String(headers['webhook-id'])));
    expect(delivered).toEqual(new Set(this.handoffs.values()));
    for (const handoff of this.handoffs.values()) {
      const forms = this.bank.under(handoff).map(({ headers, body }) => `${headers['webhook-id']} ${body}`);
      expect({ handoff, forms: new Set(forms).size }).toEqual({ handoff, forms: 1 });
    }
    expect(await violations(database.url, { ended: true, latestMs })).toEqual([]);
    await until(() => this.strangers?.allWereRefused ?? true, 60_000);
    await this.expectNobodyNamed();
    await this.expectHandlesBack();
    const { problems } = await replayAll(this.town.api.system.runtime, ORGANISATION, {
      task: taskWork,
      handOff: handoffWork,
    });
    expect(problems).toEqual([]);
  }

  /** I8: in what processes have said, in their figures, and in what is kept of failures. */
  private async expectNobodyNamed(): Promise<void> {
    for (const { words } of this.started) this.expectNobodyIn(words);
    for (const { url } of this.servers) {
      const figures = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${API_KEY}` } });
      expect(figures.status).toBe(200);
      this.expectNobodyIn(await figures.text());
    }
    const failures = `select rule, state, message, command from qamqor.incidents`;
    this.expectNobodyIn(JSON.stringify(await this.town.sql(failures)));
  }

  /** I12: what a server holds open does not grow with what it goes through. */
  private async expectHandlesBack(): Promise<void> {
    for (const server of this.servers) {
      const before = this.handles.get(server);
      const isBack = async () => before === undefined || (await handlesOf(server)) <= before + MORE_HANDLES;
      await until(isBack, 60_000);
    }
  }

  /** What nobody may find outside the database: in a log, in a queue. */
  expectNobodyIn(text: string): void {
    for (const personal of Object.values(PERSONAL)) expect(text).not.toContain(personal);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.work.catch(() => undefined);
    await this.prowl;
    for (const server of this.servers) await server.kill();
    this.webs.splice(0);
    await this.town.close();
  }

  /** The newest case, at the next server. */
  private target(): Target | undefined {
    const url = this.webs[this.asked++ % Math.max(1, this.webs.length)];
    const caseId = [...this.opened].at(-1);
    if (!url || !caseId) return undefined;
    return { url, caseId, handoff: [...this.handoffs.values()].at(-1) ?? caseId };
  }

  /** Whoever serves. */
  private readonly webs: string[] = [];
  private work: Promise<unknown> = Promise.resolve();
  private prowl: Promise<void> = Promise.resolve();

  /** Ends only when a client has failed: the others would be waited for in vain. */
  private failure(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.work.catch(reject);
    });
  }

  private async received(caseId: string): Promise<string> {
    for (;;) {
      const { items } = await this.get(`/api/handoffs?caseId=${caseId}`);
      const handoff = String(items[0]?.id);
      if (this.bank.under(handoff).length > 0) return handoff;
      await pause(100);
    }
  }

  private get(path: string) {
    return this.insist({ method: 'GET', path, status: 200 });
  }
}

async function handlesOf({ pid }: Server): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}
