import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { done, HandoffTown, referral } from './handoffs.js';
import { Partner, pass } from './partner.js';
import { hasRealPostgres, RealPostgres, realPostgres } from './real-postgres.js';

const LONG_MS = 180_000;
/** What may be lost with the disk. */
const RPO_S = 300;
const WORKFLOWS = [
  referral('advice', 'otbasy-bank', 'housing-advice'),
  referral('aid', 'civil-office', 'free-legal-aid'),
];

/** Settings of the server that docker-compose.yml starts. */
function composed(): Record<string, string> {
  const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
  const flags = (services.postgres.command as string[]).filter((flag) => flag.includes('='));
  return Object.fromEntries(flags.map((flag) => [flag.slice(0, flag.indexOf('=')), flag.slice(flag.indexOf('=') + 1)]));
}

(hasRealPostgres ? describe : describe.skip)(`a restore to a moment, with ${realPostgres}`, () => {
  let postgres: RealPostgres;
  let partners: [bank: Partner, office: Partner];
  let town: HandoffTown | undefined;
  /** Just before the last family, and how many cases there were. */
  let moment: string;
  let known: { before: string[]; waiting: string; after: string; lost: string };

  /** Processes are stopped before a restore and started after it; partners live on. */
  const open = async () => HandoffTown.create(WORKFLOWS, { through: async () => postgres.url, partners });
  /** A server that replays needs as many as the one that wrote. */
  const connections = () => ({ max_connections: composed()['max_connections'] ?? '' });
  const ids = () => partners.flatMap(({ received }) => received.map(({ headers }) => String(headers['webhook-id'])));

  beforeAll(async () => {
    partners = [await Partner.start(), await Partner.start()];
    postgres = await RealPostgres.create((home) => ({
      ...composed(),
      archive_command: composed()['archive_command']?.replaceAll('/archive/', `${home}/archive/`) ?? '',
      // A second instead of a minute, so that nobody has to wait for it.
      archive_timeout: '1',
    }));
    postgres.makeFolder('archive');
    town = await open();
    postgres.run(resolve('ops/postgres/base-backup.sh'), [postgres.folder('base')]);

    const before = [await town.sent('advice'), await town.sent('advice')].map(({ id }) => id);
    // Its partner has no time: at the moment it waits to be sent again.
    partners[1].replies.push({ status: 503 });
    const waiting = (await town.sent('aid')).id;
    moment = String((await postgres.sql('select clock_timestamp()::text as now'))[0]?.['now']);
    const { id: after, handoff: lost } = await town.sent('advice');
    await pass(town.api.system, { minutes: 1 });
    expect(await town.handoffOf(waiting)).toMatchObject({ status: 'sent' });
    known = { before, waiting, after, lost };
    await town.api.close();

    const [{ file: last } = {}] = await postgres.sql('select pg_walfile_name(pg_current_wal_lsn()) as file');
    for (;;) {
      const [{ file } = {}] = await postgres.sql('select last_archived_wal as file from pg_stat_archiver');
      if (typeof file === 'string' && file >= String(last)) break;
      await pause(50);
    }
    await postgres.lose('data');
  }, LONG_MS);

  afterAll(async () => {
    await town?.api.close().catch(() => undefined);
    for (const partner of partners) await partner.close();
    await postgres?.close();
  }, LONG_MS);

  it(
    'F52, F53: knows what was accepted until then, and repeats nothing at a partner: what was not settled goes out under the id it had',
    async () => {
      const told = ids();
      const began = performance.now();
      const args = [postgres.folder('base'), postgres.folder('archive'), postgres.folder('moment'), moment];
      postgres.run(resolve('ops/postgres/restore.sh'), args);
      await postgres.start('moment', connections());
      town = await open();
      await pass(town.api.system, { minutes: 1 });

      process.stdout.write(`At the moment again, and working, after ${Math.round(performance.now() - began)} ms.\n`);

      for (const id of known.before) expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
      expect(await town.handoffOf(known.waiting)).toMatchObject({ status: 'sent' });
      expect((await town.api.get('integration', `/api/cases/${known.after}`)).status).toBe(404);
      // What its partner has of it is nobody's now: the answer is refused, and becomes no business of another case.
      expect(await town.tell(known.lost, done())).toMatchObject({ status: 404, body: { code: 'handoff-not-found' } });
      expect(town.api.warnings).toContain(
        `otbasy-bank signed a message about hand-off ${known.lost}, which is not known here. It was refused.`,
      );
      const since = ids().filter((id) => !told.includes(id));
      expect(since).toEqual([]);
      expect(ids().length).toBe(told.length + 1);
      await town.expectSound();
      await town.api.close();
      town = undefined;
      await postgres.kill();
    },
    LONG_MS,
  );

  it(
    'F52: without a moment loses what was not archived yet: five minutes at the most, one as docker-compose.yml sets it',
    async () => {
      // A backup that was taken after a restore to a moment has that moment in its settings: it does not end there again.
      postgres.run('/bin/cp', ['-a', postgres.folder('base'), postgres.folder('base-after')]);
      const settings = join(postgres.folder('base-after'), 'postgresql.auto.conf');
      postgres.run('/bin/sh', ['-c', `echo "recovery_target_time = '${moment}'" >> "${settings}"`]);
      postgres.run(resolve('ops/postgres/restore.sh'), [
        postgres.folder('base-after'),
        postgres.folder('archive'),
        postgres.folder('latest'),
      ]);
      await postgres.start('latest', connections());
      town = await open();
      for (const id of [...known.before, known.waiting, known.after])
        expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
      expect(Number(composed()['archive_timeout'])).toBeLessThanOrEqual(RPO_S);
      expect(composed()['archive_mode']).toBe('on');
    },
    LONG_MS,
  );

  it('F52: is put over no data that is there', () => {
    const over = () =>
      postgres.run(resolve('ops/postgres/restore.sh'), [
        postgres.folder('base'),
        postgres.folder('archive'),
        postgres.folder('latest'),
      ]);
    expect(over).toThrow();
    expect(() => postgres.run(resolve('ops/postgres/base-backup.sh'), [postgres.folder('base')])).toThrow();
  });
});
