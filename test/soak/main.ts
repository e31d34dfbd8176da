import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { violations } from '../faults/invariants.js';
import { Office } from '../faults/office.js';
import { Place } from '../faults/processes.js';
import { type Allowance, lines, type Sample, tableOf } from './slope.js';
import { Bank, ERRAND, PARTNER, visit } from './visitors.js';

/** What the process and the tables that are emptied as they are filled may rise by, once they are warm. */
const ALLOWED: Record<string, Allowance> = {
  'memory, MB': { share: 0.15, least: 48 },
  'file handles': { share: 0.1, least: 8 },
  threads: { share: 0, least: 4 },
  'database connections': { share: 0.1, least: 5 },
  'rows in the outbox': { share: 0.5, least: 100 },
  'rows of timers and dues': { share: 0.5, least: 100 },
  'rows in the queues': { share: 0.5, least: 500 },
  // BullMQ keeps about ten thousand and drops the oldest.
  'events of the queues': { share: 0, least: 10_500 },
  'dead rows of all these': { share: 1, least: 5_000 },
  'journal rows per case': { share: 0.02, least: 0.2 },
};
const DRAIN_MS = 120_000;
/** A shorter run is over before all is compiled, cached and allotted: it shows that the load is borne, not what grows. */
const JUDGED_FROM_MINUTES = 2;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    /** Families that come in a second: about ten requests each, and what they set going. */
    rate: { type: 'string', default: '4' },
    /** Seconds between two looks. */
    every: { type: 'string', default: '10' },
  },
});
const [minutes, rate, everyS] = [Number(values.minutes), Number(values.rate), Number(values.every)];
if (!(minutes > 0 && rate > 0 && everyS > 0)) throw new Error('--minutes, --rate and --every are numbers above 0.');

const place = await Place.create();
const bank = await Bank.open(() => office.url());
const prefix = `QAMQOR_PARTNER_${PARTNER.toUpperCase().replaceAll('-', '_')}`;
const office = new Office(place, { [`${prefix}_URL`]: bank.url, [`${prefix}_SECRET`]: bank.secret });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void place.remove().finally(() => process.exit(1)));
try {
  process.exitCode = await soak();
} finally {
  await bank.close();
  await place.remove();
}

async function soak(): Promise<number> {
  await office.signIn();
  const deployed = await office.ask({ path: '/api/workflows', body: { files: ERRAND } });
  if (deployed.status !== 201) throw new Error(`The workflow was refused: ${JSON.stringify(deployed.body)}`);
  const url = (await place.databaseUrl()) ?? '';
  const client = new pg.Client({ connectionString: url, application_name: 'soak' });
  await client.connect();
  const samples: Sample[] = [];
  let families = 0;
  const began = performance.now();
  const passedS = () => (performance.now() - began) / 1000;
  const looking = (async () => {
    while (passedS() < minutes * 60) {
      await pause(everyS * 1000);
      samples.push({ atS: passedS(), figures: await figures(client, await office.pid()) });
    }
  })();
  const visits = new Set<Promise<void>>();
  const failed: unknown[] = [];
  while (passedS() < minutes * 60) {
    const coming: Promise<void> = visit(office, families)
      .catch((error: unknown) => void failed.push(error))
      .finally(() => visits.delete(coming));
    families += 1;
    visits.add(coming);
    // Whoever comes faster than they are served waits outside: it is load that is wanted, not a queue here.
    while (visits.size > 50) await Promise.race(visits);
    if (failed.length > 0) throw failed[0];
    await pause(Math.max(0, (families / rate - passedS()) * 1000));
  }
  await Promise.all(visits);
  if (failed.length > 0) throw failed[0];
  await looking;
  await drained(client, families);
  const found = lines(samples, ALLOWED);
  const broken = await violations(url, { ended: true });
  await client.end();
  process.stdout.write(
    `${families} families in ${passedS().toFixed(0)} s, ${samples.length} looks.\n${tableOf(found)}\n`,
  );
  const isJudged = minutes >= JUDGED_FROM_MINUTES;
  if (!isJudged) process.stdout.write(`Less than ${JUDGED_FROM_MINUTES} minutes: what grows is shown, not judged.\n`);
  for (const { rule, where, message } of broken) process.stdout.write(`${rule} ${where}: ${message}\n`);
  return broken.length === 0 && (!isJudged || found.every(({ isFlat }) => isFlat)) ? 0 : 1;
}

/** Until every family was helped. @throws when that does not come */
async function drained(client: pg.Client, families: number): Promise<void> {
  const began = performance.now();
  for (;;) {
    const { rows } = await client.query<{ done: number; left: number }>(
      `select (select count(*)::int from qamqor.cases where status = 'done') as done, (select count(*)::int from qamqor.outbox) as left`,
    );
    if (rows[0]?.done === families && rows[0].left === 0) return;
    if (performance.now() - began > DRAIN_MS)
      throw new Error(
        `Of ${families} families ${rows[0]?.done} were helped; ${rows[0]?.left} things have not gone out.`,
      );
    await pause(100);
  }
}

async function figures(client: pg.Client, pid: number): Promise<Record<string, number>> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const ofStatus = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  const { rows } = await client.query<Record<string, number>>(
    `select
       (select count(*)::int from pg_stat_activity where datname = current_database()) as connections,
       (select count(*)::int from qamqor.outbox) as outbox,
       (select count(*)::int from qamqor.timers) + (select count(*)::int from qamqor.dues) as timers,
       (select coalesce(sum(n_live_tup), 0)::int from pg_stat_user_tables where schemaname = 'bullmq' and relname <> 'event') as queues,
       (select count(*)::int from bullmq.event) as events,
       (select coalesce(sum(n_dead_tup), 0)::int from pg_stat_user_tables
         where schemaname = 'bullmq' or relname in ('outbox', 'timers', 'dues')) as dead,
       (select count(*)::float8 from qamqor.journal) / greatest(1, (select count(*) from qamqor.cases)) as journal`,
  );
  const { connections, outbox, timers, queues, events, dead, journal } = rows[0] ?? {};
  const given = {
    'memory, MB': ofStatus('VmRSS') / 1024,
    'file handles': (await readdir(`/proc/${pid}/fd`)).length,
    threads: ofStatus('Threads'),
    'database connections': connections,
    'rows in the outbox': outbox,
    'rows of timers and dues': timers,
    'rows in the queues': queues,
    'events of the queues': events,
    'dead rows of all these': dead,
    'journal rows per case': journal,
  };
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, Number(value)]));
}
