import { BullModule, Processor, WorkerHost } from '@nestjs/bullmq';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { Processor as Carry, Job } from 'bullmq';
import { JobRegistry } from './platform/jobs.js';
import { carryOut, type Queues } from './platform/queues.js';
import { JOBS, System } from './system.js';

/** A worker of outbox rows: each job names some, the database says what they are and whose they are. */
function workerOf(queue: string): Type<WorkerHost> {
  @Processor(queue)
  class OutboxProcessor extends WorkerHost {
    constructor(private readonly registry: JobRegistry) {
      super();
    }

    override async process(job: Job, _token?: string, signal?: AbortSignal): Promise<void> {
      await carryOut(this.registry, job, signal);
    }
  }
  return OutboxProcessor;
}

@Module({})
class QueuesModule {}

/** Queues and workers by @nestjs/bullmq, on whichever backend this process opened. Workers take jobs from `System.work` on. */
export function queuesModule({ queues, config, runtime }: System): DynamicModule[] {
  if (!queues) return [];
  useQueues(queues);
  const registry = new JobRegistry(JOBS);
  for (const job of JOBS) registry.handle(job, ({ ids }) => runtime.worker.deliver(ids));
  registry.verify();
  const workers = config.roles.includes('worker') ? registry.queues().map(workerOf) : [];
  return [
    BullModule.registerQueue(...registry.queues().map((name) => ({ name }))),
    { module: QueuesModule, providers: [{ provide: JobRegistry, useValue: registry }, ...workers] },
  ];
}

/** @nestjs/bullmq makes queues and workers with `new`; ours come with their connection, locks and limits. */
function useQueues(queues: Queues): void {
  BullModule.queueClass = class {
    constructor(name: string) {
      // biome-ignore lint/correctness/noConstructorReturn: the adapter's one way in
      return queues.queue(name);
    }
  };
  BullModule.workerClass = class {
    constructor(name: string, processor: Carry) {
      // biome-ignore lint/correctness/noConstructorReturn: the adapter's one way in
      return queues.worker(name, processor);
    }
  };
}
