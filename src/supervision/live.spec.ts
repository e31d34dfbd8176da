import { once } from 'node:events';
import { type ClientRequest, get, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { API_KEY, ApiFixture, PASSWORD } from '../../test/api.js';
import { until } from '../../test/engine.js';
import { Partner, settled } from '../../test/partner.js';
import { ORGANISATION } from '../system.js';
import { LiveService } from './live.service.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const asking = (src: string, input: object) => ({
  initial: 'open',
  states: { open: { invoke: { id: src, src, input, onDone: 'shut' } }, shut: { type: 'final' } },
});
const both = {
  id: 'both',
  title: text('Both'),
  context: {},
  initial: 'work',
  states: {
    work: {
      type: 'parallel',
      onDone: 'over',
      states: {
        reading: asking('task', { form: 'note', role: 'curator' }),
        housing: asking('handOff', { partner: 'otbasy-bank', service: 'housing-advice', deadline: '10 days' }),
      },
    },
    over: { type: 'final' },
  },
};
/** Atameken has no address here: its hand-offs stay drafts. */
const unsent = {
  id: 'unsent',
  title: text('Unsent'),
  context: {},
  ...asking('handOff', { partner: 'atameken', service: 'course-enrolment', deadline: '10 days' }),
};
const files = { 'forms/note.yaml': { 'x-version': 1, 'x-title': text('Note'), type: 'object', properties: {} } };

interface Heard {
  id: string;
  kind: string;
  what: string | null;
  revision: number | null;
}

/** Reads server-sent events as a browser does. */
class Reader {
  readonly heard: Heard[] = [];
  lastId: string | undefined;
  ended = false;
  private rest = '';

  private constructor(
    private readonly request: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.take(chunk));
    response.on('close', () => {
      this.ended = true;
    });
  }

  static async open(headers: Record<string, string>, query = ''): Promise<Reader> {
    const request = get(`${base}/api/live${query}`, { headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new Reader(request, response);
  }

  /** Kinds heard of one thing. */
  of(id: string): string[] {
    return this.heard.filter(({ what }) => what === id).map(({ kind }) => kind);
  }

  close(): void {
    this.request.destroy();
  }

  private take(chunk: string): void {
    const parts = (this.rest + chunk).split('\n\n');
    this.rest = parts.pop() ?? '';
    for (const part of parts) {
      const field = (name: string) => part.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
      this.lastId = field('id') ?? this.lastId;
      const [kind, data] = [field('event'), field('data')];
      if (!kind || !data) continue;
      const { id, revision } = JSON.parse(data) as { id: string | null; revision: number | null };
      this.heard.push({ id: this.lastId ?? '', kind, what: id, revision });
    }
  }
}

let api: ApiFixture;
let bank: Partner;
let base: string;
let live: LiveService;
beforeAll(async () => {
  bank = await Partner.start();
  api = await ApiFixture.create({ partners: { 'otbasy-bank': { url: bank.url, secret: bank.secret } } });
  await api.deploy(both, files);
  await api.deploy(unsent);
  await api.app.listen(0, '127.0.0.1');
  base = `http://127.0.0.1:${(api.app.getHttpServer().address() as AddressInfo).port}`;
  live = api.app.get(LiveService);
});
afterAll(async () => {
  await api.close();
  await bank.close();
});

async function cookieOf(name: string): Promise<Record<string, string>> {
  const { email } = await api.account(name);
  const answer = await api.post(null, '/api/auth/sign-in/email', { email, password: PASSWORD });
  const cookies = [answer.headers['set-cookie']].flat().map((line) => String(line).split(';')[0]);
  return { cookie: cookies.join('; ') };
}
const listening = async (name: string) => {
  const reader = await Reader.open(await cookieOf(name));
  await until(() => reader.lastId !== undefined);
  return reader;
};
async function open(): Promise<{ id: string; task: string; handoff: string }> {
  const { id } = (await api.post('supervisor', '/api/cases', { workflow: 'both', input: {} })).body;
  await settled(api.system);
  const task = (await api.get('supervisor', '/api/tasks?view=all&limit=200')).body.items.find(
    ({ caseId }: { caseId: string }) => caseId === id,
  ).id;
  const handoff = (await api.get('supervisor', `/api/handoffs?caseId=${id}`)).body.items[0].id;
  return { id, task, handoff };
}
const poll = () => live.poll(ORGANISATION);

describe('a live stream', () => {
  it('is refused to an account that listens fifty times, and open again once one of them is closed', async () => {
    const headers = await cookieOf('lawyer');
    const readers = await Promise.all(Array.from({ length: 50 }, () => Reader.open(headers)));
    const refused = await Reader.open(headers);
    expect(refused.response.statusCode).toBe(429);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThan(0);
    const other = await Reader.open(await cookieOf('trainer'));
    expect(other.response.statusCode).toBe(200);
    readers[0]?.close();
    await until(async () => {
      const again = await Reader.open(headers);
      again.close();
      return again.response.statusCode === 200;
    });
    for (const reader of [...readers, refused, other]) reader.close();
    await until(() => live.readers === 0);
  });

  it('begins anew after an id that no stream gave', async () => {
    for (const id of ['+275760-09-13T00:00:00.000Z', '0', 'infinity', '2026-02-30']) {
      const reader = await Reader.open({ ...(await cookieOf('curator')), 'last-event-id': id }, '?once=true');
      await until(() => reader.ended);
      expect(reader.heard.map(({ what }) => what)).toContain(null);
    }
  });

  it('tells each reader what changed, and only what that reader may see', async () => {
    const [curator, supervisor, partner, other] = await Promise.all(
      ['curator', 'supervisor', 'partner-otbasy-bank', 'partner-atameken'].map(listening),
    );
    const { id, task, handoff } = await open();
    await poll();
    await until(() => (supervisor?.of(id).length ?? 0) > 0 && (partner?.heard.length ?? 0) > 0);
    expect(new Set(curator?.of(id))).toEqual(new Set(['case']));
    expect(curator?.of(task)).toContain('task');
    expect(supervisor?.of(handoff)).toContain('handoff');
    expect(supervisor?.heard.some(({ kind }) => kind === 'board')).toBe(true);
    expect(new Set(partner?.heard.map(({ kind, what }) => `${kind} ${what}`))).toEqual(new Set([`handoff ${handoff}`]));
    expect(other?.heard).toEqual([]);

    const before = curator?.of(task).length ?? 0;
    expect((await api.post('curator', `/api/tasks/${task}/claim`)).status).toBe(200);
    await poll();
    await until(() => (curator?.of(task).length ?? 0) > before);
    const told = curator?.heard.length;
    await poll();
    await poll();
    expect(curator?.heard.length).toBe(told);
    for (const reader of [curator, supervisor, partner, other]) reader?.close();
    await until(() => live.readers === 0);
  });

  it('tells a partner nothing of a hand-off that was not sent to it', async () => {
    const [curator, partner] = await Promise.all(['curator', 'partner-atameken'].map(listening));
    const { id } = (await api.post('supervisor', '/api/cases', { workflow: 'unsent', input: {} })).body;
    await settled(api.system);
    const [draft] = (await api.get('supervisor', `/api/handoffs?caseId=${id}`)).body.items;
    expect(draft).toMatchObject({ status: 'draft', waitingReason: 'no-address' });
    await poll();
    await until(() => (curator?.of(draft.id).length ?? 0) > 0);
    const { id: later } = await open();
    await poll();
    await until(() => (curator?.of(later).length ?? 0) > 0);
    expect(partner?.heard).toEqual([]);
    for (const reader of [curator, partner]) reader?.close();
    await until(() => live.readers === 0);
  });

  it('goes on where it broke off, and loses nothing', async () => {
    const first = await listening('curator');
    const from = first.lastId;
    first.close();
    const { id, task } = await open();
    const again = await Reader.open({ ...(await cookieOf('curator')), 'last-event-id': String(from) }, '?once=true');
    await until(() => again.ended);
    expect(again.of(id)).toContain('case');
    expect(again.of(task)).toContain('task');
  });

  it('tells who was away for too long, or has an id that is none, to read everything again', async () => {
    for (const lastEventId of ['2020-01-01T00:00:00.000Z', 'nonsense']) {
      const reader = await Reader.open({ ...(await cookieOf('curator')), 'last-event-id': lastEventId }, '?once=true');
      await until(() => reader.ended);
      expect(reader.heard.map(({ kind, what }) => [kind, what])).toEqual([
        ['case', null],
        ['task', null],
        ['handoff', null],
        ['board', null],
      ]);
    }
  });

  it('loses nothing that commits late', async () => {
    const reader = await listening('curator');
    const { id } = await open();
    await poll();
    await until(() => reader.of(id).length > 0);
    // A row with a moment before the last look, seen only now.
    const owner = api.database.pool('owner');
    await owner.query(
      `insert into qamqor.journal select case_id, seq + 100, organisation_id, at - interval '5 seconds', kind, type, body, hash from qamqor.journal where case_id = $1 order by seq desc limit 1`,
      [id],
    );
    await poll();
    await until(() => reader.heard.some(({ what, revision }) => what === id && (revision ?? 0) > 100));
    await owner.query('delete from qamqor.journal where case_id = $1 and seq > 100', [id]);
    reader.close();
    await until(() => live.readers === 0);
  });

  it('ends when the reader signs out', async () => {
    const credentials = await cookieOf('curator');
    const reader = await Reader.open(credentials);
    await until(() => reader.lastId !== undefined);
    const answer = await api.ask(null, 'POST', '/api/auth/sign-out', { headers: credentials });
    expect(answer.status).toBe(200);
    await until(() => reader.ended);
    expect(live.readers).toBe(0);
  });

  it('is open to a program with the key, and shut to a stranger', async () => {
    const program = await Reader.open({ authorization: `Bearer ${API_KEY}` }, '?once=true');
    await until(() => program.ended);
    expect(program.response.statusCode).toBe(200);
    expect(program.response.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(program.response.headers['x-content-type-options']).toBe('nosniff');
    const stranger = await Reader.open({});
    expect(stranger.response.statusCode).toBe(401);
  });

  it('drops a reader that lets too much pile up; the others hear on', async () => {
    const patient = await listening('curator');
    // Nobody takes anything off this one.
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const by = await api.account('curator');
    await live.listen({ by, response, stillAllowed: () => Promise.resolve(true) }, undefined, false);
    response.write('x'.repeat(300 * 1024));
    const { id } = await open();
    await poll();
    await until(() => patient.of(id).length > 0);
    expect(response.destroyed).toBe(true);
    expect(live.readers).toBe(1);
    patient.close();
    await until(() => live.readers === 0);
  });

  it('keeps no reader that went away while it was looked what it has missed', async () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const by = await api.account('curator');
    live.admit(by, response);
    const joining = live.listen({ by, response, stillAllowed: () => Promise.resolve(true) }, undefined, false);
    response.destroy();
    await once(response, 'close');
    await joining;
    expect(live.readers).toBe(0);
  });

  it('F58: that five hundred readers leave at once leaves nothing behind, and they come back to what they missed', async () => {
    const [accounts, each] = [10, 50];
    const credentials: Record<string, string>[] = [];
    for (let n = 0; n < accounts; n += 1) {
      await api.account(`reader-${n}`, ['curator']);
      credentials.push(await cookieOf(`reader-${n}`));
    }
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const crowd = async (more: (n: number) => Record<string, string> = () => ({})) => {
      const readers: Reader[] = [];
      for (const [n, headers] of credentials.entries())
        readers.push(
          ...(await Promise.all(
            Array.from({ length: each }, (_, i) => Reader.open({ ...headers, ...more(n * each + i) })),
          )),
        );
      await until(() => readers.every(({ lastId }) => lastId !== undefined));
      return readers;
    };
    await until(() => live.readers === 0);
    const before = sockets();
    const first = await crowd();
    expect(first.every(({ response }) => response.statusCode === 200)).toBe(true);
    expect(live.readers).toBe(accounts * each);
    for (const reader of first) reader.close();
    await until(() => live.readers === 0);
    await until(() => sockets() <= before);

    const { id, task } = await open();
    // As many as may listen: the places of those who left are free again.
    const second = await crowd((n) => ({ 'last-event-id': String(first[n]?.lastId) }));
    await until(() => second.every((reader) => reader.of(id).includes('case') && reader.of(task).includes('task')));
    for (const reader of second) reader.close();
    await until(() => live.readers === 0);
    await until(() => sockets() <= before);
  }, 120_000);

  it('ends when the process closes', async () => {
    const reader = await listening('curator');
    live.onModuleDestroy();
    await until(() => reader.ended);
  });
});

it('nothing of all this was an error of ours', () => {
  expect(api.errors).toEqual([]);
});
