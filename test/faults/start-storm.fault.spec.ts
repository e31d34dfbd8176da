import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { verifySystem } from '../../src/verify-system.js';
import { API_KEY, ApiFixture } from '../api.js';
import { until } from '../engine.js';
import { QUEUES, type Queues } from './queues.js';

const CREATES = 1_000;
const LONG_MS = 120_000;
const text = (en: string) => ({ kk: en, ru: en, en });
const files = {
  'forms/note.yaml': { 'x-version': 1, 'x-title': text('Note'), type: 'object', properties: {} },
  'messages/opened.yaml': { text: text('Opened.') },
};
const plain = {
  id: 'plain',
  title: text('Plain'),
  context: {},
  initial: 'open',
  states: {
    open: {
      entry: { type: 'notify', params: { template: 'opened' } },
      invoke: { id: 'note', src: 'task', input: { form: 'note', role: 'curator' }, onDone: 'shut' },
    },
    shut: { type: 'final' },
  },
};

describe.each(QUEUES)('with queues in %s', (name, create) => {
  let queues: Queues;
  let api: ApiFixture;
  let base: string;
  /** Connections that are made at once: Node lets 511 wait until it accepts them, and a proxy before us keeps fewer. */
  let agent: Agent;
  beforeAll(async () => {
    agent = new Agent({ keepAlive: true, maxSockets: 250 });
    queues = await create();
    const { redisUrl } = readConfig(queues.settings);
    api = await ApiFixture.create({ redisUrl }, undefined, undefined, { queues: true });
    await api.deploy(plain, files);
    await api.app.listen(0, '127.0.0.1');
    base = await api.app.getUrl();
    await api.system.work();
  }, LONG_MS);
  afterAll(async () => {
    agent.destroy();
    await api?.close();
    await queues?.close();
  }, LONG_MS);

  function openCase(
    n: number,
  ): Promise<{ n: number; status: number; id: string | undefined; retryAfter: string | undefined }> {
    const body = JSON.stringify({ workflow: 'plain', input: {} });
    const headers = {
      authorization: `Bearer ${API_KEY}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'idempotency-key': `storm-${n}`,
    };
    return new Promise((resolve, reject) => {
      const asked = request(`${base}/api/cases`, { method: 'POST', headers, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer = JSON.parse(Buffer.concat(chunks).toString()) as { id?: string };
          resolve({ n, status: response.statusCode ?? 0, id: answer.id, retryAfter: response.headers['retry-after'] });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  const sql = async (statement: string) => (await api.database.pool('owner').query(statement)).rows;

  it(
    `F50: ${CREATES} cases opened at once are each stored or refused in time: what was accepted is there and told of once, and nothing else`,
    async () => {
      const began = performance.now();
      const answers = await Promise.all(Array.from({ length: CREATES }, (_, n) => openCase(n)));
      const tookMs = performance.now() - began;
      const byStatus = Map.groupBy(answers, ({ status }) => status);
      process.stdout.write(
        `F50, queues in ${name}: ${CREATES} creates in ${Math.round(tookMs)} ms: ${[...byStatus].map(([status, of]) => `${of.length} × ${status}`).join(', ')}.\n`,
      );
      for (const [status, refused] of byStatus) {
        expect([201, 429, 503]).toContain(status);
        if (status !== 201) for (const { retryAfter } of refused) expect(Number(retryAfter)).toBeGreaterThan(0);
      }
      const accepted = (byStatus.get(201) ?? []).map(({ id }) => id).sort();
      expect(accepted.length).toBeGreaterThan(0);
      const stored = await sql('select id from qamqor.cases order by id::text');
      expect(stored.map(({ id }) => id)).toEqual(accepted);
      // Who was refused comes again with the key, who was not gets the same answer: each is stored once.
      const again: typeof answers = [];
      for (const { n } of answers.filter(({ n, status }) => status !== 201 || n % 50 === 0))
        again.push(await openCase(n));
      for (const { n, status, id } of again) {
        expect(status).toBe(201);
        const first = answers[n];
        if (first?.status === 201) expect(id).toBe(first.id);
      }
      await until(async () => (await sql('select from qamqor.outbox')).length === 0, 60_000);
      expect(
        await sql('select count(distinct case_id)::int as cases, count(*)::int as told from qamqor.notifications'),
      ).toEqual([{ cases: CREATES, told: CREATES }]);
      expect(await verifySystem(api.system)).toMatchObject({ ok: true, cases: CREATES, problems: [] });
      expect((await api.get(null, '/health/ready')).status).toBe(200);
      expect(api.errors).toEqual([]);
    },
    LONG_MS,
  );
});
