import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Config, readConfig } from '../src/config.js';
import { Log } from '../src/platform/log.js';
import { API_KEY, ApiFixture } from './api.js';
import { Child } from './child.js';
import { type CollectedSpan, Collector } from './collector.js';
import { createDatabase } from './database.js';
import { until } from './engine.js';
import { done, HandoffTown, papersRequested, referral } from './handoffs.js';
import { type Delivery, Partner, pass } from './partner.js';

const WORKFLOWS = [referral('housing', 'otbasy-bank', 'housing-advice')];

const ids = () => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });
const traceparent = ({ traceId, spanId }: { traceId: string; spanId: string }) => `00-${traceId}-${spanId}-01`;
const received = ({ headers }: Delivery) => String(headers['traceparent']);

/** Each span as `parent > span`, by their names; `caller` is whoever began the trace. */
function tree(spans: CollectedSpan[]): string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return spans.map(({ name, parentSpanId }) => `${names.get(parentSpanId) ?? 'caller'} > ${name}`).sort();
}

/** A case that is opened over HTTP and hands its family over to a partner. */
const HANDED_OFF = [
  'POST /api/cases > advance open',
  'advance open > deliver handOff.open',
  'caller > POST /api/cases',
  'deliver handOff.open > POST /handoffs',
];

async function openCase(api: ApiFixture, familyId: string, headers: Record<string, string> = {}) {
  const { status, body } = await api.post(
    'integration',
    '/api/cases',
    { workflow: 'housing', input: { familyId } },
    headers,
  );
  expect({ status, body }).toMatchObject({ status: 201 });
  return body as { id: string; openedAt: string };
}

let collector: Collector;
beforeAll(async () => {
  collector = await Collector.start();
});
afterAll(() => collector.close());

describe('a trace', () => {
  let town: HandoffTown;
  let log = '';
  beforeAll(async () => {
    const stream = new PassThrough().on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    const logger = new Log(readConfig({ QAMQOR_LOG: 'debug' }), stream);
    town = await HandoffTown.create(WORKFLOWS, { config: { tracing: collector.settings }, fixture: { logger } });
  }, 120_000);
  beforeEach(() => {
    town.bank.replies.length = 0;
    town.bank.received.length = 0;
  });
  afterAll(() => town.close());

  const settled = async () => {
    await town.settled();
    await town.api.system.tracing?.flush();
  };

  it('is one from the request through the engine and the worker to the partner, and from its answer on', async () => {
    const caller = ids();
    const family = await town.family();
    const { id } = await openCase(town.api, family, { traceparent: traceparent(caller) });
    await settled();
    const [delivery, ...more] = town.bank.received;
    if (!delivery) throw new Error('Nothing came.');
    expect(more).toEqual([]);
    expect(tree(collector.of(caller.traceId))).toEqual(HANDED_OFF);
    const sent = collector.of(caller.traceId).find(({ name }) => name === 'POST /handoffs');
    expect(received(delivery)).toBe(traceparent({ traceId: caller.traceId, spanId: sent?.spanId ?? '' }));

    // The partner answers out of a span of its own.
    const partner = { ...ids(), traceId: caller.traceId };
    const { id: handoff } = await town.handoffOf(id);
    const tamper = (headers: object) => ({ ...headers, traceparent: traceparent(partner) });
    expect((await town.tell(String(handoff), done(), { tamper })).status).toBe(200);
    await settled();
    const answered = collector.of(caller.traceId).slice(4);
    expect(tree(answered)).toEqual([
      'POST /api/handoffs/:id/events > advance answer',
      'caller > POST /api/handoffs/:id/events',
    ]);
    expect(answered.find(({ name }) => name.startsWith('POST'))?.parentSpanId).toBe(partner.spanId);
    expect(answered.find(({ name }) => name === 'advance answer')?.facts).toEqual({
      'qamqor.case.id': id,
      'qamqor.workflow': 'housing',
      'qamqor.workflow.version': 1,
      'qamqor.command.kind': 'answer',
      'qamqor.command.lane': 'machines',
      'qamqor.outcome': 'taken',
      'qamqor.replayed': false,
    });
  });

  it('goes on where people or partners let something go out past the engine: papers, and who hears that they are wanted', async () => {
    const { id } = await openCase(town.api, await town.family());
    await town.settled();
    const handoff = String((await town.handoffOf(id))['id']);
    const [partner, person] = [ids(), ids()];
    const tamper = (headers: object) => ({ ...headers, traceparent: traceparent(partner) });
    expect((await town.tell(handoff, papersRequested(), { tamper })).status).toBe(200);
    await settled();
    expect(tree(collector.of(partner.traceId))).toEqual([
      'POST /api/handoffs/:id/events > deliver handOff.papers',
      'caller > POST /api/handoffs/:id/events',
    ]);
    const papers = { documents: [{ title: 'Identity document', reference: 'scan-1' }] };
    const header = { traceparent: traceparent(person) };
    expect((await town.api.post('curator', `/api/handoffs/${handoff}/supply`, papers, header)).status).toBe(200);
    await settled();
    expect(tree(collector.of(person.traceId))).toEqual([
      'POST /api/handoffs/:id/supply > deliver handOff.supply',
      'caller > POST /api/handoffs/:id/supply',
      'deliver handOff.supply > POST /handoffs/{id}/papers',
    ]);

    const leaving = ids();
    const left = await town.api.post(
      'integration',
      `/api/cases/${id}/events`,
      { type: 'LEAVE' },
      { traceparent: traceparent(leaving) },
    );
    expect(left.status).toBe(200);
    await settled();
    expect(tree(collector.of(leaving.traceId))).toEqual([
      'POST /api/cases/:id/events > advance event',
      'advance event > deliver handOff.close',
      'caller > POST /api/cases/:id/events',
      'deliver handOff.close > POST /handoffs/{id}/recall',
    ]);
  });

  it('keeps the spans of each command apart, under its own request, when many ride in one transaction', async () => {
    const families = await Promise.all(Array.from({ length: 30 }, () => town.family()));
    const callers = families.map(ids);
    const cases = await Promise.all(
      families.map((family, n) => openCase(town.api, family, { traceparent: traceparent(callers[n] ?? ids()) })),
    );
    // Few go to one partner at a time: the others come again for their turn, each time in a span of its own.
    await until(async () => {
      await town.settled();
      return (await town.api.database.pool('owner').query('select 1 from qamqor.outbox')).rows.length === 0;
    });
    await settled();
    expect(new Set(cases.map(({ openedAt }) => openedAt)).size).toBeLessThan(cases.length);
    for (const [n, { traceId }] of callers.entries()) {
      const spans = collector.of(traceId);
      expect([...new Set(tree(spans))]).toEqual(HANDED_OFF);
      const about = spans.flatMap(({ facts }) => facts['qamqor.case.id'] ?? []);
      expect(new Set(about)).toEqual(new Set([cases[n]?.id]));
    }
    const lines = log
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const [n, { traceId }] of callers.entries())
      expect(lines.filter((line) => line['trace_id'] === traceId)).toContainEqual(
        expect.objectContaining({ msg: 'command accepted', case: cases[n]?.id, kind: 'open' }),
      );
  });

  it('shows a refusal as an answer, by its code, and nothing of what it says', async () => {
    const { id } = await openCase(town.api, await town.family());
    const caller = ids();
    const leave = (type: string) =>
      town.api.post('integration', `/api/cases/${id}/events`, { type }, { traceparent: traceparent(caller) });
    expect((await leave('LEAVE')).status).toBe(200);
    const { status, body } = await leave('LEAVE');
    expect((await leave('Қанарейкина')).status).toBeGreaterThanOrEqual(400);
    await settled();
    const [, refused] = collector.of(caller.traceId).filter(({ name }) => name === 'advance event');
    expect(refused).toMatchObject({
      facts: { 'qamqor.case.id': id, 'qamqor.outcome': 'refused', 'error.type': body.code },
      failed: false,
    });
    const asked = collector.of(caller.traceId).find(({ spanId }) => spanId === refused?.parentSpanId);
    expect(asked).toMatchObject({ facts: { 'http.response.status_code': status }, failed: false });
  });

  it('is begun anew by a request that names none, or names it wrongly', async () => {
    const family = await town.family();
    const wrong = [
      '',
      '00-zz',
      `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`,
      `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
    ];
    const before = collector.spans.length;
    for (const header of wrong)
      await town.api.get('integration', `/api/cases?familyName=${family}`, { traceparent: header });
    await town.api.get('integration', '/api/cases');
    await settled();
    const begun = collector.spans.slice(before).filter(({ name }) => name === 'GET /api/cases');
    expect(begun.map(({ parentSpanId }) => parentSpanId)).toEqual(['', '', '', '', '']);
    expect(new Set(begun.map(({ traceId }) => traceId)).size).toBe(begun.length);
  });

  it('is not collected where whoever began it did not want that, and still told to the partner as it is', async () => {
    const caller = ids();
    await openCase(town.api, await town.family(), { traceparent: `00-${caller.traceId}-${caller.spanId}-00` });
    await settled();
    expect(collector.of(caller.traceId)).toEqual([]);
    expect(received(town.bank.received[0] as Delivery)).toMatch(new RegExp(`^00-${caller.traceId}-[0-9a-f]{16}-00$`));
  });

  it('says nothing about people: few facts, and none of them written by anybody', () => {
    expect(collector.spans.length).toBeGreaterThan(100);
    const facts = collector.spans.flatMap((span) => Object.keys(span.facts));
    expect([...new Set(facts)].sort()).toEqual([
      'error.type',
      'http.request.method',
      'http.response.status_code',
      'http.route',
      'qamqor.case.id',
      'qamqor.command.kind',
      'qamqor.command.lane',
      'qamqor.outbox.attempt',
      'qamqor.outbox.id',
      'qamqor.outbox.topic',
      'qamqor.outcome',
      'qamqor.replayed',
      'qamqor.workflow',
      'qamqor.workflow.version',
      'server.address',
      'url.template',
    ]);
    const written = ['Қасымова', 'Әсел', '77011234567', 'curator@test', 'Identity document', 'scan-1', 'Қанарейкина'];
    expect(written.filter((text) => collector.text.includes(text))).toEqual([]);
  });
});

describe('the trace of what waits in the outbox', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  it('goes on after failures and in another process', async () => {
    const [bank, office] = await Promise.all([Partner.start(), Partner.start()]);
    const config: Partial<Config> = {
      tracing: collector.settings,
      partners: {
        'otbasy-bank': { url: bank.url, secret: bank.secret },
        'civil-office': { url: office.url, secret: office.secret },
      },
    };
    const first = await HandoffTown.create(WORKFLOWS, { partners: [bank, office], config });
    closers.push(async () => {
      await first.api.database.close();
      await Promise.all([bank.close(), office.close()]);
    });
    bank.replies.push({ status: 503 }, { status: 0 });
    const caller = ids();
    await openCase(first.api, await first.family(), { traceparent: traceparent(caller) });
    await first.settled();
    await first.api.app.close();
    await first.api.system.close();

    const second = await ApiFixture.create(config, async () => first.api.database.url);
    closers.push(() => second.close());
    for (let minutes = 1; bank.received.length < 3; minutes += 1) await pass(second.system, { minutes });
    await second.system.tracing?.flush();
    const spans = collector.of(caller.traceId);
    const opened = spans.find(({ name }) => name === 'advance open');
    const deliveries = spans.filter(({ name }) => name === 'deliver handOff.open');
    expect(deliveries.map(({ parentSpanId }) => parentSpanId)).toEqual(deliveries.map(() => opened?.spanId));
    const posts = spans.filter(({ name }) => name === 'POST /handoffs');
    expect(posts.map(({ facts, failed }) => [facts['error.type'], failed])).toEqual([
      ['503', true],
      ['connection-lost', true],
      [undefined, false],
    ]);
    expect(bank.received.map(received)).toEqual(posts.map(traceparent));
    expect(new Set(posts.map(({ parentSpanId }) => parentSpanId)).size).toBe(3);
  });

  it('goes on from the network through the queue', async () => {
    const town = await HandoffTown.create(WORKFLOWS, {
      config: { tracing: collector.settings },
      fixture: { queues: true },
    });
    closers.push(() => town.close());
    await town.api.app.listen(0, '127.0.0.1');
    await town.api.system.work();
    const { port } = town.api.app.getHttpServer().address() as AddressInfo;
    const [caller, gone] = [ids(), ids()];
    const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
    const opened = await fetch(`http://127.0.0.1:${port}/api/cases`, {
      method: 'POST',
      headers: { ...headers, traceparent: traceparent(caller) },
      body: JSON.stringify({ workflow: 'housing', input: { familyId: await town.family() } }),
    });
    expect(opened.status).toBe(201);
    // Whoever asks this is gone before all of it was sent.
    const leaver = request({
      port,
      method: 'POST',
      path: '/api/cases',
      headers: { ...headers, 'content-length': 99, traceparent: traceparent(gone) },
    });
    leaver.on('error', () => undefined).write('{');
    await until(async () => {
      if (town.bank.received.length > 0) leaver.destroy();
      await town.api.system.tracing?.flush();
      return collector.of(caller.traceId).length === 4 && collector.of(gone.traceId).length === 1;
    });
    expect(tree(collector.of(caller.traceId))).toEqual(HANDED_OFF);
    expect(collector.of(caller.traceId).map(({ failed }) => failed)).toEqual([false, false, false, false]);
    expect(received(town.bank.received[0] as Delivery)).toContain(caller.traceId);
    expect(collector.of(gone.traceId)).toMatchObject([{ facts: { 'error.type': 'connection-lost' }, failed: true }]);
  });

  it('is given up, with a warning, where no collector answers, and nothing else is', async () => {
    const nobody = await Collector.start();
    const settings = nobody.settings;
    await nobody.close();
    process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '500';
    closers.push(async () => {
      delete process.env.OTEL_EXPORTER_OTLP_TIMEOUT;
    });
    const town = await HandoffTown.create(WORKFLOWS, { config: { tracing: settings } });
    closers.push(() => town.close());
    const { id } = await openCase(town.api, await town.family());
    await town.settled();
    expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
    await expect(town.api.system.tracing?.flush()).rejects.toBeDefined();
    await until(() => town.api.errors.length > 0);
    expect(town.api.errors).toEqual([expect.stringMatching(/^Spans did not reach their collector and are lost\./)]);
  });
});

describe('without a collector in the settings', () => {
  it('nothing is traced, written down or told to partners', async () => {
    const town = await HandoffTown.create(WORKFLOWS);
    const before = collector.spans.length;
    await openCase(town.api, await town.family(), { traceparent: traceparent(ids()) });
    const [row] = await town.sql('select trace from qamqor.outbox');
    await town.settled();
    expect(row).toEqual({ trace: null });
    expect(town.api.system.tracing).toBeUndefined();
    expect(town.bank.received.map(({ headers }) => headers)).toEqual([
      expect.not.objectContaining({ traceparent: expect.anything() }),
    ]);
    expect(collector.spans.length).toBe(before);
    await town.close();
  });

  it('nothing of the SDK is loaded; with one it is, by the standard variables alone', async () => {
    const database = await createDatabase();
    const start = async (env: Record<string, string>) => {
      const settings = { DATABASE_URL: database.url, QAMQOR_SECRET: 'a secret for tests only 0123456789abcdef' };
      const child = new Child('test/traces.child.ts', { env: { ...settings, ...env } });
      const [, loaded = ''] = await child.lineLike(/^Loaded: (.*)$/);
      expect(await child.ended()).toBe(0);
      // Its API, which does nothing by itself, comes with prom-client.
      return (JSON.parse(loaded) as string[]).filter((name) => name !== 'api');
    };
    const service = 'centre-of-a-child';
    const wanted = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_SERVICE_NAME: service };
    const [without, withOne] = await Promise.all([start({}), start(wanted)]);
    expect(without).toEqual([]);
    expect(withOne).toContain('sdk-trace');
    const told = collector.spans.filter((span) => span.service === service).map(({ name }) => name);
    expect(told).toEqual(['GET /api/cases']);
    await database.close();
  }, 120_000);
});
