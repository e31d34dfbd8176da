import { setTimeout as pause } from 'node:timers/promises';
import { Runtime } from '../../src/engine/runtime.js';
import { ENGINE_SENDER } from '../../src/engine/sender.js';
import { systemIds } from '../../src/platform/ids.js';
import { Metrics } from '../../src/platform/metrics.js';

/**
 * A worker whose handler holds up the whole process, as a library that computes for a minute does. It says when it begins,
 * and when the answer that it gave too late is behind it.
 */
const [, , url = '', outboxId = '', blockedMs = ''] = process.argv;
const metrics = new Metrics();
const runtime = new Runtime({
  url,
  id: () => systemIds.next(),
  calendar: () => ({ zone: 'Asia/Almaty', week: [1, 2, 3, 4, 5], hours: [], days: {} }),
  warn: (message) => process.stdout.write(`warned ${message}\n`),
});
const nothing = () => Promise.resolve();
for (const src of ['task', 'handOff'] as const) runtime.engine.registerSource({ src, open: nothing, close: nothing });
runtime.engine.registerOutbox('handOff.open', async ({ id, organisationId, caseId, entryId }) => {
  // The line must be on its way before nothing is any more.
  await new Promise((said) => process.stdout.write('begun\n', said));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(blockedMs));
  const answer = { organisationId, caseId, id, entryId: entryId ?? '', keep: false, output: 'late' } as const;
  const command = { ...answer, kind: 'answer', lane: 'machines', sender: ENGINE_SENDER, late: 'journal' } as const;
  return { kind: 'answer', command };
});
// Asking begins a new measurement, and a process that has only just begun has none.
while ((await lag()) === 0) await pause(500);
// Its first look only tells from when on to measure.
await pause(1_000);
await runtime.worker.deliver([outboxId]);
process.stdout.write(`over ${await lag()}\n`);
await runtime.stop();
process.exit(0);

/** The longest delay of the event loop since it was last asked, in seconds. */
async function lag(): Promise<number> {
  const [, seconds] = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await metrics.text()) ?? [];
  return Number(seconds);
}
