import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createDatabase, type TestDatabase } from '../test/database.js';
import { until } from '../test/engine.js';
import { createRedis, type TestRedis } from '../test/redis.js';
import { readConfig } from './config.js';
import { ENGINE_SENDER } from './engine/sender.js';
import type { SourceHandler } from './engine/types.js';
import { queuesModule } from './queues.module.js';
import { ServiceSource } from './services/service-source.js';
import { ORGANISATION, System } from './system.js';

jest.setTimeout(60_000);

const asking = (key: string, src: string, input: object) => ({
  key,
  title: { en: key },
  initial: 'asking',
  states: { asking: { invoke: { id: 'ask', src, input, onDone: 'answered' } }, answered: { type: 'final' } },
});
const WORKFLOWS = [
  asking('partner', 'handOff', { partner: 'atameken', service: 'advice' }),
  asking('quick', 'service', { name: 'quick' }),
];
const handOffs: SourceHandler = {
  src: 'handOff',
  topics: { open: 'handOff.open' },
  open: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

describe.each(['Redis', 'PostgreSQL'])('workers of outbox rows, by queues on %s', (kind) => {
  let database: TestDatabase;
  let redis: TestRedis | undefined;
  let system: System;
  let workers: INestApplicationContext;
  let asked: string[];
  let done: string[];
  /** Resolved when the partner answers. */
  let partner: PromiseWithResolvers<void>;

  beforeAll(async () => {
    database = await createDatabase();
    redis = kind === 'Redis' ? await createRedis() : undefined;
  });
  afterAll(async () => {
    await database?.close();
    await redis?.close();
  });

  beforeEach(async () => {
    [asked, done, partner] = [[], [], Promise.withResolvers()];
    const config = { ...readConfig({}), databaseUrl: database.url, redisUrl: redis?.url, production: false };
    system = await System.open(config);
    const { engine, versions } = system.runtime;
    const services = new ServiceSource(engine);
    services.register({ name: 'quick', run: () => Promise.resolve(done.push('quick')) });
    engine.registerSource(services);
    engine.registerOutbox('service.open', (row) => services.run(row));
    engine.registerSource(handOffs);
    engine.registerOutbox('handOff.open', async (row) => {
      asked.push(row.id);
      await partner.promise;
      done.push('slow');
      const { organisationId, caseId, id } = row;
      const base = { organisationId, caseId, id, keep: false, lane: 'machines', sender: ENGINE_SENDER } as const;
      const answer = { kind: 'answer', entryId: row.entryId ?? '', output: null, late: 'journal' } as const;
      return { kind: 'answer', command: { ...base, ...answer } };
    });
    for (const workflow of WORKFLOWS)
      await versions.deploy(ORGANISATION, { 'workflow.yaml': JSON.stringify(workflow) }, 'test');
    workers = await NestFactory.createApplicationContext(
      { module: class {}, imports: queuesModule(system) },
      { logger: false },
    );
  });
  afterEach(async () => {
    partner.resolve();
    await workers?.close();
    await system?.close();
  });

  const open = (workflow: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, () => {
        const caseId = system.ids.next();
        const base = { organisationId: ORGANISATION, caseId, id: caseId, keep: false, sender: ENGINE_SENDER } as const;
        return system.runtime.engine.submit({ ...base, lane: 'machines', kind: 'open', workflow, input: {} });
      }),
    );
  const sql = async <Row extends object>(text: string) => (await database.pool('owner').query(text)).rows as Row[];
  const outboxIsEmpty = async () => (await sql('select 1 from qamqor.outbox')).length === 0;
  const inQueue = async (queue: string, ...types: ('waiting' | 'active')[]) =>
    (await system.queues?.queue(queue).getJobCountByTypes(...types)) ?? 0;

  it('carry out what is quick while a slow partner keeps two hundred hand-offs waiting', async () => {
    await system.work();
    // One after another, so that they come in many jobs: more than a worker takes at once.
    for (let at = 0; at < 20; at += 1) await open('partner', 10);
    await until(async () => (await inQueue('handoffs', 'active')) === system.config.concurrency);
    expect(await inQueue('handoffs', 'waiting')).toBeGreaterThan(0);
    await open('quick', 50);
    await until(() => done.length === 50);
    partner.resolve();
    await until(outboxIsEmpty);
    expect(done).toEqual([...Array(50).fill('quick'), ...Array(200).fill('slow')]);
    expect(new Set(asked).size).toBe(200);
  });

  it('are told of the same rows again and again, and the queue grows no further than so far', async () => {
    partner.resolve();
    await open('partner', 490);
    const queue = system.queues?.queue('handoffs');
    await until(async () => (await queue?.getJobs('waiting'))?.flatMap((job) => job.data.ids).length === 490);
    await queue?.drain();
    // Ten wake-ups a round.
    for (let round = 0; round < 15; round += 1) {
      await sql('update qamqor.outbox set next_at = qamqor.qamqor_now()');
      expect(await system.runtime.sweeper.sweep()).toMatchObject({ outbox: 490 });
    }
    expect(await inQueue('handoffs', 'waiting')).toBe(128);

    await system.work();
    await until(outboxIsEmpty);
    await until(async () => (await inQueue('handoffs', 'waiting', 'active')) === 0);
    expect(done).toHaveLength(490);
    expect(new Set(asked).size).toBe(490);
  });
});
