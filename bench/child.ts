import type { ContestantName } from './contestant.js';
import { BenchDatabase } from './database.js';
import { type Course, measure } from './measure.js';
import { stopPeers } from './peer.js';

/**
 * One contestant in a process of its own, so that memory, garbage and compiled code are its own. Runs the courses that
 * the parent sends, one after the other, until the parent goes.
 */
const [url = '', redisUrl] = process.argv.slice(2);
const database = BenchDatabase.open(url);

process.on('message', (course: Course & { contestant: ContestantName }) => {
  measure(database, course, redisUrl).then(
    (measurement) => process.send?.({ measurement }),
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
