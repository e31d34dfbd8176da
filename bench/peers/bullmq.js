import { createRedisBackend, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { Meetings } from './meetings.js';

/** As many jobs as a journey has rows in our journal, each with what was said; nothing is stored but the job. */
export const SETTINGS = { concurrency: 200, jobsPerJourney: 7 };

/** Raw BullMQ on Redis: a job for every step, taken up and finished by a worker in the same process. */
export class Peer {
  #done = new Meetings();

  constructor({ redisUrl }) {
    this.redisUrl = redisUrl;
  }

  async start() {
    const bull = withBackend(createRedisBackend);
    this.sending = new Redis(this.redisUrl, { maxRetriesPerRequest: null });
    this.working = new Redis(this.redisUrl, { maxRetriesPerRequest: null });
    this.queue = new bull.Queue('journeys', { connection: this.sending });
    this.worker = new bull.Worker('journeys', async (job) => job.data.caseId, {
      connection: this.working,
      concurrency: SETTINGS.concurrency,
      removeOnComplete: { count: 0 },
    });
    this.worker.on('completed', ({ id }) => this.#done.tell(id));
    await Promise.all([this.queue.waitUntilReady(), this.worker.waitUntilReady()]);
  }

  async take(step, journey) {
    await this.#carryOut(step, journey);
    if (step !== 'plan') return;
    await this.#carryOut('partner', journey);
    journey.answer();
  }

  async settled() {
    if (this.#done.size > 0) throw new Error('Somebody still waits for a job.');
  }

  async stop() {
    await this.worker.close();
    await this.queue.close();
    this.sending.disconnect();
    this.working.disconnect();
  }

  async #carryOut(step, { caseId, said }) {
    const jobId = `${step}-${caseId}`;
    await this.queue.add(step, { caseId, said: said[step] }, { jobId, removeOnComplete: true });
    await this.#done.hear(jobId);
  }
}
