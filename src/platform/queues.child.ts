import { z } from 'zod';
import { defineJob, JobRegistry } from './jobs.js';
import { openPostgresBackend, openRedisBackend } from './queue-backend.js';
import { Queues } from './queues.js';

/** For the spec: takes one job, says `took <id>`, and never finishes it. */
const [url = ''] = process.argv.slice(2);
const open = url.startsWith('redis') ? openRedisBackend : openPostgresBackend;
const job = defineJob('spec', 'note', z.object({ id: z.string() }));
const registry = new JobRegistry([job]).handle(job, async ({ id }) => {
  console.log(`took ${id}`);
  await new Promise(() => undefined);
});
const queues = new Queues(await open(url, () => undefined), { lockMs: 1_000, stalledCheckMs: 500 });
await queues.work(registry);
console.log('working');
