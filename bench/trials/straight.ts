import { z } from 'zod';
import { systemIds } from '../../src/platform/ids.js';
import { defineJob, JobRegistry } from '../../src/platform/jobs.js';
import { openRedisBackend } from '../../src/platform/queue-backend.js';
import { Queues } from '../../src/platform/queues.js';
import { ServiceSource } from '../../src/services/service-source.js';
import type { PeerName, Stores } from '../contestant.js';
import { ORGANISATION } from '../journey.js';
import { startPeer } from '../peer.js';
import { benchRuntime } from '../runtime.js';
import { openCase } from './ringing.js';

export const STRAIGHT_STEPS = 5;
const STEPS = Array.from({ length: STRAIGHT_STEPS }, (_, index) => `step${index + 1}`);

/** Five background steps, each of which remembers what it came to. */
const STRAIGHT = {
  id: 'bench-straight',
  title: { kk: 'Тура жол', ru: 'Без остановок', en: 'Straight through' },
  context: { from: '= input.from', sum: 0 },
  initial: STEPS[0],
  states: {
    ...Object.fromEntries(
      STEPS.map((step, index) => [
        step,
        {
          invoke: {
            id: step,
            src: 'service',
            input: { name: 'add', from: '= context.from', sum: '= context.sum' },
            onDone: {
              target: STEPS[index + 1] ?? 'done',
              actions: { type: 'set', params: { sum: '= event.output.sum' } },
            },
          },
        },
      ]),
    ),
    done: { type: 'final' },
  },
};
const INPUT = {
  type: 'object',
  additionalProperties: false,
  required: ['from'],
  properties: { from: { type: 'integer' } },
};

export interface StraightFigures {
  workflows: number;
  perSecond: number;
}

/** Leads one workflow to its end and gives the sum it came to. */
type Lead = (id: string, from: number) => Promise<unknown>;

/** Cases that go through five background steps without waiting for anybody: outbox, Redis, worker, answer, five times. */
export async function straight(url: string, redisUrl: string, course: Course): Promise<StraightFigures> {
  const backend = await openRedisBackend(redisUrl, raise);
  const queues = new Queues(backend, { onProblem: ({ error }) => raise(error) });
  const job = defineJob('services', 'deliver', z.object({ ids: z.array(z.uuid()) }));
  const runtime = benchRuntime(url, { wake: (_topic, ids, key) => queues.enqueue(job, { ids }, key) });
  try {
    const source = new ServiceSource(runtime.engine);
    source.register({ name: 'add', run: ({ input }) => Promise.resolve({ sum: sumOf(input) }) });
    runtime.engine.registerSource(source);
    runtime.engine.registerOutbox('service.open', (row) => source.run(row));
    const files = { 'workflow.json': JSON.stringify(STRAIGHT), 'input.json': JSON.stringify(INPUT) };
    await runtime.versions.deploy(ORGANISATION, files, 'bench');
    const registry = new JobRegistry([job]);
    registry.handle(job, ({ ids }) => runtime.worker.deliver(ids));
    await queues.work(registry);
    const ended = whenEnded(runtime.engine);
    return await lead(course, async (id, from) => {
      const end = ended(id);
      await openCase(runtime, id, 'bench-straight', { from });
      return (await end)['sum'];
    });
  } finally {
    await queues.close();
    await runtime.stop();
  }
}

/** The same by a durable peer. */
export async function peerStraight(name: PeerName, stores: Stores, course: Course): Promise<StraightFigures> {
  const peer = await startPeer(name, stores);
  try {
    return await lead(course, async (id, from) => await peer.straight?.(id, from));
  } finally {
    await peer.stop();
  }
}

interface Course {
  count: number;
  inFlight: number;
}

async function lead({ count, inFlight }: Course, one: Lead): Promise<StraightFigures> {
  const run = async (workflows: number) => {
    let next = 0;
    const lane = async () => {
      while (next < workflows) {
        const from = next++;
        const sum = await one(systemIds.next(), from);
        if (sum !== from * STRAIGHT_STEPS) throw new Error(`${from}, added ${STRAIGHT_STEPS} times, came to ${sum}.`);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
  };
  // What is compiled by then is compiled.
  await run(Math.ceil(count / 4));
  const began = performance.now();
  await run(count);
  return { workflows: count, perSecond: (count * 1000) / (performance.now() - began) };
}

/** What each step adds. */
function sumOf({ from, sum }: { [key: string]: unknown }): number {
  return Number(sum) + Number(from);
}

/** The context of each case once its last answer is stored. */
function whenEnded(engine: ReturnType<typeof benchRuntime>['engine']) {
  const waiting = new Map<string, (context: Record<string, unknown>) => void>();
  const submit = engine.submit.bind(engine);
  engine.submit = async (command) => {
    const accepted = await submit(command);
    const { id, status, chart } = accepted.case;
    if (status === 'done') waiting.get(id)?.(chart.snapshot.context);
    return accepted;
  };
  return (caseId: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      waiting.set(caseId, resolve);
    });
}

function raise(error: Error): void {
  throw error;
}
