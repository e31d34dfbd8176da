import type { ContestantName } from './contestant.js';
import { BenchDatabase } from './database.js';
import { type Course, measure } from './measure.js';
import { stopPeers } from './peer.js';
import { TRIALS, type TrialName } from './trials/trial.js';

/**
 * One contestant or one trial in a process of its own, so that memory, garbage and compiled code are its own. Runs what
 * the parent sends, one after the other, until the parent goes.
 */
const [url = '', redisUrl] = process.argv.slice(2);
const database = BenchDatabase.open(url);

/** What the parent sends. */
export type Task = (Course & { contestant: ContestantName }) | { trial: TrialName; scale: number };

process.on('message', (task: Task) => {
  const work = 'trial' in task ? trial(task.trial, task.scale) : measure(database, task, redisUrl);
  work.then(
    (result) => process.send?.({ result }),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => {
  Promise.all([database.close(), stopPeers()]).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
process.send?.({ ready: true });

async function trial(name: TrialName, scale: number) {
  await database.empty();
  const figures = await TRIALS[name]({ url, redisUrl }, scale);
  return { ...figures, processMb: process.memoryUsage.rss() / 1024 / 1024 };
}
