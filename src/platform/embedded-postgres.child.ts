import { EmbeddedPostgres } from './embedded-postgres.js';
import { leave } from './leave.js';

/** For the spec: uses the folder it is given until it is told to stop. Says `ready <url>`, `log <line>`, `stopped` or `left`. */
const [dataDir = ''] = process.argv.slice(2);
const say = (line: string) => console.log(line);

const postgres = await EmbeddedPostgres.start({ dataDir, log: (line) => say(`log ${line}`) });
say(`ready ${postgres.url}`);
process.stdin.once('data', () => {
  void postgres.stop().then((outcome) => {
    say(outcome);
    return leave(0);
  });
});
