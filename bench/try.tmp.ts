import { BenchDatabase, withServer } from './database.js';
import { withRedis } from './redis.js';
import { TRIALS, type TrialName } from './trials/trial.js';

const names = (process.argv[2] ?? '').split(',') as TrialName[];
const scale = Number(process.argv[3] ?? 1);
await withRedis((redisUrl) =>
  withServer(async (url) => {
    const d = await BenchDatabase.prepare(url);
    for (const name of names) {
      await d.empty();
      console.log(
        name,
        JSON.stringify(await TRIALS[name]({ url, redisUrl }, scale)),
        (process.memoryUsage.rss() / 1048576).toFixed(),
      );
    }
    await d.close();
  }),
);
