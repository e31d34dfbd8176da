import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { PartnerClient, type Sent } from '../../src/handoffs/partner-client.js';
import { verify } from '../../src/handoffs/webhook.js';
import { PartnerBehaviour, type ServiceBehaviour } from './behaviour.js';
import { FileRecords, MemoryRecords, type Records } from './records.js';
import { PartnerServer } from './server.js';
import { SimulatedTimetable } from './timetable.js';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const SECRETS = { atameken: SECRET, 'otbasy-bank': `whsec_${Buffer.alloc(32, 2).toString('base64')}` };
const START = '2026-11-22T10:00:00.000Z';
const DUE = '2026-12-06T10:00:00.000Z';

const PLAIN: Partial<ServiceBehaviour> = {
  manner: { prompt: 1, early: 0, disorder: 0, late: 0, silent: 0 },
  temporaryFailure: { rate: 0, times: [0, 0], retryAfterSeconds: [0, 0] },
  replyLost: 0,
  duplicate: 0,
  papersRequested: 0,
  rejected: 0,
  deafToRecall: 0,
};

const open: { close(): unknown }[] = [];
let now: string;
let centre: Centre;

beforeEach(async () => {
  now = START;
  centre = await Centre.start();
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

describe('a simulated partner', () => {
  it('takes a hand-off, acknowledges it and answers it in time', async () => {
    const town = await start();
    expect(await town.send('h1')).toEqual({ kind: 'accepted', partnerRef: expect.stringMatching(/^ATA-\d{6}$/) });
    expect(centre.events).toEqual([]);
    await town.until(DUE);
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'done']);
    expect(centre.events[1]?.event).toMatchObject({
      result: { kind: 'course-enrolment', number: expect.any(String), date: expect.any(String) },
    });
    expect(centre.events.every(({ event }) => event.at <= DUE)).toBe(true);
  });

  it('signs what it says with its own secret, at the time of the centre', async () => {
    const town = await start();
    await town.send('h1');
    await town.until(DUE);
    expect(centre.events.map(({ trusted }) => trusted)).toEqual([true, true]);
  });

  it('answers a repeated hand-off as it did before, and counts it', async () => {
    const town = await start();
    const first = await town.send('h1');
    expect(await town.send('h1')).toEqual(first);
    await town.until(DUE);
    expect(centre.events).toHaveLength(2);
    expect(town.counts()).toMatchObject({ received: 2, distinct: 1, repeats: 1, accepted: 1, violations: [] });
  });

  it('finds a hand-off that comes again with other bytes, and refuses it', async () => {
    const town = await start();
    await town.send('h1');
    expect(await town.send('h1', { extra: ' ' })).toMatchObject({ kind: 'refused', status: 409 });
    expect(town.counts().violations).toEqual([{ rule: 'other-body', id: 'h1' }]);
  });

  it('believes nobody without our signature', async () => {
    const town = await start();
    expect(await town.send('h1', { secret: SECRETS['otbasy-bank'] })).toMatchObject({ kind: 'refused', status: 401 });
    expect(town.counts()).toMatchObject({
      received: 0,
      violations: [{ rule: 'bad-signature: wrong-signature', id: null }],
    });
  });

  it('finds fields that were not agreed upon', async () => {
    const town = await start();
    expect(await town.send('h1', { more: { iin: '900101300007' } })).toMatchObject({ kind: 'refused', status: 422 });
    expect(town.counts().violations).toEqual([{ rule: 'bad-body', id: 'h1' }]);
  });

  it('is not there under another name', async () => {
    const town = await start();
    expect(await town.send('h1', { partner: 'nobody' })).toMatchObject({ kind: 'refused', status: 404 });
  });

  it('fails some deliveries first when it is that kind', async () => {
    const town = await start({ temporaryFailure: { rate: 1, times: [2, 2], retryAfterSeconds: [7, 7] } });
    const answers = [await town.send('h1'), await town.send('h1'), await town.send('h1')];
    expect(answers.map(({ kind }) => kind)).toEqual(['retry', 'retry', 'accepted']);
    expect(town.counts()).toMatchObject({ temporaryFailures: 2, accepted: 1 });
  });

  it('may take a hand-off without our hearing of it', async () => {
    const town = await start({ replyLost: 1 });
    expect(await town.send('h1')).toEqual({ kind: 'retry', reason: 'connection-lost' });
    expect(await town.send('h1')).toMatchObject({ kind: 'accepted' });
    await town.until(DUE);
    expect(centre.events).toHaveLength(2);
    expect(town.counts()).toMatchObject({ repliesLost: 1, accepted: 1 });
  });

  it('may answer before its own 202', async () => {
    const town = await start({ manner: only('early') });
    let answered = false;
    centre.whenCalled = () => expect(answered).toBe(false);
    await town.send('h1');
    answered = true;
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'done']);
    await town.until(DUE);
    expect(centre.events).toHaveLength(2);
  });

  it('may answer in disorder, late, or never', async () => {
    for (const [manner, types] of [
      ['disorder', ['done', 'acknowledged']],
      ['late', ['acknowledged', 'done']],
      ['silent', []],
    ] as const) {
      centre.events = [];
      now = START;
      const town = await start({ manner: only(manner) });
      await town.send(`h-${manner}`);
      await town.until(DUE);
      if (manner === 'late') expect(centre.events).toHaveLength(1);
      await town.until('2027-02-01T00:00:00.000Z');
      expect(centre.events.map(({ event }) => event.type)).toEqual(types);
      expect(town.counts().manners[manner]).toBe(1);
    }
  });

  it('may ask for papers, and reject with a reason', async () => {
    const town = await start({ papersRequested: 1, rejected: 1, reasons: { NO_CAPACITY: 1 } });
    await town.send('h1');
    await town.until('2026-12-03T10:00:00.000Z');
    await town.supply('h1');
    await town.until('2027-02-01T00:00:00.000Z');
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'papers_requested', 'rejected']);
    expect(centre.events[2]?.event).toMatchObject({ reasonCode: 'NO_CAPACITY' });
    expect(town.counts()).toMatchObject({ papersRequested: 1, rejected: 1, done: 0 });
  });

  it('answers after the papers that it asked for have come, once, also when it was killed meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'partners-'));
    open.push({ close: () => rmSync(folder, { recursive: true }) });
    const records = () => new FileRecords(join(folder, 'records'));
    const town = await start({ papersRequested: 1 }, records());
    await town.send('h1');
    await town.until(DUE);
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'papers_requested']);
    // It is not the partner that keeps somebody waiting.
    expect(town.server.simulator.states['atameken']).toEqual({ answers: true, owes: 0 });
    expect(await town.supply('h1')).toMatchObject({ kind: 'accepted' });
    expect(await town.supply('h1')).toMatchObject({ kind: 'accepted' });
    expect(town.server.simulator.states['atameken']).toEqual({ answers: true, owes: 1 });
    await town.server.close();

    const again = await start({ papersRequested: 1 }, records());
    await again.until('2027-02-01T00:00:00.000Z');
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'papers_requested', 'done']);
    expect(String(centre.events[2]?.event.at) > DUE).toBe(true);
    expect(again.counts()).toMatchObject({ papersRequested: 1, papersSupplied: 1, done: 1, rejected: 0 });
  });

  it('says no when the papers do not come for weeks, and changes its mind no more', async () => {
    const town = await start({ papersRequested: 1, waitsForPapersDays: 21 });
    await town.send('h1');
    await town.until('2027-01-10T00:00:00.000Z');
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'papers_requested', 'rejected']);
    expect(centre.events[2]?.event).toMatchObject({ reasonCode: 'MISSING_DOCS', missing: ['identity-document'] });
    expect(await town.supply('h1')).toMatchObject({ kind: 'accepted' });
    await town.until('2027-03-01T00:00:00.000Z');
    expect(centre.events).toHaveLength(3);
    expect(town.counts()).toMatchObject({ papersSupplied: 0, done: 0, rejected: 1 });
  });

  it('takes papers for its own hand-offs only', async () => {
    const town = await start();
    expect(await town.supply('h1')).toMatchObject({ kind: 'refused', status: 404 });
  });

  it('may say everything more than once, in the same words', async () => {
    const town = await start({ duplicate: 1 });
    await town.send('h1');
    await town.until(DUE);
    expect(centre.events.length).toBeGreaterThanOrEqual(4);
    const bodies = Map.groupBy(centre.events, ({ id }) => id);
    expect(bodies.size).toBe(2);
    for (const copies of bodies.values()) expect(new Set(copies.map(({ text }) => text)).size).toBe(1);
    const { callbacks, duplicates, outcomes } = town.counts();
    expect(duplicates).toBe(callbacks - 2);
    expect(outcomes).toEqual({ applied: 2, duplicate: duplicates });
  });

  it('tries again when the centre is away', async () => {
    const town = await start();
    await town.send('h1');
    centre.away = 3;
    await town.until(DUE);
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'done']);
  });

  it('does not insist when the centre refuses', async () => {
    const town = await start();
    await town.send('h1');
    centre.refuse = 404;
    await town.until(DUE);
    expect(centre.events).toHaveLength(2);
    expect(town.counts().outcomes).toEqual({ refused: 2 });
  });

  it('stops after a recall, unless it is deaf', async () => {
    for (const [deafToRecall, heard] of [
      [0, 0],
      [1, 2],
    ] as const) {
      centre.events = [];
      now = START;
      const town = await start({ deafToRecall });
      const id = `h-deaf-${deafToRecall}`;
      await town.send(id);
      expect(await town.recall(id)).toEqual({ kind: 'accepted', partnerRef: null });
      await town.until(DUE);
      expect(centre.events).toHaveLength(heard);
      expect(town.counts().recalled).toBe(1);
    }
  });

  it('made silent takes what comes and answers nobody, also after a restart, until it is told to speak: then it owes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'partners-'));
    open.push({ close: () => rmSync(folder, { recursive: true }) });
    const town = await start({}, new FileRecords(join(folder, 'records')));
    const tell = (server: PartnerServer, method: string, partner = 'atameken') =>
      fetch(`${server.urlOf(partner)}/silent`, { method }).then(async (reply) => [reply.status, await reply.json()]);
    expect(await tell(town.server, 'PUT')).toEqual([200, { partner: 'atameken', answers: false, owes: 0 }]);
    await town.sendUntilTaken('h1');
    await town.until(DUE);
    expect(centre.events).toEqual([]);
    await town.server.close();

    const again = await start({}, new FileRecords(join(folder, 'records')));
    await again.until('2027-01-01T00:00:00.000Z');
    expect(centre.events).toEqual([]);
    const all = (await (await fetch(`${again.server.url}/`)).json()) as { partners: object };
    expect(all.partners).toMatchObject({
      atameken: { answers: false, owes: 1 },
      'otbasy-bank': { answers: true, owes: 0 },
    });
    expect(await tell(again.server, 'DELETE')).toEqual([200, { partner: 'atameken', answers: true, owes: 1 }]);
    await again.until('2027-01-02T00:00:00.000Z');
    expect(centre.events.map(({ event }) => event.type)).toEqual(['acknowledged', 'done']);
    expect(await tell(again.server, 'GET')).toEqual([200, { partner: 'atameken', answers: true, owes: 0 }]);
    expect(await tell(again.server, 'PUT', 'nobody')).toEqual([
      404,
      { message: expect.stringMatching(/partners are .*otbasy-bank/) },
    ]);
  });

  it('does not answer what it has mislaid, and everything after that, until it is told to speak', async () => {
    const town = await start();
    await town.send('h1');
    town.server.simulator.mislay('atameken');
    await town.send('h2');
    await town.until(DUE);
    expect(new Set(centre.events.map(({ handOff }) => handOff))).toEqual(new Set(['h2']));
    const told = await fetch(`${town.server.urlOf('atameken')}/silent`, { method: 'DELETE' });
    expect(await told.json()).toEqual({ partner: 'atameken', answers: true, owes: 1 });
    await town.until('2027-01-01T00:00:00.000Z');
    expect(centre.events.map(({ handOff }) => handOff).filter((id) => id === 'h1')).toHaveLength(2);
  });

  it('tells its counts to whoever asks', async () => {
    const town = await start();
    await town.send('h1');
    const { partners } = (await (await fetch(`${town.server.url}/counts`)).json()) as {
      partners: { partner: string; accepted: number }[];
    };
    expect(partners.map(({ partner, accepted }) => [partner, accepted])).toEqual([
      ['atameken', 1],
      ['otbasy-bank', 0],
    ]);
  });
});

describe('a town of partners', () => {
  const families = Array.from({ length: 60 }, (_none, number) => `F-${String(number).padStart(4, '0')}`);
  const end = '2027-02-01T00:00:00.000Z';

  it('ends the same for every family, in whatever order they come', async () => {
    const one = await wholeRun(families);
    const other = await wholeRun(families.toReversed());
    expect(other).toEqual(one);
    expect(new Set(one.values()).size).toBeGreaterThan(5);
  });

  it('ends the same when it is killed at any moment and started again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'partners-'));
    open.push({ close: () => rmSync(folder, { recursive: true }) });
    const expected = await wholeRun(families);
    for (const deaths of [
      ['2026-11-22T10:00:00.000Z'],
      ['2026-11-24T00:00:00.000Z', '2026-11-29T00:00:00.000Z', '2026-12-20T00:00:00.000Z'],
    ]) {
      centre.events = [];
      now = START;
      const path = join(folder, `${deaths.length}.ndjson`);
      let town = await start(null, new FileRecords(path));
      for (const family of families) await town.sendUntilTaken(family);
      for (const death of deaths) {
        await town.until(death);
        await town.server.close();
        town = await start(null, new FileRecords(path));
      }
      await town.until(end);
      expect(endsOf(centre)).toEqual(expected);
      expect(town.counts()).toMatchObject({ distinct: families.length, accepted: families.length, violations: [] });
    }
  });

  async function wholeRun(order: string[]): Promise<Map<string, string>> {
    centre.events = [];
    now = START;
    const town = await start(null);
    for (const family of order) await town.sendUntilTaken(family);
    await town.until(end);
    return endsOf(centre);
  }
});

describe('the records of the partners', () => {
  it('pass over a line that a kill cut off', () => {
    const folder = mkdtempSync(join(tmpdir(), 'partners-'));
    open.push({ close: () => rmSync(folder, { recursive: true }) });
    const path = join(folder, 'records.ndjson');
    const line = { kind: 'recalled', partner: 'atameken', id: 'h1' } as const;
    const first = new FileRecords(path);
    first.add(line);
    first.close();
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, `${whole}{"kind":"reca`);
    const second = new FileRecords(path);
    expect(second.read()).toEqual([line]);
    second.add(line);
    second.close();
    expect(readFileSync(path, 'utf8')).toBe(whole + whole);
  });
});

/** What each family was told, whatever its hand-off was called and however often it was said. */
function endsOf({ events }: Centre): Map<string, string> {
  const ends = Map.groupBy(events, ({ handOff }) => handOff);
  const told = [...ends].map(([handOff, all]): [string, string] => {
    const words = all.map(({ event }) =>
      [event.type, event.at, event.reasonCode, event.result].map((part) => JSON.stringify(part)).join(' '),
    );
    return [handOff, [...new Set(words)].sort().join('\n')];
  });
  return new Map(told.sort());
}

/** Behaviour of `demo/behaviour.yaml`, or a plain partner with what is given. */
async function start(behaviour: Partial<ServiceBehaviour> | null = {}, records: Records = new MemoryRecords()) {
  const timetable = new SimulatedTimetable();
  const clock = { now: async () => now };
  const file = parse(readFileSync('demo/behaviour.yaml', 'utf8')) as {
    partners: { default: object; services: object };
  };
  const partners = behaviour
    ? { default: { ...file.partners.default, ...PLAIN, ...behaviour }, services: {} }
    : file.partners;
  const server = await PartnerServer.start({
    seed: '42',
    secrets: SECRETS,
    behaviour: PartnerBehaviour.from(parse(stringify({ partners }))),
    centreUrl: () => centre.url,
    clock,
    timetable,
    records,
  });
  const sender = (partner: string, secret: string) => {
    const client = new PartnerClient({ url: server.urlOf(partner), secrets: [secret], clock, loopback: true });
    open.unshift(client);
    return client;
  };
  let closed = false;
  open.push({ close: () => (closed ? undefined : server.close()) });
  const client = sender('atameken', SECRET);

  type More = { extra?: string; more?: object; secret?: string; partner?: string };
  const send = (id: string, { extra = '', more = {}, secret, partner }: More = {}): Promise<Sent> => {
    const body = {
      id,
      service: 'course-enrolment',
      sentAt: START,
      dueAt: DUE,
      person: {},
      consent: null,
      request: { key: id },
      documents: [],
      ...more,
    };
    const from = secret || partner ? sender(partner ?? 'atameken', secret ?? SECRET) : client;
    return from.handOff({ id, body: JSON.stringify(body) + extra });
  };
  return {
    server: Object.assign(server, {
      close: async () => {
        closed = true;
        await PartnerServer.prototype.close.call(server);
      },
    }),
    send,
    async sendUntilTaken(id: string): Promise<void> {
      while ((await send(id)).kind !== 'accepted');
    },
    supply: (id: string) =>
      client.supply(id, {
        id: `${id}-papers`,
        body: JSON.stringify({ id, suppliedAt: now, documents: [], note: null }),
      }),
    recall: (id: string) => client.recall(id, { id: `${id}-recall`, body: JSON.stringify({ id }) }),
    counts() {
      const [first] = server.simulator.counts();
      if (!first) throw new Error('There is no partner.');
      return first;
    },
    async until(moment: string): Promise<void> {
      for (let next = timetable.nextDue(); next && next <= moment; next = timetable.nextDue()) {
        now = next > now ? next : now;
        await timetable.runDue(now);
      }
      now = moment;
    },
  };
}

function only(manner: string) {
  return { ...{ prompt: 0, early: 0, disorder: 0, late: 0, silent: 0 }, [manner]: 1 };
}

interface Heard {
  handOff: string;
  id: string;
  text: string;
  trusted: boolean;
  event: { type: string; at: string; reasonCode?: string; missing?: string[]; result?: unknown };
}

/** Takes callbacks as the centre does: by their id once, and says so. */
class Centre {
  events: Heard[] = [];
  /** So many calls find nobody. */
  away = 0;
  refuse: number | null = null;
  whenCalled: () => void = () => undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Centre> {
    const server = createServer();
    const centre = new Centre(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { status, body } = centre.take(request.url ?? '', request.headers, Buffer.concat(chunks));
        if (status === 0) response.destroy();
        else response.writeHead(status).end(JSON.stringify(body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push({
      close: () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      },
    });
    return centre;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private take(
    url: string,
    headers: Record<string, string | string[] | undefined>,
    rawBody: Buffer,
  ): { status: number; body?: object } {
    this.whenCalled();
    if (this.away > 0) {
      this.away -= 1;
      return { status: this.away % 2 === 0 ? 503 : 0 };
    }
    const [, handOff = ''] = /^\/api\/handoffs\/([^/]+)\/events$/.exec(url) ?? [];
    const event = JSON.parse(rawBody.toString()) as Heard['event'] & { eventId: string };
    const isKnown = this.events.some(({ id }) => id === event.eventId);
    const trusted = verify({ headers, rawBody, secrets: [SECRET], now }).ok;
    this.events.push({ handOff, id: event.eventId, text: rawBody.toString(), trusted, event });
    if (this.refuse) return { status: this.refuse, body: {} };
    return { status: 200, body: { status: isKnown ? 'duplicate' : 'applied' } };
  }
}
